//! Whatever makes a notice late, it never sets off within the quiet hours of its rule, or outside of the
//! business hours if the rule keeps to them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    contact::{self, NewContact},
    notification::manage::NewTarget,
    operation::Limits as Limited,
    playbook::{self, Definition, NewPlaybook},
    rule::{self, Limits, NewRule, QuietHours, trigger::Trigger},
    workspace::{self, BusinessHours, BusinessSpan, WorkspaceChanges},
};
use entity::{
    id::{DeliveryId, TargetId},
    kind::{DeliveryState, TargetKind, Weekday},
};
use serde_json::json;

use super::{deliveries, greet, pace::an_hour_passes, stored};
use crate::support::{
    World,
    engine::{Receiver, answer, notify, words},
    on_both,
};

/// Quiet hours until 18:00. The test's clock begins at noon in Tokyo, on a Sunday.
fn quiet_from(hour: i64, minute: i64) -> Limits {
    Limits {
        quiet_hours: Some(QuietHours {
            from_hour: hour,
            from_minute: minute,
            to_hour: 18,
            to_minute: 0,
        }),
        ..Limits::default()
    }
}

fn six_in_the_evening() -> DateTime<Utc> {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

async fn webhook(world: &World, digest: Option<i64>, limit: Option<i64>) -> TargetId {
    let new = NewTarget {
        digest_minutes: digest,
        hourly_limit: limit,
        ..NewTarget::at(TargetKind::Webhook, "crm", "https://receiver.example/hook")
    };
    world.target_of(new).await
}

/// Makes a rule with limits that notifies `target` of every greeting.
async fn greeting(world: &World, target: TargetId, limits: Limits) {
    let new = NewRule {
        name: "greeting".to_owned(),
        trigger: Trigger::default(),
        condition: words(&["hello"]),
        actions: vec![notify(target)],
        limits,
    };
    rule::create(&world.ctx, &world.owner, new).await.unwrap();
}

/// When it is tried next.
async fn next(world: &World, id: DeliveryId) -> Option<DateTime<Utc>> {
    stored(world, id).await.next_attempt_at
}

/// Lets workers come by again and again, as if all that waits were due.
async fn hurry(world: &World, receiver: &Receiver) {
    for _ in 0..5 {
        world.hurry().await;
        world.deliver(receiver).await;
    }
}

/// Lets the hours end; everything is told.
async fn evening_comes(world: &World, receiver: &Receiver, ids: &[DeliveryId]) {
    world
        .clock
        .advance(six_in_the_evening() - world.ctx.clock.now());
    hurry(world, receiver).await;
    for &id in ids {
        let state = stored(world, id).await.state;
        let is_told = matches!(state, DeliveryState::Delivered | DeliveryState::Folded);
        assert!(is_told, "{state:?}");
    }
}

#[test]
fn a_digest_that_comes_due_in_quiet_hours_waits_for_their_end() {
    on_both(|world| async move {
        let target = webhook(&world, Some(30), None).await;
        greeting(&world, target, quiet_from(12, 15)).await;
        let ids = greet(&world, 2, "m").await;
        for &id in &ids {
            assert_eq!(next(&world, id).await, Some(six_in_the_evening()));
        }
        let receiver = Receiver::default();
        world.clock.advance(TimeDelta::minutes(31));
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 0);
        evening_comes(&world, &receiver, &ids).await;
        assert_eq!(receiver.calls().len(), 1);
        world
    });
}

#[test]
fn a_digest_of_others_leaves_out_what_quiet_hours_have_come_to_hold() {
    on_both(|world| async move {
        let target = webhook(&world, Some(30), None).await;
        greeting(&world, target, quiet_from(12, 15)).await;
        let held = greet(&world, 1, "m").await;
        world
            .rule("at once", words(&["urgent"]), vec![notify(target)])
            .await;
        let urgent = [
            ("u1", "taro@customer.example", "urgent"),
            ("u2", "taro@customer.example", "urgent"),
        ];
        world.receive(&urgent).await;
        world.drain().await;
        world.clock.advance(TimeDelta::minutes(31));
        let receiver = Receiver::default();
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        let state = stored(&world, held[0]).await.state;
        assert_eq!(state, DeliveryState::Pending);
        evening_comes(&world, &receiver, &held).await;
        assert_eq!(receiver.calls().len(), 2);
        world
    });
}

#[test]
fn what_waits_for_room_in_a_budget_waits_for_the_end_of_quiet_hours_too() {
    on_both(|world| async move {
        let target = webhook(&world, None, Some(1)).await;
        greeting(&world, target, quiet_from(12, 30)).await;
        let ids = greet(&world, 3, "m").await;
        let receiver = Receiver::default();
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        let mut waiting = Vec::new();
        for &id in &ids {
            if stored(&world, id).await.state == DeliveryState::Pending {
                assert_eq!(next(&world, id).await, Some(six_in_the_evening()));
                waiting.push(id);
            }
        }
        assert_eq!(waiting.len(), 2);
        world.clock.advance(TimeDelta::minutes(61));
        an_hour_passes(&world).await;
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        evening_comes(&world, &receiver, &ids).await;
        assert_eq!(receiver.calls().len(), 2, "the rest is told together");
        world
    });
}

#[test]
fn a_retry_waits_for_the_end_of_quiet_hours() {
    on_both(|world| async move {
        let target = webhook(&world, None, None).await;
        greeting(&world, target, quiet_from(12, 15)).await;
        let ids = greet(&world, 1, "m").await;
        let receiver = Receiver::answering((0..3).map(|_| answer(500, None, "")));
        for _ in 0..2 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        let soon = next(&world, ids[0]).await.unwrap() - world.ctx.clock.now();
        assert!(soon < TimeDelta::minutes(6), "{soon}");
        // The next would be half an hour later.
        world.hurry().await;
        world.deliver(&receiver).await;
        assert_eq!(receiver.calls().len(), 3);
        assert_eq!(next(&world, ids[0]).await, Some(six_in_the_evening()));
        world.clock.advance(TimeDelta::minutes(31));
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 3);
        evening_comes(&world, &receiver, &ids).await;
        assert_eq!(receiver.calls().len(), 4);
        world
    });
}

#[test]
fn a_retry_of_a_digest_keeps_to_the_hours_of_all_it_tells() {
    on_both(|world| async move {
        let target = webhook(&world, Some(5), None).await;
        greeting(&world, target, quiet_from(12, 15)).await;
        let ids = greet(&world, 2, "m").await;
        let receiver = Receiver::answering([answer(500, None, "")]);
        for _ in 0..2 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        assert_eq!(receiver.calls().len(), 1);
        let digest = stored(&world, ids[0]).await.folded_into.unwrap();
        world.clock.advance(TimeDelta::minutes(16));
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        assert_eq!(next(&world, digest).await, Some(six_in_the_evening()));
        evening_comes(&world, &receiver, &[digest]).await;
        assert_eq!(receiver.calls().len(), 2);
        world
    });
}

#[test]
fn a_digest_that_comes_due_after_business_waits_for_the_next_business_hours() {
    on_both(|world| async move {
        let sunday = BusinessSpan {
            weekday: Weekday::Sunday,
            from: "09:00".to_owned(),
            until: "12:15".to_owned(),
        };
        let changes = WorkspaceChanges {
            business_hours: Some(BusinessHours {
                spans: vec![sunday],
                holidays: Vec::new(),
            }),
            ..WorkspaceChanges::default()
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        workspace::update(ctx, owner, changes).await.unwrap();
        let target = webhook(&world, Some(30), None).await;
        let limits = Limits {
            notify_in_business_hours: true,
            ..Limits::default()
        };
        greeting(&world, target, limits).await;
        let ids = greet(&world, 1, "m").await;
        let next_sunday: DateTime<Utc> = "2026-03-08T00:00:00Z".parse().unwrap();
        assert_eq!(next(&world, ids[0]).await, Some(next_sunday));
        let receiver = Receiver::default();
        world.clock.advance(TimeDelta::minutes(31));
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 0);
        world.clock.advance(next_sunday - world.ctx.clock.now());
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        world
    });
}

#[test]
fn notices_of_a_playbook_keep_to_its_hours_whatever_makes_them_late() {
    on_both(|world| async move {
        let target = webhook(&world, Some(5), None).await;
        let told = json!({
            "form": 1,
            "steps": [{ "id": "tell", "kind": { "actions": [
                { "notify": { "targetId": target.0, "title": "Look" } },
            ] } }],
            "limits": { "quietHours": { "fromHour": 12, "fromMinute": 15, "toHour": 18 } },
        });
        let new = NewPlaybook {
            name: "Tell".to_owned(),
            description: String::new(),
            definition: Definition::from_stored(told).unwrap(),
            publish: true,
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        let book = playbook::create(ctx, owner, new).await.unwrap();
        let enrol = async |name: &str| {
            let new = NewContact {
                name: name.to_owned(),
                ..NewContact::default()
            };
            let contact = contact::create(ctx, owner, new).await.unwrap().id;
            let enrolled = playbook::enrol_contacts(ctx, owner, book.id, &[contact]).await;
            enrolled.unwrap();
            playbook::run_due(ctx, None, Limited::none()).await.unwrap();
        };
        // Two before the hours, which are told together, and not at the first attempt.
        enrol("Taro").await;
        enrol("Hanako").await;
        let receiver = Receiver::answering([answer(500, None, "")]);
        for _ in 0..2 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        assert_eq!(receiver.calls().len(), 1);
        // One within.
        world.clock.advance(TimeDelta::minutes(16));
        enrol("Jiro").await;
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 1);
        let mut waiting = 0;
        for id in deliveries(&world).await {
            let one = stored(&world, id).await;
            if one.state == DeliveryState::Pending {
                assert_eq!(one.next_attempt_at, Some(six_in_the_evening()));
                waiting += 1;
            }
        }
        assert_eq!(waiting, 2, "the digest and the one within");
        world
            .clock
            .advance(six_in_the_evening() - world.ctx.clock.now());
        hurry(&world, &receiver).await;
        assert_eq!(receiver.calls().len(), 3);
        world
    });
}
