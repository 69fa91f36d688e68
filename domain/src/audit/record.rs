//! What one entry says. Nouns build these beside the change they tell of and hand them to
//! [`Tx::audit`](crate::store::Tx::audit); credentials have no place in them.

use std::fmt::Display;

use entity::id::{AccessTokenId, ContactId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{Actor, Origin};

/// Who made a change.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    /// The member, rule, import or other.
    pub origin: Origin,
    /// The access token, if it came through one.
    pub token: Option<AccessTokenId>,
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        // Commands that are run beside the database act without a credential.
        let token = Some(actor.token).filter(|token| token.0 != Uuid::nil());
        Self {
            origin: actor.origin(),
            token,
        }
    }
}

impl From<Origin> for Who {
    fn from(origin: Origin) -> Self {
        Self {
            origin,
            token: None,
        }
    }
}

/// What was done to what.
#[derive(Debug, Clone)]
pub struct Record {
    pub(super) action: &'static str,
    pub(super) subject: String,
    pub(super) contact: Option<ContactId>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Record {
    /// Something was made, as `after` says.
    pub fn made(action: &'static str, subject: impl Display, after: Value) -> Self {
        Self::new(action, subject, None, Some(after))
    }

    /// Something changed; kept is what differs. An entry in which nothing does is not written.
    pub fn changed(
        action: &'static str,
        subject: impl Display,
        before: Value,
        after: Value,
    ) -> Self {
        let (before, after) = differences(before, after);
        Self::new(action, subject, Some(before), Some(after))
    }

    /// Something came to its end; `before` says what it was.
    pub fn ended(action: &'static str, subject: impl Display, before: Value) -> Self {
        Self::new(action, subject, Some(before), None)
    }

    fn new(
        action: &'static str,
        subject: impl Display,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Self {
        Self {
            action,
            subject: subject.to_string(),
            contact: None,
            before,
            after,
        }
    }

    /// The entry holds data of this person, if it is somebody's, and loses it when they are erased.
    #[must_use]
    pub fn of(mut self, contact: impl Into<Option<ContactId>>) -> Self {
        self.contact = contact.into();
        self
    }

    /// Whether it says anything.
    pub(crate) fn says_something(&self) -> bool {
        self.before != self.after || self.before.is_none()
    }
}

/// Both objects without the members in which they agree.
fn differences(before: Value, after: Value) -> (Value, Value) {
    let (Value::Object(before), Value::Object(after)) = (before.clone(), after.clone()) else {
        return (before, after);
    };
    let without = |one: &Map<String, Value>, other: &Map<String, Value>| {
        let kept = one
            .iter()
            .filter(|(key, value)| other.get(*key) != Some(value));
        Value::Object(
            kept.map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        )
    };
    (without(&before, &after), without(&after, &before))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_keeps_what_differs() {
        let before = json!({ "name": "A", "email": null, "colour": "#000000" });
        let after = json!({ "name": "B", "email": "b@example.com", "colour": "#000000" });
        let record = Record::changed("tag.update", "tag_1", before.clone(), after);
        assert_eq!(record.before, Some(json!({ "name": "A", "email": null })));
        let after = json!({ "name": "B", "email": "b@example.com" });
        assert_eq!(record.after, Some(after));
        assert!(record.says_something());
        assert!(!Record::changed("tag.update", "tag_1", before.clone(), before).says_something());
    }
}
