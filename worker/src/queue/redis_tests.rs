//! The Redis queue against real servers.
//!
//! Tests that spare the server use `TEST_REDIS_URL` where it is set; those that kill or flush it
//! always start their own.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use domain::port::{
    Hint, Hints, Relay, Work,
    wire::{Keys, PUSH},
};
use redis::{AsyncConnectionConfig, Client, Script, aio::MultiplexedConnection};
use tokio_util::sync::CancellationToken;

use super::{Claim, Queue, RedisQueue, RedisQueueSettings};
use crate::{
    hints::redis_hints,
    testing::{PANICS, Recorder, RedisServer, Running, eventually, hint, random_prefix},
};

/// A lease no test outlives.
const LONG: Duration = Duration::from_mins(1);
/// A lease that ends within a test.
const SHORT: Duration = Duration::from_millis(300);

/// An installation's share of a Redis.
struct Installation {
    url: String,
    prefix: String,
    _own: Option<RedisServer>,
}

impl Installation {
    async fn new() -> Self {
        let (url, own) = if let Ok(url) = std::env::var("TEST_REDIS_URL") {
            (url, None)
        } else {
            let server = RedisServer::start().await;
            (server.url(), Some(server))
        };
        Self {
            url,
            prefix: random_prefix(),
            _own: own,
        }
    }

    fn on(server: &RedisServer) -> Self {
        Self {
            url: server.url(),
            prefix: random_prefix(),
            _own: None,
        }
    }

    fn queue(&self, owner: &str, lease: Duration) -> RedisQueue {
        RedisQueue::start(RedisQueueSettings {
            url: self.url.clone(),
            prefix: self.prefix.clone(),
            owner: owner.to_owned(),
            lease,
        })
        .unwrap()
    }

    fn hints(&self) -> Relay {
        redis_hints(&self.url, &self.prefix).unwrap()
    }

    async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(self.url.as_str()).unwrap();
        // The default of half a second is not enough on a machine that builds something meanwhile.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LONG))
            .set_response_timeout(Some(LONG));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        connection.await.unwrap()
    }

    /// Pushes at once, past the relay; answers how many hints were not waiting yet.
    async fn push(&self, numbers: &[u128]) -> usize {
        let hints: Vec<Hint> = numbers.iter().copied().map(hint).collect();
        self.push_all(&hints).await
    }

    /// Like [`Self::push`], of any kind.
    async fn push_all(&self, hints: &[Hint]) -> usize {
        let keys = Keys::new(&self.prefix);
        let script = Script::new(PUSH);
        let mut call = script.prepare_invoke();
        for key in keys.for_push() {
            call.key(key);
        }
        call.arg(keys.push_arguments(hints));
        call.invoke_async(&mut self.connect().await).await.unwrap()
    }

    /// When the lease of this hint ends.
    async fn lease_end(&self, number: u128) -> f64 {
        redis::cmd("ZSCORE")
            .arg(Keys::new(&self.prefix).leases)
            .arg(hint(number).to_string())
            .query_async(&mut self.connect().await)
            .await
            .unwrap()
    }

    /// Keys that still hold something; an unanswered ring does not count.
    async fn leftovers(&self) -> usize {
        let keys = Keys::new(&self.prefix);
        redis::cmd("EXISTS")
            .arg(&[keys.ready, keys.leases, keys.owners, keys.again])
            .query_async(&mut self.connect().await)
            .await
            .unwrap()
    }

    fn worker(&self, name: &str, handler: &Arc<Recorder>) -> Running {
        let queue = self.queue(name, LONG);
        Running::start(queue, handler, |settings| {
            name.clone_into(&mut settings.name);
        })
    }
}

async fn take(queue: &RedisQueue, limit: usize) -> Vec<Claim> {
    tokio::time::timeout(LONG, async {
        queue.take(limit, &CancellationToken::new()).await
    })
    .await
    .expect("nothing came")
}

fn hints_of(claims: &[Claim]) -> Vec<Hint> {
    claims.iter().map(Claim::hint).collect()
}

fn start_all(claims: &mut [Claim]) {
    for claim in claims {
        claim.start();
    }
}

#[tokio::test]
async fn a_pushed_hint_runs() {
    let installation = Installation::new().await;
    let handler = Arc::new(Recorder::default());
    let worker = installation.worker("one", &handler);
    installation.hints().send(hint(1));
    eventually("the hint runs", || handler.runs_of(hint(1)) == 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn equal_hints_coalesce_while_they_wait() {
    let installation = Installation::new().await;
    assert_eq!(installation.push(&[1]).await, 1);
    assert_eq!(installation.push(&[1, 2]).await, 1);
    let queue = installation.queue("one", LONG);
    assert_eq!(hints_of(&take(&queue, 10).await), [hint(1), hint(2)]);
}

#[tokio::test]
async fn the_workspace_that_has_fewer_places_comes_first() {
    let installation = Installation::new().await;
    let queue = installation.queue("one", LONG);
    let of = |number, work| Hint {
        work,
        ..hint(number)
    };
    // Those of one call came at the same moment, and are in the order of their texts.
    let kinds = [Work::Email, Work::Health, Work::Rules, Work::Search];
    let busy = kinds.map(|work| of(1, work));
    installation.push_all(&busy).await;
    let _busy = take(&queue, 2).await;
    let (mail, rules) = (of(2, Work::Email), of(2, Work::Rules));
    installation.push_all(&[mail, rules, hint(3)]).await;
    let next = take(&queue, 3).await;
    assert_eq!(hints_of(&next), [mail, hint(3), rules]);
    let rest = take(&queue, 10).await;
    assert_eq!(hints_of(&rest), busy[2..]);
}

#[tokio::test]
async fn a_hint_that_comes_while_it_runs_is_taken_once_more_afterwards() {
    let installation = Installation::new().await;
    let queue = installation.queue("one", LONG);
    installation.push(&[1]).await;
    let mut claims = take(&queue, 10).await;
    start_all(&mut claims);
    assert_eq!(installation.push(&[1]).await, 0);
    assert_eq!(installation.push(&[1]).await, 0);
    drop(claims);

    let mut claims = take(&queue, 10).await;
    assert_eq!(hints_of(&claims), [hint(1)]);
    start_all(&mut claims);
    drop(claims);
    queue.close().await;
    assert_eq!(installation.leftovers().await, 0);
}

#[tokio::test]
async fn a_claim_nobody_started_on_goes_to_another_worker() {
    let installation = Installation::new().await;
    let (one, two) = (
        installation.queue("one", LONG),
        installation.queue("two", LONG),
    );
    installation.push(&[1]).await;
    drop(take(&one, 10).await);
    assert_eq!(hints_of(&take(&two, 10).await), [hint(1)]);
}

#[tokio::test]
async fn the_hint_of_a_dead_worker_is_taken_again_and_its_late_answer_is_ignored() {
    let installation = Installation::new().await;
    let dead = installation.queue("dead", SHORT);
    installation.push(&[1]).await;
    let mut lost = take(&dead, 10).await;
    start_all(&mut lost);
    // Nothing renews any more, but the claim is still there.
    dead.stop_renewing();

    let alive = installation.queue("alive", LONG);
    let mut claims = take(&alive, 10).await;
    assert_eq!(hints_of(&claims), [hint(1)]);
    start_all(&mut claims);
    drop(lost);
    dead.close().await;
    assert_eq!(installation.push(&[1]).await, 0, "the lease still holds");
    drop(claims);
    assert_eq!(hints_of(&take(&alive, 10).await), [hint(1)]);
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_job_runs() {
    let installation = Installation::new().await;
    let queue = installation.queue("one", SHORT);
    installation.push(&[1]).await;
    let mut claims = take(&queue, 10).await;
    start_all(&mut claims);
    let first_end = installation.lease_end(1).await;
    let start = Instant::now();
    while installation.lease_end(1).await <= first_end + 2.0 * SHORT.as_millis() as f64 {
        assert!(start.elapsed() < LONG, "not renewed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Longer than one lease has passed, and still nobody else may have it.
    assert_eq!(installation.push(&[1]).await, 0);
}

#[tokio::test]
async fn twenty_thousand_hints_drain_over_two_workers_without_overlap() {
    let installation = Installation::new().await;
    let handler = Arc::new(Recorder::default());
    let workers = [
        installation.worker("one", &handler),
        installation.worker("two", &handler),
    ];
    for first in (0..20_000).step_by(200) {
        let numbers: Vec<u128> = (first..first + 200).collect();
        installation.push(&numbers).await;
    }
    eventually("all hints run", || handler.workspaces() == 20_000).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(handler.overlaps.load(Ordering::SeqCst), 0);
    assert_eq!(installation.leftovers().await, 0);
}

#[tokio::test]
async fn a_panicking_job_leaves_the_worker_and_the_hint_free() {
    let installation = Installation::new().await;
    let handler = Arc::new(Recorder::default());
    let worker = installation.worker("one", &handler);
    installation.push(&[PANICS]).await;
    eventually("it panics", || handler.runs_of(hint(PANICS)) == 1).await;
    installation.push(&[1]).await;
    eventually("the next runs", || handler.runs_of(hint(1)) == 1).await;
    worker.stop().await;
    assert_eq!(installation.leftovers().await, 0);
}

#[tokio::test]
async fn a_redis_absent_at_the_start_is_used_once_it_is_there() {
    let mut server = RedisServer::absent();
    let installation = Installation::on(&server);
    let handler = Arc::new(Recorder::default());
    let worker = installation.worker("one", &handler);
    let hints = installation.hints();
    hints.send(hint(1));
    eventually("the outage is noticed", || hints.is_down()).await;
    server.boot().await;
    eventually("the hint runs", || handler.runs_of(hint(1)) == 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_killed_redis_costs_nothing_but_time() {
    let mut server = RedisServer::start().await;
    let installation = Installation::on(&server);
    let handler = Arc::new(Recorder::gated());
    let worker = installation.worker("one", &handler);
    let hints = installation.hints();
    hints.send(hint(1));
    eventually("a job runs", || handler.started() == 1).await;

    server.kill();
    hints.send(hint(2));
    eventually("the outage is noticed", || hints.is_down()).await;
    handler.open(1);
    eventually("the running job ends", || handler.finished() == 1).await;
    server.boot().await;
    handler.open(1);
    eventually("the hint of the outage runs", || {
        handler.runs_of(hint(2)) == 1
    })
    .await;
    worker.stop().await;
    assert_eq!(handler.runs_of(hint(1)), 1);
}

#[tokio::test]
async fn a_flushed_redis_goes_on_with_what_comes_next() {
    let server = RedisServer::start().await;
    let installation = Installation::on(&server);
    let handler = Arc::new(Recorder::gated());
    let worker = installation.worker("one", &handler);
    installation.push(&[1]).await;
    eventually("a job runs", || handler.started() == 1).await;

    server.query("FLUSHALL", &[]).await.unwrap();
    server.query("SCRIPT", &["FLUSH"]).await.unwrap();
    handler.open(2);
    installation.push(&[2]).await;
    eventually("the next hint runs", || handler.runs_of(hint(2)) == 1).await;
    worker.stop().await;
    assert_eq!(installation.leftovers().await, 0);
}

#[tokio::test]
async fn a_hanging_redis_is_left_and_found_again() {
    let server = RedisServer::start().await;
    let installation = Installation::on(&server);
    let handler = Arc::new(Recorder::default());
    let worker = installation.worker("one", &handler);
    installation.push(&[1]).await;
    eventually("the first hint runs", || handler.runs_of(hint(1)) == 1).await;

    server.freeze();
    let hints = installation.hints();
    hints.send(hint(2));
    eventually("the hang is noticed", || hints.is_down()).await;
    server.thaw();
    eventually("the second hint runs", || handler.runs_of(hint(2)) == 1).await;
    worker.stop().await;
}
