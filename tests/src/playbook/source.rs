//! What enrols, and how often.

use chrono::TimeDelta;
use domain::{
    action::{Action, StartPlaybook, StopPlaybook},
    contact::ContactFilter,
    playbook,
    segment::{self, NewSegment},
    tag::TagFilter,
    work::change::{Change, Fact},
};
use entity::kind::{HealthBand, PlaybookState, SegmentSubject};
use serde_json::{Value, json};

use super::{Stage, refusals, wait_days};
use crate::support::{engine::words, on_both};

fn short(more: &Value) -> Value {
    let mut book = json!({ "steps": [{ "id": "act", "kind": { "actions": ["tag done"] } }] });
    if let (Some(book), Some(more)) = (book.as_object_mut(), more.as_object()) {
        book.extend(more.clone());
    }
    book
}

#[test]
fn a_contact_is_enrolled_once_again_after_the_end_or_after_a_time() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let taro = stage.person("Taro").await;
        for (again, at_once, after_a_week) in [
            (json!("never"), false, false),
            (json!("afterEnd"), true, true),
            (json!({ "afterDays": 7 }), false, true),
        ] {
            let name = again.to_string();
            let book = stage.book(&name, &short(&json!({ "again": again }))).await;
            stage.enrol(&book, taro).await;
            let enrol = || async {
                let enrolled = playbook::enrol_contacts(&ctx, &owner, book.id, &[taro]).await;
                enrolled.unwrap().made.len() == 1
            };
            assert!(!enrol().await, "{name}: never twice at a time");
            stage.settle().await;
            assert_eq!(enrol().await, at_once, "{name}");
            stage.settle().await;
            stage.pass(TimeDelta::days(7)).await;
            assert_eq!(enrol().await, after_a_week, "{name}");
            stage.settle().await;
        }
        stage.world
    });
}

#[test]
fn a_tag_or_one_below_it_enrols_and_so_does_a_band_of_health() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let kind = entity::kind::TagKind::Contact;
        let below = stage.world.tag(kind, "Below", Some(stage.vip)).await;
        let by_tag = json!([{ "tagAdded": { "tagIds": ["id vip"], "withDescendants": true } }]);
        let by_band = json!([{ "healthBand": { "bands": ["AT_RISK"] } }]);
        let tagged = stage
            .book("Tag", &short(&json!({ "sources": by_tag })))
            .await;
        let risky = stage
            .book("Band", &short(&json!({ "sources": by_band })))
            .await;
        let (a, b, c) = (
            stage.person("A").await,
            stage.person("B").await,
            stage.person("C").await,
        );
        stage.tag(a, stage.vip).await;
        stage.tag(b, below).await;
        stage.tag(c, stage.hot).await;
        let health = |band, previous_band| Fact::HealthChanged {
            contact_id: c,
            score: Some(20.0),
            previous_score: Some(70.0),
            band,
            previous_band,
        };
        let (ctx, workspace) = (&stage.world.ctx, stage.world.owner.workspace);
        let origin = domain::access::Origin::System;
        let mut tx = ctx.begin(workspace).await.unwrap();
        let fact = health(HealthBand::AtRisk, HealthBand::AtRisk);
        tx.record(Change::new(origin, Some(a), fact));
        let fact = health(HealthBand::AtRisk, HealthBand::Healthy);
        tx.record(Change::new(origin, Some(c), fact));
        tx.commit().await.unwrap();
        stage.settle().await;
        let mut found = Vec::new();
        for contact in [a, b, c] {
            let rows = stage.of_contact(contact).await;
            let rows = rows.iter().map(|row| (row.playbook_id, row.source.word()));
            found.push(rows.collect::<Vec<_>>());
        }
        assert_eq!(
            found,
            [
                vec![(tagged.id, "TAG")],
                vec![(tagged.id, "TAG")],
                vec![(risky.id, "HEALTH_BAND")],
            ]
        );
        let tags = stage.tags(b).await;
        assert!(
            tags.contains(&below) && tags.contains(&stage.done),
            "{tags:?}"
        );
        stage.world
    });
}

#[test]
fn whoever_comes_into_a_segment_is_enrolled() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let new = NewSegment {
            name: "Guests".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: None,
        };
        let guests = segment::create(&ctx, &owner, new).await.unwrap().id;
        stage.operate().await;
        let source = json!([{ "segmentEntered": { "segmentIds": [guests.0] } }]);
        let book = stage
            .book("Book", &short(&json!({ "sources": source })))
            .await;
        let (comes, stays) = (stage.person("Comes").await, stage.person("Stays").await);
        let things = segment::hand::Things::Contacts(vec![comes]);
        segment::hand::add(&ctx, &owner, guests, &things)
            .await
            .unwrap();
        stage.settle().await;
        let rows = stage.of_contact(comes).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].playbook_id, rows[0].source.word()),
            (book.id, "SEGMENT")
        );
        assert!(stage.of_contact(stays).await.is_empty());
        stage.world
    });
}

#[test]
fn a_rule_starts_and_stops_a_playbook() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "rest", "kind": wait_days(1) },
            { "id": "act", "kind": { "actions": ["tag done"] } },
        ], "again": "afterEnd" });
        let book = stage.book("Book", &told).await;
        let start = Action::StartPlaybook(StartPlaybook {
            playbook_id: book.id.0,
        });
        let stop = Action::StopPlaybook(StopPlaybook {
            playbook_id: book.id.0,
        });
        let world = &stage.world;
        world.rule("start", words(&["begin"]), vec![start]).await;
        world.rule("stop", words(&["finish"]), vec![stop]).await;
        let email = "taro@customer.example";
        world
            .receive(&[("1", email, "begin"), ("2", email, "begin")])
            .await;
        stage.settle().await;
        let rows = Query::rows_of(&stage).await;
        assert_eq!(rows, ["ACTION WAITING"]);
        world.receive(&[("3", email, "finish")]).await;
        stage.settle().await;
        assert_eq!(Query::rows_of(&stage).await, ["ACTION CANCELLED"]);
        world.receive(&[("4", email, "begin")]).await;
        stage.settle().await;
        stage.pass(TimeDelta::days(1)).await;
        let rows = Query::rows_of(&stage).await;
        assert_eq!(rows, ["ACTION CANCELLED", "ACTION DONE"]);
        assert_eq!(stage.tally(book.id, 1, "").await.enrolled, 2);
        stage.world
    });
}

#[test]
fn a_rule_that_starts_an_archived_playbook_fails_and_one_that_starts_a_paused_one_does_not() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [{ "id": "rest", "kind": wait_days(1) }] });
        let (gone, resting) = (
            stage.book("Gone", &told).await,
            stage.book("Resting", &told).await,
        );
        let world = &stage.world;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let start = |id| vec![Action::StartPlaybook(StartPlaybook { playbook_id: id })];
        let begin = || words(&["begin"]);
        let hopeless = world.rule("hopeless", begin(), start(gone.id.0)).await;
        let patient = world.rule("patient", begin(), start(resting.id.0)).await;
        for (book, state) in [
            (gone.id, PlaybookState::Archived),
            (resting.id, PlaybookState::Paused),
        ] {
            playbook::set_state(ctx, owner, book, state).await.unwrap();
        }
        // Archiving ends whatever enrolments there are, as an operation.
        stage.operate().await;
        let ids: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let email = "taro@customer.example";
        let told: Vec<_> = ids.iter().map(|id| (id.as_str(), email, "begin")).collect();
        world.receive(&told).await;
        stage.settle().await;
        for (rule, is_active) in [(hopeless.id, false), (patient.id, true)] {
            let found = domain::rule::find(ctx, owner.workspace, rule).await;
            assert_eq!(found.unwrap().unwrap().active, is_active);
        }
        // Whatever followed from the rule that paused itself.
        stage.operate().await;
        stage.world
    });
}

/// All enrolments, oldest first, as `source state`.
struct Query;

impl Query {
    async fn rows_of(stage: &Stage) -> Vec<String> {
        let rows: Vec<entity::enrolment::Model> =
            domain::store::Query::new("SELECT * FROM enrolment ORDER BY id")
                .all(stage.world.ctx.reader())
                .await
                .expect("rows");
        rows.iter()
            .map(|row| format!("{} {}", row.source.word(), row.state.word()))
            .collect()
    }
}

#[test]
fn playbooks_that_start_each_other_come_to_an_end() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        // Each puts on the tag that enrols in the other, and takes off its own.
        let ping = json!({
            "steps": [{ "id": "act", "kind": { "actions": [
                { "untagContact": { "tagIds": ["id vip"], "evenIfSetByMember": true } },
                "tag hot",
            ] } }],
            "sources": [{ "tagAdded": { "tagIds": ["id vip"] } }],
            "again": "afterEnd",
        });
        let pong = json!({
            "steps": [{ "id": "act", "kind": { "actions": [
                { "untagContact": { "tagIds": ["id hot"], "evenIfSetByMember": true } },
                "tag vip",
            ] } }],
            "sources": [{ "tagAdded": { "tagIds": ["id hot"] } }],
            "again": "afterEnd",
        });
        let ping = stage.book("Ping", &ping).await;
        stage.book("Pong", &pong).await;
        let taro = stage.person("Taro").await;
        stage.tag(taro, stage.vip).await;
        stage.settle().await;
        let rounds = stage.of_contact(taro).await.len();
        assert!((2..=8).contains(&rounds), "{rounds} enrolments");
        assert!(stage.tally(ping.id, 1, "").await.passed >= 1);
        stage.world
    });
}

#[test]
fn everybody_a_filter_finds_is_enrolled_by_an_operation() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (stage.world.ctx.clone(), stage.world.owner.clone());
        let book = stage.book("Book", &short(&json!({}))).await;
        let mut vips = Vec::new();
        for n in 0..5 {
            let contact = stage.person(&format!("Number {n}")).await;
            if n % 2 == 0 {
                stage.tag(contact, stage.vip).await;
                vips.push(contact);
            }
        }
        stage.enrol(&book, vips[0]).await;
        let filter = ContactFilter {
            tags: TagFilter {
                any: vec![stage.vip],
                ..TagFilter::default()
            },
            ..ContactFilter::default()
        };
        let asked = playbook::enrol_by_filter(&ctx, &owner, book.id, filter.clone()).await;
        stage.operate().await;
        stage.settle().await;
        let found = domain::operation::find(&ctx, owner.workspace, asked.unwrap().id).await;
        let done = found.unwrap().unwrap();
        assert_eq!((done.done, done.total), (3, Some(3)));
        assert_eq!(done.progress["counts"]["enrolled"], 2);
        assert_eq!(done.progress["counts"]["already"], 1);
        for contact in vips {
            assert_eq!(stage.tags(contact).await.len(), 2);
        }
        let stranger = crate::support::World::workspace(&ctx, "Stranger", "stranger.example").await;
        let refused = playbook::enrol_by_filter(&ctx, &stranger, book.id, filter).await;
        assert_eq!(refusals(refused), ["playbookId NotFound"]);
        stage.world
    });
}
