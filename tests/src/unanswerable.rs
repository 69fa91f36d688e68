//! Questions that the database cannot answer of somebody, or not all in one statement: whoever else is
//! asked about, and whatever else is asked, does not wait for them.

use std::collections::BTreeSet;

use domain::{
    condition::{Condition, ContactTags, TagMode, TagTest},
    contact::{self, NewContact},
    event::{self, NewEvent},
    operation::{self, Limits},
    page::PageRequest,
    rule::firing::{self, FiringsOf},
    segment::{self, NewSegment},
    store::Query,
    tag::{Request, tagging},
};
use entity::{
    id::{ContactId, Id as _, MessageId, RuleId, SegmentId},
    kind::{SegmentSubject, TagKind},
};
use sea_orm::DatabaseBackend;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, engine::tag_contact, on_both};

const ONE: &str = "one@customer.example";
const OTHER: &str = "other@customer.example";

fn condition(stored: Value) -> Condition {
    serde_json::from_value(stored).expect("a condition")
}

/// What somebody spent, which cannot be said of whoever has [`spoilt`] an event.
fn spent_at_most(amount: i64) -> Condition {
    condition(json!({"events": {"names": ["donated"], "tests": [
        {"measure": "SUM", "property": "amount", "is": {"atMost": amount}},
    ]}}))
}

async fn person(world: &World, email: &str) -> ContactId {
    let new = NewContact {
        name: email.to_owned(),
        email: Some(email.to_owned()),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

/// Stores an event past the API, whose amount the database cannot calculate with.
async fn spoilt(world: &World, contact: ContactId) {
    let properties = match world.ctx.db.backend() {
        // Too small for a double.
        DatabaseBackend::Postgres => "CAST('{\"amount\": 1e-400}' AS jsonb)",
        _ => "'no JSON'",
    };
    Query::new(format!(
        "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                            occurred_at, created_at)
         VALUES ($1, $2, $3, 'spoilt', 'donated', {properties}, $4, $4)"
    ))
    .bind(world.owner.workspace)
    .bind(Uuid::from_u128(1))
    .bind(contact)
    .bind(world.ctx.clock.now())
    .execute(world.ctx.db.writer())
    .await
    .expect("an event");
}

async fn segment_of(world: &World, name: &str, condition: Condition) -> SegmentId {
    let new = NewSegment {
        name: name.to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(condition),
    };
    let made = segment::create(&world.ctx, &world.owner, new).await;
    made.expect("a segment").id
}

async fn settle(world: &World) {
    loop {
        world.drain().await;
        let turn = operation::run_due(&world.ctx, domain::operations(), None, Limits::none());
        if turn.await.expect("a turn").steps == 0 {
            return;
        }
    }
}

async fn members(world: &World, id: SegmentId) -> BTreeSet<Uuid> {
    let page = PageRequest::first(100);
    let found = segment::members(&world.ctx, world.owner.workspace, id, &page).await;
    let rows = found.expect("members").rows.into_iter();
    rows.map(|(_, row)| row.subject_id).collect()
}

fn set(contacts: &[ContactId]) -> BTreeSet<Uuid> {
    contacts.iter().map(|contact| contact.uuid()).collect()
}

async fn fired_on(world: &World, rule: RuleId) -> BTreeSet<Option<MessageId>> {
    let page = PageRequest::first(100);
    let of = FiringsOf::Rule(rule);
    let found = firing::list(&world.ctx, world.owner.workspace, of, &page).await;
    let rows = found.expect("firings").rows.into_iter();
    rows.map(|(_, firing)| firing.message_id).collect()
}

async fn donate(world: &World, id: &str, email: &str, amount: i64) {
    let event = NewEvent {
        external_id: id.to_owned(),
        whose: email.to_owned().into(),
        name: "donated".to_owned(),
        properties: json!({ "amount": amount }),
        occurred_at: world.ctx.clock.now(),
    };
    let told = event::ingest(&world.ctx, &world.owner, vec![event]).await;
    told.expect("an event");
}

#[test]
fn a_segment_without_an_answer_keeps_no_other_segment_and_nobody_else_waiting() {
    on_both(|world| async move {
        let (one, other) = (person(&world, ONE).await, person(&world, OTHER).await);
        spoilt(&world, one).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let frugal = segment_of(&world, "Frugal", spent_at_most(5)).await;
        let vips = Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![vip.0],
            with_descendants: true,
        }));
        let active = json!({"events": {"names": ["donated"]}});
        let vips = segment_of(&world, "VIPs", vips).await;
        let active = segment_of(&world, "Active", condition(active)).await;
        settle(&world).await;
        assert_eq!(members(&world, frugal).await, set(&[other]));
        assert_eq!(members(&world, active).await, set(&[one]));

        let put = [Request::contact(one, vip), Request::contact(other, vip)];
        let put = tagging::tag_many(&world.ctx, &world.owner, &put, "").await;
        put.expect("taggings");
        donate(&world, "1", ONE, 9).await;
        donate(&world, "2", OTHER, 9).await;
        world.drain().await;
        assert_eq!(members(&world, frugal).await, set(&[]));
        assert_eq!(members(&world, active).await, set(&[one, other]));
        assert_eq!(members(&world, vips).await, set(&[one, other]));

        let told: Option<i64> =
            Query::new("SELECT COUNT(*) FROM in_app_notification WHERE workspace_id = $1")
                .bind(world.owner.workspace)
                .scalar(world.ctx.reader())
                .await
                .expect("a count");
        assert_eq!(told, Some(1), "the owner is told once");
        world
    });
}

#[test]
fn a_rule_without_an_answer_keeps_no_other_rule_waiting_and_is_paused_in_the_end() {
    on_both(|world| async move {
        let (one, _) = (person(&world, ONE).await, person(&world, OTHER).await);
        spoilt(&world, one).await;
        let tag = world.tag(TagKind::Contact, "Seen", None).await;
        let act = || vec![tag_contact(tag)];
        let frugal = world.rule("frugal", spent_at_most(5), act()).await;
        let active = json!({"events": {"names": ["donated"]}});
        let active = world.rule("active", condition(active), act()).await;
        let messages = world
            .receive(&[("1", ONE, "hello"), ("2", OTHER, "hello")])
            .await;
        world.drain().await;
        assert_eq!(
            fired_on(&world, frugal.id).await,
            BTreeSet::from([Some(messages[1])])
        );
        assert_eq!(
            fired_on(&world, active.id).await,
            BTreeSet::from([Some(messages[0])])
        );

        let ids: Vec<String> = (10..20).map(|n| n.to_string()).collect();
        let more: Vec<_> = ids.iter().map(|id| (id.as_str(), ONE, "again")).collect();
        world.receive(&more).await;
        world.drain().await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for (rule, is_active) in [(frugal.id, false), (active.id, true)] {
            let found = domain::rule::find(ctx, workspace, rule).await;
            assert_eq!(found.unwrap().unwrap().active, is_active);
        }
        assert_eq!(fired_on(&world, active.id).await.len(), 11);
        world
    });
}

#[test]
fn segments_of_more_values_than_a_statement_takes_are_asked_in_several() {
    on_both(|world| async move {
        // 40 segments of a thousand values each.
        let products = |segment: usize, list: usize| -> Vec<String> {
            let products = 0..500;
            let named = products.map(|n| format!("p-{segment}-{list}-{n}"));
            named.collect()
        };
        let mut segments = Vec::new();
        for segment in 0..40 {
            let bought = json!({"not": {"any": [
                {"orders": {"productIds": products(segment, 0)}},
                {"orders": {"productIds": products(segment, 1)}},
            ]}});
            let name = format!("Without {segment}");
            segments.push(segment_of(&world, &name, condition(bought)).await);
        }
        settle(&world).await;
        let somebody = person(&world, ONE).await;
        world.drain().await;
        for id in segments {
            assert_eq!(members(&world, id).await, set(&[somebody]));
        }
        world
    });
}
