//! Rules go first while they are behind, for ten seconds at most, and only while somebody is at them.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Tx},
    work::{
        change::Entry,
        projection::{self, FOREMOST, Outcome, Projection},
    },
};

use crate::support::{World, on_both};

const ENTRIES: usize = 5;

/// Counts what it reads, two entries at once.
#[derive(Debug, Default)]
struct Counting {
    pause: TimeDelta,
    entries: AtomicUsize,
}

impl Counting {
    fn patient() -> Self {
        Self {
            pause: TimeDelta::seconds(1),
            ..Self::default()
        }
    }

    async fn run(&self, world: &World) -> Outcome {
        let outcome = projection::run(&world.ctx, self, world.owner.workspace).await;
        outcome.expect("a run")
    }

    fn read(&self) -> usize {
        self.entries.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Projection for Counting {
    fn name(&self) -> &'static str {
        if self.pause.is_zero() {
            "test.prompt"
        } else {
            "test.patient"
        }
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
        self.pause
    }

    async fn apply(&self, _ctx: &Ctx, _tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        self.entries.fetch_add(entries.len(), Ordering::SeqCst);
        Ok(())
    }
}

/// A workspace whose entries were written `age` ago, of which the rules have read none; a worker is at
/// them, if `is_held`.
async fn behind(world: &World, age: TimeDelta, is_held: bool) {
    let ctx = &world.ctx;
    // Everybody has a cursor, and has read what a workspace begins with.
    for counting in [Counting::patient(), Counting::default()] {
        while counting.run(world).await == Outcome::Unsettled {}
    }
    world.drain().await;
    for number in 0..ENTRIES {
        let new = NewContact {
            name: format!("Contact {number}"),
            ..NewContact::default()
        };
        let made = contact::create(ctx, &world.owner, new).await;
        made.expect("a contact");
    }
    world.settle().await;
    Query::new("UPDATE change SET at = $2 WHERE workspace_id = $1")
        .bind(world.owner.workspace)
        .bind(Utc::now() - age)
        .execute(ctx.db.writer())
        .await
        .expect("an update");
    hold(world, is_held.then(|| Utc::now() + TimeDelta::minutes(1))).await;
}

async fn hold(world: &World, until: Option<DateTime<Utc>>) {
    let held = Query::new(
        "UPDATE projection_cursor SET lease_until = $3 WHERE workspace_id = $1 AND projection = $2",
    )
    .bind(world.owner.workspace)
    .bind(FOREMOST)
    .bind(until)
    .execute(world.ctx.db.writer())
    .await;
    assert_eq!(held.expect("an update"), 1);
}

#[test]
fn what_pauses_lets_the_rules_go_first() {
    on_both(|world| async move {
        behind(&world, TimeDelta::seconds(2), true).await;
        let patient = Counting::patient();
        assert_eq!(patient.run(&world).await, Outcome::Paused(patient.pause));
        assert_eq!(patient.read(), 0);
        let prompt = Counting::default();
        assert_eq!(prompt.run(&world).await, Outcome::Idle);
        assert_eq!(prompt.read(), ENTRIES);

        // The rules are through, or nobody is at them any more.
        hold(&world, None).await;
        assert_eq!(patient.run(&world).await, Outcome::Paused(patient.pause));
        assert_eq!(patient.read(), ENTRIES);
        world
    });
}

#[test]
fn nothing_waits_for_rules_that_keep_up_or_longer_than_ten_seconds() {
    on_both(|world| async move {
        for age in [TimeDelta::seconds(11), TimeDelta::seconds(-60)] {
            behind(&world, age, true).await;
            let patient = Counting::patient();
            patient.run(&world).await;
            assert_eq!(patient.read(), ENTRIES, "{age}");
            hold(&world, None).await;
        }
        world
    });
}
