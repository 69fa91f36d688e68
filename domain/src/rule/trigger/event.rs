//! A contact did something that is tracked.

use serde_json::Value;

use super::{Asked, Happened, Key, TriggerKind, shape};
use crate::{
    condition::{
        Condition, Context, Events, PropertyTest,
        check::{self, MAX_IDS},
        check_properties,
        path::Path,
        phrase_properties, property_of,
        sentence::{Phrasing, say},
        trace::TraceNode,
    },
    error::{UserError, UserErrorCode},
    text,
};

shape::trigger! {
    /// Looks at contacts as they do something that is tracked.
    #[derive(Default)]
    EventTracked, RuleEventTrackedTrigger, RuleEventTrackedTriggerInput;
    required {
        /// The names of the events, up to 500; one of them is enough.
        names: texts,
    }
    optional {
        /// What the properties of the very event have to be; all of these must hold. The condition `events` asks
        /// the same of everything the contact ever did.
        properties: many PropertyTest {"where"}
            [rename = "where", skip_serializing_if = "Vec::is_empty"],
    }
}

/// The properties of an event that has none.
static NO_PROPERTIES: Value = Value::Null;

impl TriggerKind for EventTracked {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check_properties(&self.properties, &at.at("where"), refusals);
        let at = at.at("names");
        check::list(&self.names, MAX_IDS, &at, refusals, "name");
        for (index, name) in self.names.iter().enumerate() {
            if name.trim().is_empty() || name.chars().count() > 100 {
                let message = "Write the name of an event, at most 100 characters.";
                refusals.push(at.nth(index).refuse(UserErrorCode::Invalid, message));
            } else if !text::is_clean(name) {
                let message = "Remove the spaces around the name: events are stored without.";
                refusals.push(at.nth(index).refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = self.names.iter().map(|name| phrasing.quote(name)).collect();
        let names = phrasing.or(&names) + &phrase_properties(phrasing, &self.properties);
        say!(
            phrasing,
            format!("コンタクトのイベント{names}が記録され"),
            format!("a contact does {names}"),
            format!("联系人发生事件{names}")
        )
    }

    fn implies(&self) -> Vec<Condition> {
        let did = |names: &[String], properties: &[PropertyTest]| {
            Condition::Events(Box::new(Events {
                names: names.to_vec(),
                conditions: properties.to_vec(),
                ..Events::default()
            }))
        };
        let mut implied = vec![did(&self.names, &[]), did(&[], &[])];
        if !self.properties.is_empty() {
            implied.push(did(&self.names, &self.properties));
        }
        implied
    }

    fn note_asked(&self, asked: &mut Asked) {
        asked.properties |= !self.properties.is_empty();
    }

    fn judge(&self, happened: &Happened<'_>) -> Vec<TraceNode> {
        let Some(properties) = self.properties_of(happened) else {
            return Vec::new();
        };
        let at = Path::root("trigger").at("eventTracked").at("where");
        let tests = self.properties.iter().enumerate();
        let verdict = |(index, test): (usize, &PropertyTest)| {
            let actual = property_of(properties, &test.property);
            TraceNode::of_trigger(&at.nth(index), test.holds(properties), actual.as_deref())
        };
        tests.map(verdict).collect()
    }

    fn keys(&self) -> Vec<Key> {
        self.names.iter().cloned().map(Key::Event).collect()
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        let properties = self.properties_of(happened);
        properties.is_some_and(|found| self.properties.iter().all(|test| test.holds(found)))
    }
}

impl EventTracked {
    /// The properties of the event, if it is one of these names.
    fn properties_of<'a>(&self, happened: &Happened<'a>) -> Option<&'a Value> {
        let &Happened::Event { name, properties } = happened else {
            return None;
        };
        let is_meant = self.names.iter().any(|one| one == name);
        is_meant.then(|| properties.unwrap_or(&NO_PROPERTIES))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_let_in_by_its_own_properties() {
        let trigger: EventTracked = serde_json::from_value(json!({
            "names": ["form_sent"],
            "where": [{"property": "form", "anyOf": ["pricing"]}],
        }))
        .unwrap();
        for (name, properties, accepted, verdicts) in [
            (
                "form_sent",
                json!({"form": "pricing"}),
                true,
                vec!["pricing"],
            ),
            (
                "form_sent",
                json!({"form": "contact"}),
                false,
                vec!["contact"],
            ),
            ("form_sent", json!({}), false, vec!["-"]),
            ("viewed", json!({"form": "pricing"}), false, vec![]),
        ] {
            let happened = Happened::Event {
                name,
                properties: Some(&properties),
            };
            assert_eq!(trigger.accepts(&happened), accepted, "{name} {properties}");
            let judged = trigger.judge(&happened);
            let expected: Vec<TraceNode> = verdicts
                .iter()
                .map(|&actual| {
                    let at = Path::root("trigger").at("eventTracked").at("where").nth(0);
                    TraceNode::of_trigger(&at, accepted, Some(actual))
                })
                .collect();
            assert_eq!(judged, expected, "{name} {properties}");
        }
    }
}
