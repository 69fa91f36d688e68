//! What several tests of this crate share: a handler that records, a private Redis, patience.

use std::{
    collections::HashMap,
    net::TcpListener,
    process::{self, Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::port::{Clock, Hint, Ids, RandomIds, SystemClock, Work};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    queue::Queue,
    runtime::{self, Settings, WorkHandler},
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until `condition` holds; fails the test with `what` when it never does.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A hint of the workspace with this number.
pub(crate) fn hint(number: u128) -> Hint {
    Hint {
        workspace: Uuid::from_u128(number),
        work: Work::Rules,
    }
}

/// A prefix nobody else uses.
pub(crate) fn random_prefix() -> String {
    RandomIds.uuid(SystemClock.now()).simple().to_string()
}

/// Counts what it is asked to do. Jobs wait for a permit when there is a gate.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) gate: Option<Semaphore>,
    pub(crate) started: AtomicUsize,
    pub(crate) finished: AtomicUsize,
    pub(crate) sweeps: AtomicUsize,
    pub(crate) ticks: AtomicUsize,
    /// Hints that were worked on twice at the same time.
    pub(crate) overlaps: AtomicUsize,
    runs: Mutex<HashMap<Uuid, Runs>>,
}

#[derive(Default, Clone, Copy)]
struct Runs {
    now: usize,
    ever: usize,
}

impl Recorder {
    pub(crate) fn gated() -> Self {
        Self {
            gate: Some(Semaphore::new(0)),
            ..Self::default()
        }
    }

    /// Lets `count` jobs end.
    pub(crate) fn open(&self, count: usize) {
        self.gate.as_ref().unwrap().add_permits(count);
    }

    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    pub(crate) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    /// How many different workspaces were worked on.
    pub(crate) fn workspaces(&self) -> usize {
        self.runs.lock().unwrap().len()
    }

    /// How often this workspace was worked on.
    pub(crate) fn runs_of(&self, hint: Hint) -> usize {
        let runs = self.runs.lock().unwrap();
        runs.get(&hint.workspace).map_or(0, |runs| runs.ever)
    }
}

/// A workspace whose jobs panic.
pub(crate) const PANICS: u128 = 0xdead;
/// A workspace whose jobs fail.
pub(crate) const FAILS: u128 = 0xbad;

#[async_trait]
impl WorkHandler for Recorder {
    async fn work(&self, hint: Hint) -> anyhow::Result<()> {
        let workspace = hint.workspace;
        self.started.fetch_add(1, Ordering::SeqCst);
        {
            let mut runs = self.runs.lock().unwrap();
            let runs = runs.entry(workspace).or_default();
            runs.now += 1;
            runs.ever += 1;
            if runs.now > 1 {
                self.overlaps.fetch_add(1, Ordering::SeqCst);
            }
        }
        assert_ne!(workspace, Uuid::from_u128(PANICS), "asked to panic");
        if let Some(gate) = &self.gate {
            gate.acquire().await?.forget();
        }
        self.runs.lock().unwrap().get_mut(&workspace).unwrap().now -= 1;
        self.finished.fetch_add(1, Ordering::SeqCst);
        anyhow::ensure!(workspace != Uuid::from_u128(FAILS), "asked to fail");
        Ok(())
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn tick(&self) -> anyhow::Result<()> {
        self.ticks.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A worker running beside the test.
pub(crate) struct Running {
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) fn start(
        queue: impl Queue,
        handler: &Arc<Recorder>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(runtime::run(
            Arc::new(queue),
            handler.clone(),
            settings,
            shutdown.clone(),
        ));
        Self { shutdown, task }
    }

    /// Asks for the end and waits for it.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the worker never ended")
            .unwrap()
            .unwrap();
    }
}

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

/// A Redis of the test's own, which it may kill; gone with the value.
pub(crate) struct RedisServer {
    port: u16,
    process: Option<Child>,
}

impl RedisServer {
    /// A port for a server that does not run yet.
    pub(crate) fn absent() -> Self {
        Self {
            port: free_port(),
            process: None,
        }
    }

    pub(crate) async fn start() -> Self {
        let mut server = Self::absent();
        server.boot().await;
        server
    }

    /// Starts the server (again) and waits until it answers.
    pub(crate) async fn boot(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.process = Some(process);
        let start = Instant::now();
        while self.query("PING", &[]).await.is_err() {
            assert!(start.elapsed() < PATIENCE, "redis-server never answered");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Makes the server hang, as a machine that swaps would, until [`Self::thaw`].
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let status = Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs one command on a connection of its own.
    pub(crate) async fn query(
        &self,
        command: &str,
        arguments: &[&str],
    ) -> redis::RedisResult<redis::Value> {
        // The default of half a second is not enough on a busy machine.
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let mut connection = redis::Client::open(self.url())?
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        redis::cmd(command)
            .arg(arguments)
            .query_async(&mut connection)
            .await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
