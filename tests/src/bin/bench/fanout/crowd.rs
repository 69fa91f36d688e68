//! The client's side of many sockets: who opens them, and who hears what when.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message, Utf8Bytes,
        client::IntoClientRequest as _,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::flows::Client;

/// Sockets being opened at once.
const AT_ONCE: usize = 64;
/// Between two looks at how many have heard. Whoever waited for each receipt would be woken by each, on
/// processors that the server needs.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long what should not come has time to come.
const QUIET: Duration = Duration::from_millis(300);
/// How long the last words of a socket may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) type Socket = WebSocketStream<TcpStream>;

/// A message that a subscriber heard.
pub(super) struct Receipt {
    pub(super) subscriber: usize,
    pub(super) at: Instant,
    pub(super) text: Utf8Bytes,
}

/// Subscribers who read whatever comes, numbered from 0. Their sockets are closed when this is dropped.
pub(super) struct Crowd {
    receipts: UnboundedReceiver<Receipt>,
    /// Each ends with the reason why its socket is closed.
    listening: JoinSet<String>,
    size: usize,
}

impl Crowd {
    /// So many subscribers, each on a socket of its own, with the tokens of `clients` in turn.
    pub(super) async fn open(clients: &[Client], document: &str, size: usize) -> Result<Self> {
        let open = |number: usize| subscribe(&clients[number % clients.len()], document);
        Self::of(size, open).await
    }

    /// So many sockets of a server that sends frames and speaks no protocol.
    pub(super) async fn open_bare(address: &str, size: usize) -> Result<Self> {
        Self::of(size, |_| connect_bare(address)).await
    }

    async fn of<F>(size: usize, open: impl Fn(usize) -> F) -> Result<Self>
    where
        F: Future<Output = Result<Socket>>,
    {
        let (heard, receipts) = unbounded_channel();
        let mut listening = JoinSet::new();
        let opening = stream::iter(0..size).map(open);
        let mut opening = std::pin::pin!(opening.buffer_unordered(AT_ONCE));
        while let Some(socket) = opening.try_next().await? {
            listening.spawn(listen(socket, listening.len(), heard.clone()));
        }
        Ok(Self {
            receipts,
            listening,
            size,
        })
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What was heard, once there is a receipt for each subscriber or `patience` is at its end, and a moment
    /// has passed in which nothing more should come.
    pub(super) async fn hear(&mut self, patience: Duration) -> Vec<Receipt> {
        let end = Instant::now() + patience;
        while self.receipts.len() < self.size && Instant::now() < end {
            sleep(LOOK_EVERY).await;
        }
        sleep(QUIET).await;
        self.heard()
    }

    /// What was heard since somebody asked.
    pub(super) fn heard(&mut self) -> Vec<Receipt> {
        let mut heard = Vec::with_capacity(self.receipts.len());
        while let Ok(receipt) = self.receipts.try_recv() {
            heard.push(receipt);
        }
        heard
    }

    /// Why sockets are closed that should be open, a reason for each.
    pub(super) fn closed(&mut self) -> Result<Vec<String>> {
        let mut reasons = Vec::new();
        while let Some(reason) = self.listening.try_join_next() {
            reasons.push(reason?);
        }
        Ok(reasons)
    }
}

/// Sockets with a subscription each, which nobody reads.
pub(super) async fn open_deaf(client: &Client, document: &str, size: usize) -> Result<Vec<Socket>> {
    let opening = stream::iter(0..size).map(|_| subscribe(client, document));
    opening.buffer_unordered(AT_ONCE).try_collect().await
}

/// Reads what was sent to a socket, until its end; the code it was closed with, if it was closed.
pub(super) async fn close_code(socket: &mut Socket) -> Option<u16> {
    let reading = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(1005, |frame| u16::from(frame.code));
                }
                Some(Ok(_)) => {}
                // Broken off without a word.
                Some(Err(_)) | None => return 1006,
            }
        }
    };
    timeout(LAST_WORDS, reading).await.ok()
}

/// What all of `receipts` tell, by the cursor of the first: how often each subscriber heard of it, and how
/// many receipts were of something else.
pub(super) fn tally(receipts: &[Receipt], size: usize) -> Result<(Vec<u32>, usize)> {
    let mut times = vec![0; size];
    let mut strange = 0;
    let Some(first) = receipts.first() else {
        return Ok((times, strange));
    };
    let told = cursor(&first.text)?;
    for receipt in receipts {
        if cursor(&receipt.text)? == told {
            times[receipt.subscriber] += 1;
        } else {
            strange += 1;
        }
    }
    Ok((times, strange))
}

fn cursor(text: &str) -> Result<String> {
    let message: Value = serde_json::from_str(text)?;
    ensure!(message["type"] == "next", "not a change: {text}");
    let data = message["payload"]["data"].as_object();
    let field = data.and_then(|data| data.values().next());
    let cursor = field.and_then(|field| field["cursor"].as_str());
    Ok(cursor
        .with_context(|| format!("no cursor: {text}"))?
        .to_owned())
}

/// Hands on what comes until the socket is closed, and says why it was.
async fn listen(mut socket: Socket, subscriber: usize, heard: UnboundedSender<Receipt>) -> String {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let at = Instant::now();
                // Nobody asks any more when the crowd is dropped, and this with it.
                let _ = heard.send(Receipt {
                    subscriber,
                    at,
                    text,
                });
            }
            Some(Ok(Message::Close(frame))) => return format!("closed: {frame:?}"),
            // Pings are answered when the next message is asked for.
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.to_string(),
            None => return "broken off".to_owned(),
        }
    }
}

async fn connect_bare(address: &str) -> Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(small()));
    Ok(socket.await)
}

async fn subscribe(client: &Client, document: &str) -> Result<Socket> {
    let stream = TcpStream::connect(&client.address).await?;
    let mut request = format!("ws://{}/graphql", client.address).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let opening = client_async_with_config(request, stream, Some(small()));
    let (mut socket, _) = opening.await?;
    let payload = json!({ "accessToken": client.token });
    let init = json!({ "type": "connection_init", "payload": payload });
    socket.send(Message::text(init.to_string())).await?;
    let answer = socket.next().await.context("the socket was closed")??;
    let is_acknowledged = answer.to_text()?.contains("connection_ack");
    ensure!(is_acknowledged, "not let in: {answer}");
    let payload = json!({ "query": document });
    let begin = json!({ "id": "1", "type": "subscribe", "payload": payload });
    socket.send(Message::text(begin.to_string())).await?;
    Ok(socket)
}

/// Buffers for short messages: thousands of the usual size take more memory than there is.
fn small() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(1024)
}
