//! Rules go first when everything comes at once, and keep nobody waiting for long.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    error::Result,
    port::{Clock as _, SystemClock, Work},
    store::{Query, Tx},
    work::{
        change::Entry,
        projection::{self, FOREMOST, Outcome, Projection},
    },
};
use entity::id::WorkspaceId;
use sea_orm::ConnectionTrait;

use crate::support::{World, on_both};

/// Well below the time for which others wait.
const SOON: TimeDelta = TimeDelta::seconds(5);
const PAUSE: TimeDelta = TimeDelta::seconds(1);

/// Counts the contacts that are made, two at once, with a pause.
#[derive(Debug, Default)]
struct Resting {
    read: AtomicUsize,
    /// Whether somebody begins to work on the rules during each batch.
    brings_rules: bool,
}

#[async_trait]
impl Projection for Resting {
    fn name(&self) -> &'static str {
        "test.resting"
    }

    fn work(&self) -> Work {
        Work::Changes
    }

    fn facts(&self) -> &'static [&'static str] {
        &["contact.created"]
    }

    fn batch(&self) -> i64 {
        2
    }

    fn pause(&self) -> TimeDelta {
        PAUSE
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        self.read.fetch_add(entries.len(), Ordering::SeqCst);
        if self.brings_rules {
            hold_rules(tx.connection(), tx.workspace, true).await;
        }
        Ok(())
    }
}

impl Resting {
    fn read(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }

    async fn run(&self, world: &World) -> Outcome {
        let run = projection::run(&world.ctx, self, world.owner.workspace);
        run.await.expect("a run")
    }
}

/// Has somebody work on the rules, or nobody.
async fn hold_rules(connection: &impl ConnectionTrait, workspace: WorkspaceId, held: bool) {
    let far = DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
    let held = Query::new(
        "UPDATE projection_cursor SET lease_until = $3 WHERE workspace_id = $1 AND projection = $2",
    )
    .bind(workspace)
    .bind(FOREMOST)
    .bind(held.then_some(far))
    .execute(connection)
    .await;
    held.expect("an update");
}

async fn make_contact(world: &World) {
    let new = NewContact {
        name: "Sato".to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact");
}

/// Lets everybody read all there is, and makes contacts who are `age` old.
async fn make_contacts(world: &World, count: usize, age: TimeDelta) {
    let (writer, workspace) = (world.ctx.db.writer(), world.owner.workspace);
    hold_rules(writer, workspace, false).await;
    world.drain().await;
    Resting::default().run(world).await;
    let made_at = SystemClock.now() - age;
    world.clock.advance(made_at - world.ctx.clock.now());
    for _ in 0..count {
        make_contact(world).await;
    }
    world.settle().await;
}

/// Whether what was made last is so young that others would still wait: a machine may stand still.
fn is_young(world: &World) -> bool {
    SystemClock.now() - world.ctx.clock.now() < SOON
}

#[test]
fn what_pauses_lets_rules_go_first_for_ten_seconds_at_most() {
    on_both(|world| async move {
        let (writer, workspace) = (world.ctx.db.writer(), world.owner.workspace);
        // Both have to have begun.
        make_contacts(&world, 1, PAUSE).await;
        for (age_s, held, reads) in [(1, true, false), (1, false, true), (20, true, true)] {
            loop {
                make_contacts(&world, 1, TimeDelta::seconds(age_s)).await;
                hold_rules(writer, workspace, held).await;
                let resting = Resting::default();
                let outcome = resting.run(&world).await;
                if reads || is_young(&world) {
                    assert_eq!(outcome, Outcome::Paused(PAUSE));
                    assert_eq!(resting.read() > 0, reads, "{age_s} {held}");
                    break;
                }
            }
        }
        hold_rules(writer, workspace, false).await;
        world
    });
}

#[test]
fn what_pauses_also_stops_between_two_batches_for_rules() {
    on_both(|world| async move {
        let (writer, workspace) = (world.ctx.db.writer(), world.owner.workspace);
        make_contacts(&world, 1, PAUSE).await;
        let resting = loop {
            make_contacts(&world, 5, PAUSE).await;
            let resting = Resting {
                brings_rules: true,
                ..Resting::default()
            };
            assert_eq!(resting.run(&world).await, Outcome::Paused(PAUSE));
            let read = resting.read();
            // It goes on neither now, nor when it comes again.
            resting.run(&world).await;
            if is_young(&world) {
                assert_eq!((read, resting.read()), (2, 2));
                break resting;
            }
        };
        hold_rules(writer, workspace, false).await;
        resting.run(&world).await;
        assert!(resting.read() > 2, "nobody is at the rules any more");
        hold_rules(writer, workspace, false).await;
        world
    });
}

#[test]
fn what_was_written_by_a_clock_that_is_ahead_keeps_nobody_waiting_longer() {
    on_both(|world| async move {
        let (writer, workspace) = (world.ctx.db.writer(), world.owner.workspace);
        make_contacts(&world, 1, PAUSE).await;
        make_contacts(&world, 1, PAUSE).await;
        // Rules have this one still before them.
        Resting::default().run(&world).await;
        world.clock.advance(TimeDelta::hours(1));
        make_contact(&world).await;
        world.settle().await;
        hold_rules(writer, workspace, true).await;
        let resting = Resting::default();
        resting.run(&world).await;
        assert_eq!(resting.read(), 1);
        hold_rules(writer, workspace, false).await;
        world
    });
}
