//! What a call of a tracking library says, read from its JSON. Pure: no database and no clock.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Method, Reason};
use crate::text;

/// Characters an id has at most.
const ID_LENGTH: usize = 200;

/// What broken pages send for the id of a user who is nobody: it would make all visitors one contact.
const NOBODY: &[&str] = &[
    "null",
    "undefined",
    "nan",
    "none",
    "true",
    "false",
    "[object object]",
];

/// What of a call's `context` is kept with an event: single values, and members of objects.
const KEPT: &[(&str, &[&str])] = &[
    ("ip", &[]),
    ("userAgent", &[]),
    ("locale", &[]),
    ("timezone", &[]),
    ("groupId", &[]),
    ("page", &["url", "path", "referrer", "title", "search"]),
    ("campaign", &["name", "source", "medium", "term", "content"]),
    ("device", &["type", "manufacturer", "model", "name"]),
    ("os", &["name", "version"]),
    ("app", &["name", "version", "build"]),
    ("library", &["name", "version"]),
];

/// An object of JSON.
pub(crate) type Object = Map<String, Value>;

/// What the calls of one request have in common.
#[derive(Debug)]
pub(crate) struct Common {
    /// When the request arrived.
    pub(crate) received_at: DateTime<Utc>,
    /// When the sender's clock says it was sent.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// The context that calls have unless they say otherwise.
    pub(crate) context: Object,
}

/// A call that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The id of the user, as the sender's own system has it.
    pub(crate) user: Option<String>,
    /// The id of the visitor, such as a cookie's.
    pub(crate) anonymous: Option<String>,
    /// What is said.
    pub(crate) told: Told,
    /// When it happened, by our clock.
    pub(crate) at: DateTime<Utc>,
    /// Whether the contact did it by themselves, so that they were seen then.
    pub(crate) active: bool,
}

/// What a call says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// Something was done.
    Event {
        /// The sender's id of it, if there is one.
        message_id: Option<String>,
        /// What was done.
        name: String,
        /// What else is known about it.
        properties: Value,
    },
    /// Who somebody is.
    Person {
        /// What is known of them.
        traits: Object,
        /// Their language.
        locale: Option<String>,
        /// The company among their traits.
        group: Option<Group>,
    },
    /// Which company somebody belongs to.
    Group(Group),
    /// That the visitor and the user are one person.
    Alias,
}

/// A company, as a call tells of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// The sender's id of it.
    pub(crate) id: String,
    /// What is known of it.
    pub(crate) traits: Object,
}

/// Reads one call. `method` is what its path says; in a batch it says so itself.
pub(crate) fn read(method: Option<Method>, item: Value, common: &Common) -> Result<Call, Reason> {
    let Value::Object(mut item) = item else {
        return Err(Reason::NotAnObject);
    };
    let method = match method {
        Some(method) => method,
        None => text_at(&item, "type")
            .and_then(|word| Method::of_word(&word))
            .ok_or(Reason::UnknownType)?,
    };
    let context = merged(&common.context, take(&mut item, "context"));
    let at = moment_of(&item, common)?;
    let user = id_at(&item, "userId")?;
    let anonymous = match method {
        // The former id is one of a visitor: two users who are known are never made one by a program.
        Method::Alias => id_at(&item, "previousId")?,
        _ => id_at(&item, "anonymousId")?,
    };
    let is_enough = match method {
        Method::Alias => user.is_some() && anonymous.is_some(),
        _ => user.is_some() || anonymous.is_some(),
    };
    if !is_enough {
        return Err(Reason::Nobody);
    }
    let active = context.get("active") != Some(&Value::Bool(false));
    let told = told(method, &mut item, &context)?;
    Ok(Call {
        user,
        anonymous,
        told,
        at,
        active,
    })
}

fn told(method: Method, item: &mut Object, context: &Object) -> Result<Told, Reason> {
    let message_id = text_at(item, "messageId");
    Ok(match method {
        Method::Track => Told::Event {
            message_id,
            name: text_at(item, "event").ok_or(Reason::NoEvent)?,
            properties: with_context(take(item, "properties"), context),
        },
        Method::Page | Method::Screen => Told::Event {
            message_id,
            name: if method == Method::Page {
                "page_viewed".to_owned()
            } else {
                "screen_viewed".to_owned()
            },
            properties: {
                let mut properties = take(item, "properties");
                for field in ["name", "category"] {
                    if let Some(value) = text_at(item, field) {
                        properties.entry(field).or_insert(json!(value));
                    }
                }
                with_context(properties, context)
            },
        },
        Method::Identify => {
            let mut traits = take(item, "traits");
            let group = company(&mut traits);
            let locale = text_at(&traits, "locale").or_else(|| text_at(context, "locale"));
            traits.remove("locale");
            Told::Person {
                traits,
                locale,
                group,
            }
        }
        Method::Group => Told::Group(Group {
            id: id_at(item, "groupId")?.ok_or(Reason::NoGroup)?,
            traits: take(item, "traits"),
        }),
        Method::Alias => Told::Alias,
    })
}

/// The company among a person's traits, if it has an id.
fn company(traits: &mut Object) -> Option<Group> {
    let Some(Value::Object(company)) = traits.get("company") else {
        return None;
    };
    let id = id_at(company, "id").ok()??;
    let Some(Value::Object(mut company)) = traits.remove("company") else {
        return None;
    };
    company.remove("id");
    Some(Group {
        id,
        traits: company,
    })
}

/// Takes an object out of another; anything else counts as an empty one.
fn take(item: &mut Object, field: &str) -> Object {
    match item.remove(field) {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// The text of a field, if it has one.
fn text_at(item: &Object, field: &str) -> Option<String> {
    let text = item.get(field)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The id in a field, which programs also write as a number.
fn id_at(item: &Object, field: &str) -> Result<Option<String>, Reason> {
    let raw = match item.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Ok(None),
    };
    let is_nobody = NOBODY
        .iter()
        .any(|one| raw.trim().eq_ignore_ascii_case(one));
    if is_nobody || raw.trim().is_empty() {
        return Ok(None);
    }
    let clean = text::name(&raw, &[field], ID_LENGTH);
    clean.map(Some).map_err(|_| Reason::UnusableId)
}

/// When it happened by our clock: the sender's may be wrong, so only how long it waited there counts.
fn moment_of(item: &Object, common: &Common) -> Result<DateTime<Utc>, Reason> {
    let original = ["originalTimestamp", "timestamp"]
        .iter()
        .find_map(|field| item.get(*field).filter(|value| !value.is_null()));
    let original = match original {
        Some(value) => Some(moment(value).ok_or(Reason::NotAMoment)?),
        None => None,
    };
    let sent = item.get("sentAt").and_then(moment).or(common.sent_at);
    Ok(repaired(original, sent, common.received_at))
}

fn repaired(
    original: Option<DateTime<Utc>>,
    sent: Option<DateTime<Utc>>,
    received: DateTime<Utc>,
) -> DateTime<Utc> {
    let at = match (original, sent) {
        (Some(original), Some(sent)) => received.checked_sub_signed(sent - original),
        (Some(original), None) => Some(original),
        (None, _) => None,
    };
    at.unwrap_or(received).min(received)
}

/// A moment as libraries write it: ISO 8601, in UTC if nothing else is said.
pub(crate) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?.trim();
    let told = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let local = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    told.or_else(|_| local().map(|at| at.and_utc())).ok()
}

/// What the calls of a batch have of its context: what is kept with events, and that nobody was active.
pub(crate) fn shared(context: &Object) -> Object {
    let mut shared = essentials(context);
    if context.get("active") == Some(&Value::Bool(false)) {
        shared.insert("active".to_owned(), Value::Bool(false));
    }
    shared
}

/// The context of a call: its own on top of what the request says for all.
fn merged(common: &Object, own: Object) -> Object {
    let mut context = common.clone();
    context.extend(own);
    context
}

/// The properties of an event, with what is kept of its context unless they have a `context` of their own.
fn with_context(mut properties: Object, context: &Object) -> Value {
    let kept = essentials(context);
    if !kept.is_empty() && !properties.contains_key("context") {
        properties.insert("context".to_owned(), Value::Object(kept));
    }
    Value::Object(properties)
}

fn essentials(context: &Object) -> Object {
    let is_single = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let mut kept = Object::new();
    for (field, members) in KEPT {
        match context.get(*field) {
            Some(Value::Object(object)) => {
                let members = members.iter().filter_map(|member| {
                    let value = object.get(*member).filter(|value| is_single(value))?;
                    Some(((*member).to_owned(), value.clone()))
                });
                let members: Object = members.collect();
                if !members.is_empty() {
                    kept.insert((*field).to_owned(), Value::Object(members));
                }
            }
            Some(value) if members.is_empty() && is_single(value) => {
                kept.insert((*field).to_owned(), value.clone());
            }
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        moment(&json!(text)).unwrap()
    }

    fn common() -> Common {
        Common {
            received_at: at("2026-03-01T12:00:10Z"),
            sent_at: Some(at("2026-03-01T11:00:05Z")),
            context: Object::new(),
        }
    }

    fn read_one(method: Method, item: Value) -> Result<Call, Reason> {
        read(Some(method), item, &common())
    }

    #[test]
    fn what_cannot_be_carried_out_says_why() {
        use Method as M;
        for (method, item, reason) in [
            (M::Track, json!("x"), Reason::NotAnObject),
            (M::Track, json!({ "event": "login" }), Reason::Nobody),
            (
                M::Track,
                json!({ "userId": " ", "event": "login" }),
                Reason::Nobody,
            ),
            (
                M::Track,
                json!({ "userId": "undefined", "event": "x" }),
                Reason::Nobody,
            ),
            (M::Track, json!({ "userId": "7" }), Reason::NoEvent),
            (
                M::Track,
                json!({ "userId": "7", "event": "" }),
                Reason::NoEvent,
            ),
            (
                M::Track,
                json!({ "userId": "7", "event": "x", "timestamp": "yesterday" }),
                Reason::NotAMoment,
            ),
            (
                M::Page,
                json!({ "userId": "7".repeat(201) }),
                Reason::UnusableId,
            ),
            (M::Group, json!({ "userId": "7" }), Reason::NoGroup),
            (M::Alias, json!({ "userId": "7" }), Reason::Nobody),
            (
                M::Alias,
                json!({ "userId": "7", "anonymousId": "a" }),
                Reason::Nobody,
            ),
            (M::Alias, json!({ "previousId": "7" }), Reason::Nobody),
        ] {
            assert_eq!(read_one(method, item.clone()), Err(reason), "{item}");
        }
        let untyped = read(None, json!({ "userId": "7", "type": "sing" }), &common());
        assert_eq!(untyped, Err(Reason::UnknownType));
    }

    #[test]
    fn in_a_batch_a_call_says_itself_what_it_is() {
        let item = json!({ "type": "alias", "userId": 7, "previousId": "a-1" });
        let call = read(None, item, &common()).unwrap();
        assert_eq!(call.user.as_deref(), Some("7"));
        assert_eq!(call.anonymous.as_deref(), Some("a-1"));
        assert_eq!(call.told, Told::Alias);
    }

    #[test]
    fn only_how_long_something_waited_counts_of_the_senders_clock() {
        let received = at("2026-03-01T12:00:00Z");
        let moment = |text: &str| (!text.is_empty()).then(|| at(text));
        for (original, sent, expected) in [
            // An hour slow, and sent after five seconds.
            (
                "2026-03-01T11:00:00Z",
                "2026-03-01T11:00:05Z",
                "2026-03-01T11:59:55Z",
            ),
            // Years wrong.
            (
                "1970-01-01T00:00:00Z",
                "1970-01-01T00:01:00Z",
                "2026-03-01T11:59:00Z",
            ),
            // History that is brought in now.
            (
                "2020-05-05T00:00:00Z",
                "2026-03-01T12:00:00Z",
                "2020-05-05T00:00:00Z",
            ),
            ("2020-05-05T09:00:00+09:00", "", "2020-05-05T00:00:00Z"),
            ("2020-05-05T00:00:00.5", "", "2020-05-05T00:00:00.5Z"),
            // Nothing happens after it was told.
            ("2026-03-01T13:00:00Z", "", "2026-03-01T12:00:00Z"),
            (
                "2026-03-01T13:00:00Z",
                "2026-03-01T12:00:00Z",
                "2026-03-01T12:00:00Z",
            ),
            ("", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"),
            ("", "", "2026-03-01T12:00:00Z"),
        ] {
            let found = repaired(moment(original), moment(sent), received);
            assert_eq!(found, at(expected), "{original} {sent}");
        }
    }

    #[test]
    fn an_event_keeps_its_properties_and_the_essentials_of_its_context() {
        let item = json!({
            "anonymousId": "a-1", "event": " Order Completed ", "messageId": "m-1",
            "properties": { "revenue": 12.5 },
            "context": {
                "ip": "192.0.2.7", "page": { "path": "/cart", "deep": { "x": 1 }, "odd": 1 },
                "traits": { "email": "taro@a.example" }, "active": false,
            },
        });
        let call = read_one(Method::Track, item).unwrap();
        assert!(!call.active);
        assert_eq!(call.at, common().received_at);
        let expected = Told::Event {
            message_id: Some("m-1".to_owned()),
            name: "Order Completed".to_owned(),
            properties: json!({
                "revenue": 12.5,
                "context": { "ip": "192.0.2.7", "page": { "path": "/cart" } },
            }),
        };
        assert_eq!(call.told, expected);
    }

    #[test]
    fn pages_and_screens_are_events_with_their_names() {
        for (method, name) in [
            (Method::Page, "page_viewed"),
            (Method::Screen, "screen_viewed"),
        ] {
            let item = json!({
                "userId": "7", "name": "Docs", "category": "Help",
                "properties": { "path": "/docs", "name": "Own" },
            });
            let call = read_one(method, item).unwrap();
            assert!(call.active);
            let expected = Told::Event {
                message_id: None,
                name: name.to_owned(),
                properties: json!({ "path": "/docs", "name": "Own", "category": "Help" }),
            };
            assert_eq!(call.told, expected);
        }
    }

    #[test]
    fn a_call_has_the_context_of_its_batch_unless_it_says_otherwise() {
        let common = Common {
            context: json!({ "locale": "ja-JP", "ip": "192.0.2.7" })
                .as_object()
                .unwrap()
                .clone(),
            ..common()
        };
        let item = json!({
            "type": "track", "userId": "7", "event": "x", "context": { "ip": "192.0.2.8" },
        });
        let call = read(None, item, &common).unwrap();
        let Told::Event { properties, .. } = call.told else {
            panic!("an event");
        };
        let expected = json!({ "context": { "locale": "ja-JP", "ip": "192.0.2.8" } });
        assert_eq!(properties, expected);
    }

    #[test]
    fn the_calls_of_a_batch_have_of_its_context_what_is_kept() {
        let context = json!({
            "locale": "ja-JP", "active": false, "traits": { "email": "taro@a.example" },
            "page": { "path": "/", "odd": 1 }, "device": { "odd": 1 }, "screen": { "width": 320 },
        });
        let kept = json!({ "locale": "ja-JP", "active": false, "page": { "path": "/" } });
        let found = shared(context.as_object().unwrap());
        assert_eq!(Value::Object(found), kept);
        let common = Common {
            context: kept.as_object().unwrap().clone(),
            ..common()
        };
        let item = json!({ "type": "identify", "userId": "7" });
        let call = read(None, item, &common).unwrap();
        assert!(!call.active);
        assert!(matches!(
            call.told,
            Told::Person {
                locale: Some(_),
                ..
            }
        ));
        let item = json!({
            "type": "track", "userId": "7", "event": "x", "context": { "active": true },
        });
        assert!(read(None, item, &common).unwrap().active);
    }

    #[test]
    fn a_company_with_an_id_among_the_traits_is_a_group() {
        let item = json!({
            "userId": "7",
            "traits": { "plan": "pro", "company": { "id": 42, "name": "Acme" } },
            "context": { "locale": "ja-JP" },
        });
        let call = read_one(Method::Identify, item).unwrap();
        let Told::Person {
            traits,
            locale,
            group,
        } = call.told
        else {
            panic!("a person");
        };
        assert_eq!(Value::Object(traits), json!({ "plan": "pro" }));
        assert_eq!(locale.as_deref(), Some("ja-JP"));
        let group = group.unwrap();
        assert_eq!(group.id, "42");
        assert_eq!(Value::Object(group.traits), json!({ "name": "Acme" }));
        let item = json!({ "userId": "7", "traits": { "company": "Acme" } });
        let call = read_one(Method::Identify, item).unwrap();
        assert!(matches!(call.told, Told::Person { group: None, .. }));
    }
}
