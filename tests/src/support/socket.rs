//! A client of graphql-transport-ws, by hand.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::client::Client;

/// How long an awaited message may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// An open connection, acknowledged.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A result of the operation.
    Next(Value),
    /// The operation's errors.
    Error,
    /// The operation's end.
    Complete,
    /// The connection's end, with its close code if it had one.
    Closed(Option<u16>),
}

impl Socket {
    /// Connects as `client` and begins one operation.
    pub(crate) async fn subscribe(client: &Client, query: &str, variables: &Value) -> Self {
        let mut socket = loop {
            let mut socket = Self::connect(client).await;
            let payload = json!({ "authorization": format!("Bearer {}", client.token) });
            socket
                .send(&json!({ "type": "connection_init", "payload": payload }))
                .await;
            match socket.frame().await {
                Ok(answer) => {
                    assert_eq!(answer["type"], "connection_ack");
                    break socket;
                }
                // The server waits a few seconds for the first word: a machine that stood still may have missed them.
                Err(Some(4408)) => {}
                Err(code) => panic!("no acknowledgement: {code:?}"),
            }
        };
        let payload = json!({ "query": query, "variables": variables });
        socket
            .send(&json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await;
        socket
    }

    async fn connect(client: &Client) -> Self {
        let url = client.url().replace("http", "ws");
        let mut request = url.into_client_request().expect("a request");
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (stream, _) = connect_async(request).await.expect("a connection");
        Self { stream }
    }

    async fn send(&mut self, message: &Value) {
        let frame = Message::text(message.to_string());
        self.stream.send(frame).await.expect("sending");
    }

    /// The next message, or how the connection ended.
    async fn frame(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let next = tokio::time::timeout(LIMIT, self.stream.next()).await;
            match next.expect("something to come in time") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| u16::from(frame.code)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// What comes next of the operation.
    pub(crate) async fn heard(&mut self) -> Heard {
        match self.frame().await {
            Ok(frame) => match frame["type"].as_str() {
                Some("next") => Heard::Next(frame["payload"].clone()),
                Some("error") => Heard::Error,
                Some("complete") => Heard::Complete,
                _ => panic!("{frame}"),
            },
            Err(code) => Heard::Closed(code),
        }
    }

    /// Why the operation was refused: the first of its errors.
    pub(crate) async fn refusal(&mut self) -> Value {
        let frame = self.frame().await.expect("a refusal");
        let payload = &frame["payload"];
        let errors = match frame["type"].as_str() {
            Some("error") => payload,
            _ => &payload["errors"],
        };
        assert!(errors.is_array(), "{frame}");
        errors[0].clone()
    }

    /// The data of the next result.
    pub(crate) async fn next(&mut self) -> Value {
        match self.heard().await {
            Heard::Next(mut payload) => {
                assert!(payload["errors"].is_null(), "{payload}");
                payload["data"].take()
            }
            other => panic!("{other:?}"),
        }
    }
}
