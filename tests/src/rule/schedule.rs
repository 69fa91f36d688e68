//! Rules that wait for the clock.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    condition::TagMode,
    rule::{
        self, Limits, RuleChanges,
        tick::RuleTick,
        trigger::{Cadence, OnSchedule, Trigger},
    },
    store::Query,
    work::schedule::{self, Schedule},
};
use entity::{id::RuleId, kind::TagKind};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use super::{firings, limited, on, tag_with, tags_of};
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
        let is_vip = contact_has(TagMode::Any, &[vip]);
        let rule = limited(
            &world,
            every_monday(),
            is_vip,
            tag_with(called),
            Limits::default(),
        )
        .await;
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

#[test]
fn a_rule_that_cannot_be_run_keeps_none_from_running() {
    on_both(|world| async move {
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        world
            .receive(&[("1", "a@c.example", "x"), ("2", "b@c.example", "y")])
            .await;
        world.drain().await;
        let act = || tag_with(called);
        let broken = on(&world, every_monday(), act()).await;
        let sound = on(&world, every_monday(), act()).await;
        let obstacle = Obstacle::of(&world, broken.id);
        obstacle.put(&world).await;
        let monday: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        world.clock.advance(monday - world.ctx.clock.now());
        let schedules: [&dyn Schedule; 1] = [&RuleTick];
        let failed = schedule::run_due(&world.ctx, &schedules).await;
        assert!(failed.is_err());
        assert_eq!(firings(&world, broken.id).await.len(), 0);
        assert_eq!(firings(&world, sound.id).await.len(), 2);
        // What kept it from running goes away: it has its turn, late, but it has it.
        obstacle.take_away(&world).await;
        Query::new("UPDATE schedule_tick SET lease_until = NULL WHERE state = 'RUNNING'")
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        world.clock.advance(TimeDelta::minutes(20));
        tick(&world).await;
        assert_eq!(firings(&world, broken.id).await.len(), 2);
        assert_eq!(firings(&world, sound.id).await.len(), 2);
        world
    });
}

#[test]
fn a_rule_that_was_moved_still_runs_for_the_time_before() {
    on_both(|world| async move {
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        world.receive(&[("1", "a@c.example", "x")]).await;
        world.drain().await;
        let one = on(&world, every_monday(), tag_with(called)).await;
        let two = on(&world, every_monday(), tag_with(called)).await;
        // Nine o'clock has come, and somebody is faster than the workers.
        let monday: DateTime<Utc> = "2026-03-02T00:00:01Z".parse().unwrap();
        world.clock.advance(monday - world.ctx.clock.now());
        let order = [two.id, one.id];
        let moved = rule::reorder(&world.ctx, &world.owner, &order).await;
        assert_eq!(moved.unwrap(), 2);
        tick(&world).await;
        for rule in order {
            assert_eq!(firings(&world, rule).await.len(), 1);
        }
        world
    });
}

#[test]
fn a_rule_that_was_changed_still_runs_for_the_time_before_unless_its_trigger_was() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        world.receive(&[("1", "a@c.example", "x")]).await;
        world.drain().await;
        let other = world.tag(TagKind::Contact, "Other", None).await;
        let renamed = on(&world, every_monday(), tag_with(called)).await.id;
        let edited = on(&world, every_monday(), tag_with(called)).await.id;
        let retimed = on(&world, every_monday(), tag_with(called)).await.id;
        let resumed = on(&world, every_monday(), tag_with(called)).await.id;
        rule::set_active(ctx, owner, resumed, false).await.unwrap();
        // Nine o'clock has come, and somebody is faster than the workers.
        let monday: DateTime<Utc> = "2026-03-02T00:00:01Z".parse().unwrap();
        world.clock.advance(monday - ctx.clock.now());
        let none = RuleChanges::default;
        let name = RuleChanges {
            name: Some("another name".to_owned()),
            ..none()
        };
        rule::update(ctx, owner, renamed, name).await.unwrap();
        let condition = RuleChanges {
            condition: Some(contact_has(TagMode::None, &[other])),
            ..none()
        };
        rule::update(ctx, owner, edited, condition).await.unwrap();
        let trigger = RuleChanges {
            trigger: Some(Trigger::OnSchedule(OnSchedule {
                every: Cadence::Day,
                hour: 9,
                minute: 0,
                weekday: None,
                day: None,
            })),
            ..none()
        };
        rule::update(ctx, owner, retimed, trigger).await.unwrap();
        rule::set_active(ctx, owner, resumed, true).await.unwrap();
        tick(&world).await;
        assert_eq!(firings(&world, renamed).await.len(), 1);
        assert_eq!(firings(&world, retimed).await.len(), 0);
        assert_eq!(firings(&world, resumed).await.len(), 0);
        assert_eq!(firings(&world, edited).await.len(), 1);
        world
    });
}

fn every_monday() -> Trigger {
    Trigger::OnSchedule(OnSchedule {
        every: Cadence::Week,
        hour: 9,
        minute: 0,
        weekday: Some(1),
        day: None,
    })
}

/// Makes the database refuse the firings of one rule.
struct Obstacle {
    put: String,
    take_away: &'static str,
}

impl Obstacle {
    fn of(world: &World, rule: RuleId) -> Self {
        let id = rule.0;
        match world.ctx.db.backend() {
            DatabaseBackend::Postgres => Self {
                put: format!(
                    "ALTER TABLE rule_firing ADD CONSTRAINT obstacle CHECK (rule_id <> '{id}')"
                ),
                take_away: "ALTER TABLE rule_firing DROP CONSTRAINT obstacle",
            },
            _ => Self {
                put: format!(
                    "CREATE TRIGGER obstacle BEFORE INSERT ON rule_firing
                     WHEN NEW.rule_id = X'{}' BEGIN SELECT RAISE(ABORT, 'refused'); END",
                    id.simple()
                ),
                take_away: "DROP TRIGGER obstacle",
            },
        }
    }

    async fn put(&self, world: &World) {
        let owner = world.ctx.db.owner();
        owner.execute_unprepared(&self.put).await.unwrap();
    }

    async fn take_away(&self, world: &World) {
        let owner = world.ctx.db.owner();
        owner.execute_unprepared(self.take_away).await.unwrap();
    }
}
