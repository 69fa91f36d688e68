//! What a test runs on, and its latest end: a test that hangs would keep the whole run without a word.

use std::{
    future::Future,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// Several times what the longest test takes on a slow machine.
const LIMIT: Duration = Duration::from_mins(15);

/// How long a test that is over its limit has for its own end: for saying what its processes said.
const GRACE: Duration = Duration::from_mins(1);

/// Runs `test` to its end. One that does not come to it fails.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    let _watch = Watch::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ended = tokio::time::timeout(LIMIT, test).await;
        ended.expect("the test comes to an end")
    })
}

/// Ends the whole program when a test hangs in something that does not give way to the runtime.
struct Watch {
    /// Goes with the test, which the thread hears.
    _alive: Sender<()>,
}

impl Watch {
    fn start() -> Self {
        let (alive, gone) = channel();
        let test = thread::current().name().unwrap_or_default().to_owned();
        thread::spawn(move || {
            if gone.recv_timeout(LIMIT + GRACE) == Err(RecvTimeoutError::Timeout) {
                // Of a thread of its own nothing is held back.
                eprintln!("{test} hangs: it has had {LIMIT:?} and gives way to nobody");
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}
