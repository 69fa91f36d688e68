//! Hints inside one process.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::port::Hint;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Claim, LOOK, Ledger, Outcome, Queue};

/// A queue for an installation that is one process. Clones share the same hints.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// In the order they came.
    ready: VecDeque<Hint>,
    /// The same hints, to recognise repetitions.
    waiting: HashSet<Hint>,
    /// Hints being worked on, and whether they came again meanwhile.
    running: HashMap<Hint, bool>,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `hint`, unless it waits already. If it is being worked on it will run once more
    /// afterwards: the running job may have read the database before this change.
    pub fn push(&self, hint: Hint) {
        if self.0.lock().push(hint) {
            self.0.bell.notify_one();
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn take(&self, limit: usize, stop: &CancellationToken) -> Vec<Claim> {
        loop {
            let (hints, more) = self.0.lock().take(limit);
            if more {
                self.0.bell.notify_one();
            }
            if !hints.is_empty() {
                return hints
                    .into_iter()
                    .map(|hint| Claim::new(hint, 0, self.0.clone()))
                    .collect();
            }
            // A hint pushed since the look above has left its permit in the bell.
            tokio::select! {
                () = self.0.bell.notified() => {}
                () = stop.cancelled() => return Vec::new(),
            }
        }
    }

    async fn close(&self) {}
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Shared {
    fn settle(&self, hint: Hint, _ticket: u64, outcome: Outcome) {
        let mut state = self.lock();
        let again = state.running.remove(&hint).unwrap_or_default();
        if (again || outcome == Outcome::Returned) && state.push(hint) {
            self.bell.notify_one();
        }
    }
}

impl State {
    /// Whether a worker should be woken.
    fn push(&mut self, hint: Hint) -> bool {
        if let Some(again) = self.running.get_mut(&hint) {
            *again = true;
            return false;
        }
        let is_new = self.waiting.insert(hint);
        if is_new {
            self.ready.push_back(hint);
        }
        is_new
    }

    /// At most `limit` hints, and whether more are left for another worker. Those behind the ones that are
    /// looked at are not touched, however many wait.
    fn take(&mut self, limit: usize) -> (Vec<Hint>, bool) {
        let looked_at = self.ready.len().min(LOOK);
        let looked_at: Vec<Hint> = self.ready.drain(..looked_at).collect();
        let hints = self.choose(&looked_at, limit);
        for hint in &hints {
            self.waiting.remove(hint);
            self.running.insert(*hint, false);
        }
        for hint in looked_at.into_iter().rev() {
            if self.waiting.contains(&hint) {
                self.ready.push_front(hint);
            }
        }
        (hints, !self.ready.is_empty())
    }

    /// The next hints: workspaces take turns, beginning with those that have the fewest places.
    fn choose(&self, looked_at: &[Hint], limit: usize) -> Vec<Hint> {
        let mut places: HashMap<Uuid, usize> = HashMap::new();
        for hint in self.running.keys() {
            *places.entry(hint.workspace).or_default() += 1;
        }
        let mut order: Vec<(usize, Hint)> = Vec::new();
        for &hint in looked_at {
            let places = places.entry(hint.workspace).or_default();
            order.push((*places, hint));
            *places += 1;
        }
        // Stable: those that came first stay first.
        order.sort_by_key(|(places, _)| *places);
        let chosen = order.into_iter().take(limit);
        chosen.map(|(_, hint)| hint).collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::port::Work;

    use super::*;

    fn hint(number: u128) -> Hint {
        Hint {
            workspace: Uuid::from_u128(number),
            work: Work::Rules,
        }
    }

    async fn take(queue: &MemoryQueue, limit: usize) -> Vec<Claim> {
        queue.take(limit, &CancellationToken::new()).await
    }

    #[tokio::test]
    async fn the_workspace_that_has_fewer_places_comes_first() {
        let queue = MemoryQueue::new();
        let of = |number, work| Hint {
            workspace: Uuid::from_u128(number),
            work,
        };
        for work in [Work::Rules, Work::Search, Work::Email, Work::Health] {
            queue.push(of(1, work));
        }
        let _busy = take(&queue, 2).await;
        queue.push(of(2, Work::Rules));
        queue.push(of(2, Work::Email));
        queue.push(of(3, Work::Rules));
        let hints = |claims: &[Claim]| -> Vec<Hint> { claims.iter().map(Claim::hint).collect() };
        let next = take(&queue, 3).await;
        let expected = [of(2, Work::Rules), of(3, Work::Rules), of(2, Work::Email)];
        assert_eq!(hints(&next), expected);
        let rest = take(&queue, 10).await;
        assert_eq!(hints(&rest), [of(1, Work::Email), of(1, Work::Health)]);
    }

    #[tokio::test]
    async fn among_equals_those_that_came_first_are_first_however_many_wait() {
        let queue = MemoryQueue::new();
        let hints: Vec<Hint> = (0..=2 * LOOK as u128).map(hint).collect();
        for &hint in &hints {
            queue.push(hint);
        }
        let mut taken = Vec::new();
        while taken.len() < hints.len() {
            for mut claim in take(&queue, 7).await {
                claim.start();
                taken.push(claim.hint());
            }
        }
        assert_eq!(taken, hints);
        assert!(is_empty(&queue));
    }

    fn is_empty(queue: &MemoryQueue) -> bool {
        let state = queue.0.lock();
        state.ready.is_empty() && state.waiting.is_empty() && state.running.is_empty()
    }

    #[tokio::test]
    async fn equal_hints_coalesce_while_they_wait() {
        let queue = MemoryQueue::new();
        for number in [1, 2, 1, 1, 2] {
            queue.push(hint(number));
        }
        let claims = take(&queue, 10).await;
        let hints: Vec<_> = claims.iter().map(Claim::hint).collect();
        assert_eq!(hints, [hint(1), hint(2)]);
    }

    #[tokio::test]
    async fn a_hint_that_comes_while_it_runs_is_taken_once_more_afterwards() {
        let queue = MemoryQueue::new();
        queue.push(hint(1));
        let mut claims = take(&queue, 10).await;
        claims[0].start();
        queue.push(hint(1));
        queue.push(hint(1));
        assert!(queue.0.lock().ready.is_empty());

        drop(claims);
        let mut claims = take(&queue, 10).await;
        assert_eq!(claims.len(), 1);
        claims[0].start();
        drop(claims);
        assert!(is_empty(&queue));
    }

    #[tokio::test]
    async fn a_claim_nobody_started_on_goes_back() {
        let queue = MemoryQueue::new();
        queue.push(hint(1));
        drop(take(&queue, 1).await);
        assert_eq!(take(&queue, 1).await[0].hint(), hint(1));
    }

    #[tokio::test]
    async fn two_waiting_workers_are_both_woken_by_two_hints() {
        let queue = MemoryQueue::new();
        let (one, two, ()) = tokio::join!(take(&queue, 1), take(&queue, 1), async {
            queue.push(hint(1));
            queue.push(hint(2));
        });
        assert_ne!(one[0].hint(), two[0].hint());
    }

    #[tokio::test]
    async fn stopping_ends_the_wait() {
        let queue = MemoryQueue::new();
        let stop = CancellationToken::new();
        let (claims, ()) = tokio::join!(queue.take(1, &stop), async { stop.cancel() });
        assert!(claims.is_empty());
    }
}
