//! The serving side against a Redis of the test's own.

use std::{
    net::TcpListener,
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use domain::port::{Hint, Hints, Work, wire::Keys};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{RedisWakeups, redis_hints};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
const PREFIX: &str = "api-test";

/// A port for a server that is started later, given out once. It lies below those the system gives by itself.
fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin in different places.
    let first = (process::id() % 12_000) as u16;
    loop {
        let number = first + GIVEN.fetch_add(1, Ordering::Relaxed) % 12_000;
        let port = 20_000 + number % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

struct RedisServer {
    port: u16,
    process: Option<Child>,
}

impl RedisServer {
    fn absent() -> Self {
        Self {
            port: free_port(),
            process: None,
        }
    }

    fn boot(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.process = Some(process);
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What waits for the workers.
    async fn ready(&self) -> redis::RedisResult<Vec<String>> {
        // The default of half a second is not enough on a busy machine.
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let mut connection = redis::Client::open(self.url())?
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        redis::cmd("ZRANGE")
            .arg(Keys::new(PREFIX).ready)
            .arg(0)
            .arg(-1)
            .query_async(&mut connection)
            .await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn hint(work: Work, number: u128) -> Hint {
    Hint {
        workspace: Uuid::from_u128(number),
        work,
    }
}

async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends until it is heard: what is announced before the listener is back is rightly lost.
async fn is_heard(hints: &impl Hints, heard: &mut broadcast::Receiver<Hint>, number: u128) {
    eventually("the hint is heard", async || {
        hints.send(hint(Work::Changes, number));
        let next = tokio::time::timeout(Duration::from_millis(50), heard.recv()).await;
        next.is_ok_and(|next| next.unwrap() == hint(Work::Changes, number))
    })
    .await;
}

#[tokio::test]
async fn workers_find_their_hints_waiting_and_every_process_hears_of_changes() {
    let mut server = RedisServer::absent();
    server.boot();
    let (one, mut heard_by_one) = broadcast::channel(64);
    let (two, mut heard_by_two) = broadcast::channel(64);
    let _listening = [one, two].map(|to| RedisWakeups::start(&server.url(), PREFIX, to).unwrap());
    let hints = redis_hints(&server.url(), PREFIX).unwrap();
    let due = hint(Work::Due, 1);
    hints.send(due);
    is_heard(&hints, &mut heard_by_one, 1).await;
    is_heard(&hints, &mut heard_by_two, 1).await;
    assert_eq!(server.ready().await.unwrap(), [due.to_string()]);
}

#[tokio::test]
async fn a_killed_redis_is_heard_again_after_its_return() {
    let mut server = RedisServer::absent();
    let (wakeups, mut heard) = broadcast::channel(64);
    let listening = RedisWakeups::start(&server.url(), PREFIX, wakeups).unwrap();
    let hints = redis_hints(&server.url(), PREFIX).unwrap();
    for round in 1..=2 {
        eventually("the absence is noticed", async || {
            hints.send(hint(Work::Rules, round));
            hints.is_down() && listening.is_down()
        })
        .await;
        server.boot();
        is_heard(&hints, &mut heard, round + 10).await;
        server.kill();
    }
}
