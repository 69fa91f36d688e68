//! Thousands of timers that run out in the same second.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::{
    playbook,
    store::{Query, Rows},
};
use entity::{
    id::{ContactId, DueItemId},
    kind::DueKind,
};
use serde_json::json;

use super::{Stage, wait_days};
use crate::support::{World, on_both};

/// How many timers there are, and how long another write may wait while they go through. `WAVE` asks for
/// more timers, in a run that has the machine for itself; otherwise other tests want a part of it.
fn size() -> (usize, Duration) {
    let asked = std::env::var("WAVE").ok();
    asked.map_or((5_000, Duration::from_secs(2)), |asked| {
        let count = asked.parse().expect("WAVE is a number");
        (count, Duration::from_secs(1))
    })
}

/// Makes contacts by the thousand.
async fn crowd(world: &World, count: usize) -> Vec<ContactId> {
    let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let ids: Vec<ContactId> = (0..count).map(|_| tx.id()).collect();
    for some in ids.chunks(10_000) {
        Query::new(
            "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
             SELECT $1, r.id, '', '', $2, $2 FROM {r}",
        )
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", Rows::new().ids("id", some.iter().copied()))
        .execute(tx.connection())
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    ids
}

#[test]
fn a_wave_of_timers_all_run_once_and_nothing_else_waits() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "rest", "kind": wait_days(1) },
            { "id": "act", "kind": { "actions": [{ "createTask": { "title": "Call" } }] } },
            { "id": "more", "kind": wait_days(1) },
            { "id": "end", "kind": "end" },
        ] });
        let book = stage.book("Wave", &told).await;
        let (count, longest_wait) = size();
        let people = crowd(&stage.world, count).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        for some in people.chunks(playbook::MAX_AT_ONCE) {
            let enrolled = playbook::enrol_contacts(ctx, owner, book.id, some).await;
            assert_eq!(enrolled.unwrap().made.len(), some.len());
        }
        stage.play().await;
        assert_eq!(stage.tally(book.id, 1, "rest").await.here, count as i64);
        stage.world.clock.advance(TimeDelta::days(1));
        // Other work of the same database goes on beside the wave.
        let start = Instant::now();
        let other = async {
            let mut longest = Duration::ZERO;
            let mut rounds = 0;
            while stage.tally(book.id, 1, "more").await.here < count as i64 {
                let asked = Instant::now();
                let tx = ctx.begin(owner.workspace).await.unwrap();
                let id: DueItemId = tx.id();
                Query::new(
                    "INSERT INTO due_item (workspace_id, id, kind, subject_id, due_at, state, fence,
                         failures, crashes, created_at)
                     VALUES ($1, $2, $3, $2, $4, 'DONE', 0, 0, 0, $4)",
                )
                .bind(tx.workspace)
                .bind(id)
                .bind(DueKind::ConversationWake.word())
                .bind(tx.now)
                .execute(tx.connection())
                .await
                .unwrap();
                tx.commit().await.unwrap();
                longest = longest.max(asked.elapsed());
                rounds += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (longest, rounds)
        };
        let (turn, (longest, rounds)) = tokio::join!(stage.play(), other);
        let took = start.elapsed();
        assert_eq!(turn.enrolments, count);
        assert!(rounds > 0);
        println!(
            "{count} timers in {:.1} s, {:.0} a second; another write waited {:.0} ms at most of \
             {rounds}",
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64(),
            longest.as_secs_f64() * 1e3,
        );
        assert!(longest < longest_wait, "another write waited {longest:?}");
        let tasks: Option<i64> = Query::new("SELECT COUNT(DISTINCT contact_id) FROM task")
            .scalar(ctx.reader())
            .await
            .unwrap();
        assert_eq!(tasks, Some(count as i64));
        let tasks: Option<i64> = Query::new("SELECT COUNT(*) FROM task")
            .scalar(ctx.reader())
            .await
            .unwrap();
        assert_eq!(tasks, Some(count as i64));
        let act = stage.tally(book.id, 1, "act").await;
        assert_eq!((act.here, act.passed), (0, count as i64));
        stage.world
    });
}
