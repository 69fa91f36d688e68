//! Sending hints from a process that works: projections append changes of their own.

use std::time::Duration;

use async_trait::async_trait;
use domain::port::{
    Deliver, Hint, Hints, Relay,
    wire::{Keys, PUSH},
};
use redis::{RedisError, RedisResult, Script};
use tokio::sync::broadcast;

use crate::queue::{Link, MemoryQueue};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Hints of an installation that is one process: to its workers and to its subscriptions.
#[derive(Debug, Clone)]
pub struct MemoryHints {
    queue: MemoryQueue,
    wakeups: broadcast::Sender<Hint>,
}

impl MemoryHints {
    /// Sends to `queue` and to whoever listens on `wakeups`.
    pub fn new(queue: MemoryQueue, wakeups: broadcast::Sender<Hint>) -> Self {
        Self { queue, wakeups }
    }
}

impl Hints for MemoryHints {
    fn send(&self, hint: Hint) {
        if hint.work.wakes_workers() {
            self.queue.push(hint);
        }
        if hint.work.wakes_subscriptions() {
            // Nobody listening is not a failure.
            let _ = self.wakeups.send(hint);
        }
    }
}

/// Starts passing hints on to the Redis at `url`, under `prefix`, on the current tokio runtime.
/// Redis may be absent; only a malformed URL is an error.
pub fn redis_hints(url: &str, prefix: &str) -> RedisResult<Relay> {
    let pusher = Pusher {
        keys: Keys::new(prefix),
        link: Link::new(url, RESPONSE_TIMEOUT)?,
        push: Script::new(PUSH),
    };
    Ok(Relay::start("redis hints", pusher))
}

struct Pusher {
    keys: Keys,
    link: Link,
    push: Script,
}

#[async_trait]
impl Deliver for Pusher {
    type Error = RedisError;

    async fn deliver(&self, hints: &[Hint]) -> Result<(), RedisError> {
        let mut call = self.push.prepare_invoke();
        for key in self.keys.for_push() {
            call.key(key);
        }
        call.arg(self.keys.push_arguments(hints));
        self.link.script::<usize>(&call).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use domain::port::Work;
    use tokio_util::sync::CancellationToken;
    use uuid::Uuid;

    use super::*;
    use crate::queue::{Claim, Queue};

    #[tokio::test]
    async fn in_one_process_workers_and_subscriptions_are_each_told_what_concerns_them() {
        let queue = MemoryQueue::new();
        let (wakeups, mut heard) = broadcast::channel(8);
        let hints = MemoryHints::new(queue.clone(), wakeups);
        let [changes, due] = [Work::Changes, Work::Due].map(|work| Hint {
            workspace: Uuid::from_u128(1),
            work,
        });
        hints.send(changes);
        hints.send(due);
        assert_eq!(heard.recv().await.unwrap(), changes);
        assert!(heard.try_recv().is_err());
        let claims = queue.take(10, &CancellationToken::new()).await;
        assert_eq!(claims.iter().map(Claim::hint).collect::<Vec<_>>(), [due]);
    }
}
