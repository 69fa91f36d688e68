//! Contacts who are merged, taken apart and erased while they are enrolled.

use chrono::TimeDelta;
use domain::{
    contact::{erase, merge},
    error::Error,
    fact::Of,
    page::PageRequest,
    playbook, timeline,
};
use entity::kind::{PlaybookState, TimelineKind};
use serde_json::json;

use super::{Stage, wait_days};
use crate::support::on_both;

#[test]
fn enrolments_follow_a_merge_and_come_back_and_doubles_end_meanwhile() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "rest", "kind": wait_days(1) },
            { "id": "act", "kind": { "actions": ["tag done"] } },
        ] });
        let (both, one) = (
            stage.book("Both", &told).await,
            stage.book("One", &told).await,
        );
        let (stays, goes) = (stage.person("Stays").await, stage.person("Goes").await);
        let kept = stage.enrol(&both, stays).await;
        stage.settle().await;
        stage.pass(TimeDelta::hours(6)).await;
        let double = stage.enrol(&both, goes).await;
        let moved = stage.enrol(&one, goes).await;
        stage.settle().await;
        let waits = stage.now(double).await.wait_until;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let merged = merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        assert_eq!(stage.now(moved).await.contact_id, stays);
        let ended = stage.now(double).await;
        assert_eq!(ended.contact_id, goes);
        assert_eq!(ended.ending.as_deref(), Some("Merged"));
        assert_eq!(stage.stands(double).await, "CANCELLED rest");
        let rest = stage.tally(both.id, 1, "rest").await;
        assert_eq!((rest.here, rest.cancelled), (1, 1));
        stage.pass(TimeDelta::hours(18)).await;
        assert_eq!(stage.stands(kept).await, "DONE act");
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(stage.now(moved).await.contact_id, goes);
        stage.settle().await;
        // It waits for as long as it would have waited.
        assert_eq!(stage.stands(double).await, "WAITING rest");
        assert_eq!(stage.now(double).await.wait_until, waits);
        let whole = stage.tally(both.id, 1, "").await;
        assert_eq!((whole.here, whole.cancelled, whole.passed), (1, 0, 1));
        stage.pass(TimeDelta::hours(6)).await;
        assert_eq!(stage.stands(double).await, "DONE act");
        assert_eq!(stage.stands(moved).await, "DONE act");
        let history = ["rest CANCELLED", "rest WAITED", "act ACTED"];
        assert_eq!(stage.history(double).await, history);
        assert_eq!(stage.tally(both.id, 1, "rest").await.here, 0);
        stage.world
    });
}

#[test]
fn a_double_of_a_playbook_that_was_archived_meanwhile_stays_ended() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [{ "id": "rest", "kind": wait_days(1) }] });
        let book = stage.book("Both", &told).await;
        let (stays, goes) = (stage.person("Stays").await, stage.person("Goes").await);
        stage.enrol(&book, stays).await;
        let double = stage.enrol(&book, goes).await;
        stage.settle().await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let merged = merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        playbook::set_state(ctx, owner, book.id, PlaybookState::Archived)
            .await
            .unwrap();
        stage.operate().await;
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.stands(double).await, "CANCELLED rest");
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.here, whole.cancelled), (0, 2));
        stage.world
    });
}

#[test]
fn who_was_merged_into_another_is_enrolled_under_that_one() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [{ "id": "rest", "kind": wait_days(1) }] });
        let book = stage.book("Book", &told).await;
        let (stays, goes) = (stage.person("Stays").await, stage.person("Goes").await);
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        let enrolled = playbook::enrol_contacts(ctx, owner, book.id, &[stays, goes]).await;
        let Err(Error::Refused(errors)) = &enrolled else {
            panic!("{enrolled:?}");
        };
        assert_eq!(errors[0].path, ["contacts", "ids", "1"]);
        let survivor = format!("Name that one: {stays}.");
        assert!(errors[0].message.contains(&survivor), "{errors:?}");
        stage.settle().await;
        stage.world
    });
}

#[test]
fn an_erased_contact_is_nowhere_any_more_and_stays_counted() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "act", "kind": { "actions": [{ "createTask": { "title": "Call" } }] } },
            { "id": "rest", "kind": wait_days(1) },
        ] });
        let book = stage.book("Book", &told).await;
        let taro = stage.person("Taro").await;
        stage.enrol(&book, taro).await;
        stage.settle().await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        erase::erase(ctx, owner, taro).await.unwrap();
        assert!(stage.of_contact(taro).await.is_empty());
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.enrolled, whole.here), (1, 0));
        assert_eq!(stage.tally(book.id, 1, "rest").await.here, 0);
        stage.pass(TimeDelta::days(1)).await;
        stage.world
    });
}

#[test]
fn a_timeline_says_when_a_contact_came_into_a_playbook_and_left_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "rest", "kind": wait_days(1) },
            { "id": "act", "kind": { "actions": ["tag done"] } },
        ] });
        let book = stage.book("Book", &told).await;
        let taro = stage.person("Taro").await;
        let enrolment = stage.enrol(&book, taro).await;
        stage.settle().await;
        let kinds = [TimelineKind::PlaybookEntered, TimelineKind::PlaybookLeft];
        let page = PageRequest::first(10);
        let (ctx, workspace) = (&stage.world.ctx, stage.world.owner.workspace);
        let of = Of::Contact(taro);
        let entries = || async {
            let found = timeline::list(ctx, workspace, of, &kinds, &page).await;
            let rows = found.unwrap().rows.into_iter();
            rows.map(|(_, entry)| (entry.kind, entry.subject_id))
                .collect::<Vec<_>>()
        };
        let entered = (TimelineKind::PlaybookEntered, enrolment.0);
        assert_eq!(entries().await, [entered]);
        stage.pass(TimeDelta::days(1)).await;
        let left = (TimelineKind::PlaybookLeft, enrolment.0);
        assert_eq!(entries().await, [left, entered]);
        stage.world
    });
}
