use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_graphql::Error;
use entity::id::WorkspaceId;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, yield_now},
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{FEW, LANES, LookUp, Together};

/// Nobody has this key.
const ABSENT: u32 = 13;

/// Finds ten times each key, once it is let.
#[derive(Clone)]
struct Source {
    calls: Arc<Mutex<Vec<Vec<u32>>>>,
    gate: Arc<Semaphore>,
    refuses_several: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl LookUp<u32> for Source {
    type Value = u32;

    async fn look_up(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Error> {
        let mut called = keys.to_vec();
        called.sort_unstable();
        self.calls.lock().unwrap().push(called);
        self.gate.acquire().await.unwrap().forget();
        if keys.len() > 1 && self.refuses_several.load(Ordering::Relaxed) {
            return Err(Error::new("too many"));
        }
        let there = keys.iter().filter(|key| **key != ABSENT);
        Ok(there.map(|key| (*key, key * 10)).collect())
    }
}

/// Requests of one thread.
struct House {
    together: Arc<Together>,
    source: Source,
}

impl House {
    fn new() -> Self {
        Self::of(Together::default())
    }

    fn of(together: Together) -> Self {
        let source = Source {
            calls: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            refuses_several: Arc::default(),
        };
        Self {
            together: Arc::new(together),
            source,
        }
    }

    /// Somebody who asks, and goes as far as they can.
    async fn ask(
        &self,
        workspace: u128,
        keys: &[u32],
    ) -> JoinHandle<Result<HashMap<u32, u32>, Error>> {
        let (together, source) = (Arc::clone(&self.together), self.source.clone());
        let workspace = WorkspaceId(Uuid::from_u128(workspace));
        let keys = keys.to_vec();
        let asking = tokio::spawn(async move { together.find(&source, workspace, &keys).await });
        yield_now().await;
        asking
    }

    fn open(&self) {
        self.source.gate.add_permits(1_000);
    }

    fn calls(&self) -> Vec<Vec<u32>> {
        self.source.calls.lock().unwrap().clone()
    }

    /// Waits until there were this many calls.
    async fn called(&self, times: usize) {
        let calls = async {
            while self.calls().len() < times {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = timeout(Duration::from_mins(1), calls).await;
        in_time.unwrap_or_else(|_| panic!("{:?}", self.calls()));
    }

    fn is_idle(&self) -> bool {
        let queues = self.together.queues::<u32, u32>();
        queues.lock().is_empty()
    }
}

async fn found(asking: JoinHandle<Result<HashMap<u32, u32>, Error>>) -> Vec<(u32, u32)> {
    let mut found: Vec<_> = asking.await.unwrap().unwrap().into_iter().collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn those_who_come_meanwhile_are_answered_by_one_statement() {
    let house = House::new();
    let mut asking = Vec::new();
    for key in 1..=6 {
        asking.push(house.ask(1, &[key]).await);
    }
    let twice = house.ask(1, &[6, ABSENT]).await;
    assert_eq!(house.calls(), [vec![1], vec![2]], "only {LANES} are let in");
    house.open();
    for (key, asking) in (1..).zip(asking) {
        assert_eq!(found(asking).await, [(key, key * 10)]);
    }
    assert_eq!(found(twice).await, [(6, 60)]);
    let calls = house.calls();
    assert_eq!(calls[LANES..], [vec![3, 4, 5, 6, ABSENT]]);
    yield_now().await;
    assert!(house.is_idle());
}

#[tokio::test]
async fn nobody_is_left_waiting_when_those_before_them_give_up() {
    let house = House::new();
    let first = [house.ask(1, &[1]).await, house.ask(1, &[2]).await];
    let given_up = house.ask(1, &[3]).await;
    let waiting = house.ask(1, &[4]).await;
    for asking in [given_up].into_iter().chain(first) {
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
    }
    house.open();
    assert_eq!(found(waiting).await, [(4, 40)]);
    assert!(
        !house.calls().concat().contains(&3),
        "nobody wanted it any more"
    );
    yield_now().await;
    assert!(house.is_idle());
}

#[tokio::test]
async fn what_fails_for_several_is_asked_for_one_by_one() {
    let house = House::new();
    house.source.refuses_several.store(true, Ordering::Relaxed);
    let mut asking = Vec::new();
    for key in 1..=4 {
        asking.push(house.ask(1, &[key]).await);
    }
    house.open();
    for (key, asking) in (1..).zip(asking) {
        assert_eq!(found(asking).await, [(key, key * 10)]);
    }
    let calls = house.calls();
    assert_eq!(calls[LANES], [3, 4]);
    assert_eq!(calls.len(), LANES + 1 + 2);
}

#[tokio::test]
async fn nobody_waits_for_ever_for_a_statement_that_does_not_end() {
    let house = House::of(Together::patient(Duration::from_millis(500)));
    let mut asking = Vec::new();
    for key in 1..=4 {
        asking.push(house.ask(1, &[key]).await);
    }
    // Nothing comes back, neither what was first nor what is asked for the others.
    house.called(LANES + 1 + 2).await;
    let mut calls = house.calls();
    assert_eq!(calls[LANES], [3, 4]);
    calls[LANES + 1..].sort_unstable();
    assert_eq!(calls[LANES + 1..], [vec![3], vec![4]]);
    yield_now().await;
    assert!(house.is_idle(), "whoever comes now asks at once");
    house.open();
    for (key, asking) in (1..).zip(asking) {
        assert_eq!(found(asking).await, [(key, key * 10)], "late, but not lost");
    }
}

#[tokio::test]
async fn workspaces_do_not_wait_for_each_other_and_never_share() {
    let house = House::new();
    for key in 1..=3 {
        drop(house.ask(1, &[key]).await);
    }
    let other = house.ask(2, &[3]).await;
    assert_eq!(
        house.calls(),
        [vec![1], vec![2], vec![3]],
        "the last is theirs"
    );
    house.open();
    assert_eq!(found(other).await, [(3, 30)]);
    yield_now().await;
    assert!(house.is_idle());
    assert_eq!(house.calls().len(), 4);
}

#[tokio::test]
async fn long_lists_wait_for_nobody() {
    let house = House::new();
    let few = [1];
    for _ in 0..LANES {
        drop(house.ask(1, &few).await);
    }
    let many: Vec<u32> = (20..=20 + u32::try_from(FEW).unwrap()).collect();
    let asking = house.ask(1, &many).await;
    assert_eq!(house.calls().last(), Some(&many));
    house.open();
    assert_eq!(found(asking).await.len(), many.len());
}
