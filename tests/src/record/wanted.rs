//! Who may have which records, since when, and asking for them over the API.

use chrono::TimeDelta;
use domain::{
    access::{Actor, Scope, ScopeSet},
    attribute,
    conversation::{self, ConversationFilter},
    error::Error,
    export::{self, Ordered, Records, What},
    note,
    page::PageRequest,
    segment,
};
use entity::kind::{
    AttributeType, EmailEventKind, ExportEncoding, ExportFormat, OrderStatus, SubjectKind,
};
use serde_json::{Value, json};

use super::{ADA, BOB, contact_of, did, ids, inboxes, kinds, lines, mailed, wrote};
use crate::{
    export::{csv, export, wanted},
    fact::{an_order, email as of},
    support::{
        World,
        client::text,
        installation::{Installation, on_each},
        on_both,
    },
};

#[test]
fn since_brings_what_came_in_or_changed_here_however_old_it_is() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (mail, _) = inboxes(&world).await;
        did(&world, "early", "page_viewed", ADA, 1).await;
        mailed(&world, "early", EmailEventKind::Sent, 1).await;
        wrote(&world, mail, "early", ADA, 1).await;
        let orders = vec![
            an_order(&world, "told again", of(ADA), -30),
            an_order(&world, "early", of(ADA), -20),
        ];
        domain::order::ingest(ctx, owner, orders).await.unwrap();
        let ada = contact_of(&world, ADA).await;
        let mut notes = Vec::new();
        for body in ["stays", "goes"] {
            let made = note::add(ctx, owner, ada.into(), &["contactId"], body).await;
            notes.push(made.unwrap().id);
        }
        world.clock.advance(TimeDelta::hours(2));
        let since = ctx.clock.now();
        did(&world, "late", "page_viewed", ADA, 10_000).await;
        mailed(&world, "late", EmailEventKind::Delivered, 10_000).await;
        wrote(&world, mail, "late", ADA, 10_000).await;
        let mut again = an_order(&world, "told again", of(ADA), -30);
        again.status = OrderStatus::Cancelled;
        domain::order::ingest(ctx, owner, vec![again])
            .await
            .unwrap();
        note::delete(ctx, owner, notes[1]).await.unwrap();
        for (records, expected) in [
            (Records::Events(Default::default()), "late"),
            (Records::EmailEvents(Default::default()), "late"),
            (Records::Messages(Default::default()), "late"),
            (Records::Orders(Default::default()), "told again"),
        ] {
            let all = lines(&world, records.clone()).await;
            assert_eq!(all.len(), 2, "{records:?}");
            let found = lines(&world, records.since(since)).await;
            assert_eq!(ids(&found, "externalId"), [expected]);
        }
        let all = lines(&world, Records::Notes(Default::default())).await;
        assert_eq!(ids(&all, "body"), ["stays"]);
        let found = lines(&world, Records::Notes(Default::default()).since(since)).await;
        assert_eq!(ids(&found, "id"), [notes[1].to_string()]);
        assert_eq!(found[0]["deletedAt"], json!(since));
        for records in kinds() {
            let tomorrow = since + TimeDelta::days(1);
            let found = lines(&world, records.clone().since(tomorrow)).await;
            assert!(found.is_empty(), "{records:?}");
        }
        world
    });
}

#[test]
fn records_are_those_of_the_workspace_and_of_whoever_may_read_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        did(&world, "e", "page_viewed", ADA, 1).await;
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let reader = Actor {
            scopes: [Scope::Read].into_iter().collect(),
            ..owner.clone()
        };
        let nobody = Actor {
            scopes: ScopeSet::default(),
            ..owner.clone()
        };
        for records in kinds() {
            let ask = async |actor: &Actor| {
                let what = What::Records(records.clone());
                let wanted = wanted(what, ExportFormat::Csv, ExportEncoding::Utf8);
                export::ask(ctx, actor, wanted).await
            };
            let is_log = matches!(records, Records::AuditLog(_));
            assert_eq!(ask(&reader).await.is_ok(), !is_log, "{records:?}");
            let refused = ask(&nobody).await;
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{records:?}");
            let asked = ask(&stranger).await.unwrap();
            let (_, mut download) = export::open(ctx, &asked.ticket).await.unwrap();
            let mut file = Vec::new();
            while let Some(piece) = download.next(ctx).await.unwrap() {
                file.extend(piece);
            }
            if !is_log {
                assert_eq!(csv(&file).len(), 1, "{records:?}");
            }
        }
        let unknown = segment::MemberFilter {
            segment: Some(ctx.id()),
            ..segment::MemberFilter::default()
        };
        let what = What::Records(Records::SegmentMembers(unknown));
        let wanted = wanted(what, ExportFormat::Csv, ExportEncoding::Utf8);
        let Err(Error::Refused(errors)) = export::ask(ctx, owner, wanted).await else {
            panic!("it is taken");
        };
        assert_eq!(errors[0].path, ["records", "segmentMembers", "segmentId"]);
        world
    });
}

#[test]
fn conversations_are_exported_in_the_order_of_an_attribute() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (mail, _) = inboxes(&world).await;
        let new = attribute::NewAttribute {
            subject: SubjectKind::Conversation,
            key: "seats".to_owned(),
            name: "Seats".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let made = attribute::definition::create(ctx, owner, new).await;
        let seats = made.unwrap().id;
        for (id, who, value) in [("a", ADA, 5.0), ("b", BOB, 40.0)] {
            wrote(&world, mail, id, who, 10).await;
            let filter = ConversationFilter {
                contacts: vec![contact_of(&world, who).await],
                ..ConversationFilter::default()
            };
            let page = PageRequest::first(1);
            let order = conversation::ConversationOrder::default();
            let found = conversation::list(ctx, owner.workspace, &filter, order, &page).await;
            let conversation = found.unwrap().rows[0].1.id;
            let setting = attribute::Setting {
                attribute: seats,
                value: Some(attribute::Value::Number(value)),
            };
            attribute::set(ctx, owner, conversation.into(), &["id"], vec![setting])
                .await
                .unwrap();
        }
        for (descending, expected) in [
            (false, ["About a", "About b"]),
            (true, ["About b", "About a"]),
        ] {
            let order = Ordered {
                by: conversation::ConversationOrder::default(),
                attribute: Some(attribute::AttributeOrder {
                    attribute: seats,
                    descending,
                }),
            };
            let what = What::Conversations(ConversationFilter::default(), order);
            let wanted = wanted(what, ExportFormat::JsonLines, ExportEncoding::Utf8);
            let file = String::from_utf8(export(&world, wanted).await).unwrap();
            let found = file.lines().map(|line| serde_json::from_str(line).unwrap());
            let found: Vec<Value> = found.collect();
            assert_eq!(ids(&found, "subject"), expected);
        }
        world
    });
}

async fn over_graphql(installation: Installation) -> Installation {
    let owner = installation.owner();
    let at = "2025-01-02T03:04:05Z";
    let input = json!({ "events": [
        { "externalId": "e1", "contactEmail": ADA, "name": "page_viewed", "occurredAt": at },
        { "externalId": "e2", "contactEmail": BOB, "name": "signed_up", "occurredAt": at },
    ] });
    owner.change("ingestEvents", input, "created").await;
    let query = "query($filter: EventFilterInput) {
        events(filter: $filter, first: 5) { totalCount nodes { name contact { name } } } }";
    let filter = json!({ "names": ["signed_up"], "until": "2025-02-01T00:00:00Z" });
    let found = owner.must(query, json!({ "filter": filter })).await;
    assert_eq!(found["totalCount"], 1);
    assert_eq!(found["nodes"][0]["name"], "signed_up");
    let input = json!({ "records": { "events": filter }, "since": at, "format": "JSON_LINES" });
    let asked = owner.change("exportRecords", input, "url").await;
    let url = format!("http://{}{}", owner.address, text(&asked["url"]));
    let file = owner.http.get(&url).send().await.unwrap();
    let name = file.headers()["content-disposition"].clone();
    assert_eq!(name, "attachment; filename=\"events.jsonl\"");
    let line: Value = serde_json::from_str(&file.text().await.unwrap()).unwrap();
    assert_eq!(line["externalId"], "e2");
    assert_eq!(line["occurredAt"], at);
    let query = "mutation($input: ExportRecordsInput!) {
        exportRecords(input: $input) { url userErrors { path code } } }";
    let input = json!({ "input": { "records": { "events": { "names": [] } } } });
    let refused = owner.ask(query, &input).await;
    assert_eq!(
        refused["data"]["exportRecords"],
        json!({ "url": null, "userErrors": [
            { "path": ["records", "events", "names"], "code": "REQUIRED" },
        ] }),
    );
    installation
}

#[test]
fn records_are_asked_for_by_the_filter_of_their_list() {
    on_each(over_graphql);
}
