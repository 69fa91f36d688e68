//! A client of `graphql-transport-ws` that tells everything it sees.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use super::fixture::Server;

pub(super) struct Client(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client sees next.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Message(Value),
    Closed(u16, String),
    /// Without a close frame.
    Gone,
}

impl Client {
    pub(super) async fn open(
        server: &Server,
        headers: &[(&'static str, &str)],
    ) -> tungstenite::Result<Self> {
        let url = format!("ws://{}/graphql", server.address);
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    pub(super) async fn connect(server: &Server) -> Self {
        Self::open(
            server,
            &[("sec-websocket-protocol", "graphql-transport-ws")],
        )
        .await
        .unwrap()
    }

    /// Connected and accepted.
    pub(super) async fn accepted(server: &Server, payload: Value) -> Self {
        let mut client = Self::connect(server).await;
        client
            .send(&json!({"type": "connection_init", "payload": payload}))
            .await;
        client.expect(&json!({"type": "connection_ack"})).await;
        client
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.send(&json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
    }

    pub(super) async fn next(&mut self) -> Seen {
        loop {
            let message = timeout(Duration::from_mins(1), self.0.next())
                .await
                .unwrap();
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Seen::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Seen::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return Seen::Gone,
            }
        }
    }

    pub(super) async fn message(&mut self) -> Value {
        match self.next().await {
            Seen::Message(message) => message,
            other => panic!("expected a message, saw {other:?}"),
        }
    }

    pub(super) async fn expect(&mut self, message: &Value) {
        assert_eq!(&self.message().await, message);
    }

    /// Reads on until the socket is closed.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Seen::Message(_) => {}
                Seen::Closed(code, _) => return code,
                Seen::Gone => panic!("closed without a frame"),
            }
        }
    }
}
