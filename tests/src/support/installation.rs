//! A whole installation of its own: the built programs on a database nobody else uses.
//!
//! Its database is a copy of one with all tables, made once for all tests: an unoptimised program takes long to
//! bring them about. A start on nothing is what [`Installation::new`] is for, and on PostgreSQL
//! [`Installation::cluster_in`] with an empty database, as in `outage`.

use std::{future::Future, net::SocketAddr, path::Path, process::ExitStatus, time::Duration};

use domain::{
    store::{Db, Location, Query},
    work::due,
};
use entity::id::WorkspaceId;
use tempfile::TempDir;

use super::{
    client::Client,
    database::TestDatabase,
    ending::Ending,
    process::{Process, built, free_port, until},
    runtime::block_on,
    world::MASTER_KEY,
};

/// The owner's token in every installation of the tests.
pub(crate) const TOKEN: &str = "enishi_the-owner-of-these-tests-0123456789";
/// How long a start may take on a busy machine.
const START: Duration = Duration::from_mins(3);

/// The programs, their database and their folder.
pub(crate) struct Installation {
    settings: Vec<(String, String)>,
    /// The servers, with the address of each.
    pub(crate) servers: Vec<(Process, SocketAddr)>,
    /// The workers that run by themselves; none on SQLite.
    pub(crate) workers: Vec<Process>,
    database: TestDatabase,
    folder: TempDir,
    started: usize,
    ending: Ending,
}

impl Installation {
    /// One process that does everything, on SQLite.
    pub(crate) async fn alone() -> Self {
        Self::alone_with(&[]).await
    }

    /// The same, with settings in place of those all installations have.
    pub(crate) async fn alone_with(settings: &[(&str, &str)]) -> Self {
        let mut alone = Self::of(TestDatabase::sqlite_made().await, Vec::new());
        let more = settings.iter();
        let more = more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        alone.settings.extend(more);
        alone.start_server().await;
        alone
    }

    /// One process on SQLite that finds nothing, not even a file, as a newcomer starts it.
    pub(crate) async fn new() -> Self {
        let mut alone = Self::of(TestDatabase::sqlite(), Vec::new());
        alone.start_server().await;
        alone
    }

    /// Several processes on PostgreSQL and Redis, when the tests were given both.
    pub(crate) async fn cluster(servers: usize, workers: usize) -> Option<Self> {
        let redis = std::env::var("TEST_REDIS_URL").ok()?;
        Self::cluster_on(&redis, servers, workers).await
    }

    /// Several processes on PostgreSQL and the given Redis.
    pub(crate) async fn cluster_on(redis: &str, servers: usize, workers: usize) -> Option<Self> {
        let database = TestDatabase::postgres_made().await?;
        Some(Self::cluster_in(database, redis, servers, workers).await)
    }

    /// Several processes on this database and Redis.
    pub(crate) async fn cluster_in(
        database: TestDatabase,
        redis: &str,
        servers: usize,
        workers: usize,
    ) -> Self {
        let name = database.url.rsplit('/').next().unwrap_or_default();
        let prefix = format!("{name}-{}", std::process::id());
        let more = [("REDIS_URL", redis), ("ENISHI_REDIS_PREFIX", &prefix)];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut cluster = Self::of(database, more.to_vec());
        for _ in 0..servers {
            cluster.start_server().await;
        }
        cluster.start_workers(workers).await;
        cluster
    }

    fn of(database: TestDatabase, more: Vec<(String, String)>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut settings = more;
        let data = folder.path().to_string_lossy().into_owned();
        for (name, value) in [
            ("DATABASE_URL", database.url.as_str()),
            ("ENISHI_DATA_DIR", &data),
            ("ENISHI_BOOTSTRAP_TOKEN", TOKEN),
            ("ENISHI_SECRET_KEY", MASTER_KEY),
            ("ENISHI_EGRESS_ALLOW", "127.0.0.0/8"),
            ("ENISHI_TIME_ZONE", "Asia/Tokyo"),
            ("ENISHI_DATABASE_CONNECTIONS", "12"),
            ("ENISHI_RATE_POINTS", "60000000"),
            ("ENISHI_LOG", "info"),
            ("RUST_BACKTRACE", "1"),
        ] {
            settings.push((name.to_owned(), value.to_owned()));
        }
        Self {
            settings,
            servers: Vec::new(),
            workers: Vec::new(),
            database,
            folder,
            started: 0,
            ending: Ending::default(),
        }
    }

    /// Whether background work is done by the server itself.
    pub(crate) fn is_alone(&self) -> bool {
        self.file().is_some()
    }

    /// Starts one more server and waits until it is ready.
    pub(crate) async fn start_server(&mut self) -> SocketAddr {
        // Between finding a free port and listening on it, somebody else may take it.
        for _ in 0..3 {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let mut server = self.spawn_server(address);
            if ready(&mut server, address).await {
                self.servers.push((server, address));
                return address;
            }
            println!("{}", server.said());
        }
        panic!("the server does not start");
    }

    /// Starts a server and does not wait.
    pub(crate) fn spawn_server(&mut self, address: SocketAddr) -> Process {
        let bind = ("ENISHI_BIND".to_owned(), address.to_string());
        let settings = [self.settings.as_slice(), &[bind]].concat();
        self.started += 1;
        let name = format!("server-{}", self.started);
        Process::start(&name, &built("enishi"), &[], &settings, self.folder.path())
    }

    /// Starts a worker and does not wait.
    pub(crate) fn spawn_worker(&mut self) -> Process {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let program = built("enishi-worker");
        Process::start(&name, &program, &[], &self.settings, self.folder.path())
    }

    /// Starts so many more workers and waits until each is at work: what a test does next, such as replacing
    /// the secret key, may be what a worker refuses to begin with.
    pub(crate) async fn start_workers(&mut self, count: usize) {
        let before = self.workers.len();
        for _ in 0..count {
            let worker = self.spawn_worker();
            self.workers.push(worker);
        }
        for worker in &mut self.workers[before..] {
            until("the worker to be at work", START, async || {
                assert!(worker.ended().is_none(), "{}", worker.said());
                worker.said().contains("worker started").then_some(())
            })
            .await;
        }
    }

    /// Ends every process.
    pub(crate) fn stop(&mut self) {
        self.servers.clear();
        self.workers.clear();
    }

    /// Tells processes that start from now on another value of a setting.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Kills a server and starts it again on the same address.
    pub(crate) fn crash_server(&mut self, index: usize) {
        let address = self.servers[index].1;
        self.servers[index].0.kill();
        let server = self.spawn_server(address);
        self.servers[index].0 = server;
    }

    /// Kills a worker and starts another.
    pub(crate) fn crash_worker(&mut self, index: usize) {
        self.workers[index].kill();
        self.workers[index] = self.spawn_worker();
    }

    /// The owner, at the first server.
    pub(crate) fn owner(&self) -> Client {
        Client::new(self.servers[0].1, TOKEN)
    }

    /// The owner, at each server.
    pub(crate) fn owners(&self) -> Vec<Client> {
        let addresses = self.servers.iter().map(|(_, address)| *address);
        addresses
            .map(|address| Client::new(address, TOKEN))
            .collect()
    }

    /// Runs a command of `enishi` beside everything else; how it ended, and what it said.
    pub(crate) async fn command(&mut self, words: &[&str]) -> (ExitStatus, String) {
        self.started += 1;
        let name = format!("command-{}", self.started);
        let program = built("enishi");
        let folder = self.folder.path();
        let mut command = Process::start(&name, &program, words, &self.settings, folder);
        (command.end(START).await, command.said())
    }

    /// Runs a script of bash beside everything else, in the folder and with the settings of the programs;
    /// what it said.
    pub(crate) async fn script(&mut self, text: &str, limit: Duration) -> String {
        self.started += 1;
        let name = format!("script-{}", self.started);
        let (bash, folder) = (Path::new("bash"), self.folder.path());
        let mut script = Process::start(&name, bash, &["-c", text], &self.settings, folder);
        script.end(limit).await;
        script.said()
    }

    /// Makes another workspace; its owner, at the first server.
    pub(crate) async fn workspace(&mut self, name: &str) -> Client {
        let words = [
            "workspace",
            "create",
            "--name",
            name,
            "--owner-email",
            "owner@elsewhere.example",
        ];
        let (status, said) = self.command(&words).await;
        assert!(status.success(), "{said}");
        let token = said.lines().find(|line| line.starts_with("enishi_"));
        Client::new(self.servers[0].1, token.expect("a token"))
    }

    /// SQLite's file; none on PostgreSQL.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.database.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    /// The database, beside the programs.
    pub(crate) fn database(&self) -> Db {
        self.database.location.open(2, None)
    }

    /// Waits until no work is left, and fails on work that was set aside.
    pub(crate) async fn drain(&self, limit: Duration) {
        let database = self.database();
        until("the work to be done", limit, async || {
            (left(&database).await == 0).then_some(())
        })
        .await;
        let query = Query::new("SELECT work FROM quarantine");
        let aside: Vec<String> = query.column(database.reader()).await.expect("a look");
        assert!(aside.is_empty(), "set aside: {aside:?}");
    }

    /// Drains, ends everything and drops the database.
    pub(crate) async fn end(self) {
        // A process that waited for its key looks for work again after half a minute.
        self.drain(2 * START).await;
        self.close().await;
    }

    /// Ends everything and drops the database with work in it that cannot be done in a test; `reason` says why.
    pub(crate) async fn left_undone(self, reason: &str) {
        println!("work is left undone: {reason}");
        self.close().await;
    }

    async fn close(mut self) {
        self.ending.come();
        self.servers.clear();
        self.workers.clear();
        self.database.drop().await;
    }
}

/// How much there is still to do: due items, and projections that are behind.
async fn left(database: &Db) -> i64 {
    let reader = database.reader();
    let Ok(mut left) = due::pending(reader).await else {
        return i64::MAX;
    };
    let query = Query::new("SELECT id FROM workspace");
    let workspaces: Vec<WorkspaceId> = query.column(reader).await.unwrap_or_default();
    for workspace in workspaces {
        for projection in domain::projections() {
            let behind: Option<i64> = Query::new(
                "SELECT COUNT(*) FROM change WHERE workspace_id = $1 AND (tx, seq) >
                     (SELECT COALESCE(MAX(tx), 0), COALESCE(MAX(seq), 0)
                      FROM projection_cursor WHERE workspace_id = $1 AND projection = $2)",
            )
            .bind(workspace)
            .bind(projection.name())
            .scalar(reader)
            .await
            .unwrap_or(Some(i64::from(i32::MAX)));
            left += behind.unwrap_or_default();
        }
    }
    left
}

/// Waits until the server answers that it is ready; false when it ended instead.
async fn ready(server: &mut Process, address: SocketAddr) -> bool {
    let client = Client::new(address, TOKEN);
    let url = format!("http://{address}/readyz");
    until("the server to be ready", START, async || {
        if server.ended().is_some() {
            return Some(false);
        }
        let answer = client.http.get(&url).send().await.ok()?;
        answer.status().is_success().then_some(true)
    })
    .await
}

/// Runs `test` on an installation of one process on SQLite, then on one of a server and a worker on
/// PostgreSQL and Redis, and checks afterwards that no work is left.
pub(crate) fn on_each<F>(test: impl Fn(Installation) -> F)
where
    F: Future<Output = Installation>,
{
    block_on(async {
        test(Installation::alone().await).await.end().await;
        match Installation::cluster(1, 1).await {
            Some(cluster) => test(cluster).await.end().await,
            None => println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set: SQLite only"),
        }
    });
}
