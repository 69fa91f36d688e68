//! What follows from written facts: their parts, when the contacts last did something, and the change log.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::id::ContactId;

use super::{Item, Told, row::Kept, state::State};
use crate::{access::Origin, error::Result, event, store::Tx, work::change::Change};

/// What has a table of its own, of the items that are news.
pub(super) fn parts<'i, T: Told>(
    items: &'i [Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) -> Vec<(T::Id, &'i T)> {
    let written = states.iter().filter_map(|(external_id, state)| {
        let index = state.write.filter(|_| state.news)?;
        Some((kept.get(external_id)?.id, &items[index].told))
    });
    written.collect()
}

/// Notes when the contacts last did something.
pub(super) async fn act<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) -> Result<()> {
    let mut latest: BTreeMap<ContactId, DateTime<Utc>> = BTreeMap::new();
    for (external_id, state) in states {
        let Some(index) = state.write.filter(|_| kept.contains_key(external_id)) else {
            continue;
        };
        if let (Some(contact), Some(at)) = (state.contact, items[index].told.act_at()) {
            let last = latest.entry(contact).or_insert(at);
            *last = at.max(*last);
        }
    }
    if latest.is_empty() {
        return Ok(());
    }
    event::note_activity(tx, &latest).await?;
    Ok(())
}

/// Appends to the change log what is new: for the contact it is about, and for the one it was about
/// before.
pub(super) fn report<T: Told>(
    tx: &mut Tx<'_>,
    origin: Origin,
    items: &[Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) {
    for (external_id, state) in states {
        let (Some(index), true) = (state.write, state.news) else {
            continue;
        };
        let Some(kept) = kept.get(external_id) else {
            continue;
        };
        let (previous, former) = match &state.before {
            Some((word, contact)) => (Some(word.as_str()), *contact),
            None => (None, None),
        };
        let fact = items[index].told.fact(kept.id, kept.account, previous);
        let contact = state.contact;
        if former.is_some() && former != contact {
            tx.record(Change::new(origin, former, fact.clone()));
        }
        tx.record(Change::new(origin, contact, fact));
    }
}
