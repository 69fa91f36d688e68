//! Trying rules that wait for the clock on the contacts of today.

use chrono::{DateTime, Utc};
use domain::{
    action::Action,
    condition::TagMode,
    rule::{
        Limits, OncePer,
        definition::{Definition, always},
        rehearse::{Rehearsal, Subject, rehearse},
        tick::RuleTick,
        trigger::{Cadence, OnSchedule, Trigger},
    },
    tag::{Request, tagging},
    work::schedule::{self, Schedule},
};
use entity::{id::TagId, kind::TagKind};
use serde_json::json;

use super::{contact_of, limited, tag_with};
use crate::support::{
    World,
    engine::{contact_has, notify},
    on_both,
};

fn every(cadence: Cadence, weekday: Option<i64>) -> Trigger {
    Trigger::OnSchedule(OnSchedule {
        every: cadence,
        hour: 9,
        minute: 0,
        weekday,
        day: None,
    })
}

async fn tried(world: &World, trigger: Trigger, actions: Vec<Action>, has: TagId) -> Rehearsal {
    let draft = Definition {
        trigger,
        condition: contact_has(TagMode::Any, &[has]),
        actions,
        limits: Limits::default(),
    };
    try_it(world, Subject::Draft(Box::new(draft))).await
}

async fn try_it(world: &World, subject: Subject) -> Rehearsal {
    let found = rehearse(&world.ctx, &world.owner, subject, 30).await;
    found.expect("a rehearsal")
}

/// Three contacts, of whom two carry the tag.
async fn two_of_three(world: &World, vip: TagId) {
    world
        .receive(&[
            ("1", "a@c.example", "x"),
            ("2", "b@c.example", "y"),
            ("3", "c@c.example", "z"),
        ])
        .await;
    for email in ["a@c.example", "b@c.example"] {
        let request = [Request::contact(contact_of(world, email).await, vip)];
        let tagged = tagging::tag_many(&world.ctx, &world.owner, &request, "").await;
        tagged.expect("a tag");
    }
    world.drain().await;
}

#[test]
fn a_rule_for_the_clock_is_tried_on_the_contacts_of_today() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let called = world.tag(TagKind::Contact, "To be called", None).await;
        let sales = world.target("sales").await;
        two_of_three(&world, vip).await;
        let mut acts = tag_with(called);
        acts.push(notify(sales));

        // The test's clock begins on a Sunday at noon in Tokyo.
        let mondays = every(Cadence::Week, Some(1));
        let found = tried(&world, mondays, acts.clone(), vip).await;
        assert!(found.complete, "{found:?}");
        assert_eq!((found.contacts, found.matches), (3, 2));
        let monday: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        assert_eq!(found.next_at, Some(monday));
        assert_eq!(found.days.values().copied().collect::<Vec<_>>(), [2]);
        let times: Vec<i64> = found.effects.iter().map(|one| one.times).collect();
        assert_eq!(times, [2, 2]);
        assert_eq!(found.samples.len(), 2);
        assert!(found.samples.iter().all(|one| one.at == monday));
        let a = contact_of(&world, "a@c.example").await;
        assert!(found.samples.iter().any(|one| one.case.contact == Some(a)));
        assert!((found.notices_per_week - 2.0).abs() < 0.01, "{found:?}");

        let daily = every(Cadence::Day, None);
        let found = tried(&world, daily, acts, vip).await;
        let times: Vec<i64> = found.effects.iter().map(|one| one.times).collect();
        assert_eq!((found.matches, times), (2, vec![2, 2]), "at one time");
        assert!((found.notices_per_week - 14.0).abs() < 0.01, "{found:?}");
        world
    });
}

#[test]
fn what_a_rule_would_have_done_before_and_really_did_counts_for_a_week() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let sales = world.target("sales").await;
        two_of_three(&world, vip).await;
        let limits = Limits {
            once_per: Some(OncePer::Contact),
            ..Limits::default()
        };
        let daily = || every(Cadence::Day, None);
        let draft = Definition {
            trigger: daily(),
            condition: always(),
            actions: vec![notify(sales)],
            limits: limits.clone(),
        };
        let found = try_it(&world, Subject::Draft(Box::new(draft))).await;
        assert_eq!(found.matches, 3);
        assert!((found.notices_per_week - 3.0).abs() < 0.01, "{found:?}");

        let called = world.tag(TagKind::Contact, "To be called", None).await;
        let acts = tag_with(called);
        let rule = limited(&world, daily(), always(), acts, limits).await;
        let saved = Subject::Saved(rule.id);
        assert_eq!(try_it(&world, saved.clone()).await.matches, 3);
        let monday: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        world.clock.advance(monday - world.ctx.clock.now());
        let schedules: [&dyn Schedule; 1] = [&RuleTick];
        while schedule::run_due(&world.ctx, &schedules).await.unwrap() {}
        world.drain().await;
        world.receive(&[("4", "d@c.example", "new")]).await;
        world.drain().await;
        let found = try_it(&world, saved).await;
        assert_eq!((found.contacts, found.matches), (4, 1));
        world
    });
}

#[test]
fn the_notices_of_a_week_count_where_none_is_sent_at_the_next_time() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let sales = world.target("sales").await;
        two_of_three(&world, vip).await;
        // Nothing on a Monday, which comes next.
        let condition = json!({ "timeOfDay": {
            "weekdays": ["TUESDAY", "FRIDAY"], "from": "08:00", "until": "18:00",
        } });
        let draft = Definition {
            trigger: every(Cadence::Day, None),
            condition: serde_json::from_value(condition).expect("a condition"),
            actions: vec![notify(sales)],
            limits: Limits::default(),
        };
        let found = try_it(&world, Subject::Draft(Box::new(draft))).await;
        assert_eq!((found.matches, found.days.len()), (0, 0), "{found:?}");
        assert_eq!(found.effects[0].times, 0);
        assert!((found.notices_per_week - 6.0).abs() < 0.01, "{found:?}");
        world
    });
}
