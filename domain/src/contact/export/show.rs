//! A row as the API shows things: ids with their prefix, names beside them, moments, amounts and JSON as
//! such, whatever database it comes from.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::id::{AccountId, ContactId, ConversationId, Id as _, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseBackend};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    name::{Names, has_names, id_text, read_id},
    shape::{Shape, member, shape},
};
use crate::{error::Result, export::camel_case, fact::Money};

/// Shows rows about these people.
pub(super) struct Show<'p> {
    people: &'p [ContactId],
    /// Whether the database has JSON as text, and yes and no as numbers.
    is_sqlite: bool,
    names: Names,
}

impl<'p> Show<'p> {
    pub(super) fn new(connection: &impl ConnectionTrait, people: &'p [ContactId]) -> Self {
        Self {
            people,
            is_sqlite: connection.get_database_backend() == DatabaseBackend::Sqlite,
            names: Names::default(),
        }
    }

    /// The rows of a table, each an object of its columns, as they are shown.
    pub(super) async fn rows(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        table: &str,
        rows: &[Value],
    ) -> Result<Vec<Value>> {
        // What they name is known once they were shown.
        for row in rows {
            self.row(table, row);
        }
        self.names.load(connection, workspace).await?;
        Ok(rows.iter().map(|row| self.row(table, row)).collect())
    }

    fn row(&mut self, table: &str, row: &Value) -> Value {
        let Value::Object(row) = row else {
            return row.clone();
        };
        let currency = row.get("currency").and_then(Value::as_str);
        // A merge that was undone was of two people, and has what the other one was told to be.
        let is_shared = table == "contact_merge" && !self.are_both_theirs(row);
        let mut shown = Map::new();
        for (column, value) in row {
            if is_shared && column == "filled" {
                continue;
            }
            if let Some((key, value)) = self.cell(table, column, value, currency) {
                shown.insert(key, value);
            }
        }
        Value::Object(shown)
    }

    /// Whether a merge was of contacts who are both the person.
    fn are_both_theirs(&self, row: &Map<String, Value>) -> bool {
        ["survivor_id", "loser_id"].iter().all(|column| {
            let text = row.get(*column).and_then(Value::as_str);
            let id = text.and_then(|text| Uuid::try_parse(text).ok());
            id.is_some_and(|id| self.people.contains(&ContactId(id)))
        })
    }

    /// The key and the value of a column; nothing of one that is left out.
    fn cell(
        &mut self,
        table: &str,
        column: &str,
        value: &Value,
        currency: Option<&str>,
    ) -> Option<(String, Value)> {
        let shape = shape(table, column).unwrap_or(Shape::Plain);
        let key = match shape {
            Shape::Hidden => return None,
            Shape::Id(prefix) if has_names(prefix) => short(column),
            Shape::Reasons => "reasons",
            _ => column,
        };
        let value = match (shape, value) {
            (_, Value::Null) => Value::Null,
            (Shape::Id(prefix), Value::String(text)) => self.id(prefix, text),
            (Shape::Whose, Value::String(text)) => self.whose(text),
            (Shape::Moment, Value::String(text)) => moment(text),
            (Shape::Flag, Value::Number(number)) => json!(number.as_i64() != Some(0)),
            (Shape::Money, value) => money(value, currency),
            (Shape::Reasons, Value::Number(bits)) => reasons(bits.as_i64().unwrap_or_default()),
            (Shape::Json, value) => self.json(value),
            (Shape::Told, value) => {
                let told = self.json(value);
                self.told(None, told)
            }
            (_, value) => plain(value),
        };
        Some((camel_case(key), value))
    }

    fn id(&mut self, prefix: &'static str, text: &str) -> Value {
        match Uuid::try_parse(text) {
            Ok(id) if has_names(prefix) => self.names.thing(prefix, id),
            Ok(id) => json!(id_text(prefix, id)),
            Err(_) => json!(text),
        }
    }

    fn whose(&self, text: &str) -> Value {
        match Uuid::try_parse(text) {
            Ok(id) if self.people.contains(&ContactId(id)) => json!(id_text(ContactId::PREFIX, id)),
            Ok(id) => json!(id_text(ConversationId::PREFIX, id)),
            Err(_) => json!(text),
        }
    }

    fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if self.is_sqlite => {
                serde_json::from_str(text).unwrap_or_else(|_| value.clone())
            }
            value => value.clone(),
        }
    }

    /// JSON of ours, with the things it names; `prefix` is that of ids which have none in it.
    fn told(&mut self, prefix: Option<&'static str>, value: Value) -> Value {
        match value {
            Value::String(text) => self.told_text(prefix, text),
            Value::Array(parts) => parts
                .into_iter()
                .map(|part| self.told(prefix, part))
                .collect(),
            Value::Object(members) => {
                let prefixes: Vec<_> = members.keys().map(|key| prefix_in(&members, key)).collect();
                let mut shown = Map::new();
                for ((key, value), prefix) in members.into_iter().zip(prefixes) {
                    let told = self.told(prefix, value);
                    let is_thing = told.get("id").is_some();
                    let key = if is_thing { short(&key) } else { key.as_str() };
                    shown.insert(camel_case(key), told);
                }
                Value::Object(shown)
            }
            value => value,
        }
    }

    fn told_text(&mut self, prefix: Option<&'static str>, text: String) -> Value {
        if let Some((prefix, id)) = read_id(&text) {
            return self.names.thing(prefix, id);
        }
        let bare = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        match prefix.zip(bare) {
            // Where there was no message, there was no inbox.
            Some((_, id)) if id.is_nil() => Value::Null,
            Some((prefix, _)) => self.id(prefix, &text),
            None => Value::String(text),
        }
    }
}

/// What the member `key` of JSON of ours holds an id of. Beside one that can be of several kinds stands the kind.
fn prefix_in(members: &Map<String, Value>, key: &str) -> Option<&'static str> {
    let name = snake_case(key);
    let kind = name.strip_suffix("_id").and_then(|kind| members.get(kind));
    match kind.and_then(Value::as_str) {
        Some("ACCOUNT") => Some(AccountId::PREFIX),
        Some("CONTACT") => Some(ContactId::PREFIX),
        Some("CONVERSATION") => Some(ConversationId::PREFIX),
        _ => member(&name),
    }
}

fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

/// The name of a column or member that holds a thing instead of its id.
fn short(name: &str) -> &str {
    let short = name.strip_suffix("_id").or_else(|| name.strip_suffix("Id"));
    short.unwrap_or(name)
}

/// A moment as the database writes it.
fn moment(text: &str) -> Value {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at
            .with_timezone(&Utc)
            .to_rfc3339_opts(SecondsFormat::AutoSi, true)
            .into(),
        Err(_) => text.into(),
    }
}

/// What makes two seem to be one, as the API names it.
fn reasons(bits: i64) -> Value {
    let reasons = crate::suspect::reasons(bits);
    reasons
        .into_iter()
        .map(entity::kind::DuplicateReason::word)
        .collect()
}

/// An amount as the API has it.
fn money(value: &Value, currency: Option<&str>) -> Value {
    let (Some(amount), Some(currency)) = (value.as_i64(), currency) else {
        return value.clone();
    };
    let money = Money {
        amount,
        currency: currency.to_owned(),
    };
    json!({
        "amount": amount,
        "currency": currency,
        "exponent": money.exponent(),
        "decimal": money.decimal(),
    })
}

/// Whole numbers are written as such, others to as many digits as every database gives of them.
fn plain(value: &Value) -> Value {
    match value.as_f64().filter(|_| value.is_f64()) {
        // Beyond it, not every whole number is one that a float can be.
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => json!(number as i64),
        Some(number) => format!("{number:.13e}")
            .parse::<f64>()
            .map_or_else(|_| value.clone(), |rounded| json!(rounded)),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_sqlite: bool, table: &str, row: &Value) -> Value {
        let people = [ContactId(Uuid::from_u128(1))];
        let mut show = Show {
            people: &people,
            is_sqlite,
            names: Names::default(),
        };
        show.row(table, row)
    }

    #[test]
    fn both_databases_rows_are_shown_alike() {
        let on_sqlite = json!({
            "workspace_id": "00000000000000000000000000000009",
            "id": "00000000000000000000000000000002",
            "contact_id": "00000000000000000000000000000001",
            "automatic": 0,
            "sent_at": "2026-03-01T03:00:00.000000+00:00",
            "author": "Taro",
        });
        let on_postgres = json!({
            "workspace_id": "00000000-0000-0000-0000-000000000009",
            "id": "00000000-0000-0000-0000-000000000002",
            "contact_id": "00000000-0000-0000-0000-000000000001",
            "automatic": false,
            "sent_at": "2026-03-01T12:00:00+09:00",
            "author": "Taro",
        });
        let wanted = json!({
            "id": "message_00000000000000000000000000000002",
            "contactId": "contact_00000000000000000000000000000001",
            "automatic": false,
            "sentAt": "2026-03-01T03:00:00Z",
            "author": "Taro",
        });
        assert_eq!(shown(true, "message", &on_sqlite), wanted);
        assert_eq!(shown(false, "message", &on_postgres), wanted);
    }

    #[test]
    fn suspicions_and_owners_are_shown_as_the_api_shows_them() {
        let row = json!({ "evidence": 6, "reason": "at first", "strength": 90 });
        assert_eq!(
            shown(true, "duplicate_suspect", &row),
            json!({ "reasons": ["NAME_AND_PHONE", "NAME_AND_ACCOUNT"], "strength": 90 })
        );
        let row = json!({
            "id": "00000000000000000000000000000002",
            "subject": "CONTACT",
            "subject_id": "00000000000000000000000000000001",
            "from_owner_id": null,
            "to_owner_id": "00000000000000000000000000000003",
        });
        assert_eq!(
            shown(true, "owner_change", &row),
            json!({
                "id": "ownerchange_00000000000000000000000000000002",
                "subject": "CONTACT",
                "subjectId": "contact_00000000000000000000000000000001",
                "fromOwner": null,
                "toOwner": { "id": "member_00000000000000000000000000000003" },
            })
        );
    }

    #[test]
    fn amounts_and_json_are_shown_as_such() {
        let row = json!({ "amount": 123_450, "currency": "USD", "status": "PAID" });
        let money = json!({
            "amount": 123_450, "currency": "USD", "exponent": 2, "decimal": "1234.50"
        });
        assert_eq!(
            shown(true, "sales_order", &row),
            json!({ "amount": money, "status": "PAID" })
        );
        let by = r#"{"kind":"MEMBER","member_id":"member_00000000000000000000000000000003"}"#;
        let row = json!({ "by_origin": by, "subject_id": "00000000000000000000000000000004" });
        assert_eq!(
            shown(true, "stage_change", &row),
            json!({
                "byOrigin": {
                    "kind": "MEMBER",
                    "member": { "id": "member_00000000000000000000000000000003" },
                },
                "subjectId": "conversation_00000000000000000000000000000004",
            })
        );
        let row = json!({ "properties": r#"{"member_id":"x"}"#, "quantity": 2.0 });
        assert_eq!(
            shown(true, "event", &row),
            json!({ "properties": { "member_id": "x" }, "quantity": 2 })
        );
    }

    #[test]
    fn an_undone_merge_does_not_show_what_the_other_one_had() {
        let of = |loser: &str| {
            json!({
                "survivor_id": "00000000-0000-0000-0000-000000000001",
                "loser_id": loser,
                "filled": { "before": { "email": "hers@customer.example" } },
            })
        };
        let one = of("00000000-0000-0000-0000-000000000001");
        assert!(shown(false, "contact_merge", &one).get("filled").is_some());
        let two = of("00000000-0000-0000-0000-000000000002");
        assert_eq!(
            shown(false, "contact_merge", &two),
            json!({
                "survivorId": "contact_00000000000000000000000000000001",
                "loserId": "contact_00000000000000000000000000000002",
            })
        );
    }

    #[test]
    fn what_rules_saw_and_did_names_things_as_the_api_does() {
        let uuid = |last: char| format!("00000000-0000-0000-0000-00000000000{last}");
        let row = json!({
            "cause": {
                "kind": "tagging.added", "target": "CONTACT", "target_id": uuid('1'),
                "tag_id": "tag_00000000000000000000000000000005",
            },
            "matched": [
                { "path": ["condition"], "matched": { "contactTag": uuid('5') } },
                { "path": [], "matched": { "values": [uuid('5')] } },
            ],
            "outcomes": [
                { "effect": { "tagContact": { "tagId": uuid('5'), "whileInSegmentId": uuid('6') } } },
                { "effect": { "notify": { "targetId": uuid('7') } } },
                { "effect": { "createTask": { "assignee": { "team": uuid('8') } } } },
            ],
            "trace": {
                "inboxId": uuid('0'),
                "nodes": [{ "actual": { "tags": { "present": [uuid('5')], "absent": [] } } }],
            },
        });
        let thing = |prefix: &str, last: char| json!({ "id": format!("{prefix}_0000000000000000000000000000000{last}") });
        assert_eq!(
            shown(false, "rule_firing", &row),
            json!({
                "cause": {
                    "kind": "tagging.added", "target": "CONTACT",
                    "targetId": "contact_00000000000000000000000000000001",
                    "tag": thing("tag", '5'),
                },
                "matched": [
                    { "path": ["condition"], "matched": { "contactTag": thing("tag", '5') } },
                    { "path": [], "matched": { "values": [uuid('5')] } },
                ],
                "outcomes": [
                    { "effect": { "tagContact": {
                        "tag": thing("tag", '5'), "whileInSegment": thing("segment", '6'),
                    } } },
                    { "effect": { "notify": { "target": thing("target", '7') } } },
                    { "effect": { "createTask": { "assignee": { "team": thing("team", '8') } } } },
                ],
                "trace": {
                    "inboxId": null,
                    "nodes": [{ "actual": { "tags": { "present": [thing("tag", '5')], "absent": [] } } }],
                },
            })
        );
    }
}
