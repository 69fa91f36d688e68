//! The value of a custom attribute of a contact, an account or a conversation changed.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use entity::{attribute_definition, id::AttributeId, kind::SubjectKind};
use uuid::Uuid;

use super::{Happened, Key, Trigger, TriggerKind, shape, words::changes};
use crate::{
    attribute,
    condition::{
        Attribute, Condition, Context, Mode, NumberTest, Ref, TextTest, TimeTest,
        path::Path,
        reference::{Holds, IdKind},
        sentence::{Phrasing, say},
    },
    error::{self, UserError, UserErrorCode},
    store::{Query, Tx},
};

impl IdKind {
    /// A custom attribute of accounts, whatever it holds.
    pub(crate) const ACCOUNT_ATTRIBUTE: Self =
        Self::Attribute(SubjectKind::Account, Holds::Anything);
    /// A custom attribute of conversations, whatever it holds.
    pub(crate) const CONVERSATION_ATTRIBUTE: Self =
        Self::Attribute(SubjectKind::Conversation, Holds::Anything);
}

macro_rules! attribute_trigger {
    (
        $(#[$doc:meta])*
        $name:ident, $output:ident, $input:ident, $of:ident, $kind:ident;
        $(#[$attribute_doc:meta])*
        attribute_id
    ) => {
        shape::trigger! {
            $(#[$doc])*
            $name, $output, $input;
            required {
                $(#[$attribute_doc])*
                attribute_id: id $kind,
            }
            optional {
                /// The value before; left out, any and none.
                from: value,
                /// The value now; left out, any and none.
                to: value,
            }
        }

        impl $name {
            /// A refusal for each value that the attribute cannot have. An attribute that is not there is found
            /// elsewhere.
            pub(crate) async fn unfit(
                &self,
                tx: &Tx<'_>,
                at: &Path,
            ) -> error::Result<Vec<UserError>> {
                let values = [("from", self.from.as_ref()), ("to", self.to.as_ref())];
                unfit(tx, SubjectKind::$of, self.attribute_id, values, at).await
            }

            /// Whether it waits for the attribute to come to have the value, whatever it had.
            fn comes_to(&self, attribute: Uuid, value: Option<&serde_json::Value>) -> bool {
                self.attribute_id == attribute && is(self.to.as_ref(), value)
            }
        }

        impl TriggerKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                self.check_lists(at, refusals);
                if self.from.is_some() && self.from == self.to {
                    let message =
                        "A value never changes into itself. Change one of the two, or leave one out.";
                    let at = at.at("to");
                    refusals.push(at.refuse(UserErrorCode::Contradictory, message));
                }
            }

            shape::naming!();

            fn context(&self) -> Context {
                Context::$of
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let name = phrasing.named(IdKind::$kind, self.attribute_id);
                let subject = subject(SubjectKind::$of, &name, phrasing);
                let (before, after) = (self.from.as_ref(), self.to.as_ref());
                changes(&subject, &shown(before, phrasing), &shown(after, phrasing), phrasing)
            }

            fn implies(&self) -> Vec<Condition> {
                let value = self.to.clone().and_then(read);
                let implied =
                    value.and_then(|value| has_value(SubjectKind::$of, self.attribute_id, value));
                implied.into_iter().collect()
            }

            fn keys(&self) -> Vec<Key> {
                vec![Key::Attribute(self.attribute_id)]
            }

            fn accepts(&self, happened: &Happened<'_>) -> bool {
                let Happened::Attribute {
                    attribute,
                    from,
                    to,
                } = happened
                else {
                    return false;
                };
                is(self.from.as_ref(), *from) && self.comes_to(*attribute, *to)
            }
        }
    };
}

attribute_trigger! {
    /// Looks at contacts as the value of a custom attribute changes.
    ContactAttributeChanged, RuleContactAttributeChangedTrigger, RuleContactAttributeChangedTriggerInput,
    Contact, CONTACT_ATTRIBUTE;
    /// The attribute, one of contacts.
    attribute_id
}

attribute_trigger! {
    /// Looks at accounts as the value of a custom attribute changes.
    AccountAttributeChanged, RuleAccountAttributeChangedTrigger, RuleAccountAttributeChangedTriggerInput,
    Account, ACCOUNT_ATTRIBUTE;
    /// The attribute, one of accounts.
    attribute_id
}

attribute_trigger! {
    /// Looks at conversations as the value of a custom attribute changes.
    ConversationAttributeChanged, RuleConversationAttributeChangedTrigger,
    RuleConversationAttributeChangedTriggerInput, Conversation, CONVERSATION_ATTRIBUTE;
    /// The attribute, one of conversations.
    attribute_id
}

impl Trigger {
    /// Whether it waits for an attribute to come to have this value, whatever it had.
    pub(crate) fn waits_for_value(
        &self,
        attribute: Uuid,
        value: Option<&serde_json::Value>,
    ) -> bool {
        match self {
            Self::ContactAttributeChanged(trigger) => trigger.comes_to(attribute, value),
            Self::AccountAttributeChanged(trigger) => trigger.comes_to(attribute, value),
            Self::ConversationAttributeChanged(trigger) => trigger.comes_to(attribute, value),
            _ => false,
        }
    }

    /// A refusal for each value of an attribute it waits for that the attribute cannot have.
    pub(crate) async fn unfit(&self, tx: &Tx<'_>, at: &Path) -> error::Result<Vec<UserError>> {
        match self {
            Self::ContactAttributeChanged(trigger) => trigger.unfit(tx, at).await,
            Self::AccountAttributeChanged(trigger) => trigger.unfit(tx, at).await,
            Self::ConversationAttributeChanged(trigger) => trigger.unfit(tx, at).await,
            _ => Ok(Vec::new()),
        }
    }
}

async fn unfit(
    tx: &Tx<'_>,
    of: SubjectKind,
    attribute: Uuid,
    values: [(&str, Option<&serde_json::Value>); 2],
    at: &Path,
) -> error::Result<Vec<UserError>> {
    if values.iter().all(|(_, value)| value.is_none()) {
        return Ok(Vec::new());
    }
    let definition: Option<attribute_definition::Model> = Query::new(
        "SELECT d.* FROM attribute_definition d
         WHERE d.workspace_id = $1 AND d.id = $2 AND d.subject = $3",
    )
    .bind(tx.workspace)
    .bind(AttributeId(attribute))
    .bind(of.word())
    .one(tx.connection())
    .await?;
    let Some(definition) = definition else {
        return Ok(Vec::new());
    };
    let mut refusals = Vec::new();
    for (field, value) in values {
        if let Some(value) = value.cloned().and_then(read) {
            let at = at.at(field);
            let at: Vec<&str> = at.steps().iter().map(String::as_str).collect();
            refusals.extend(attribute::value::check(&definition, value, &at).err());
        }
    }
    Ok(refusals)
}

/// What changes, in a sentence.
fn subject(of: SubjectKind, name: &str, phrasing: &Phrasing<'_>) -> String {
    match of {
        SubjectKind::Contact => say!(
            phrasing,
            format!("コンタクトの属性{name}"),
            format!("the {name} of a contact"),
            format!("联系人的属性{name}")
        ),
        SubjectKind::Account => say!(
            phrasing,
            format!("会社の属性{name}"),
            format!("the {name} of an account"),
            format!("公司的属性{name}")
        ),
        SubjectKind::Conversation => say!(
            phrasing,
            format!("会話の属性{name}"),
            format!("the {name} of a conversation"),
            format!("会话的属性{name}")
        ),
    }
}

/// A value in a sentence; nothing if it may be any.
fn shown(value: Option<&serde_json::Value>, phrasing: &Phrasing<'_>) -> Vec<String> {
    let value = value.cloned().and_then(read);
    let quoted = value.map(|value| phrasing.quote(&value.to_string()));
    quoted.into_iter().collect()
}

/// That such a thing has the value; nothing of an empty choice.
fn has_value(of: SubjectKind, attribute: Uuid, value: attribute::Value) -> Option<Condition> {
    let mut test = Attribute {
        attribute_id: Ref::from_uuid(attribute),
        of,
        text: None,
        number: None,
        boolean: None,
        time: None,
        options: None,
        mode: Mode::All,
        is_set: None,
    };
    match value {
        attribute::Value::Text(text) | attribute::Value::Url(text) => {
            test.text = Some(TextTest {
                any_of: Some(vec![text]),
                ..TextTest::default()
            });
        }
        attribute::Value::Number(number) => {
            test.number = Some(NumberTest::between(number, number));
        }
        attribute::Value::Boolean(flag) => test.boolean = Some(flag),
        attribute::Value::Date(day) => test.time = Some(at(day.and_time(NaiveTime::MIN).and_utc())),
        attribute::Value::DateTime(moment) => test.time = Some(at(moment)),
        attribute::Value::Select(key) => test.options = Some(vec![key]),
        attribute::Value::MultiSelect(keys) if keys.is_empty() => return None,
        attribute::Value::MultiSelect(keys) => test.options = Some(keys),
    }
    Some(Condition::Attribute(Box::new(test)))
}

/// At a moment, to the second.
fn at(moment: DateTime<Utc>) -> TimeTest {
    TimeTest {
        from: Some(moment),
        until: moment.checked_add_signed(TimeDelta::seconds(1)),
        ..TimeTest::default()
    }
}

fn read(value: serde_json::Value) -> Option<attribute::Value> {
    serde_json::from_value(value).ok()
}

/// Whether the stored columns of a value are those of the one that is waited for.
fn is(wanted: Option<&serde_json::Value>, stored: Option<&serde_json::Value>) -> bool {
    let Some(wanted) = wanted else { return true };
    let (Some(wanted), Some(stored)) = (read(wanted.clone()), stored) else {
        return false;
    };
    let moment = |at: &serde_json::Value| {
        let text = at.as_str()?;
        chrono::DateTime::parse_from_rfc3339(text).ok()
    };
    match wanted {
        attribute::Value::Text(text)
        | attribute::Value::Select(text)
        | attribute::Value::Url(text) => stored["text"] == text,
        attribute::Value::Number(number) => stored["number"].as_f64() == Some(number),
        attribute::Value::Boolean(flag) => {
            stored["number"].as_f64() == Some(f64::from(u8::from(flag)))
        }
        attribute::Value::Date(day) => moment(&stored["at"]).map(|at| at.date_naive()) == Some(day),
        attribute::Value::DateTime(at) => moment(&stored["at"]).is_some_and(|stored| stored == at),
        attribute::Value::MultiSelect(keys) => {
            let stored = stored["options"].as_array().map_or(&[][..], Vec::as_slice);
            stored.len() == keys.len()
                && stored.iter().all(|one| {
                    one.as_str()
                        .is_some_and(|one| keys.iter().any(|key| key == one))
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_recognised_in_the_columns_it_is_stored_in() {
        let wanted = |value: attribute::Value| json!(value);
        for (value, stored, fits) in [
            (
                attribute::Value::Text("縁".to_owned()),
                json!({"text": "縁"}),
                true,
            ),
            (
                attribute::Value::Text("縁".to_owned()),
                json!({"text": "円"}),
                false,
            ),
            (attribute::Value::Number(2.0), json!({"number": 2.0}), true),
            (
                attribute::Value::Boolean(true),
                json!({"number": 1.0}),
                true,
            ),
            (
                attribute::Value::Boolean(false),
                json!({"number": 1.0}),
                false,
            ),
            (
                attribute::Value::Date("2026-03-01".parse().unwrap()),
                json!({"at": "2026-03-01T00:00:00Z"}),
                true,
            ),
            (
                attribute::Value::MultiSelect(vec!["b".to_owned(), "a".to_owned()]),
                json!({"options": ["a", "b"]}),
                true,
            ),
            (
                attribute::Value::MultiSelect(vec!["a".to_owned()]),
                json!({"options": ["a", "b"]}),
                false,
            ),
        ] {
            assert_eq!(is(Some(&wanted(value)), Some(&stored)), fits, "{stored}");
        }
        assert!(is(None, None), "anything will do");
        let three = wanted(attribute::Value::Number(3.0));
        assert!(!is(Some(&three), None), "there is no value");
    }
}
