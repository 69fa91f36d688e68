//! How soon a projection is through what waits after a failure or a death that was no entry's fault.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use chrono::DateTime;
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    error::{Error, Result},
    port::Work,
    store::{Query, Tx},
    work::{
        change::Entry,
        projection::{self, Outcome, Projection},
    },
};
use futures::FutureExt as _;

use crate::support::{World, on_both};

/// What happens at the first batch.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Fails,
    Dies,
}

/// Counts what it reads after the first batch, which comes to harm.
#[derive(Debug)]
struct Counting {
    harm: Harm,
    is_harmed: AtomicBool,
    batches: AtomicUsize,
    entries: AtomicUsize,
}

impl Counting {
    fn new(harm: Harm) -> Self {
        Self {
            harm,
            is_harmed: AtomicBool::new(false),
            batches: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Projection for Counting {
    fn name(&self) -> &'static str {
        "test.counting"
    }

    fn work(&self) -> Work {
        Work::Changes
    }

    fn facts(&self) -> &'static [&'static str] {
        &["contact.created"]
    }

    fn batch(&self) -> i64 {
        64
    }

    async fn apply(&self, _ctx: &Ctx, _tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        if !self.is_harmed.swap(true, Ordering::SeqCst) {
            match self.harm {
                Harm::Fails => return Err(Error::Internal("no room".to_owned())),
                Harm::Dies => panic!("killed"),
            }
        }
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.entries.fetch_add(entries.len(), Ordering::SeqCst);
        Ok(())
    }
}

async fn contacts(world: &World, count: usize) {
    for number in 0..count {
        let new = NewContact {
            name: format!("Contact {number}"),
            ..NewContact::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        made.expect("a contact");
    }
    world.settle().await;
}

/// One run, the pause after a failure and the lease of a worker that died being over; whether there is
/// nothing left to read.
async fn go_on(world: &World, counting: &Counting) -> bool {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    Query::new(
        "UPDATE projection_cursor SET retry_at = NULL,
             lease_until = CASE WHEN lease_until IS NULL THEN NULL ELSE $2 END
         WHERE workspace_id = $1 AND projection = 'test.counting'",
    )
    .bind(workspace)
    .bind(DateTime::UNIX_EPOCH)
    .execute(ctx.db.writer())
    .await
    .expect("an update");
    let run = AssertUnwindSafe(projection::run(ctx, counting, workspace)).catch_unwind();
    match run.await {
        Ok(outcome) => {
            let outcome = outcome.expect("a run");
            if outcome == Outcome::Unsettled {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outcome == Outcome::Idle
        }
        Err(_) => false,
    }
}

/// Goes on until `is_enough`.
async fn go_on_until(world: &World, counting: &Counting, is_enough: impl Fn(bool) -> bool) {
    for _ in 0..10_000 {
        if is_enough(go_on(world, counting).await) {
            return;
        }
    }
    panic!("it never gets through");
}

#[test]
fn a_fault_that_has_passed_costs_a_few_batches() {
    on_both(|world| async move {
        contacts(&world, 64).await;
        let counting = Counting::new(Harm::Fails);
        go_on_until(&world, &counting, |is_idle| is_idle).await;
        assert_eq!(counting.entries.load(Ordering::SeqCst), 64);
        // 32, 16, 8, 4, 2, 1 and 1, and a few more.
        let batches = counting.batches.load(Ordering::SeqCst);
        assert!(batches <= 24, "{batches}");
        world
    });
}

#[test]
fn what_came_after_a_worker_died_is_not_suspected() {
    on_both(|world| async move {
        contacts(&world, 3).await;
        let counting = Counting::new(Harm::Dies);
        let died = |_: bool| counting.is_harmed.load(Ordering::SeqCst);
        go_on_until(&world, &counting, died).await;
        contacts(&world, 60).await;
        go_on_until(&world, &counting, |is_idle| is_idle).await;
        assert_eq!(counting.entries.load(Ordering::SeqCst), 63);
        // The three it had and one that might have come, then all the others.
        let batches = counting.batches.load(Ordering::SeqCst);
        assert!(batches <= 24, "{batches}");
        world
    });
}
