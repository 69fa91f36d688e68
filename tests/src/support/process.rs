//! One running program of ours, or a server it needs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A child process whose output is kept in a file; killed when this value goes.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; what it says is added to a file of `folder`.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[&str],
        settings: &[(String, String)],
        folder: &Path,
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.expect("a log file");
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the file again"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// Starts a Redis that keeps nothing on disk.
    pub(crate) fn redis(port: u16, folder: &Path) -> Self {
        let port = port.to_string();
        let arguments = [
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        Self::start("redis", "redis-server".as_ref(), &arguments, &[], folder)
    }

    /// What it has said so far, under this and former starts of the same name.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child's state")
    }

    /// Ends it without any warning, as a crash would.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself, which is for the test to find out elsewhere.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.expect("kill").success(), "{signal} to {}", self.name);
    }

    /// Waits for its end, without a bound.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the child's end")
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self, limit: Duration) -> ExitStatus {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < until, "{} does not end", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- {} said:\n{}---", self.name, self.said());
        }
    }
}

/// What a process said that has ended, for the message of a test that fails.
pub(crate) fn said(ended: &Output) -> String {
    let streams = [&ended.stdout, &ended.stderr];
    streams.map(|said| String::from_utf8_lossy(said)).concat()
}

/// A program built beside the tests.
pub(crate) fn built(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("this program");
    let folder = here.ancestors().nth(2).expect("the target folder");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is not built; run `cargo build --workspace --bins`, or tests/run",
        program.display()
    );
    program
}

/// A port nobody listens on, given out once. It lies below those the system gives by itself to connections and
/// to listeners: one of these may be taken again before the program comes to listen on it.
pub(crate) fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Test programs that run at the same time begin in different places.
    let first = std::process::id().wrapping_mul(397);
    for _ in PORTS {
        let number = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + number % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).expect("a number of a port");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("every port is taken");
}

/// Waits, with a bound, until `check` gives something.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
