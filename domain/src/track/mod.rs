//! Tracking: what libraries that speak the tracking API of Segment tell of visitors and users.
//!
//! Called by `api/src/track` with the JSON of a request. Calls become what is there already: events,
//! contacts with their identities and attributes, accounts. A bad call of a batch does not keep the others
//! out: it is counted with its reason. The number of statements does not depend on how many calls there are;
//! only a visitor with a contact of their own who becomes known is merged one at a time.
//!
//! The key of a caller may stand in a web page, so what is told here is hearsay: it never merges two people
//! who are known, and never takes an email domain or an identity away from anybody. A key for tracking alone
//! does not even name a company by an email domain.
//!
//! - `call`: what one call says; `traits`: what traits are to us; `person`: who is who. All pure;
//! - `people`: writes people, `company` companies; `give`: gives people their identities;
//!   `last_word`: when what is told was said.

mod call;
mod company;
mod give;
mod last_word;
mod people;
mod person;
mod traits;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use entity::id::EventId;
use serde_json::Value;

use self::call::{Call, Common, Object, Told, moment};
use crate::{
    access::{Actor, Scope},
    contact::ContactRef,
    ctx::Ctx,
    error::Result,
    event::{self, NewEvent, Outcome},
};

/// Bytes of one call.
pub const MAX_CALL_BYTES: usize = 32 * 1024;
/// Bytes of a batch.
pub const MAX_BATCH_BYTES: usize = 500 * 1024;
/// Calls of a batch.
pub const MAX_BATCH_CALLS: usize = 2_500;
/// Bytes of what the calls of a batch have of its context. Each of them has all of it, so that a batch takes
/// up to this times its calls in memory.
pub const MAX_CONTEXT_BYTES: usize = 4 * 1024;

/// What a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Somebody says who they are.
    Identify,
    /// Something was done.
    Track,
    /// A page was looked at.
    Page,
    /// A screen of an app was looked at.
    Screen,
    /// Somebody belongs to a company.
    Group,
    /// A visitor and a user are one person.
    Alias,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] = [
        Self::Identify,
        Self::Track,
        Self::Page,
        Self::Screen,
        Self::Group,
        Self::Alias,
    ];

    /// Its word in paths and in the calls of a batch.
    pub fn word(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The method with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// Why a call was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It is not an object of JSON, or cannot be read.
    NotAnObject,
    /// It is too long.
    TooLong,
    /// In a batch: it does not say what it is.
    UnknownType,
    /// It says of nobody.
    Nobody,
    /// An id is too long.
    UnusableId,
    /// Its time cannot be read.
    NotAMoment,
    /// It does not say what was done.
    NoEvent,
    /// It does not say which company.
    NoGroup,
    /// The event's id, name, properties or time cannot be stored.
    UnusableEvent,
}

impl Reason {
    /// Its word in the figures and the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::TooLong => "too_long",
            Self::UnknownType => "unknown_type",
            Self::Nobody => "nobody",
            Self::UnusableId => "unusable_id",
            Self::NotAMoment => "not_a_moment",
            Self::NoEvent => "no_event",
            Self::NoGroup => "no_group",
            Self::UnusableEvent => "unusable_event",
        }
    }

    /// What to mend.
    pub fn message(self) -> &'static str {
        match self {
            Self::NotAnObject => "A call is an object of JSON.",
            Self::TooLong => "A call may have at most 32 KB.",
            Self::UnknownType => "Give type: identify, track, page, screen, group or alias.",
            Self::Nobody => "Give userId or anonymousId; for alias, userId and previousId.",
            Self::UnusableId => "An id may have at most 200 characters.",
            Self::NotAMoment => "Give timestamp in ISO 8601, such as 2026-03-01T12:00:00Z.",
            Self::NoEvent => "Give event, the name of what was done.",
            Self::NoGroup => "Give groupId.",
            Self::UnusableEvent => {
                "An event has a name of at most 100 characters, a messageId of at most 200, properties of at \
                 most 32 KB and a time since 1900."
            }
        }
    }
}

/// What became of the calls of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Calls that were carried out, or had been before.
    pub accepted: u64,
    /// Events among them that were there already, by their `messageId`.
    pub duplicates: u64,
    /// Calls about people who were erased: nothing of them was kept.
    pub erased: u64,
    /// Calls that were not carried out, by the reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Traits that are neither a field nor a declared attribute.
    pub traits_ignored: u64,
    /// Traits whose value does not fit.
    pub traits_unfit: u64,
}

impl Taken {
    fn refuse(&mut self, reason: Reason, calls: u64) {
        if calls > 0 {
            *self.refused.entry(reason).or_default() += calls;
        }
    }
}

/// The calls of a request.
#[derive(Debug)]
pub struct Sent {
    calls: Vec<(Option<Method>, Value)>,
    sent_at: Option<DateTime<Utc>>,
    context: Object,
}

impl Sent {
    /// The one call that a body is.
    pub fn one(method: Method, body: Value) -> Self {
        Self {
            sent_at: body.get("sentAt").and_then(moment),
            calls: vec![(Some(method), body)],
            context: Object::new(),
        }
    }

    /// The calls of a batch, or what is to be mended about it.
    pub fn batch(mut body: Value) -> Result<Self, &'static str> {
        let Some(Value::Array(calls)) = body.get_mut("batch").map(Value::take) else {
            return Err("A batch is an object with the list batch in it.");
        };
        let context = match body.get("context") {
            Some(Value::Object(context)) => call::shared(context),
            _ => Object::new(),
        };
        if serde_json::to_string(&context).is_ok_and(|text| text.len() > MAX_CONTEXT_BYTES) {
            return Err("What is kept of the context of a batch may have at most 4 KB.");
        }
        Ok(Self {
            sent_at: body.get("sentAt").and_then(moment),
            calls: calls.into_iter().map(|call| (None, call)).collect(),
            context,
        })
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

/// Carries calls out that arrived now. Those that cannot be are left aside and counted.
pub async fn take_in(ctx: &Ctx, actor: &Actor, sent: Sent) -> Result<Taken> {
    actor.require(Scope::Track)?;
    let mut taken = Taken::default();
    let common = Common {
        received_at: ctx.clock.now(),
        sent_at: sent.sent_at,
        context: sent.context,
    };
    let mut calls = Vec::with_capacity(sent.calls.len());
    for (method, item) in sent.calls {
        let read = if method.is_none() && item.to_string().len() > MAX_CALL_BYTES {
            Err(Reason::TooLong)
        } else {
            call::read(method, item, &common)
        };
        match read {
            Ok(call) => calls.push(call),
            Err(reason) => taken.refuse(reason, 1),
        }
    }
    // First who is who, so that what a visitor did goes to whom they turned out to be.
    let (events, others): (Vec<Call>, Vec<Call>) = calls
        .into_iter()
        .partition(|call| matches!(call.told, Told::Event { .. }));
    people::take_in(ctx, actor, others, &mut taken).await?;
    take_in_events(ctx, actor, events, &mut taken).await?;
    Ok(taken)
}

async fn take_in_events(
    ctx: &Ctx,
    actor: &Actor,
    calls: Vec<Call>,
    taken: &mut Taken,
) -> Result<()> {
    let mut passive = HashSet::new();
    let mut events = Vec::with_capacity(calls.len());
    for call in calls {
        if !call.active {
            passive.insert(events.len());
        }
        events.extend(event_of(ctx, call));
    }
    let (told, errors) = event::take_in_each(ctx, actor, events, &passive).await?;
    // Of each event that does not fit there may be several mistakes.
    let unfit: HashSet<&String> = errors
        .iter()
        .filter_map(|error| error.path.get(1))
        .collect();
    taken.refuse(Reason::UnusableEvent, unfit.len() as u64);
    for one in told {
        match one.outcome {
            Outcome::Created => taken.accepted += 1,
            Outcome::Duplicate => {
                taken.accepted += 1;
                taken.duplicates += 1;
            }
            Outcome::Erased => taken.erased += 1,
        }
    }
    Ok(())
}

fn event_of(ctx: &Ctx, call: Call) -> Option<NewEvent> {
    let Told::Event {
        message_id,
        name,
        properties,
    } = call.told
    else {
        return None;
    };
    let user = call.user.map(ContactRef::ExternalId);
    let whose = user.or_else(|| call.anonymous.map(ContactRef::AnonymousId))?;
    Some(NewEvent {
        // Without an id of its sender it is new each time.
        external_id: message_id.unwrap_or_else(|| ctx.id::<EventId>().to_string()),
        whose: whose.into(),
        name,
        properties,
        occurred_at: call.at,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_is_a_list_with_what_its_calls_have_in_common() {
        let body = json!({
            "batch": [{ "type": "track" }, 7], "sentAt": "2026-03-01T12:00:00Z",
            "context": { "ip": "192.0.2.7" },
        });
        let sent = Sent::batch(body).unwrap();
        assert_eq!(sent.len(), 2);
        assert!(sent.sent_at.is_some());
        assert_eq!(sent.context["ip"], "192.0.2.7");
        for body in [json!({}), json!([]), json!({ "batch": {} })] {
            assert!(Sent::batch(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_long_context_is_not_given_to_each_call_of_a_batch() {
        let long = "x".repeat(MAX_CONTEXT_BYTES);
        let of = |context: Value| Sent::batch(json!({ "batch": [{}, {}], "context": context }));
        for context in [
            json!({ "ip": long }),
            json!({ "page": { "url": long } }),
            json!({ "app": { "name": &long[..2_048], "version": &long[..2_048] } }),
        ] {
            assert!(of(context).is_err());
        }
        // What is not kept costs nothing.
        let sent =
            of(json!({ "traits": { "note": long }, "active": long, "locale": "ja" })).unwrap();
        assert_eq!(Value::Object(sent.context), json!({ "locale": "ja" }));
    }

    #[test]
    fn every_method_has_its_own_word() {
        for method in Method::ALL {
            assert_eq!(Method::of_word(method.word()), Some(method));
        }
    }
}
