//! G8: the published retry schedule is what happens.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ctx::Ctx,
    notification::{
        Verdict,
        deliver::{self, Limits},
        in_app,
        manage::{self, NewTarget, TargetChanges},
        retry::{Next, RETRY_AFTER_CAP_S, SCHEDULE_S, THROTTLED_FLOOR_S, next_attempt},
        target::webhook,
    },
    port::{EgressError, OutgoingResponse, SeededIds},
    store::Query,
};
use entity::kind::{DeliveryState, TargetKind};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{greeted, stored};
use crate::support::{
    World,
    engine::{Receiver, answer},
    on_both,
    world::start,
};

/// How often receivers are simulated; `SCHEDULES=1000000` for the long run.
fn seeds() -> u64 {
    let given = std::env::var("SCHEDULES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

type Answer = Result<OutgoingResponse, EgressError>;

fn behaviour(random: &mut StdRng) -> Answer {
    let error = match random.random_range(0..8) {
        0 => EgressError::TimedOut,
        1 => EgressError::Unreachable,
        2 => EgressError::Forbidden,
        _ => {
            let statuses = [200, 301, 400, 404, 410, 429, 429, 500, 500, 502, 503, 504];
            let retry_after_s = match random.random_range(0..4) {
                0 => Some(random.random_range(0..1_000)),
                1 => Some(random.random::<u64>()),
                _ => None,
            };
            return Ok(OutgoingResponse {
                status: statuses[random.random_range(0..statuses.len())],
                retry_after_s,
                body: String::new(),
                duration_ms: 1,
            });
        }
    };
    Err(error)
}

/// The least and the most a wait may be by what is published.
fn published(failures: usize, answer: &Answer) -> (f64, f64) {
    let scheduled = SCHEDULE_S[failures] as f64;
    let (mut least, mut most) = (scheduled * 0.8, scheduled * 1.2);
    let is_throttled = match answer {
        Ok(response) => matches!(response.status, 429 | 502 | 504),
        Err(error) => *error == EgressError::TimedOut,
    };
    if is_throttled {
        least = least.max(THROTTLED_FLOOR_S as f64);
        most = most.max(THROTTLED_FLOOR_S as f64 * 1.2);
    }
    if let Ok(OutgoingResponse {
        retry_after_s: Some(asked),
        ..
    }) = answer
    {
        let asked = (*asked).min(RETRY_AFTER_CAP_S as u64) as f64;
        least = least.max(asked);
        most = most.max(asked);
    }
    (least, most)
}

#[test]
fn whatever_receivers_do_each_attempt_comes_when_it_was_published() {
    let (mut attempts, mut given_up, mut switched_off) = (0_u64, 0_u64, 0_u64);
    for seed in 0..seeds() {
        let mut random = StdRng::seed_from_u64(seed);
        let mut now: DateTime<Utc> = start();
        let mut failures = 0;
        loop {
            attempts += 1;
            let answer = behaviour(&mut random);
            let verdict = match &answer {
                Ok(response) => webhook::judge(response),
                Err(error) => Verdict::of_error(error),
            };
            failures += 1;
            match next_attempt(failures, verdict, random.random()) {
                Next::At(wait) => {
                    let (least, most) = published(failures as usize, &answer);
                    let wait_s = wait.as_seconds_f64();
                    assert!(
                        (least..=most + 0.001).contains(&wait_s),
                        "seed {seed}, failure {failures}, {answer:?}: {wait_s} s"
                    );
                    now += wait;
                }
                Next::GiveUp => {
                    match verdict {
                        Verdict::Delivered => {}
                        Verdict::Disable { .. } => switched_off += 1,
                        _ => {
                            assert_eq!(failures as usize, SCHEDULE_S.len(), "seed {seed}");
                            given_up += 1;
                        }
                    }
                    break;
                }
            }
        }
        let span = now - start();
        // Each wait is a day at most, or what is published.
        assert!(span <= TimeDelta::days(11), "seed {seed}: {span}");
    }
    assert!(
        given_up > 0 && switched_off > 0,
        "{attempts} attempts tried too little"
    );
}

/// When the item of the only delivery is due, from now on, by the database's clock.
async fn due_in_s(world: &World) -> f64 {
    let expression = match world.ctx.db.backend() {
        sea_orm::DatabaseBackend::Postgres => {
            "CAST(EXTRACT(EPOCH FROM (due_at - now())) AS double precision)"
        }
        _ => "(julianday(due_at) - julianday('now')) * 86400.0",
    };
    let wait: Option<f64> = Query::new(format!(
        "SELECT {expression} FROM due_item WHERE kind = 'DELIVERY' AND state = 'WAITING'"
    ))
    .scalar(world.ctx.reader())
    .await
    .unwrap();
    wait.unwrap()
}

#[test]
fn the_whole_schedule_is_kept_in_the_database_and_survives_a_restart() {
    on_both(|world| async move {
        let url = "https://receiver.example/hook";
        let target = world
            .target_of(NewTarget::at(TargetKind::Webhook, "crm", url))
            .await;
        let ids = greeted(&world, target, 1).await;
        let refusals = SCHEDULE_S.map(|_| answer(500, None, ""));
        let receiver = Receiver::answering(refusals);
        for failures in 1..SCHEDULE_S.len() {
            // A worker of its own for every attempt: what it knows is in the database.
            let restarted = Ctx {
                db: world.database.open().await,
                ids: Arc::new(SeededIds::new(failures as u64 + 10)),
                ..world.ctx.clone()
            };
            let turn = deliver::run_due(&restarted, &receiver, None, Limits::items(10));
            assert_eq!(turn.await.unwrap().failed, 1, "{failures}");
            let expected = SCHEDULE_S[failures] as f64;
            let (told, kept) = (
                stored(&world, ids[0]).await.next_attempt_at.unwrap() - world.ctx.clock.now(),
                due_in_s(&world).await,
            );
            for wait_s in [told.as_seconds_f64(), kept + 1.0] {
                assert!(
                    (expected * 0.8 - 1.0..=expected * 1.2 + 1.0).contains(&wait_s),
                    "{failures}: {wait_s} is not {expected}"
                );
            }
            assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Pending);
            world.hurry().await;
        }
        assert_eq!(world.deliver(&receiver).await.failed, 1);
        assert_eq!(receiver.calls().len(), SCHEDULE_S.len());
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Failed);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let off = manage::find(ctx, owner.workspace, target).await.unwrap();
        assert_eq!(
            off.unwrap().disabled_reason.as_deref(),
            Some("retries_exhausted")
        );
        let on = TargetChanges {
            enabled: Some(true),
            ..TargetChanges::default()
        };
        let on = manage::update(ctx, owner, target, on).await.unwrap();
        assert_eq!((on.disabled_at, on.disabled_reason), (None, None));
        world
    });
}

#[test]
fn one_delivery_that_fails_for_good_leaves_a_target_on_that_takes_others() {
    on_both(|world| async move {
        let url = "https://receiver.example/hook";
        let target = world
            .target_of(NewTarget::at(TargetKind::Webhook, "crm", url))
            .await;
        let ids = greeted(&world, target, 1).await;
        let refusals = SCHEDULE_S.map(|_| answer(500, None, ""));
        let receiver = Receiver::answering(refusals);
        for _ in 1..SCHEDULE_S.len() {
            world.deliver(&receiver).await;
            world.hurry().await;
        }
        let good = super::greet(&world, 1, "good").await;
        // The other one is later in line, so it is due alone.
        world.hurry().await;
        Query::new("UPDATE delivery SET state = 'DELIVERED', finished_at = $2 WHERE id = $1")
            .bind(good[0])
            .bind(world.ctx.clock.now())
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        world.deliver(&receiver).await;
        world.hurry().await;
        world.deliver(&receiver).await;
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Failed);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let on = manage::find(ctx, owner.workspace, target).await.unwrap();
        assert!(on.unwrap().disabled_at.is_none());
        assert_eq!(in_app::unread(ctx, owner).await.unwrap(), 1);
        world
    });
}
