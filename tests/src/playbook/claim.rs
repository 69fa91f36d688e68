//! Workers that die, stall, or come at the same time.

use chrono::TimeDelta;
use domain::{
    locale::Locale,
    playbook::{self, FailureCode, hand},
    store::Query,
};
use entity::id::EnrolmentId;
use serde_json::json;

use super::{Stage, refusals, wait_days};
use crate::support::on_both;

impl Stage {
    /// What a worker does before it dies: it takes everything that is due, and that is the last thing.
    async fn die_holding(&self) {
        Query::new(
            "UPDATE enrolment SET state = 'RUNNING', fence = fence + 1,
                 lease_until = '2000-01-01T00:00:00+00:00'
             WHERE state = 'WAITING' AND due_at <= $1",
        )
        .bind(self.world.ctx.clock.now())
        .execute(self.world.ctx.db.writer())
        .await
        .expect("a claim");
    }

    async fn simple(&self) -> (EnrolmentId, entity::playbook::Model) {
        let book = self
            .book(
                "Book",
                &json!({ "steps": [
                    { "id": "act", "kind": { "actions": [
                        { "createTask": { "title": "Call" } },
                    ] } },
                    { "id": "rest", "kind": wait_days(1) },
                    { "id": "end", "kind": "end" },
                ] }),
            )
            .await;
        let contact = self.person("Taro").await;
        (self.enrol(&book, contact).await, book)
    }

    async fn tasks(&self) -> i64 {
        let count = Query::new("SELECT COUNT(*) FROM task")
            .scalar(self.world.ctx.reader())
            .await;
        count.expect("a count").expect("a count")
    }
}

#[test]
fn what_a_dead_worker_held_is_taken_on_by_another_once() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (id, book) = stage.simple().await;
        stage.die_holding().await;
        assert_eq!(stage.stands(id).await, "RUNNING act");
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "WAITING rest");
        assert_eq!(stage.history(id).await, ["act ACTED"]);
        assert_eq!(stage.tasks().await, 1);
        let now = stage.now(id).await;
        assert_eq!((now.crashes, now.failures), (0, 0));
        // In the middle of a wait, too.
        stage.world.clock.advance(TimeDelta::days(1));
        stage.die_holding().await;
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "DONE end");
        assert_eq!(stage.tally(book.id, 1, "").await.passed, 1);
        stage.world
    });
}

#[test]
fn an_enrolment_that_takes_its_workers_down_fails_and_can_be_tried_again() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (id, book) = stage.simple().await;
        for crashes in [1, 2] {
            stage.die_holding().await;
            // The lease is over: recovered, and held again before anything is done.
            Query::new(
                "UPDATE enrolment SET state = 'WAITING', crashes = $1, lease_until = NULL,
                     fence = fence + 1",
            )
            .bind(crashes)
            .execute(stage.world.ctx.db.writer())
            .await
            .unwrap();
        }
        stage.die_holding().await;
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "FAILED act");
        assert_eq!(stage.tasks().await, 0);
        let failed = stage.now(id).await;
        assert_eq!(
            failed.error.as_deref(),
            Some("took its worker down 3 times")
        );
        let failure = playbook::failure(&failed).expect("a failure");
        assert_eq!(failure.code, FailureCode::WorkerLost);
        assert_eq!((failure.failures, failure.next_try_at), (1, None));
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.here, whole.failed), (0, 1));
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        hand::retry(ctx, owner, id).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "WAITING rest");
        assert_eq!(stage.history(id).await, ["act FAILED", "act ACTED"]);
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.here, whole.failed), (1, 0));
        assert_eq!(refusals(hand::retry(ctx, owner, id).await), ["id Invalid"]);
        stage.world
    });
}

#[test]
fn an_enrolment_that_cannot_go_on_keeps_no_other_from_doing_so() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (bad, book) = stage.simple().await;
        let other = stage.person("Other").await;
        let good = stage.enrol(&book, other).await;
        Query::new("UPDATE enrolment SET step = 'nowhere' WHERE id = $1")
            .bind(bad)
            .execute(stage.world.ctx.db.writer())
            .await
            .unwrap();
        stage.settle().await;
        assert_eq!(stage.stands(good).await, "WAITING rest");
        let held_up = stage.now(bad).await;
        assert_eq!(held_up.failures, 1);
        let failure = playbook::failure(&held_up).expect("a failure");
        let expected = (FailureCode::Fault, held_up.due_at);
        assert_eq!((failure.code, failure.next_try_at), expected);
        assert!(held_up.due_at.unwrap() > stage.world.ctx.clock.now());
        for _ in 0..5 {
            stage.pass(TimeDelta::minutes(2)).await;
        }
        assert_eq!(stage.stands(bad).await, "FAILED nowhere");
        assert_eq!(stage.tasks().await, 1);
        stage.world
    });
}

#[test]
fn many_workers_share_what_is_due_and_repeat_nothing() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (_, book) = stage.simple().await;
        for n in 0..30 {
            let contact = stage.person(&format!("Number {n}")).await;
            stage.enrol(&book, contact).await;
        }
        let turns = futures::future::join_all((0..4).map(|_| stage.play())).await;
        let taken: usize = turns.iter().map(|turn| turn.enrolments).sum();
        assert_eq!(taken, 31);
        assert_eq!(stage.tasks().await, 31);
        assert_eq!(stage.tally(book.id, 1, "rest").await.here, 31);
        stage.world
    });
}

#[test]
fn taking_an_enrolment_in_hand_takes_it_away_from_whoever_holds_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (id, book) = stage.simple().await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        stage.die_holding().await;
        let cancelled = hand::cancel(&ctx, &owner, id).await.unwrap();
        assert_eq!(cancelled.ending.as_deref(), Some("By hand"));
        let told = |locale| playbook::ending(locale, &cancelled);
        assert_eq!(told(Locale::En), Some("By hand"));
        assert_eq!(told(Locale::Ja), Some("手動で終了"));
        assert_eq!(told(Locale::Zh), Some("手动结束"));
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "CANCELLED act");
        assert_eq!(stage.history(id).await, ["act CANCELLED"]);
        assert_eq!(stage.tasks().await, 0);
        assert_eq!(
            refusals(hand::cancel(&ctx, &owner, id).await),
            ["id Invalid"]
        );
        // Moving on: to the next step, and to one by name.
        let other = stage.person("Other").await;
        let id = stage.enrol(&book, other).await;
        stage.settle().await;
        hand::move_on(&ctx, &owner, id, None).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "DONE end");
        assert_eq!(
            stage.history(id).await,
            ["act ACTED", "rest MOVED", "end ENDED"]
        );
        let third = stage.person("Third").await;
        let id = stage.enrol(&book, third).await;
        hand::move_on(&ctx, &owner, id, Some("rest")).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.history(id).await, ["act MOVED"]);
        assert_eq!(stage.stands(id).await, "WAITING rest");
        let nowhere = hand::move_on(&ctx, &owner, id, Some("x")).await;
        assert_eq!(refusals(nowhere), ["step NotFound"]);
        let rest = stage.tally(book.id, 1, "rest").await;
        assert_eq!((rest.here, rest.passed), (1, 1));
        assert_eq!(stage.tasks().await, 1);
        stage.world
    });
}
