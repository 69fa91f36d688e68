//! The nightly run, late, repeated and cut short, beside following the changes.

use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    ctx::Ctx,
    error::{Error, Result},
    export::Records,
    health::{self, HealthFilter, nightly::NightlyHealth},
    page::PageRequest,
    store::{Query, Tx},
    work::schedule::{self, Schedule},
};

use super::{
    contacts, count, crowd,
    data::{Data, thriving},
    first_night, night, score, scores, set_clock, tick, touch,
};
use crate::support::on_both;

#[test]
fn a_second_night_over_the_same_data_changes_nothing() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        Data::random(&ids, 11).insert(&world).await;
        first_night(&world).await;
        world.drain().await;
        let before = scores(&world, &ids).await;
        let (entries, facts) = (
            count(&world, "health_history").await,
            count(&world, "change").await,
        );
        night(&world, tick() + TimeDelta::seconds(1)).await;
        assert_eq!(scores(&world, &ids).await, before);
        assert_eq!(count(&world, "health_history").await, entries);
        assert_eq!(count(&world, "change").await, facts);
        // The tick itself ran, and is not run again.
        let again = schedule::run_due(&world.ctx, &[&NightlyHealth]).await;
        assert!(!again.unwrap());
        world
    });
}

#[test]
fn the_same_data_as_of_the_same_moment_gives_the_same_rows() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        Data::random(&ids, 13).insert(&world).await;
        first_night(&world).await;
        let first = scores(&world, &ids).await;
        for table in ["contact_health", "health_history"] {
            Query::new(format!("DELETE FROM {table} WHERE workspace_id = $1"))
                .bind(world.owner.workspace)
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
        }
        // Caught up in the morning: still as of two o'clock.
        set_clock(&world, tick() + TimeDelta::hours(7));
        night(&world, tick() + TimeDelta::seconds(1)).await;
        assert_eq!(scores(&world, &ids).await, first);
        // Who fetches every night what was written since the last time gets them.
        let entries = count(&world, "health_history").await;
        for (hours, expected) in [(6, entries), (8, 0)] {
            let since = tick() + TimeDelta::hours(hours);
            let Records::HealthHistory(filter) =
                Records::HealthHistory(HealthFilter::default()).since(since)
            else {
                panic!("it is something else");
            };
            let page = PageRequest::first(100);
            let found = health::list_all(&world.ctx, world.owner.workspace, &filter, &page).await;
            assert_eq!(found.unwrap().rows.len() as i64, expected);
        }
        assert!(entries > 0);
        world
    });
}

#[test]
fn following_the_changes_comes_to_what_a_full_night_comes_to() {
    on_both(|world| async move {
        let ids = contacts(&world, 80).await;
        set_clock(&world, tick() - TimeDelta::hours(2));
        for (round, part) in ids.chunks(40).enumerate() {
            Data::random(part, 17 + round as u64).insert(&world).await;
            world.clock.advance(TimeDelta::hours(1));
            // Each several times, and some that nothing happened to.
            touch(&world, &[part, &ids[..10], part].concat()).await;
        }
        assert_eq!(world.ctx.clock.now(), tick());
        touch(&world, &ids).await;
        let followed = scores(&world, &ids).await;
        assert!(followed.iter().any(|row| row.score.is_some()));
        let entries = count(&world, "health_history").await;
        night(&world, tick()).await;
        assert_eq!(scores(&world, &ids).await, followed);
        assert_eq!(count(&world, "health_history").await, entries);
        world
    });
}

#[test]
fn a_late_night_does_not_take_back_a_newer_score() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        thriving(id).insert(&world).await;
        set_clock(&world, tick() + TimeDelta::hours(3));
        touch(&world, &[id]).await;
        let newer = score(&world, id).await;
        night(&world, tick()).await;
        assert_eq!(score(&world, id).await, newer);
        world
    });
}

/// The nightly run, whose worker fails once after its second step.
#[derive(Debug, Default)]
struct FailingOnce(AtomicBool);

#[async_trait]
impl Schedule for FailingOnce {
    fn name(&self) -> &'static str {
        NightlyHealth.name()
    }

    fn cron(&self) -> &'static str {
        NightlyHealth.cron()
    }

    fn lookback(&self) -> TimeDelta {
        NightlyHealth.lookback()
    }

    async fn step(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        progress: serde_json::Value,
    ) -> Result<Option<serde_json::Value>> {
        let first = progress == serde_json::json!({});
        let next = NightlyHealth.step(ctx, tx, progress).await?;
        if first || self.0.swap(true, Ordering::Relaxed) {
            return Ok(next);
        }
        Err(Error::Internal("the power went".to_owned()))
    }
}

#[test]
fn a_night_that_was_cut_short_goes_on_where_it_was() {
    on_both(|world| async move {
        let ids = crowd(&world).await;
        set_clock(&world, tick());
        let schedule = FailingOnce::default();
        let workspace = world.owner.workspace;
        let cut = schedule::run_tick(&world.ctx, &schedule, workspace, tick()).await;
        assert!(cut.is_err());
        let done = health::nightly::STEP as usize;
        assert_eq!(scores(&world, &ids).await.len(), done);

        // The pause before the next try is by the database's clock; end it.
        Query::new("UPDATE schedule_tick SET lease_until = NULL WHERE workspace_id = $1")
            .bind(workspace)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        world.clock.advance(TimeDelta::hours(1));
        assert!(
            schedule::run_tick(&world.ctx, &schedule, workspace, tick())
                .await
                .unwrap()
        );
        let rows = scores(&world, &ids).await;
        assert_eq!(rows.len(), ids.len());
        let known = rows.iter().filter(|row| row.score.is_some()).count();
        assert_eq!(count(&world, "health_history").await, known as i64);
        // Also the rest was evaluated for the tick, not for when it was resumed.
        let scored = rows.iter().filter(|row| row.score.is_some());
        assert!(scored.into_iter().all(|row| row.as_of == tick()));
        world
    });
}
