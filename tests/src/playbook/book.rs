//! Playbooks themselves: versions, pausing, archiving, what is refused.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    attribute::{NewAttribute, definition},
    operation::Limits,
    page::PageRequest,
    playbook::{self, NewPlaybook, PlaybookChange, template},
    tag::{catalogue, group},
};
use entity::{
    id::EnrolmentId,
    kind::{AttributeType, PlaybookState, SubjectKind, TagKind, TagSelection},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use serde_json::json;

use super::{Stage, refusals, wait_days};
use crate::support::{World, on_both};

fn one_day(action: &str) -> serde_json::Value {
    json!({ "steps": [
        { "id": "rest", "kind": wait_days(1) },
        { "id": "act", "kind": { "actions": [action] } },
    ] })
}

#[test]
fn enrolments_stay_on_their_version_and_new_ones_take_the_published() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let book = stage.book("Book", &one_day("tag hot")).await;
        assert_eq!((book.version, book.latest_version), (1, 1));
        let old = stage.person("Old").await;
        let on_first = stage.enrol(&book, old).await;
        stage.settle().await;
        let change = |publish| PlaybookChange {
            definition: Some(stage.definition(&one_day("tag done"))),
            publish,
            ..PlaybookChange::default()
        };
        // A draft changes nothing for anybody.
        let draft = playbook::update(&ctx, &owner, book.id, change(false)).await;
        assert_eq!(draft.unwrap().version, 1);
        let between = stage.person("Between").await;
        let between = stage.enrol(&book, between).await;
        assert_eq!(stage.now(between).await.version, 1);
        let published = playbook::publish(&ctx, &owner, book.id, 2).await.unwrap();
        assert_eq!((published.version, published.latest_version), (2, 2));
        let new = stage.person("New").await;
        let on_second = stage.enrol(&book, new).await;
        stage.settle().await;
        stage.pass(TimeDelta::days(1)).await;
        assert_eq!(stage.now(on_first).await.version, 1);
        assert_eq!(stage.tags(old).await, [stage.hot]);
        assert_eq!(stage.tags(new).await, [stage.done]);
        assert_eq!(stage.tally(book.id, 1, "").await.passed, 2);
        assert_eq!(stage.tally(book.id, 2, "").await.passed, 1);
        assert_eq!(stage.now(on_second).await.version, 2);
        // Back to the first.
        playbook::publish(&ctx, &owner, book.id, 1).await.unwrap();
        let last = stage.person("Last").await;
        let last = stage.enrol(&book, last).await;
        assert_eq!(stage.now(last).await.version, 1);
        let page = PageRequest::first(10);
        let versions = playbook::versions(&ctx, owner.workspace, book.id, &page).await;
        let versions = versions.unwrap().rows.into_iter();
        let numbers: Vec<i64> = versions.map(|(_, one)| one.version).collect();
        assert_eq!(numbers, [2, 1]);
        assert_eq!(
            refusals(playbook::publish(&ctx, &owner, book.id, 3).await),
            ["version NotFound"]
        );
        stage.world
    });
}

#[test]
fn timers_of_a_paused_playbook_wait_and_go_on_when_it_is_resumed() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let book = stage.book("Book", &one_day("tag hot")).await;
        let taro = stage.person("Taro").await;
        let id = stage.enrol(&book, taro).await;
        stage.settle().await;
        let state = |state| playbook::set_state(&ctx, &owner, book.id, state);
        state(PlaybookState::Paused).await.unwrap();
        stage.pass(TimeDelta::days(5)).await;
        assert_eq!(stage.stands(id).await, "WAITING rest");
        let other = stage.person("Other").await;
        let refused = playbook::enrol_contacts(&ctx, &owner, book.id, &[other]).await;
        assert_eq!(refusals(refused), ["playbookId Invalid"]);
        state(PlaybookState::Active).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "DONE act");
        stage.world
    });
}

/// Two playbooks, each with somebody who is due.
async fn two_due(stage: &Stage) -> [EnrolmentId; 2] {
    let told = json!({ "steps": [{ "id": "act", "kind": { "actions": ["tag hot"] } }] });
    let person = stage.person("Taro").await;
    let one = stage.book("One", &told).await;
    let other = stage.book("Other", &told).await;
    [
        stage.enrol(&one, person).await,
        stage.enrol(&other, person).await,
    ]
}

/// How the database pauses all other playbooks when somebody is taken on in one, and how it stops doing so.
fn a_member_who_pauses_the_others(
    backend: DatabaseBackend,
) -> (&'static [&'static str], &'static str) {
    match backend {
        DatabaseBackend::Postgres => (
            &[
                "CREATE FUNCTION pauses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     UPDATE playbook SET state = 'PAUSED' WHERE id <> NEW.playbook_id;
                     RETURN NULL; END $$",
                "CREATE TRIGGER pauses AFTER UPDATE ON enrolment
                 FOR EACH ROW EXECUTE FUNCTION pauses()",
            ],
            "DROP FUNCTION pauses CASCADE",
        ),
        _ => (
            &["CREATE TRIGGER pauses AFTER UPDATE ON enrolment
               BEGIN UPDATE playbook SET state = 'PAUSED' WHERE id <> NEW.playbook_id; END"],
            "DROP TRIGGER pauses",
        ),
    }
}

#[test]
fn a_playbook_that_is_paused_before_its_turn_takes_nobody_on_in_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let due = two_due(&stage).await;
        let db = stage.world.ctx.db.clone();
        let (put, take_away) = a_member_who_pauses_the_others(db.backend());
        for statement in put {
            db.owner().execute_unprepared(statement).await.unwrap();
        }
        assert_eq!(stage.play().await.enrolments, 1);
        db.owner().execute_unprepared(take_away).await.unwrap();
        let mut stand = [stage.stands(due[0]).await, stage.stands(due[1]).await];
        stand.sort();
        assert_eq!(stand, ["DONE act", "WAITING act"]);
        stage.world
    });
}

#[test]
fn a_turn_that_is_cut_tells_of_everybody_it_has_looked_at() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        two_due(&stage).await;
        let asked = AtomicUsize::new(0);
        // Said before the second playbook.
        let limits = Limits {
            time: Duration::MAX,
            goes_on: &|| asked.fetch_add(1, Ordering::SeqCst) == 0,
        };
        let turn = playbook::run_due(&stage.world.ctx, None, limits).await;
        let turn = turn.unwrap();
        assert_eq!((turn.enrolments, turn.is_cut), (1, true));
        assert_eq!(stage.play().await.enrolments, 1);
        stage.world
    });
}

#[test]
fn a_paused_playbook_that_names_a_deleted_tag_group_is_changed_before_it_goes_on() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let size = stage.world.group("Size", TagSelection::Single).await;
        let mut told = one_day("tag hot");
        let empty = json!({ "tagGroup": { "of": "CONTACT", "groupId": size.0, "empty": true } });
        told["exits"] = json!([{ "name": "Unknown", "condition": empty }]);
        let book = stage.book("Book", &told).await;
        let state = |state| playbook::set_state(&ctx, &owner, book.id, state);
        state(PlaybookState::Paused).await.unwrap();
        let usage = group::usage(&ctx, owner.workspace, size).await;
        let token = usage.unwrap().unwrap().token;
        group::delete(&ctx, &owner, size, &token).await.unwrap();

        let refused = state(PlaybookState::Active).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        let change = PlaybookChange {
            definition: Some(stage.definition(&one_day("tag hot"))),
            publish: true,
            ..PlaybookChange::default()
        };
        playbook::update(&ctx, &owner, book.id, change)
            .await
            .unwrap();
        state(PlaybookState::Active).await.unwrap();
        stage.world
    });
}

#[test]
fn archiving_ends_every_enrolment_and_frees_the_name() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let book = stage.book("Book", &one_day("tag hot")).await;
        assert_eq!(
            refusals(stage.try_book("ｂｏｏｋ", &one_day("tag hot")).await),
            ["name Taken"]
        );
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            let contact = stage.person(name).await;
            ids.push(stage.enrol(&book, contact).await);
        }
        stage.settle().await;
        let archived = PlaybookState::Archived;
        playbook::set_state(&ctx, &owner, book.id, archived)
            .await
            .unwrap();
        stage.operate().await;
        for id in ids {
            assert_eq!(stage.stands(id).await, "CANCELLED rest");
            assert_eq!(stage.history(id).await, ["rest CANCELLED"]);
        }
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.here, whole.cancelled), (0, 3));
        let again = playbook::set_state(&ctx, &owner, book.id, PlaybookState::Active).await;
        assert_eq!(refusals(again), ["id Invalid"]);
        stage.book("Book", &one_day("tag hot")).await;
        stage.world
    });
}

#[test]
fn what_cannot_be_saved_says_where_and_leaves_nothing() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let stranger = World::workspace(&ctx, "Stranger", "stranger.example").await;
        let unknown = stranger.workspace.0;
        let told = json!({
            "steps": [
                { "id": "act", "kind": { "actions": [
                    "tag hot",
                    { "tagContact": { "tagIds": [unknown] } },
                    { "startPlaybook": { "playbookId": unknown } },
                    { "createTask": { "title": "Call", "assignee": { "member": unknown } } },
                ] } },
                { "id": "wait", "kind": { "waitFor": {
                    "condition": { "contactTags": { "mode": "ANY", "tagIds": [unknown] } },
                    "timeoutSeconds": 60,
                } } },
            ],
            "sources": [{ "tagAdded": { "tagIds": [unknown] } }],
        });
        assert_eq!(
            refusals(stage.try_book("Book", &told).await),
            [
                "definition.steps.1.kind.waitFor.condition.contactTags.tagIds.0 NotFound",
                "definition.steps.0.kind.actions.1.tagContact.tagIds.0 NotFound",
                "definition.steps.0.kind.actions.2.startPlaybook.playbookId NotFound",
                "definition.steps.0.kind.actions.3.createTask.assignee.memberId NotFound",
                "definition.sources.0.tagAdded.tagIds.0 NotFound",
            ]
        );
        let conversation = json!({ "steps": [
            { "id": "a", "kind": { "actions": [
                { "setConversationStatus": { "status": "CLOSED" } },
            ] } },
        ] });
        assert_eq!(
            refusals(stage.try_book("Book", &conversation).await),
            ["definition.steps.0.kind.actions.0.setConversationStatus KindMismatch"]
        );
        let archived = stage.world.tag(TagKind::Contact, "Old", None).await;
        catalogue::archive(&ctx, &owner, archived).await.unwrap();
        let seats = NewAttribute {
            subject: SubjectKind::Contact,
            key: "seats".to_owned(),
            name: "Seats".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let seats = definition::create(&ctx, &owner, seats).await.unwrap().id;
        let target = stage.world.target("sales").await;
        let unusable = json!({ "steps": [
            { "id": "wait", "kind": { "wait": { "for": { "seconds": 60 } } } },
            { "id": "act", "kind": { "actions": [
                { "tagContact": { "tagIds": [archived.0] } },
                { "setContactAttribute": {
                    "attributeId": seats.0, "value": { "text": "many" },
                } },
                { "notify": { "targetId": target.0, "text": "{{ contact.nonsense( }}" } },
            ] } },
        ] });
        let refused = refusals(stage.try_book("Book", &unusable).await);
        let places: Vec<_> = refused
            .iter()
            .filter_map(|one| one.split(' ').next())
            .collect();
        assert_eq!(
            places,
            [
                "definition.steps.1.kind.actions.0.tagContact.tagIds.0",
                "definition.steps.1.kind.actions.1.setContactAttribute.value.text",
                "definition.steps.1.kind.actions.2.notify.text",
            ]
        );
        let page = PageRequest::first(10);
        let left = playbook::list(&ctx, owner.workspace, &[], &page).await;
        assert!(left.unwrap().rows.is_empty());
        let book = stage.book("Book", &one_day("tag hot")).await;
        let theirs = PlaybookState::Paused;
        let refused = playbook::set_state(&ctx, &stranger, book.id, theirs).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        stage.world
    });
}

#[test]
fn a_playbook_follows_its_tags_when_they_are_merged_and_keeps_them_from_being_deleted() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let book = stage.book("Book", &one_day("tag hot")).await;
        let taro = stage.person("Taro").await;
        stage.enrol(&book, taro).await;
        stage.settle().await;
        let usage = catalogue::usage(&ctx, owner.workspace, stage.hot).await;
        let usage = usage.unwrap().expect("the tag");
        let names: Vec<_> = usage.uses.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["Book"]);
        let merge = catalogue::Merge {
            sources: vec![stage.hot],
            target: stage.vip,
            keep_newest: true,
        };
        catalogue::merge(&ctx, &owner, merge).await.unwrap();
        stage.pass(TimeDelta::days(1)).await;
        assert_eq!(stage.tags(taro).await, [stage.vip]);
        stage.world
    });
}

#[test]
fn every_template_becomes_a_playbook_that_runs() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let taro = stage.person("Taro").await;
        for template in template::Template::ALL {
            let new = NewPlaybook {
                publish: true,
                ..template::playbook(template, domain::locale::Locale::Ja)
            };
            let book = playbook::create(&ctx, &owner, new).await.unwrap();
            let id = stage.enrol(&book, taro).await;
            stage.settle().await;
            stage.pass(TimeDelta::days(60)).await;
            stage.pass(TimeDelta::days(60)).await;
            stage.pass(TimeDelta::days(60)).await;
            stage.pass(TimeDelta::days(60)).await;
            assert!(stage.stands(id).await.starts_with("DONE"), "{template:?}");
        }
        stage.world
    });
}
