//! The signal that the server is going away.
//!
//! Open sockets and streams would hold the server's graceful shutdown until its time-out, so they
//! listen to this signal and end themselves first.

use tokio_util::sync::CancellationToken;

/// Shared by everything that stays open: one signal for the whole process.
#[derive(Debug, Clone, Default)]
pub struct Drain(CancellationToken);

impl Drain {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal: sockets close with 1001, streams end, new ones are refused.
    pub fn start(&self) {
        self.0.cancel();
    }

    /// Whether the signal was given.
    pub fn is_draining(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for the signal.
    pub async fn started(&self) {
        self.0.cancelled().await;
    }
}
