//! How things stand with the external ids of a call, and what its items make of that. Touches no database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::id::ContactId;

use super::{Item, Outcome, Told};
use crate::store::Tx;

/// How things stand with one external id, while the call goes on.
pub(super) struct State<I> {
    pub(super) id: I,
    pub(super) contact: Option<ContactId>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) digest: String,
    /// The status and contact before the call, if it was there.
    pub(super) before: Option<(String, Option<ContactId>)>,
    /// The item that is to be written.
    pub(super) write: Option<usize>,
    /// Whether what is to be written is new to the log, or only its time is.
    pub(super) news: bool,
}

/// Goes through the items at `open` in their order, as if each came in a call of its own.
pub(super) fn judge<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    open: &[usize],
    states: &mut BTreeMap<String, State<T::Id>>,
    outcomes: &mut [Outcome],
) {
    for &index in open {
        let item = &items[index];
        let Some(state) = states.get_mut(&item.external_id) else {
            let state = State {
                id: tx.id(),
                contact: item.found.contact,
                updated_at: item.updated_at,
                digest: item.digest.clone(),
                before: None,
                write: Some(index),
                news: true,
            };
            states.insert(item.external_id.clone(), state);
            outcomes[index] = Outcome::Created;
            continue;
        };
        if item.updated_at < state.updated_at {
            outcomes[index] = Outcome::Stale;
            continue;
        }
        let same = item.digest == state.digest;
        // The same word told of a later moment is nothing new, but what lies between is stale now.
        if !same || item.updated_at > state.updated_at {
            state.contact = item.found.contact;
            state.updated_at = item.updated_at;
            state.digest.clone_from(&item.digest);
            state.write = Some(index);
            state.news |= !same;
        }
        outcomes[index] = if same {
            Outcome::Unchanged
        } else {
            Outcome::Updated
        };
    }
}
