//! What contacts want to hear of and what not, as lines say it: cells as states, and what of that is new.
//!
//! A file takes nobody's own word back: who unsubscribed by themselves, complained or cannot be reached stays so
//! ([`subscription::weigh`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::ContactId,
    kind::{Channel, ImportField, ImportPolicy, SubscriptionState},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{cell::Refusal, shared::Job};
use crate::{
    access::Origin,
    contact::subscription::{self, EVERYTHING, NewState, Said, Weighed},
    error::{Result, UserErrorCode},
    store::Tx,
    text,
};

/// Entries one cell may have: more than anybody keeps, so that the cell of an export is read again. However many
/// they are, a step reads no more than a window of the file.
const MAX_ENTRIES: usize = 1_000;

/// An entry of a cell, as exports write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    channel: Channel,
    #[serde(default = "everything")]
    topic: String,
    state: SubscriptionState,
    #[serde(default)]
    reason: String,
    /// Exports tell it; what an import changes, whoever imports has said.
    #[serde(default, rename = "source")]
    _source: IgnoredAny,
    /// Exports tell it; what an import changes, it changes now.
    #[serde(default, rename = "changedAt")]
    _changed_at: IgnoredAny,
}

fn everything() -> String {
    EVERYTHING.to_owned()
}

/// The states in a cell, each of another channel or topic.
pub(super) fn read(cell: &str) -> Result<Vec<NewState>, Refusal> {
    let entries: Vec<Entry> = serde_json::from_str(cell).map_err(|error| {
        // It may quote the cell.
        let error = text::excerpt(&error.to_string(), 200);
        let message = format!(
            "Give a list such as [{{\"channel\": \"EMAIL\", \"topic\": \"*\", \"state\": \
             \"UNSUBSCRIBED\"}}], as exports write it: {error}."
        );
        (UserErrorCode::Invalid, message)
    })?;
    if entries.len() > MAX_ENTRIES {
        let message = format!("Give at most {MAX_ENTRIES} entries.");
        return Err((UserErrorCode::LimitReached, message));
    }
    let mut states: BTreeMap<(Channel, String), NewState> = BTreeMap::new();
    for (place, entry) in (1..).zip(entries) {
        let mut state = NewState {
            channel: entry.channel,
            topic: entry.topic,
            state: entry.state,
            reason: entry.reason,
        };
        if let Some(error) = state.check(&[]).into_iter().next() {
            let field = error.path.join(".");
            let message = format!("Entry {place}, {field}: {}", error.message);
            return Err((error.code, message));
        }
        let key = (state.channel, state.topic.clone());
        let said = state.state;
        if let Some(before) = states.insert(key, state)
            && before.state != said
        {
            let message = format!("Entry {place} says the opposite of an earlier one. Keep one.");
            return Err((UserErrorCode::Contradictory, message));
        }
    }
    Ok(states.into_values().collect())
}

/// What is new of what a line says of somebody who is there.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What they are to be set to.
    pub(super) states: Vec<NewState>,
    /// Whether anything stays as it is because they ended it by themselves.
    pub(super) is_kept: bool,
}

/// Whose subscription, by which channel and about what.
type Key = (ContactId, Channel, String);

/// Where the people of a batch stand.
#[derive(Debug, Default)]
pub(super) struct Wishes(HashMap<Key, Said>);

impl Wishes {
    /// Reads where `people`, who are held, stand, if the file says anything of it.
    pub(super) async fn load(
        tx: &Tx<'_>,
        job: Job<'_>,
        people: &BTreeSet<ContactId>,
    ) -> Result<Self> {
        if !job.has(ImportField::Subscriptions) {
            return Ok(Self::default());
        }
        let rows = subscription::hold(tx, people).await?.into_iter();
        let standing = rows.map(|row| {
            let said = (row.state, row.source);
            ((row.contact_id, row.channel, row.topic), said)
        });
        Ok(Self(standing.collect()))
    }

    /// What is new of what is said of `contact`.
    pub(super) fn news(&self, policy: ImportPolicy, contact: ContactId, said: &[NewState]) -> News {
        let mut news = News::default();
        for new in said {
            let stands = |topic: &str| {
                let key = (contact, new.channel, topic.to_owned());
                self.0.get(&key).copied()
            };
            let own = stands(&new.topic);
            if own.is_some() && policy == ImportPolicy::FillEmpty {
                continue;
            }
            match subscription::weigh(own, stands(EVERYTHING), new) {
                Weighed::Stands => {}
                Weighed::Kept => news.is_kept = true,
                Weighed::News => news.states.push(new.clone()),
            }
        }
        news
    }
}

/// Writes what is new; `reason` is for what came without one.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    reason: &str,
    news: Vec<(ContactId, NewState)>,
) -> Result<()> {
    let news = news.into_iter().map(|(contact, mut new)| {
        if new.reason.is_empty() {
            reason.clone_into(&mut new.reason);
        }
        (contact, new)
    });
    let news: Vec<_> = news.collect();
    subscription::set_those(tx, Origin::Import, &news)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_list_as_exports_write_it() {
        let state = |channel, topic: &str, state, reason: &str| NewState {
            channel,
            topic: topic.to_owned(),
            state,
            reason: reason.to_owned(),
        };
        let cell = r#"[
            {"channel": "SMS", "state": "SUBSCRIBED"},
            {"channel": "EMAIL", "topic": " news ", "state": "UNSUBSCRIBED", "reason": "Asked",
             "source": "UNSUBSCRIBE", "changedAt": "2026-11-27T09:00:00Z"}
        ]"#;
        let expected = [
            state(
                Channel::Email,
                "news",
                SubscriptionState::Unsubscribed,
                "Asked",
            ),
            state(Channel::Sms, "*", SubscriptionState::Subscribed, ""),
        ];
        assert_eq!(read(cell).unwrap(), expected);
        assert!(read("[]").unwrap().is_empty());
    }

    #[test]
    fn whoever_has_many_topics_is_read_as_they_were_exported() {
        let entries: Vec<String> = (0..500)
            .map(|n| format!(r#"{{"channel": "EMAIL", "topic": "{n}", "state": "SUBSCRIBED"}}"#))
            .collect();
        let cell = format!("[{}]", entries.join(","));
        assert_eq!(read(&cell).unwrap().len(), entries.len());
    }

    #[test]
    fn a_cell_that_is_anything_else_is_refused() {
        use UserErrorCode::{Contradictory, Invalid, LimitReached, TooLong};
        let entry = |topic: &str, state: &str| {
            format!(r#"{{"channel": "EMAIL", "topic": "{topic}", "state": "{state}"}}"#)
        };
        let list = |entries: &[String]| format!("[{}]", entries.join(","));
        let many: Vec<String> = (0..=MAX_ENTRIES)
            .map(|n| entry(&n.to_string(), "SUBSCRIBED"))
            .collect();
        let both = [entry("a", "SUBSCRIBED"), entry(" a", "UNSUBSCRIBED")];
        for (cell, code) in [
            ("yes".to_owned(), Invalid),
            (list(&[entry("a", "MAYBE")]), Invalid),
            // A topic by a wrong name would be everything.
            (
                r#"[{"channel": "EMAIL", "subject": "a", "state": "UNSUBSCRIBED"}]"#.to_owned(),
                Invalid,
            ),
            (list(&many), LimitReached),
            (list(&[entry(&"x".repeat(65), "SUBSCRIBED")]), TooLong),
            (list(&both), Contradictory),
        ] {
            assert_eq!(read(&cell).unwrap_err().0, code, "{cell}");
        }
    }
}
