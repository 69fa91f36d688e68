//! What is given to a person of their data can be read, and is the same whatever the database.

use std::sync::Mutex;

use domain::{
    attribute::{Setting, Value as Given},
    contact::{
        self, NewContact, ProfileChanges,
        erase::{PERSONAL_TABLES, Personal},
        export,
    },
    event::{self, NewEvent},
    note, order,
    tag::{Request, tagging},
};
use entity::kind::{AttributeType, SubjectKind, TagKind};
use serde_json::{Value, json};

use super::{define, dump::columns};
use crate::{
    fact::{an_order, email},
    support::{World, on_both},
};

const TARO: &str = "taro@customer.example";

/// Without what the test did not choose: of ids, only what they are ids of.
fn without_digits(value: Value) -> Value {
    match value {
        Value::String(text) => match text.rsplit_once('_') {
            Some((prefix, digits)) if digits.len() == 32 => json!(prefix),
            _ => Value::String(text),
        },
        Value::Array(parts) => parts.into_iter().map(without_digits).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, without_digits(value)))
            .collect(),
        value => value,
    }
}

async fn known(world: &World) -> Value {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let level = define(world, SubjectKind::Contact, "level", AttributeType::Number).await;
    let new = NewContact {
        name: "Taro".to_owned(),
        email: Some(TARO.to_owned()),
        profile: ProfileChanges {
            attributes: vec![Setting {
                attribute: level,
                value: Some(Given::Number(3.0)),
            }],
            ..ProfileChanges::default()
        },
        ..NewContact::default()
    };
    let id = contact::create(ctx, owner, new).await.unwrap().id;
    let interest = world.tag(TagKind::Contact, "Interest", None).await;
    let tea = world.tag(TagKind::Contact, "Tea", Some(interest)).await;
    tagging::tag_many(ctx, owner, &[Request::contact(id, tea)], "asked")
        .await
        .unwrap();
    note::add(ctx, owner, id.into(), &["id"], "likes tea")
        .await
        .unwrap();
    let tea = an_order(world, "A1", email(TARO), 0);
    order::ingest(ctx, owner, vec![tea]).await.unwrap();
    let login = NewEvent {
        external_id: "e1".to_owned(),
        whose: TARO.to_owned().into(),
        name: "login".to_owned(),
        properties: json!({ "member_id": "7", "paid": true }),
        occurred_at: ctx.clock.now(),
    };
    event::ingest(ctx, owner, vec![login]).await.unwrap();
    export::export(ctx, owner, id).await.unwrap()
}

fn check(data: &Value) {
    let tables = &data["tables"];
    let member = json!({ "kind": "MEMBER", "member": { "id": "member", "name": "Owner" } });
    let tagging = &tables["tagging"][0];
    assert_eq!(
        tagging["tag"],
        json!({ "id": "tag", "name": "Tea", "path": "Interest / Tea" })
    );
    assert_eq!(tagging["targetId"], "contact");
    assert_eq!(tagging["addedBy"], member);
    assert_eq!(tagging["addedAt"], "2026-03-01T03:00:00Z");
    assert_eq!(tables["note"][0]["author"], member);
    assert_eq!(
        tables["attribute_value"][0]["attribute"],
        json!({ "id": "attribute", "key": "level", "name": "level" })
    );
    assert_eq!(tables["attribute_value"][0]["number"], 3);
    let yen = |amount: i64| {
        json!({
            "amount": amount, "currency": "JPY", "exponent": 0, "decimal": amount.to_string()
        })
    };
    assert_eq!(tables["sales_order"][0]["amount"], yen(3_000_000_000));
    assert_eq!(tables["order_line"][0]["unitPrice"], yen(1_500_000_000));
    assert_eq!(
        tables["event"][0],
        json!({
            "id": "event",
            "contactId": "contact",
            "externalId": "e1",
            "name": "login",
            "properties": { "member_id": "7", "paid": true },
            "occurredAt": "2026-03-01T03:00:00Z",
            "createdAt": "2026-03-01T03:00:00Z",
        })
    );
}

#[test]
fn a_persons_data_is_shown_as_the_api_shows_it_on_both_databases() {
    let first = Mutex::new(None);
    let first = &first;
    on_both(|world| async move {
        let data = without_digits(known(&world).await);
        check(&data);
        let mut first = first.lock().unwrap();
        let wanted = first.get_or_insert_with(|| data.clone());
        assert_eq!(data, *wanted, "each database gives the same");
        drop(first);
        world
    });
}

#[test]
fn every_column_that_is_exported_says_what_it_holds() {
    on_both(|world| async move {
        for line in PERSONAL_TABLES {
            if !matches!(line.personal, Personal::Rows(_)) {
                continue;
            }
            for column in columns(&world, line.table).await {
                assert!(
                    export::shape(line.table, &column).is_some(),
                    "domain/src/contact/export/shape.rs says what {}.{column} holds",
                    line.table
                );
            }
        }
        world
    });
}
