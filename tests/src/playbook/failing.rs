//! Actions that cannot be done: counted, shown, and the end of a playbook that has too many of them.

use domain::{
    action::OutcomeResult, notification::in_app, page::PageRequest, playbook, tag::catalogue,
};
use entity::{id::EnrolmentId, kind::PlaybookState, playbook::Model};
use serde_json::json;

use super::Stage;
use crate::support::on_both;

impl Stage {
    /// A playbook whose second step puts a tag on that is archived then.
    async fn broken_book(&self) -> Model {
        let told = json!({ "steps": [
            { "id": "works", "kind": { "actions": ["tag done"] } },
            { "id": "fails", "kind": { "actions": ["tag hot", "tag vip"] } },
        ] });
        let book = self.book("Broken", &told).await;
        let (ctx, owner) = (&self.world.ctx, &self.world.owner);
        catalogue::archive(ctx, owner, self.vip).await.unwrap();
        book
    }

    async fn run_through(&self, book: &Model, name: &str) -> EnrolmentId {
        let contact = self.person(name).await;
        let id = self.enrol(book, contact).await;
        self.settle().await;
        id
    }

    async fn book_now(&self, book: &Model) -> Model {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let found = playbook::load(ctx, workspace, &[book.id]).await;
        found.unwrap().remove(0)
    }
}

#[test]
fn what_cannot_be_done_is_counted_and_a_playbook_that_fails_again_and_again_is_paused() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage.broken_book().await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        for n in 1..=9 {
            let id = stage.run_through(&book, &format!("Person {n}")).await;
            assert_eq!(stage.stands(id).await, "DONE fails");
        }
        assert_eq!(stage.book_now(&book).await.state, PlaybookState::Active);
        assert_eq!(stage.tally(book.id, 1, "works").await.not_done, 0);
        assert_eq!(stage.tally(book.id, 1, "fails").await.not_done, 9);
        stage.run_through(&book, "Person 10").await;
        let paused = stage.book_now(&book).await;
        assert_eq!(paused.state, PlaybookState::Paused);
        assert!(paused.paused_at.is_some());
        assert!(paused.paused_reason.unwrap().contains("fails"));
        let unread = in_app::unread(ctx, owner).await;
        assert_eq!(unread.unwrap(), 1, "the owner is told");
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.passed, whole.not_done), (10, 10));

        // Once resumed it counts anew.
        let resumed = playbook::set_state(ctx, owner, book.id, PlaybookState::Active).await;
        let resumed = resumed.unwrap();
        assert_eq!((resumed.paused_at, resumed.paused_reason), (None, None));
        stage.run_through(&book, "Person 11").await;
        assert_eq!(stage.book_now(&book).await.state, PlaybookState::Active);
        assert_eq!(stage.tally(book.id, 1, "fails").await.not_done, 11);
        stage.world
    });
}

#[test]
fn a_step_that_works_again_begins_to_count_anew() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage.broken_book().await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        for n in 0..9 {
            stage.run_through(&book, &format!("Person {n}")).await;
        }
        catalogue::restore(ctx, owner, stage.vip).await.unwrap();
        stage.run_through(&book, "Person 9").await;
        catalogue::archive(ctx, owner, stage.vip).await.unwrap();
        for n in 10..19 {
            stage.run_through(&book, &format!("Person {n}")).await;
        }
        assert_eq!(stage.book_now(&book).await.state, PlaybookState::Active);
        stage.run_through(&book, "Person 19").await;
        assert_eq!(stage.book_now(&book).await.state, PlaybookState::Paused);
        stage.world
    });
}

#[test]
fn the_history_has_the_outcomes_of_each_action() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage.broken_book().await;
        let id = stage.run_through(&book, "Taro").await;
        let page = PageRequest::first(10);
        let (ctx, workspace) = (&stage.world.ctx, stage.world.owner.workspace);
        let history = playbook::history(ctx, workspace, id, &page).await;
        let (_, last) = history.unwrap().rows.remove(0);
        let outcomes = playbook::outcomes(&last).unwrap();
        let told: Vec<_> = outcomes
            .into_iter()
            .map(|one| (one.action, one.result))
            .collect();
        let expected = [
            (0, OutcomeResult::Tagged),
            (1, OutcomeResult::TagUnavailable),
        ];
        assert_eq!(told, expected);
        stage.world
    });
}
