//! When what tracking tells of people and companies was said. Of several words about one thing the one said
//! last counts, in whatever order they arrive: queues deliver late, and repeat what they have delivered.
//!
//! One row for each contact and account (`last_word`) has the moment of the last word on each thing. Called
//! by `people` and `company`, which hold the contacts and accounts before, so that nobody judges by moments
//! that are being changed. What is told by other ways than tracking is not compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// The name of a person or a company.
pub(super) const NAME: &str = "name";
/// The company a person is at.
pub(super) const ACCOUNT: &str = "account";

/// Something that was said, and when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word<T> {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// What.
    pub(super) said: T,
}

/// Keeps the later of two words on one thing; of two of one moment, the one that came later.
pub(super) fn later<T>(known: &mut Option<Word<T>>, at: DateTime<Utc>, said: Option<T>) {
    let Some(said) = said else { return };
    if known.as_ref().is_none_or(|known| known.at <= at) {
        *known = Some(Word { at, said });
    }
}

/// When each thing was said last, in microseconds since 1970.
type Moments = BTreeMap<String, i64>;

#[derive(FromQueryResult)]
struct Row {
    subject_id: Uuid,
    moments: String,
}

/// The moments of the last words on contacts and accounts.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    known: HashMap<Uuid, Moments>,
    changed: BTreeSet<Uuid>,
}

impl LastWords {
    /// Those on contacts or accounts that the caller holds.
    pub(super) async fn load(tx: &Tx<'_>, subjects: &BTreeSet<Uuid>) -> Result<Self> {
        if subjects.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<Row> = Query::new(
            "SELECT w.subject_id, w.moments FROM {r}
             JOIN last_word w ON w.workspace_id = $1 AND w.subject_id = r.id",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", subjects.iter().copied()))
        .all(tx.connection())
        .await?;
        let mut words = Self::default();
        for row in rows {
            let moments = serde_json::from_str(&row.moments)?;
            words.known.insert(row.subject_id, moments);
        }
        Ok(words)
    }

    /// Takes in that something was said of `what`. Whether it is the last word on it by now; of two of one
    /// moment the one that comes later is.
    pub(super) fn hear(&mut self, subject: Uuid, what: &str, at: DateTime<Utc>) -> bool {
        let at = at.timestamp_micros();
        let moments = self.known.entry(subject).or_default();
        let last = moments.get(what).copied();
        if last.is_some_and(|last| at < last) {
            return false;
        }
        if last != Some(at) {
            moments.insert(what.to_owned(), at);
            self.changed.insert(subject);
        }
        true
    }

    /// Whether anything was ever said of `what`.
    pub(super) fn is_told(&self, subject: Uuid, what: &str) -> bool {
        let moments = self.known.get(&subject);
        moments.is_some_and(|moments| moments.contains_key(what))
    }

    /// Stores what was heard.
    pub(super) async fn keep(&self, tx: &Tx<'_>) -> Result<()> {
        let (mut subjects, mut texts) = (Vec::new(), Vec::new());
        for subject in &self.changed {
            if let Some(moments) = self.known.get(subject) {
                subjects.push(*subject);
                texts.push(serde_json::to_string(moments)?);
            }
        }
        if subjects.is_empty() {
            return Ok(());
        }
        let rows = Rows::new()
            .uuids("subject_id", subjects)
            .texts("moments", texts);
        Query::new(
            "INSERT INTO last_word (workspace_id, subject_id, moments)
             SELECT $1, r.subject_id, r.moments FROM {r} WHERE true
             ON CONFLICT (workspace_id, subject_id) DO UPDATE SET moments = excluded.moments",
        )
        .bind(tx.workspace)
        .rows("r", rows)
        .execute(tx.connection())
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_word_said_last_counts_in_whatever_order_they_come() {
        let mut words = LastWords::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(!words.is_told(one, NAME));
        for (subject, what, moment, is_last) in [
            (one, NAME, 20, true),
            (one, NAME, 10, false),
            (one, NAME, 20, true),
            (one, ACCOUNT, 10, true),
            (other, NAME, 10, true),
            (one, NAME, 30, true),
        ] {
            let heard = words.hear(subject, what, at(moment));
            assert_eq!(heard, is_last, "{subject} {what} {moment}");
        }
        assert!(words.is_told(one, NAME));
        assert_eq!(words.known[&one][NAME], at(30).timestamp_micros());
    }

    #[test]
    fn of_two_words_the_later_is_kept() {
        let mut known = None;
        for (moment, said, expected) in [
            (20, None, None),
            (20, Some("b"), Some("b")),
            (10, Some("a"), Some("b")),
            (30, None, Some("b")),
            (20, Some("c"), Some("c")),
        ] {
            later(&mut known, at(moment), said);
            assert_eq!(known.as_ref().map(|word| word.said), expected);
        }
    }
}
