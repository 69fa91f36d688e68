//! A receiver of webhooks on loopback, which remembers what it was sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Call {
    /// The id of the delivery.
    pub(crate) fn delivery(&self) -> &str {
        self.headers
            .get("x-enishi-delivery")
            .map_or("", String::as_str)
    }

    /// The key that repeats share.
    pub(crate) fn key(&self) -> &str {
        self.headers
            .get("idempotency-key")
            .map_or("", String::as_str)
    }
}

/// The server; it ends with this value.
pub(crate) struct Receiver {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Answers the calls with `statuses` in order, and with 200 after them.
    pub(crate) async fn answering(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (kept, statuses) = (Arc::clone(&calls), statuses.to_vec());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&kept), statuses.clone()));
            }
        });
        Self {
            port,
            calls,
            serving,
        }
    }

    /// An address here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("the calls").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads one request, answers it and hangs up.
async fn answer(mut stream: TcpStream, calls: Arc<Mutex<Vec<Call>>>, statuses: Vec<u16>) {
    let mut read = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut read).await.unwrap_or_default() == 0 {
            return;
        }
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let headers = headers(&head);
        let length = headers
            .get("content-length")
            .and_then(|text| text.parse().ok());
        break ((head, headers), end + 4 + length.unwrap_or(0));
    };
    while read.len() < length {
        if stream.read_buf(&mut read).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let (head, headers) = head;
    let body = head.len() + 4;
    let call = Call {
        path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        headers,
        body: serde_json::from_slice(&read[body..length]).unwrap_or_default(),
        at: Instant::now(),
    };
    let number = {
        let mut calls = calls.lock().expect("the calls");
        calls.push(call);
        calls.len() - 1
    };
    let status = statuses.get(number).copied().unwrap_or(200);
    let answer =
        format!("HTTP/1.1 {status} OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    // The caller may have been killed meanwhile.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn headers(head: &str) -> BTreeMap<String, String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .collect()
}
