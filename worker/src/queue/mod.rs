//! Where hints wait until a worker takes them.
//!
//! The database holds every truth; a hint only says where to look. So a queue here is small
//! (equal hints coalesce) and may lose everything. What it owes is speed, and that one hint is not
//! worked on twice at once in the ordinary case; the database's own leases make that certain.
//!
//! Workspaces take turns: of the hints that wait, one comes behind those of workspaces that are worked
//! on in fewer places. A workspace with a backlog has a hint of every kind waiting at all times, and
//! would keep all places for itself.
//!
//! - [`MemoryQueue`]: inside one process.
//! - [`RedisQueue`]: shared by all processes of an installation.
//! - `HintBackend`: either of them as an apalis backend.

mod backend;
mod link;
mod memory;
mod redis;
#[cfg(test)]
mod redis_tests;

use std::sync::Arc;

use async_trait::async_trait;
use domain::port::Hint;
use tokio_util::sync::CancellationToken;

pub(crate) use self::backend::HintBackend;
pub(crate) use self::link::Link;
pub use self::{
    memory::MemoryQueue,
    redis::{RedisQueue, RedisQueueSettings},
};

/// Among how many of the hints that wait longest a worker chooses.
const LOOK: usize = 200;

/// A place from which hints are taken. None of its calls fails: an outage only makes them wait.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Waits until hints are there and takes at most `limit` of them, which is at least 1. Answers
    /// with none only after `stop`, and then soon.
    async fn take(&self, limit: usize, stop: &CancellationToken) -> Vec<Claim>;

    /// Writes down, within seconds, what became of the claims dropped so far.
    async fn close(&self);
}

/// A hint taken from a queue. No other worker gets the same hint until this is dropped; dropping
/// it gives the hint back to the queue if nobody has started on it.
pub struct Claim {
    hint: Hint,
    ticket: u64,
    started: bool,
    ledger: Arc<dyn Ledger>,
}

/// What becomes of a claimed hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was worked on, with or without success. A failure is not tried again here: the sweep
    /// does, at a pace that a job failing at once cannot push.
    Done,
    /// Nobody started on it.
    Returned,
}

/// The side of a queue to which claims go back. Called from `drop`: must not block.
trait Ledger: Send + Sync {
    fn settle(&self, hint: Hint, ticket: u64, outcome: Outcome);
}

impl Claim {
    fn new(hint: Hint, ticket: u64, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            hint,
            ticket,
            started: false,
            ledger,
        }
    }

    /// The hint that was taken.
    pub fn hint(&self) -> Hint {
        self.hint
    }

    /// From here on the hint counts as worked on.
    pub fn start(&mut self) {
        self.started = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let outcome = if self.started {
            Outcome::Done
        } else {
            Outcome::Returned
        };
        self.ledger.settle(self.hint, self.ticket, outcome);
    }
}
