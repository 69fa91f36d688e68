//! Hearing of hints, so that subscriptions read on at once.
//!
//! Redis pub/sub keeps nothing for who is not connected, and its client neither reconnects nor
//! notices a server that hangs. So this reconnects, subscribes again, and pings. What was
//! announced in between is lost: who waits for hints must look by himself every few seconds too.

use std::{convert::Infallible, sync::Arc, time::Duration};

use domain::port::{
    Hint, Outage,
    wire::{self, Keys},
};
use futures::StreamExt;
use redis::{Client, RedisResult};
use tokio::{
    sync::broadcast,
    time::{interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// How long each step of a connection may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two pings.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Listens to the installation's channel until dropped.
#[derive(Debug)]
pub struct RedisWakeups {
    outage: Arc<Outage>,
    _listening: AbortOnDropHandle<()>,
}

impl RedisWakeups {
    /// Starts listening to the Redis at `url` (of several with commas between them, which are
    /// nodes of a cluster, any will do), on the current tokio runtime, and passes what is heard on
    /// to `wakeups`. Redis may be absent; only a malformed URL is an error.
    pub fn start(url: &str, prefix: &str, wakeups: broadcast::Sender<Hint>) -> RedisResult<Self> {
        let nodes = url
            .split(',')
            .map(|node| Client::open(node.trim()))
            .collect::<RedisResult<Vec<_>>>()?;
        let outage = Arc::new(Outage::new("redis wake-ups"));
        let channel = Keys::new(prefix).channel;
        let listening = tokio::spawn(listen(nodes, channel, wakeups, outage.clone()));
        Ok(Self {
            outage,
            _listening: AbortOnDropHandle::new(listening),
        })
    }

    /// Whether hints are not heard at the moment.
    pub fn is_down(&self) -> bool {
        self.outage.is_open()
    }
}

async fn listen(
    nodes: Vec<Client>,
    channel: String,
    wakeups: broadcast::Sender<Hint>,
    outage: Arc<Outage>,
) {
    for node in nodes.iter().cycle() {
        let Err(error) = listen_to(node, &channel, &wakeups, &outage).await;
        tokio::time::sleep(outage.failed(&error)).await;
    }
}

async fn listen_to(
    node: &Client,
    channel: &str,
    wakeups: &broadcast::Sender<Hint>,
    outage: &Outage,
) -> RedisResult<Infallible> {
    let connecting = timeout(STEP_TIMEOUT, node.get_async_pubsub());
    let (mut sink, mut messages) = connecting.await.map_err(std::io::Error::from)??.split();
    let subscribing = timeout(STEP_TIMEOUT, sink.subscribe(channel));
    subscribing.await.map_err(std::io::Error::from)??;
    outage.answered();
    let mut pings = interval(PING_EVERY);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message
                    .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset))?;
                for hint in wire::notice(&message.get_payload::<String>()?) {
                    // Nobody listening is not a failure.
                    let _ = wakeups.send(hint);
                }
            }
            _ = pings.tick() => {
                let ping = timeout(STEP_TIMEOUT, sink.ping::<redis::Value>());
                ping.await.map_err(std::io::Error::from)??;
            }
        }
    }
}
