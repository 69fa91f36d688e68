//! Passing hints on to somewhere slow without ever holding up who sends them.
//!
//! A [`Relay`] is a bounded queue and one task. The sender's side only ever tries to put a hint
//! in; the task takes what has gathered, drops repetitions, and delivers it as one batch, retrying
//! through an outage. Where to is the [`Deliver`] given: this crate knows no network.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Hint, Hints, Outage, wire};

/// Hints that may wait for delivery. At a batch per round trip this is a few dozen milliseconds
/// of work; in an outage everything beyond is dropped, and the workers' sweep finds it.
const CAPACITY: usize = 10_000;

/// Where a [`Relay`] delivers.
#[async_trait]
pub trait Deliver: Send + Sync + 'static {
    /// What can go wrong; logged once per outage.
    type Error: std::fmt::Display + Send;

    /// Delivers between 1 and [`wire::BATCH`] different hints. Ends within seconds, either way.
    async fn deliver(&self, hints: &[Hint]) -> Result<(), Self::Error>;
}

/// [`Hints`] that are delivered in the background, in batches.
#[derive(Debug, Clone)]
pub struct Relay {
    queue: mpsc::Sender<Hint>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    outage: Outage,
    dropped: AtomicU64,
}

impl Relay {
    /// Starts the task on the current tokio runtime. It ends when the last clone of the relay is
    /// gone and what was queued is delivered.
    pub fn start(service: &'static str, target: impl Deliver) -> Self {
        let (queue, waiting) = mpsc::channel(CAPACITY);
        let state = Arc::new(State {
            outage: Outage::new(service),
            dropped: AtomicU64::new(0),
        });
        tokio::spawn(pump(waiting, target, state.clone()));
        Self { queue, state }
    }

    /// Hints dropped since the start because too many were waiting.
    pub fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }

    /// Whether the last delivery failed.
    pub fn is_down(&self) -> bool {
        self.state.outage.is_open()
    }
}

impl Hints for Relay {
    fn send(&self, hint: Hint) {
        if self.queue.try_send(hint).is_err() {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn pump(mut waiting: mpsc::Receiver<Hint>, target: impl Deliver, state: Arc<State>) {
    let mut taken = Vec::with_capacity(wire::BATCH);
    let mut batch: HashSet<Hint> = HashSet::with_capacity(wire::BATCH);
    while waiting.recv_many(&mut taken, wire::BATCH).await > 0 {
        batch.extend(taken.drain(..));
        let hints: Vec<Hint> = batch.drain().collect();
        while let Err(error) = target.deliver(&hints).await {
            let pause = state.outage.failed(&error);
            // Nobody is left to send: the process is ending, and must not wait for a dead server.
            if waiting.is_closed() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        state.outage.answered();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;
    use uuid::Uuid;

    use super::*;
    use crate::port::Work;

    fn hint(number: u128) -> Hint {
        Hint {
            workspace: Uuid::from_u128(number),
            work: Work::Changes,
        }
    }

    /// Lets one batch through per permit, after `failures` refusals.
    struct Gate {
        permits: Arc<Semaphore>,
        failures: AtomicU64,
        delivered: mpsc::UnboundedSender<Vec<Hint>>,
    }

    #[async_trait]
    impl Deliver for Gate {
        type Error = &'static str;

        async fn deliver(&self, hints: &[Hint]) -> Result<(), Self::Error> {
            if self.failures.load(Ordering::Relaxed) > 0 {
                self.failures.fetch_sub(1, Ordering::Relaxed);
                return Err("refused");
            }
            self.permits.acquire().await.unwrap().forget();
            self.delivered.send(hints.to_vec()).unwrap();
            Ok(())
        }
    }

    fn gated(failures: u64) -> (Relay, Arc<Semaphore>, mpsc::UnboundedReceiver<Vec<Hint>>) {
        let permits = Arc::new(Semaphore::new(0));
        let (delivered, batches) = mpsc::unbounded_channel();
        let gate = Gate {
            permits: permits.clone(),
            failures: failures.into(),
            delivered,
        };
        (Relay::start("test", gate), permits, batches)
    }

    #[tokio::test]
    async fn hints_gathered_during_a_delivery_travel_as_one_batch_without_repetitions() {
        let (relay, permits, mut batches) = gated(0);
        relay.send(hint(1));
        tokio::task::yield_now().await;
        for number in [2, 3, 2, 2, 3] {
            relay.send(hint(number));
        }
        permits.add_permits(2);
        assert_eq!(batches.recv().await.unwrap(), [hint(1)]);
        let mut second = batches.recv().await.unwrap();
        second.sort_by_key(|hint| hint.workspace);
        assert_eq!(second, [hint(2), hint(3)]);
    }

    #[tokio::test]
    async fn a_refused_batch_is_delivered_later() {
        let (relay, permits, mut batches) = gated(2);
        permits.add_permits(1);
        relay.send(hint(1));
        assert_eq!(batches.recv().await.unwrap(), [hint(1)]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let (relay, _permits, _batches) = gated(0);
        for number in 0..CAPACITY as u128 + 50 {
            relay.send(hint(number));
        }
        assert_eq!(relay.dropped(), 50);
    }
}
