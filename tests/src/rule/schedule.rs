//! Rules that wait for the clock.

use chrono::{DateTime, Utc};
use domain::{
    condition::TagMode,
    rule::{
        Limits,
        tick::RuleTick,
        trigger::{Cadence, OnSchedule, Trigger},
    },
    work::schedule::{self, Schedule},
};
use entity::kind::TagKind;

use super::{firings, limited, tag_with, tags_of};
use crate::support::{World, engine::contact_has, on_both};

async fn tick(world: &World) {
    let schedules: [&dyn Schedule; 1] = [&RuleTick];
    while schedule::run_due(&world.ctx, &schedules).await.unwrap() {}
    world.drain().await;
}

#[test]
fn every_contact_is_looked_at_once_when_the_clock_comes_round() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        world
            .receive(&[("1", "a@c.example", "x"), ("2", "b@c.example", "y")])
            .await;
        let a = super::contact_of(&world, "a@c.example").await;
        let request = domain::tag::Request::contact(a, vip);
        domain::tag::tagging::tag_many(&world.ctx, &world.owner, &[request], "")
            .await
            .unwrap();
        world.drain().await;
        // The test's clock begins on a Sunday at noon in Tokyo.
        let mondays = Trigger::OnSchedule(OnSchedule {
            every: Cadence::Week,
            hour: 9,
            minute: 0,
            weekday: Some(1),
            day: None,
        });
        let is_vip = contact_has(TagMode::Any, &[vip]);
        let rule = limited(&world, mondays, is_vip, tag_with(called), Limits::default()).await;
        tick(&world).await;
        assert_eq!(firings(&world, rule.id).await.len(), 0, "not yet");
        let monday: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        world.clock.advance(monday - world.ctx.clock.now());
        tick(&world).await;
        tick(&world).await;
        let found = firings(&world, rule.id).await;
        assert_eq!(found.len(), 1, "those who meet the condition, once");
        assert_eq!(found[0].contact_id, Some(a));
        assert!(tags_of(&world, a.0).await.contains(&called));
        // Nobody was there at the time of the next: it is caught up.
        let tuesday: DateTime<Utc> = "2026-03-10T03:20:00Z".parse().unwrap();
        world.clock.advance(tuesday - world.ctx.clock.now());
        tick(&world).await;
        assert_eq!(firings(&world, rule.id).await.len(), 2);
        world
    });
}
