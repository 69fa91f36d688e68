//! Several workers at one tick: it runs once, goes on where a worker died, and what was missed is
//! caught up.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use domain::{
    ctx::Ctx,
    error::Result,
    page::PageRequest,
    store::{Query, Tx},
    work::{
        quarantine::{self, QuarantineFilter},
        replay,
        schedule::{self, Schedule},
    },
};
use entity::{id::QuarantineId, kind::QuarantineState};
use futures::FutureExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, on_both};

const WORKERS: usize = 4;
const TICKS: i64 = 25;

/// Every second: counts its steps in two transactions.
#[derive(Debug, Default)]
struct EverySecond {
    /// Whether the next second step takes its worker down.
    deadly: AtomicBool,
}

#[async_trait]
impl Schedule for EverySecond {
    fn name(&self) -> &'static str {
        "test.second"
    }

    fn cron(&self) -> &'static str {
        "* * * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::minutes(5)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let step = progress["step"].as_i64().unwrap_or_default();
        Query::new(
            "INSERT INTO event_day (workspace_id, contact_id, day, events) VALUES ($1, $2, $3, 1)
             ON CONFLICT (workspace_id, contact_id, day)
             DO UPDATE SET events = event_day.events + 1",
        )
        .bind(tx.workspace)
        .bind(Uuid::from_u128(step as u128))
        .bind(tx.now.date_naive())
        .execute(tx.connection())
        .await?;
        let dies = step == 1 && self.deadly.swap(false, Ordering::SeqCst);
        assert!(!dies, "the worker dies");
        Ok((step < 1).then(|| json!({ "step": step + 1 })))
    }
}

async fn steps(world: &World) -> Vec<i64> {
    let query =
        Query::new("SELECT events FROM event_day WHERE workspace_id = $1 ORDER BY contact_id");
    let steps = query
        .bind(world.owner.workspace)
        .column(world.ctx.reader())
        .await;
    steps.expect("steps")
}

async fn ticks(world: &World, state: &str) -> i64 {
    let query = Query::new(
        "SELECT COUNT(*) FROM schedule_tick WHERE schedule = 'test.second' AND state = $1",
    );
    let count = query.bind(state).scalar(world.ctx.reader()).await;
    count.expect("a count").expect("a row")
}

/// Ends the lease of the one that died.
async fn end_lease(world: &World) {
    Query::new("UPDATE schedule_tick SET lease_until = $1 WHERE state = 'RUNNING'")
        .bind(DateTime::UNIX_EPOCH)
        .execute(world.ctx.db.writer())
        .await
        .expect("an update");
}

#[test]
fn many_workers_at_one_tick_run_it_once_whichever_dies() {
    on_both(|world| async move {
        let schedule = EverySecond::default();
        // Each with connections and a memory of its own, as processes have.
        let workers: Vec<Ctx> = (0..WORKERS)
            .map(|_| Ctx {
                db: world.database.location.open(2, None),
                ..world.ctx.clone()
            })
            .collect();
        for tick in 1..=TICKS {
            world.clock.advance(TimeDelta::seconds(1));
            if tick % 5 == 0 {
                schedule.deadly.store(true, Ordering::SeqCst);
            }
            let all: [&dyn Schedule; 1] = [&schedule];
            loop {
                let runs = workers
                    .iter()
                    .map(|ctx| AssertUnwindSafe(schedule::run_due(ctx, &all)).catch_unwind());
                for outcome in futures::future::join_all(runs).await.into_iter().flatten() {
                    outcome.expect("a round");
                }
                if ticks(&world, "DONE").await == tick {
                    break;
                }
                end_lease(&world).await;
            }
            assert_eq!(steps(&world).await, [tick, tick], "each step once");
        }
        assert_eq!(ticks(&world, "RUNNING").await, 0);
        world
    });
}

#[test]
fn of_ticks_that_were_missed_the_latest_is_caught_up_once() {
    on_both(|world| async move {
        let schedule = EverySecond::default();
        let all: [&dyn Schedule; 1] = [&schedule];
        world.clock.advance(TimeDelta::seconds(100));
        for ran in [true, false, false] {
            let run = schedule::run_due(&world.ctx, &all).await;
            assert_eq!(run.expect("a round"), ran);
        }
        assert_eq!(steps(&world).await, [1, 1]);
        // Another process comes to it later.
        let other = Ctx {
            db: world.database.location.open(2, None),
            ..world.ctx.clone()
        };
        assert!(!schedule::run_due(&other, &all).await.expect("a round"));
        world.clock.advance(TimeDelta::seconds(1));
        assert!(schedule::run_due(&other, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [2, 2]);
        world
    });
}

#[test]
fn a_tick_that_was_begun_is_brought_to_its_end_before_the_next_begins() {
    on_both(|world| async move {
        let schedule = EverySecond::default();
        let all: [&dyn Schedule; 1] = [&schedule];
        world.clock.advance(TimeDelta::seconds(1));
        schedule.deadly.store(true, Ordering::SeqCst);
        let run = AssertUnwindSafe(schedule::run_due(&world.ctx, &all)).catch_unwind();
        assert!(run.await.is_err(), "the worker dies in the second step");
        // Other ticks come round before anybody is there again, and even its lookback is over.
        world.clock.advance(TimeDelta::minutes(10));
        assert!(!schedule::run_due(&world.ctx, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [1], "its claim holds, the next waits");
        end_lease(&world).await;
        assert!(schedule::run_due(&world.ctx, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [1, 1], "the rest of the first");
        assert!(schedule::run_due(&world.ctx, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [2, 2], "and then the latest");
        assert_eq!(ticks(&world, "DONE").await, 2);
        world
    });
}

#[test]
fn a_worker_that_is_asked_to_stop_leaves_the_rest_to_the_next() {
    on_both(|world| async move {
        let schedule = EverySecond::default();
        let all: [&dyn Schedule; 1] = [&schedule];
        world.clock.advance(TimeDelta::seconds(1));
        let asked = AtomicUsize::new(0);
        // Said after the first step.
        let goes_on = || asked.fetch_add(1, Ordering::SeqCst) == 0;
        let ran = schedule::run_while(&world.ctx, &all, &goes_on).await;
        assert!(ran.expect("a round"));
        assert_eq!(steps(&world).await, [1]);
        assert!(schedule::run_due(&world.ctx, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [1, 1]);
        world
    });
}

/// What is set aside, in one state.
async fn set_aside(world: &World, state: QuarantineState) -> Vec<QuarantineId> {
    let filter = QuarantineFilter {
        state: Some(state),
        work: None,
    };
    let page = PageRequest::first(10);
    let page = quarantine::list(&world.ctx, world.owner.workspace, &filter, &page).await;
    let rows = page.expect("a page").rows.into_iter();
    rows.map(|(_, item)| item.id).collect()
}

#[test]
fn a_replayed_tick_goes_on_among_the_schedules_and_not_under_the_lease_of_its_replay() {
    on_both(|world| async move {
        let schedule = EverySecond::default();
        let all: [&dyn Schedule; 1] = [&schedule];
        let ctx = &world.ctx;
        world.clock.advance(TimeDelta::seconds(1));
        while set_aside(&world, QuarantineState::SetAside)
            .await
            .is_empty()
        {
            schedule.deadly.store(true, Ordering::SeqCst);
            let run = AssertUnwindSafe(schedule::run_due(ctx, &all)).catch_unwind();
            let _ = run.await;
            end_lease(&world).await;
        }
        schedule.deadly.store(false, Ordering::SeqCst);
        assert_eq!(ticks(&world, "QUARANTINED").await, 1);
        let ids = set_aside(&world, QuarantineState::SetAside).await;
        let asked = replay::request(ctx, &world.owner, &ids).await;
        assert_eq!(asked.expect("a request").len(), 1);
        let replayed = replay::run_waiting(ctx, &all).await;
        assert_eq!(replayed.expect("a turn"), 1);
        assert_eq!(set_aside(&world, QuarantineState::Replayed).await, ids);
        assert_eq!(steps(&world).await, [1], "it is only taken up");
        assert!(schedule::run_due(ctx, &all).await.expect("a round"));
        assert_eq!(steps(&world).await, [1, 1]);
        assert_eq!(ticks(&world, "DONE").await, 1);
        world
    });
}
