//! Deliveries on both databases: retries, refusals, crashes, replays.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    error::{Error, UserErrorCode},
    notification::{
        self, DisableReason,
        deliver::{self, Limits},
        delivery::{self, DeliveryFilter},
        in_app,
        manage::{self, TargetChanges},
    },
    page::PageRequest,
    port::EgressError,
    store::{Query, dialect},
    work::{due, takeover},
};
use entity::{
    attempt::Attempt,
    id::{AttemptId, DeliveryId, TargetId},
    kind::{DeliveryState, DueKind},
};

use crate::support::{
    World,
    engine::{Receiver, answer, header, notify, words},
    on_both,
    process::until,
    refusal::mistakes,
};

/// Makes a target and as many deliveries to it, oldest first.
async fn queue(world: &World, count: usize) -> (TargetId, Vec<DeliveryId>) {
    let target = world.target("sales").await;
    world
        .rule("greeting", words(&["hello"]), vec![notify(target)])
        .await;
    let names: Vec<String> = (0..count).map(|n| format!("m{n}")).collect();
    let messages: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "taro@customer.example", "hello"))
        .collect();
    world.receive(&messages).await;
    world.drain().await;
    let page = PageRequest::first(100);
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let deliveries = delivery::list(ctx, workspace, DeliveryFilter::default(), &page).await;
    let deliveries = deliveries.unwrap().rows;
    let mut ids: Vec<_> = deliveries.iter().map(|(_, delivery)| delivery.id).collect();
    ids.sort();
    assert_eq!(ids.len(), count);
    (target, ids)
}

async fn stored(world: &World, id: DeliveryId) -> entity::delivery::Model {
    let found = delivery::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().unwrap()
}

async fn attempts(world: &World, id: DeliveryId) -> Vec<Attempt<AttemptId>> {
    let page = PageRequest::first(100);
    let page = delivery::attempts(&world.ctx, world.owner.workspace, id, &page).await;
    let rows = page.unwrap().rows.into_iter();
    rows.map(|(_, attempt)| attempt).collect()
}

async fn count(world: &World, statement: &'static str) -> i64 {
    let count = Query::new(statement).scalar(world.ctx.reader()).await;
    count.unwrap().unwrap()
}

async fn time(world: &World, statement: &str) -> DateTime<Utc> {
    let query = Query::new(statement.to_owned());
    let time = query.scalar(world.ctx.reader()).await;
    time.unwrap().unwrap()
}

/// Leases are taken and judged by this clock.
async fn time_of_the_database(world: &World) -> DateTime<Utc> {
    let now = dialect::now(world.ctx.db.backend());
    time(world, &format!("SELECT {now}")).await
}

fn switched(on: bool) -> TargetChanges {
    TargetChanges {
        enabled: Some(on),
        ..TargetChanges::default()
    }
}

#[test]
fn a_failed_delivery_is_tried_again_under_the_same_id_by_the_published_schedule() {
    on_both(|world| async move {
        let (target, ids) = queue(&world, 1).await;
        let receiver = Receiver::answering([
            answer(500, None, "rollup_error"),
            Err(EgressError::Unreachable),
            answer(429, Some(400), ""),
        ]);
        let now = world.ctx.clock.now();
        let ranges = [(4.5, 5.5), (270.0, 330.0), (1_620.0, 1_980.0)];
        for (attempt, (least, most)) in (1..).zip(ranges) {
            let turn = world.deliver(&receiver).await;
            assert_eq!((turn.claimed, turn.failed), (1, 1));
            let delivery = stored(&world, ids[0]).await;
            assert_eq!(delivery.state, DeliveryState::Pending);
            assert_eq!(delivery.attempts, attempt);
            let wait = delivery.next_attempt_at.unwrap() - now;
            let wait = wait.as_seconds_f64();
            assert!((least..=most).contains(&wait), "{attempt}: {wait}");
            // Nothing is due before its time; five seconds may be over already on a busy machine.
            if attempt > 1 {
                assert_eq!(world.deliver(&receiver).await.claimed, 0);
            }
            world.hurry().await;
        }
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        let delivery = stored(&world, ids[0]).await;
        assert_eq!(delivery.state, DeliveryState::Delivered);
        assert_eq!(
            (delivery.next_attempt_at, delivery.last_error),
            (None, None)
        );
        assert_eq!(delivery.finished_at, Some(now));

        let calls = receiver.calls();
        assert_eq!(calls.len(), 4);
        for call in &calls {
            assert_eq!(header(call, "X-Enishi-Delivery"), ids[0].to_string());
            assert_eq!(header(call, "Idempotency-Key"), ids[0].to_string());
            assert_eq!(call.body, calls[0].body);
        }
        let attempts = attempts(&world, ids[0]).await;
        let attempts: Vec<_> = attempts
            .iter()
            .map(|attempt| (attempt.attempt, attempt.status, attempt.error.as_deref()))
            .collect();
        let expected = [
            (1, Some(500), Some("the receiver answered 500")),
            (2, None, Some("the receiver could not be reached")),
            (3, Some(429), Some("the receiver answered 429")),
            (4, Some(200), None),
        ];
        assert_eq!(attempts, expected);
        let target = manage::find(&world.ctx, world.owner.workspace, target).await;
        assert_eq!(target.unwrap().unwrap().disabled_at, None);
        world
    });
}

#[test]
fn a_receiver_that_asks_for_room_gets_at_least_a_minute() {
    on_both(|world| async move {
        let (_, ids) = queue(&world, 1).await;
        let receiver = Receiver::answering([answer(429, Some(3), ""), answer(429, Some(900), "")]);
        for (least, most) in [(60, 66), (900, 900)] {
            world.deliver(&receiver).await;
            let next = stored(&world, ids[0]).await.next_attempt_at.unwrap();
            let wait = next - world.ctx.clock.now();
            assert!((TimeDelta::seconds(least)..=TimeDelta::seconds(most)).contains(&wait));
            world.hurry().await;
        }
        world.deliver(&receiver).await;
        world
    });
}

#[test]
fn after_the_last_attempt_a_delivery_has_failed_and_can_be_replayed() {
    on_both(|world| async move {
        let (target, ids) = queue(&world, 1).await;
        let refusals = (0..10).map(|_| answer(503, None, ""));
        let receiver = Receiver::answering(refusals.collect::<Vec<_>>());
        for _ in 0..10 {
            assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Pending);
            assert_eq!(world.deliver(&receiver).await.failed, 1);
            world.hurry().await;
        }
        let delivery = stored(&world, ids[0]).await;
        assert_eq!(delivery.state, DeliveryState::Failed);
        assert_eq!(world.deliver(&receiver).await.claimed, 0);

        // Nothing else got through meanwhile, so the target is off and its owner knows.
        let (ctx, owner) = (&world.ctx, &world.owner);
        let off = manage::find(ctx, owner.workspace, target).await.unwrap();
        let reason = manage::disabled_because(&off.unwrap());
        assert_eq!(reason, Some(DisableReason::RetriesExhausted));
        let told = in_app::list(ctx, owner, true, &PageRequest::first(9)).await;
        let told = told.unwrap().rows;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.title, "通知先「sales」を無効にしました");
        assert!(told[0].1.body.contains("503"), "{}", told[0].1.body);
        let refused = notification::replay(ctx, owner, ids[0]).await.unwrap_err();
        let Error::Refused(errors) = refused else {
            panic!("{refused}")
        };
        assert!(errors[0].message.contains("switched off"));
        manage::update(ctx, owner, target, switched(true))
            .await
            .unwrap();
        let replayed = notification::replay(ctx, owner, ids[0]).await.unwrap();
        assert_eq!(replayed.state, DeliveryState::Pending);
        let busy = notification::replay(ctx, owner, ids[0]).await;
        assert_eq!(mistakes(busy)[0].1, UserErrorCode::InUse);
        // Due from now on, by the database's clock.
        let delivered = until("it to be due", Duration::from_mins(1), async || {
            let delivered = world.deliver(&receiver).await.delivered;
            (delivered > 0).then_some(delivered)
        });
        assert_eq!(delivered.await, 1);
        let delivery = stored(&world, ids[0]).await;
        assert_eq!(
            (delivery.state, delivery.attempts),
            (DeliveryState::Delivered, 11)
        );
        assert_eq!(receiver.delivery_ids(), vec![ids[0].to_string(); 11]);

        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        let foreign = notification::replay(ctx, &elsewhere, ids[0]).await;
        assert_eq!(mistakes(foreign)[0].1, UserErrorCode::NotFound);
        world
    });
}

#[test]
fn a_webhook_that_is_gone_switches_its_target_off() {
    on_both(|world| async move {
        let (target, ids) = queue(&world, 2).await;
        let receiver = Receiver::answering([answer(410, None, "channel_is_archived")]);
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.failed, turn.postponed), (2, 1, 1));
        let (ctx, owner) = (&world.ctx, &world.owner);
        let off = manage::find(ctx, owner.workspace, target).await.unwrap();
        let off = off.unwrap();
        assert!(off.disabled_at.is_some());
        let reason = manage::disabled_because(&off);
        assert_eq!(reason, Some(DisableReason::ChannelArchived));

        // What was still on its way is not sent any more.
        world.hurry().await;
        assert_eq!(world.deliver(&receiver).await.failed, 1);
        assert_eq!(receiver.calls().len(), 1);
        for &id in &ids {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Failed);
        }
        let new = TargetChanges {
            url: Some("https://hooks.slack.com/services/T1/B2/new".into()),
            ..Default::default()
        };
        manage::update(ctx, owner, target, new).await.unwrap();
        manage::update(ctx, owner, target, switched(true))
            .await
            .unwrap();
        notification::replay(ctx, owner, ids[1]).await.unwrap();
        world.hurry().await;
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        assert!(receiver.calls()[1].url.path().ends_with("/new"));
        world
    });
}

#[test]
fn what_waits_for_a_target_that_was_switched_off_is_given_up_together() {
    on_both(|world| async move {
        let (target, ids) = queue(&world, 4).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        manage::update(ctx, owner, target, switched(false))
            .await
            .unwrap();
        let receiver = Receiver::default();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.failed, turn.postponed), (4, 4, 0));
        assert!(receiver.calls().is_empty());
        for &id in &ids {
            let delivery = stored(&world, id).await;
            assert_eq!(delivery.state, DeliveryState::Failed);
            assert_eq!(delivery.finished_at, Some(ctx.clock.now()));
            let error = delivery.last_error.as_deref();
            assert_eq!(error, Some("the target is switched off"));
        }
        // Each has its entry in the log, of one transaction.
        let entries = "SELECT COUNT(*) FROM change WHERE kind = 'delivery.finished'";
        assert_eq!(count(&world, entries).await, 4);
        let transactions = "SELECT COUNT(DISTINCT tx) FROM change WHERE kind = 'delivery.finished'";
        assert_eq!(count(&world, transactions).await, 1);
        assert_eq!(due::pending(ctx.reader()).await.unwrap(), 0);
        world
    });
}

#[test]
fn a_message_that_slack_cannot_read_fails_alone_and_its_owners_are_told_once() {
    on_both(|world| async move {
        let (target, ids) = queue(&world, 3).await;
        let unreadable = || answer(400, None, "invalid_payload");
        let receiver = Receiver::answering([unreadable(), unreadable()]);
        for failed in [1, 1, 0] {
            world.hurry().await;
            assert_eq!(world.deliver(&receiver).await.failed, failed);
        }
        let mut states = Vec::new();
        for &id in &ids {
            states.push(stored(&world, id).await.state.word());
        }
        states.sort_unstable();
        assert_eq!(states, ["DELIVERED", "FAILED", "FAILED"]);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let found = manage::find(ctx, owner.workspace, target).await.unwrap();
        assert_eq!(found.unwrap().disabled_at, None);
        let told = in_app::list(ctx, owner, true, &PageRequest::first(9)).await;
        let told = told.unwrap().rows;
        assert_eq!(told.len(), 1, "one notice for the hour");
        assert_eq!(
            told[0].1.title,
            "「sales」への通知を 1 件届けられませんでした"
        );
        assert_eq!(told[0].1.body, "送信先が400を返しました");
        world
    });
}

#[test]
fn a_target_is_called_once_a_second_and_the_rest_wait_in_line() {
    on_both(|world| async move {
        let (_, ids) = queue(&world, 4).await;
        let receiver = Receiver::default();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.delivered, turn.postponed), (4, 1, 3));
        let again = turn.again.get(&world.owner.workspace);
        assert_eq!(again, Some(&TimeDelta::seconds(1)));
        let failures = "SELECT CAST(SUM(failures) AS bigint) FROM due_item";
        assert_eq!(count(&world, failures).await, 0);
        let different = "SELECT COUNT(DISTINCT due_at) FROM due_item WHERE state = 'WAITING'";
        assert_eq!(count(&world, different).await, 3);
        for _ in 0..3 {
            world.hurry().await;
            assert_eq!(world.deliver(&receiver).await.delivered, 1);
        }
        let mut called = receiver.delivery_ids();
        called.sort();
        let ids: Vec<_> = ids.iter().map(DeliveryId::to_string).collect();
        assert_eq!(called, ids);
        world
    });
}

#[test]
fn a_delivery_whose_worker_died_is_taken_up_and_the_dead_cannot_finish_it() {
    on_both(|world| async move {
        let (_, ids) = queue(&world, 1).await;
        let ctx = &world.ctx;
        let zombie = due::claim(ctx, DueKind::Delivery, None, 10).await.unwrap();
        assert_eq!(zombie.len(), 1);
        assert!(
            due::claim(ctx, DueKind::Delivery, None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(due::recover(ctx).await.unwrap(), 0);
        // Whoever works alone on a database waits five seconds, not the half minute of the claim.
        let wait = TimeDelta::seconds(5);
        let soonest = time_of_the_database(&world).await + wait;
        takeover::take_over(ctx).await.unwrap();
        let latest = time_of_the_database(&world).await + wait;
        let lease = time(&world, "SELECT lease_until FROM due_item").await;
        assert!((soonest..=latest).contains(&lease), "{lease}");
        world.expire_leases().await;
        assert_eq!(due::recover(ctx).await.unwrap(), 1);

        let receiver = Receiver::default();
        let next = due::claim(ctx, DueKind::Delivery, None, 10).await.unwrap();
        for holder in [&zombie[0], &next[0]] {
            let tx = ctx.begin(world.owner.workspace).await.unwrap();
            let is_kept = due::finish(&tx, holder).await.unwrap();
            assert_eq!(is_kept, holder.fence == next[0].fence);
            tx.rollback().await.unwrap();
        }
        due::postpone(ctx, &[(zombie[0].clone(), TimeDelta::zero())])
            .await
            .unwrap();
        assert_eq!(world.deliver(&receiver).await.claimed, 0);
        due::postpone(ctx, &[(next[0].clone(), TimeDelta::zero())])
            .await
            .unwrap();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        assert_eq!(attempts(&world, ids[0]).await.len(), 1);
        world
    });
}

#[test]
fn a_delivery_that_takes_its_worker_down_three_times_is_set_aside() {
    on_both(|world| async move {
        let (_, ids) = queue(&world, 1).await;
        let ctx = &world.ctx;
        for crash in 1..=3 {
            let claimed = due::claim(ctx, DueKind::Delivery, None, 10).await.unwrap();
            assert_eq!((claimed.len(), claimed[0].crashes), (1, crash - 1));
            world.expire_leases().await;
            assert_eq!(due::recover(ctx).await.unwrap(), 1);
        }
        assert!(
            due::claim(ctx, DueKind::Delivery, None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(count(&world, "SELECT COUNT(*) FROM quarantine").await, 1);
        let failed = stored(&world, ids[0]).await;
        assert_eq!(failed.state, DeliveryState::Failed);
        let error = "took its worker down 3 times";
        assert_eq!(failed.last_error.as_deref(), Some(error));

        notification::replay(ctx, &world.owner, ids[0])
            .await
            .unwrap();
        let receiver = Receiver::default();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        world
    });
}

#[test]
fn a_delivery_that_cannot_be_read_is_set_aside_and_stops_nobody() {
    on_both(|world| async move {
        let (_, ids) = queue(&world, 2).await;
        Query::new("UPDATE delivery SET payload = $1 WHERE id = $2")
            .bind(serde_json::json!({"kind": "fromTheFuture"}))
            .bind(ids[0])
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        let receiver = Receiver::default();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.delivered, turn.failed), (2, 1, 1));
        assert_eq!(receiver.delivery_ids(), [ids[1].to_string()]);
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Failed);
        assert_eq!(count(&world, "SELECT COUNT(*) FROM quarantine").await, 1);
        world
    });
}

#[test]
fn a_turn_keeps_to_its_limits_and_its_workspace() {
    on_both(|world| async move {
        queue(&world, 3).await;
        let receiver = Receiver::default();
        let elsewhere = World::workspace(&world.ctx, "Elsewhere", "else.example").await;
        let other = Some(elsewhere.workspace);
        let turn = deliver::run_due(&world.ctx, &receiver, other, Limits::items(9)).await;
        assert_eq!(turn.unwrap().claimed, 0);
        let turn = deliver::run_due(&world.ctx, &receiver, None, Limits::items(2)).await;
        let turn = turn.unwrap();
        assert_eq!((turn.claimed, turn.is_cut), (2, true));
        let stopped = Limits {
            goes_on: &|| false,
            ..Limits::items(9)
        };
        let turn = deliver::run_due(&world.ctx, &receiver, None, stopped).await;
        assert_eq!(turn.unwrap().claimed, 0);
        for _ in 0..2 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        assert_eq!(receiver.calls().len(), 3);
        world
    });
}

#[test]
fn a_targets_url_is_shown_masked_and_kept_sealed() {
    on_both(|world| async move {
        let target = world.target("s3cr3t").await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let shown = manage::list(ctx, owner.workspace).await.unwrap();
        assert_eq!(
            shown[0].masked_url,
            "https://hooks.slack.com/services/T…/•••"
        );
        assert!(!shown[0].sealed_url.contains("s3cr3t"));
        let off = manage::update(ctx, owner, target, switched(false))
            .await
            .unwrap();
        assert_eq!(manage::disabled_because(&off), None);
        assert!(off.disabled_at.is_some());

        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        let foreign = manage::update(ctx, &elsewhere, target, switched(true)).await;
        assert_eq!(mistakes(foreign)[0].1, UserErrorCode::NotFound);
        world
    });
}

#[test]
fn a_delivery_that_was_never_handed_over_took_no_worker_down() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (_, ids) = queue(&world, 1).await;
        let receiver = Receiver::default();
        let force = async |statement: &'static str, at: &str| {
            let at: DateTime<Utc> = at.parse().unwrap();
            let query = Query::new(statement).bind(at);
            query.execute(ctx.db.writer()).await.unwrap();
        };
        // Workers die, hours apart, while it waits for its target.
        for _ in 0..5 {
            let claimed = due::claim(ctx, DueKind::Delivery, Some(workspace), 10).await;
            assert_eq!(claimed.unwrap()[0].crashes, 0);
            world.expire_leases().await;
            due::recover(ctx).await.unwrap();
            let busy = "UPDATE notification_target SET next_send_at = $1";
            force(busy, "2100-01-01T00:00:00Z").await;
            let turn = world.deliver(&receiver).await;
            assert_eq!((turn.claimed, turn.delivered), (1, 0));
            force("UPDATE due_item SET due_at = $1", "1970-01-01T00:00:00Z").await;
        }
        world.hurry().await;
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);
        world
    });
}
