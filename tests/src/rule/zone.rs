//! The clock of a workspace is set to another time zone.

use chrono::{DateTime, Utc};
use domain::{
    rule::{
        tick::RuleTick,
        trigger::{Cadence, OnSchedule, Trigger},
    },
    work::schedule::{self, Schedule},
    workspace::{self, WorkspaceChanges},
};
use entity::kind::TagKind;

use super::{firings, on, refused, tag_with};
use crate::support::{World, on_both};

async fn tick_at(world: &World, at: &str) {
    let at: DateTime<Utc> = at.parse().unwrap();
    world.clock.advance(at - world.ctx.clock.now());
    let schedules: [&dyn Schedule; 1] = [&RuleTick];
    while schedule::run_due(&world.ctx, &schedules).await.unwrap() {}
    world.drain().await;
}

fn to_zone(name: &str) -> WorkspaceChanges {
    WorkspaceChanges {
        time_zone: Some(name.to_owned()),
        ..WorkspaceChanges::default()
    }
}

#[test]
fn what_is_no_zone_is_refused_and_nothing_is_changed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for name in ["", "Tokyo", "+09:00", "Asia/Nowhere", "\0"] {
            let changes = WorkspaceChanges {
                name: Some("Renamed".to_owned()),
                ..to_zone(name)
            };
            let error = workspace::update(ctx, owner, changes).await.unwrap_err();
            let refusals = refused(error);
            let paths: Vec<_> = refusals.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, ["timeZone"], "{name:?}");
        }
        let stored = workspace::find(ctx, owner.workspace).await.unwrap();
        assert_eq!(stored.time_zone, "Asia/Tokyo");
        assert_ne!(stored.name, "Renamed");
        let changed = workspace::update(ctx, owner, to_zone("Europe/Berlin")).await;
        assert_eq!(changed.unwrap().time_zone, "Europe/Berlin");
        world
    });
}

#[test]
fn a_rule_for_the_clock_goes_by_the_new_zone_and_catches_nothing_up() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        world.receive(&[("1", "a@c.example", "x")]).await;
        world.drain().await;
        let at_nine = Trigger::OnSchedule(OnSchedule {
            every: Cadence::Day,
            hour: 9,
            minute: 0,
            weekday: None,
            day: None,
        });
        let rule = on(&world, at_nine, tag_with(called)).await.id;
        // Nine o'clock in Tokyo.
        tick_at(&world, "2026-03-02T00:00:00Z").await;
        assert_eq!(firings(&world, rule).await.len(), 1);
        // In Los Angeles it is noon: nine o'clock was three hours ago, and nobody waited for it.
        tick_at(&world, "2026-03-02T20:00:00Z").await;
        let moved = workspace::update(ctx, owner, to_zone("America/Los_Angeles")).await;
        assert_eq!(moved.unwrap().time_zone, "America/Los_Angeles");
        for silent in [
            "2026-03-02T20:15:00Z",
            "2026-03-03T00:00:00Z",
            "2026-03-03T16:45:00Z",
        ] {
            tick_at(&world, silent).await;
            assert_eq!(firings(&world, rule).await.len(), 1, "{silent}");
        }
        tick_at(&world, "2026-03-03T17:00:00Z").await;
        assert_eq!(firings(&world, rule).await.len(), 2);
        // The same zone again is no change, and what is due still runs.
        world.clock.advance(chrono::TimeDelta::days(1));
        workspace::update(ctx, owner, to_zone("America/Los_Angeles"))
            .await
            .unwrap();
        tick_at(&world, "2026-03-04T17:00:00Z").await;
        assert_eq!(firings(&world, rule).await.len(), 3);
        world
    });
}
