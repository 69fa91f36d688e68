//! Hints shared by all processes of an installation, in Redis or a Redis Cluster.
//!
//! Pushing is described in [`domain::port::wire`]; this is the taking side. A worker takes what is
//! ready under a lease; when there is nothing it blocks on the bell, on a connection of its own,
//! for at most [`POLL`]. One task renews the leases held, another settles finished claims, so that
//! none of the three waits for the others. While Redis is away all of them wait and retry.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::port::{
    Hint, Outage,
    wire::{BATCH, Keys},
};
use redis::{RedisResult, Script, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Claim, LOOK, Ledger, Link, Outcome, Queue};

/// The longest block on the bell. The bell rings for every pushed hint; what needs a look without
/// a ring are leases of dead workers, and a ring that a dying worker took with it.
const POLL: Duration = Duration::from_secs(1);

/// Longer than any script takes, and short enough to notice a server that hangs.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// What [`Queue::close`] grants to a Redis that does not answer. Leases of claims that could not
/// be settled run out by themselves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where and how a [`RedisQueue`] works.
#[derive(Debug, Clone)]
pub struct RedisQueueSettings {
    /// `redis://...`; several with commas between them are nodes of a cluster.
    pub url: String,
    /// Tells installations apart that share a Redis.
    pub prefix: String,
    /// Names this start of this process; must never be used again, or a claim of the previous
    /// start could be mistaken for one of this.
    pub owner: String,
    /// How long a hint stays with a worker that is heard of no more.
    pub lease: Duration,
}

/// The queue of an installation with several processes.
pub struct RedisQueue {
    shared: Arc<Shared>,
    /// Both end with the queue.
    #[cfg_attr(not(test), expect(dead_code, reason = "held for its drop"))]
    renewal: AbortOnDropHandle<()>,
    _settling: AbortOnDropHandle<()>,
}

struct Shared {
    keys: Keys,
    settings: RedisQueueSettings,
    /// For the scripts, which answer at once.
    link: Link,
    /// For blocking on the bell, behind which no other command may queue.
    bell: Link,
    take: Script,
    settle: Script,
    renew: Script,
    outage: Outage,
    /// Numbers the calls that took something; the number makes the claim's token.
    tickets: AtomicU64,
    held: Mutex<HashSet<(u64, Hint)>>,
    settlements: mpsc::UnboundedSender<Entry>,
}

enum Entry {
    Settle(u64, Hint, Outcome),
    /// Answer when everything before this is written.
    Flush(oneshot::Sender<()>),
}

impl RedisQueue {
    /// Starts the queue's tasks on the current tokio runtime. Redis may be absent; only a
    /// malformed URL is an error.
    pub fn start(settings: RedisQueueSettings) -> RedisResult<Self> {
        let (settlements, entries) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            keys: Keys::new(&settings.prefix),
            link: Link::new(&settings.url, RESPONSE_TIMEOUT)?,
            bell: Link::new(&settings.url, POLL + RESPONSE_TIMEOUT)?,
            take: Script::new(include_str!("lua/take.lua")),
            settle: Script::new(include_str!("lua/settle.lua")),
            renew: Script::new(include_str!("lua/renew.lua")),
            outage: Outage::new("redis queue"),
            tickets: AtomicU64::new(0),
            held: Mutex::default(),
            settlements,
            settings,
        });
        let renewal = tokio::spawn(renew_leases(shared.clone()));
        let settling = tokio::spawn(write_settlements(shared.clone(), entries));
        Ok(Self {
            shared,
            renewal: AbortOnDropHandle::new(renewal),
            _settling: AbortOnDropHandle::new(settling),
        })
    }

    /// Plays dead, for tests.
    #[cfg(test)]
    pub(super) fn stop_renewing(&self) {
        self.renewal.abort();
    }

    /// Whether Redis did not answer the last call. Work goes on by the sweep alone then.
    pub fn is_down(&self) -> bool {
        self.shared.outage.is_open()
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn take(&self, limit: usize, stop: &CancellationToken) -> Vec<Claim> {
        let shared = &self.shared;
        while !stop.is_cancelled() {
            // Never abandoned half-way: what it took would be held for a whole lease.
            let pause = match shared.take(limit).await {
                Ok(claims) if claims.is_empty() => tokio::select! {
                    rung = shared.wait_for_ring() => rung.err(),
                    () = stop.cancelled() => break,
                },
                Ok(claims) => {
                    shared.outage.answered();
                    return claims;
                }
                Err(error) => Some(error),
            };
            if let Some(error) = pause {
                tokio::select! {
                    () = tokio::time::sleep(shared.outage.failed(&error)) => {}
                    () = stop.cancelled() => break,
                }
            }
        }
        // A connection left open would take the next ring with it.
        shared.bell.close().await;
        Vec::new()
    }

    async fn close(&self) {
        let (written, all_written) = oneshot::channel();
        let _ = self.shared.settlements.send(Entry::Flush(written));
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, all_written).await;
    }
}

impl Shared {
    async fn take(self: &Arc<Self>, limit: usize) -> RedisResult<Vec<Claim>> {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let mut call = self.take.prepare_invoke();
        for key in self.all_keys() {
            call.key(key);
        }
        call.arg(limit.min(BATCH))
            .arg(self.lease_ms())
            .arg(self.token(ticket))
            .arg(LOOK);
        let taken: Vec<String> = self.link.script(&call).await?;
        // A newer program's kind of hint is left to its lease, for a newer program to take.
        let hints = taken.iter().filter_map(|text| text.parse().ok());
        let mut held = self.held();
        Ok(hints
            .map(|hint| {
                held.insert((ticket, hint));
                Claim::new(hint, ticket, self.clone())
            })
            .collect())
    }

    async fn wait_for_ring(&self) -> RedisResult<()> {
        let mut command = redis::cmd("BLPOP");
        command.arg(&self.keys.bell).arg(POLL.as_secs_f64());
        self.bell.command::<Value>(&command).await?;
        self.outage.answered();
        Ok(())
    }

    fn all_keys(&self) -> [&str; 5] {
        let keys = &self.keys;
        [
            &keys.ready,
            &keys.leases,
            &keys.owners,
            &keys.again,
            &keys.bell,
        ]
    }

    fn lease_ms(&self) -> u64 {
        self.settings.lease.as_millis() as u64
    }

    fn token(&self, ticket: u64) -> String {
        format!("{}/{ticket}", self.settings.owner)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<(u64, Hint)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Shared {
    fn settle(&self, hint: Hint, ticket: u64, outcome: Outcome) {
        self.held().remove(&(ticket, hint));
        let _ = self.settlements.send(Entry::Settle(ticket, hint, outcome));
    }
}

async fn renew_leases(shared: Arc<Shared>) {
    let mut rounds = tokio::time::interval(shared.settings.lease / 3);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let held: Vec<(u64, Hint)> = shared.held().iter().copied().collect();
        for part in held.chunks(BATCH) {
            let mut call = shared.renew.prepare_invoke();
            call.key(&shared.keys.leases)
                .key(&shared.keys.owners)
                .arg(shared.lease_ms());
            for (ticket, hint) in part {
                call.arg(hint.to_string()).arg(shared.token(*ticket));
            }
            match shared.link.script::<usize>(&call).await {
                Ok(count) if count < part.len() => {
                    // Most of these have just been settled; the rest may run twice.
                    tracing::debug!(lost = part.len() - count, "leases were not renewed");
                }
                Ok(_) => {}
                Err(error) => {
                    shared.outage.failed(&error);
                    break;
                }
            }
        }
    }
}

async fn write_settlements(shared: Arc<Shared>, mut entries: mpsc::UnboundedReceiver<Entry>) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        let mut call = shared.settle.prepare_invoke();
        for key in shared.all_keys() {
            call.key(key);
        }
        let mut flushed = Vec::new();
        let mut is_empty = true;
        for entry in batch.drain(..) {
            match entry {
                Entry::Settle(ticket, hint, outcome) => {
                    is_empty = false;
                    call.arg(hint.to_string())
                        .arg(shared.token(ticket))
                        .arg(match outcome {
                            Outcome::Done => "done",
                            Outcome::Returned => "returned",
                        });
                }
                Entry::Flush(written) => flushed.push(written),
            }
        }
        while !is_empty && let Err(error) = shared.link.script::<usize>(&call).await {
            tokio::time::sleep(shared.outage.failed(&error)).await;
        }
        for written in flushed {
            let _ = written.send(());
        }
    }
}
