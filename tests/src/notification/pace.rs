//! Digests and budgets: nothing is lost, and what is told together stays in the log.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    error::UserErrorCode,
    notification::{
        delivery::{self, DeliveryFilter},
        manage::{self, NewTarget, TargetChanges},
    },
    page::PageRequest,
    rule::{self, Limits, NewRule, QuietHours, trigger::Trigger},
    store::{Query, dialect},
};
use entity::{
    id::{DeliveryId, TargetId},
    kind::{DeliveryState, TargetKind},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use serde_json::Value;

use super::{greet, greeted, mistakes, stored};
use crate::support::{
    World,
    engine::{Receiver, answer, notify, words},
    on_both,
};

async fn webhook(world: &World, digest: Option<i64>, limit: Option<i64>) -> TargetId {
    let new = NewTarget {
        digest_minutes: digest,
        hourly_limit: limit,
        ..NewTarget::at(TargetKind::Webhook, "crm", "https://receiver.example/hook")
    };
    world.target_of(new).await
}

fn told(receiver: &Receiver) -> Vec<Value> {
    let calls = receiver.calls();
    let bodies = calls.iter();
    bodies
        .map(|call| serde_json::from_slice(&call.body).unwrap())
        .collect()
}

async fn folded(world: &World, digest: DeliveryId) -> Vec<DeliveryId> {
    let filter = DeliveryFilter {
        folded_into: Some(digest),
        ..DeliveryFilter::default()
    };
    let page = PageRequest::first(100);
    let page = delivery::list(&world.ctx, world.owner.workspace, filter, &page).await;
    let mut ids: Vec<_> = page.unwrap().rows.iter().map(|(_, row)| row.id).collect();
    ids.sort();
    ids
}

/// Lets workers go on until nothing is due, as time passes.
async fn settle(world: &World, receiver: &Receiver) {
    for _ in 0..60 {
        world.hurry().await;
        if world.deliver(receiver).await.claimed == 0 {
            return;
        }
    }
    panic!("it does not come to rest");
}

/// Makes everything that was sent an hour old.
pub(super) async fn an_hour_passes(world: &World) {
    Query::new("UPDATE delivery SET sent_at = $1 WHERE sent_at IS NOT NULL")
        .bind(DateTime::<Utc>::UNIX_EPOCH)
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
}

#[test]
fn a_target_that_collects_is_told_together_when_its_minutes_are_over() {
    on_both(|world| async move {
        let target = webhook(&world, Some(15), None).await;
        let ids = greeted(&world, target, 25).await;
        let receiver = Receiver::answering([answer(500, None, "")]);
        assert_eq!(world.deliver(&receiver).await.claimed, 0);
        for &id in &ids {
            let wait = stored(&world, id).await.next_attempt_at.unwrap() - world.ctx.clock.now();
            assert_eq!(wait.num_minutes(), 15);
        }
        settle(&world, &receiver).await;
        let bodies = told(&receiver);
        assert_eq!(bodies.len(), 2, "a failed attempt and a good one");
        assert_eq!(bodies[0], bodies[1]);
        assert_eq!(bodies[0]["type"], "notification.digest");
        assert_eq!(bodies[0]["data"]["title"], "25 件の通知");
        assert_eq!(bodies[0]["data"]["items"].as_array().unwrap().len(), 20);
        assert_eq!(bodies[0]["data"]["more"], 5);
        let text = bodies[0]["data"]["text"].as_str().unwrap();
        assert!(
            text.contains("greeting") && text.ends_with("ほか 5 件"),
            "{text}"
        );

        let first = stored(&world, ids[0]).await;
        assert_eq!(first.state, DeliveryState::Folded);
        let digest = first.folded_into.unwrap();
        assert_eq!(folded(&world, digest).await, ids);
        assert_eq!(stored(&world, digest).await.state, DeliveryState::Delivered);

        // What comes later is the next digest's; one alone is told as it is.
        let later = greet(&world, 1, "later").await;
        settle(&world, &receiver).await;
        assert_eq!(told(&receiver)[2]["type"], "rule.fired");
        assert_eq!(
            stored(&world, later[0]).await.state,
            DeliveryState::Delivered
        );
        world
    });
}

#[test]
fn over_its_budget_a_target_is_told_the_rest_in_one_message_when_there_is_room() {
    on_both(|world| async move {
        let target = webhook(&world, None, Some(3)).await;
        let ids = greeted(&world, target, 40).await;
        let receiver = Receiver::default();
        settle_until_full(&world, &receiver).await;
        assert_eq!(told(&receiver).len(), 3);
        let waiting = waiting(&world, &ids).await;
        assert_eq!(waiting.len(), 37);
        for &id in &waiting {
            let one = stored(&world, id).await;
            assert!(one.over_budget && one.attempts == 0);
        }
        an_hour_passes(&world).await;
        settle(&world, &receiver).await;
        let bodies = told(&receiver);
        assert_eq!(bodies.len(), 4);
        assert_eq!(bodies[3]["type"], "notification.digest");
        assert_eq!(bodies[3]["data"]["title"], "ほかに 37 件の通知");
        let digest = stored(&world, waiting[0]).await.folded_into.unwrap();
        assert_eq!(folded(&world, digest).await, waiting);
        world
    });
}

#[test]
fn what_was_sent_by_a_clock_that_was_ahead_does_not_fill_the_budget_for_a_day() {
    on_both(|world| async move {
        let target = webhook(&world, None, Some(3)).await;
        greeted(&world, target, 3).await;
        let receiver = Receiver::default();
        settle(&world, &receiver).await;
        assert_eq!(told(&receiver).len(), 3);
        let tomorrow = dialect::now_plus(world.ctx.db.backend(), 24 * 3_600);
        Query::new(format!("UPDATE delivery SET sent_at = {tomorrow}"))
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        greet(&world, 1, "later").await;
        settle(&world, &receiver).await;
        assert_eq!(told(&receiver).len(), 4);
        world
    });
}

async fn waiting(world: &World, ids: &[DeliveryId]) -> Vec<DeliveryId> {
    let mut waiting = Vec::new();
    for &id in ids {
        if stored(world, id).await.state == DeliveryState::Pending {
            waiting.push(id);
        }
    }
    waiting
}

/// Lets workers go on until everything left waits for its target's budget.
async fn settle_until_full(world: &World, receiver: &Receiver) {
    for _ in 0..20 {
        world.hurry().await;
        let turn = world.deliver(receiver).await;
        if turn.delivered + turn.failed == 0 {
            return;
        }
    }
    panic!("it does not come to rest");
}

#[test]
fn a_retry_has_its_place_in_the_budget_and_a_list_of_members_keeps_to_one_too() {
    on_both(|world| async move {
        let target = webhook(&world, None, Some(1)).await;
        let ids = greeted(&world, target, 2).await;
        let receiver = Receiver::answering([answer(500, None, ""), answer(500, None, "")]);
        for _ in 0..3 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        let calls = receiver.delivery_ids();
        assert_eq!(calls.len(), 3);
        assert!(calls.iter().all(|id| *id == calls[0]));
        an_hour_passes(&world).await;
        settle(&world, &receiver).await;
        for id in ids {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Delivered);
        }

        let receivers = domain::notification::Receivers {
            everybody: true,
            ..Default::default()
        };
        let new = NewTarget {
            hourly_limit: Some(2),
            ..NewTarget::to(TargetKind::InApp, "list", receivers)
        };
        let list = world.target_of(new).await;
        let off = TargetChanges {
            enabled: Some(false),
            ..Default::default()
        };
        manage::update(&world.ctx, &world.owner, target, off)
            .await
            .unwrap();
        let listed = greeted_again(&world, list, 5).await;
        settle_until_full(&world, &receiver).await;
        assert_eq!(waiting(&world, &listed).await.len(), 3);
        an_hour_passes(&world).await;
        settle(&world, &receiver).await;
        assert!(waiting(&world, &listed).await.is_empty());
        world
    });
}

async fn greeted_again(world: &World, target: TargetId, count: usize) -> Vec<DeliveryId> {
    use crate::support::engine::{notify, words};
    let actions = vec![notify(target)];
    world.rule("again", words(&["again"]), actions).await;
    let before = super::deliveries(world).await;
    let names: Vec<String> = (0..count).map(|n| format!("again{n}")).collect();
    let messages: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "taro@customer.example", "again"))
        .collect();
    world.receive(&messages).await;
    world.drain().await;
    let mut ids = super::deliveries(world).await;
    ids.retain(|id| !before.contains(id));
    ids
}

#[test]
fn digests_and_budgets_have_bounds_and_can_be_taken_away() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let target = webhook(&world, Some(1_440), Some(3_600)).await;
        for (digest, limit, path) in [
            (Some(0), None, "digestMinutes"),
            (Some(1_441), None, "digestMinutes"),
            (None, Some(0), "hourlyLimit"),
            (None, Some(3_601), "hourlyLimit"),
        ] {
            let new = NewTarget {
                digest_minutes: digest,
                hourly_limit: limit,
                ..NewTarget::at(TargetKind::Slack, path, "https://receiver.example/")
            };
            let expected = [(path.to_owned(), UserErrorCode::Invalid)];
            assert_eq!(mistakes(manage::create(ctx, owner, new).await), expected);
        }
        let none = TargetChanges {
            digest_minutes: Some(None),
            hourly_limit: Some(None),
            ..Default::default()
        };
        let changed = manage::update(ctx, owner, target, none).await.unwrap();
        assert_eq!((changed.digest_minutes, changed.hourly_limit), (None, None));
        world
    });
}

#[test]
fn two_workers_that_fold_at_once_lose_and_repeat_nothing() {
    on_both(|world| async move {
        let target = webhook(&world, Some(5), None).await;
        let ids = greeted(&world, target, 12).await;
        world.hurry().await;
        let (one, two) = (Receiver::default(), Receiver::default());
        let (_, _) = futures::join!(world.deliver(&one), world.deliver(&two));
        settle(&world, &one).await;
        let mut items = 0;
        for body in told(&one).iter().chain(&told(&two)) {
            let listed = body["data"]["items"].as_array().unwrap().len();
            items += listed.max(1);
        }
        assert_eq!(items, 12);
        for id in ids {
            let state = stored(&world, id).await.state;
            assert!(matches!(
                state,
                DeliveryState::Folded | DeliveryState::Delivered
            ));
        }
        world
    });
}

/// How the database folds everything that waits when a target is held, as if another worker did, and how it
/// stops doing so.
fn a_faster_worker(backend: DatabaseBackend) -> (&'static [&'static str], &'static str) {
    match backend {
        DatabaseBackend::Postgres => (
            &[
                "CREATE FUNCTION faster() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     UPDATE delivery SET state = 'FOLDED', finished_at = now() WHERE state = 'PENDING';
                     RETURN NULL; END $$",
                "CREATE TRIGGER faster AFTER UPDATE ON notification_target
                 FOR EACH ROW EXECUTE FUNCTION faster()",
            ],
            "DROP FUNCTION faster CASCADE",
        ),
        _ => (
            &["CREATE TRIGGER faster AFTER UPDATE ON notification_target
               BEGIN UPDATE delivery SET state = 'FOLDED', finished_at = created_at
                     WHERE state = 'PENDING'; END"],
            "DROP TRIGGER faster",
        ),
    }
}

#[test]
fn what_another_worker_folds_in_the_last_moment_is_not_told_alone_as_well() {
    on_both(|world| async move {
        let target = webhook(&world, Some(5), None).await;
        let ids = greeted(&world, target, 1).await;
        world.hurry().await;
        let (put, take_away) = a_faster_worker(world.ctx.db.backend());
        for statement in put {
            let owner = world.ctx.db.owner();
            owner.execute_unprepared(statement).await.unwrap();
        }
        let receiver = Receiver::default();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.delivered, turn.postponed), (1, 0, 1));
        assert!(receiver.calls().is_empty());
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Folded);
        let owner = world.ctx.db.owner();
        owner.execute_unprepared(take_away).await.unwrap();

        // Its target is not held any more, and its due item ends.
        let next = greet(&world, 1, "next").await;
        Query::new("UPDATE due_item SET due_at = $1")
            .bind(DateTime::<Utc>::UNIX_EPOCH)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.delivered), (2, 1));
        assert_eq!(receiver.delivery_ids(), [next[0].to_string()]);
        world
    });
}

#[test]
fn a_digest_leaves_out_what_quiet_hours_hold() {
    on_both(|world| async move {
        let target = webhook(&world, Some(15), None).await;
        // The test's clock begins at noon in Tokyo.
        let new = NewRule {
            name: "quiet".to_owned(),
            trigger: Trigger::default(),
            condition: words(&["hello"]),
            actions: vec![notify(target)],
            limits: Limits {
                quiet_hours: Some(QuietHours {
                    from_hour: 9,
                    from_minute: 0,
                    to_hour: 18,
                    to_minute: 0,
                }),
                ..Limits::default()
            },
        };
        rule::create(&world.ctx, &world.owner, new).await.unwrap();
        let held = greet(&world, 2, "held").await;
        world
            .rule("at once", words(&["urgent"]), vec![notify(target)])
            .await;
        world
            .receive(&[
                ("u1", "taro@customer.example", "urgent"),
                ("u2", "taro@customer.example", "urgent"),
            ])
            .await;
        world.drain().await;
        let receiver = Receiver::default();
        for _ in 0..5 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        let bodies = told(&receiver);
        assert_eq!(bodies.len(), 1);
        assert_eq!(bodies[0]["type"], "notification.digest");
        assert_eq!(bodies[0]["data"]["items"].as_array().unwrap().len(), 2);
        for &id in &held {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Pending);
        }
        world.clock.advance(TimeDelta::hours(6));
        settle(&world, &receiver).await;
        let bodies = told(&receiver);
        assert_eq!(bodies.len(), 2);
        assert_eq!(bodies[1]["data"]["items"].as_array().unwrap().len(), 2);
        world
    });
}
