//! A PostgreSQL server of one test's own, to be stopped, killed and restored into.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use sqlx::Connection as _;
use tempfile::TempDir;

use super::{
    clock::Clock,
    process::{Process, free_port, until},
};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_mins(3);

/// The server; it ends with this value.
pub(crate) struct Cluster {
    server: Option<Process>,
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    /// What the server finds in its environment, each as `NAME=value`.
    environment: Vec<String>,
}

impl Cluster {
    /// Makes a new server and starts it; nothing where PostgreSQL is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(Vec::new()).await
    }

    /// The same, with a server that goes by `clock`.
    pub(crate) async fn start_under(clock: &Clock) -> Option<Self> {
        let settings = clock.settings().into_iter();
        let environment = settings.map(|(name, value)| format!("{name}={value}"));
        Self::start_with(environment.collect()).await
    }

    async fn start_with(environment: Vec<String>) -> Option<Self> {
        let programs = programs()?;
        // Below /tmp, because another user has to come to it.
        let folder = TempDir::new_in("/tmp").expect("a folder");
        let mut cluster = Self {
            server: None,
            programs,
            folder,
            port: free_port(),
            environment,
        };
        cluster.make();
        cluster.launch().await;
        Some(cluster)
    }

    /// Where it is, as `DATABASE_URL` takes it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make(&self) {
        if is_root() {
            let path = self.folder.path().to_str().expect("a path");
            let status = Command::new("chown").args(["nobody", path]).status();
            assert!(status.expect("chown").success());
        }
        let data = self.data();
        let made = self
            .unprivileged("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--pgdata"])
            .arg(&data)
            .current_dir(self.folder.path())
            .output()
            .expect("initdb");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// A program of PostgreSQL, which refuses to run as root.
    fn unprivileged(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"])
            .arg(program);
        command
    }

    /// Starts the server again where it was.
    pub(crate) async fn launch(&mut self) {
        let (data, port) = (self.data(), self.port.to_string());
        let command = self.unprivileged("postgres");
        let data = data.to_str().expect("a path");
        let mut words: Vec<&str> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_str().expect("a word"))
            .collect();
        let postgres = words.pop().expect("a program");
        // Not in the environment of what gives the privileges up: the memory of a clock would be root's.
        words.push("env");
        words.extend(self.environment.iter().map(String::as_str));
        words.extend([postgres, "-D", data, "-p", &port]);
        for option in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
        ] {
            words.extend(["-c", option]);
        }
        let (program, arguments) = (Path::new(words[0]), &words[1..]);
        let server = Process::start("postgres", program, arguments, &[], self.folder.path());
        self.server = Some(server);
        let url = self.url();
        until("PostgreSQL", START, async || {
            sqlx::PgConnection::connect(&url).await.ok().map(drop)
        })
        .await;
    }

    /// Stops it: `INT` is fast, `QUIT` is immediate.
    pub(crate) async fn stop(&mut self, signal: &str) {
        if let Some(server) = &mut self.server {
            server.signal(signal);
            server.end(START).await;
        }
        self.server = None;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Killing the first process alone would leave the others behind for a moment.
        if let Some(server) = &mut self.server {
            server.signal("QUIT");
            let _ = server.wait();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout.starts_with(b"0")
}

/// Debian keeps the server programs out of `PATH`, in a folder for each version: the newest one.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let newest = folders.pop().map(|(_, folder)| folder);
    let on_path = std::env::var_os("PATH");
    let on_path = on_path
        .iter()
        .flat_map(std::env::split_paths)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    newest
        .or(on_path)
        .filter(|folder| folder.join("initdb").exists())
}

/// A program that PostgreSQL's clients come with, such as `pg_dump`; whether it went well.
pub(crate) fn client(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .env("PGOPTIONS", "")
        .stdout(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
