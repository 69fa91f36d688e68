//! Giving people the identities by which they said who they are. What was planned is looked at again here:
//! others may have said something meanwhile.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{id::ContactId, kind::IdentityKind};

use super::person::{Plan, Slot};
use crate::{
    access::Actor,
    contact::{
        bulk::{self, Key},
        introduce, suspect_each,
    },
    error::{Error, Result},
    store::Tx,
};

/// Gives contacts the identities they are to have, and notes who seem to be one person. Tells which were
/// given. [`Error::Overtaken`] if somebody became another user meanwhile.
pub(super) async fn give(
    tx: &mut Tx<'_>,
    actor: &Actor,
    plan: &Plan,
    contacts: &HashMap<Slot, ContactId>,
) -> Result<Vec<(Key, ContactId)>> {
    let wanted: Vec<(Key, ContactId)> = plan
        .given
        .iter()
        .filter_map(|(key, slot)| Some((key.clone(), *contacts.get(slot)?)))
        .collect();
    refuse_second_users(tx, &wanted).await?;
    let given = introduce::attach_each(tx, actor, &wanted).await?;
    let of = |slot: Slot| match slot {
        Slot::There(id) => Some(contacts.get(&slot).copied().unwrap_or(id)),
        Slot::Made(_) => contacts.get(&slot).copied(),
    };
    let planned = plan.suspects.iter();
    let planned = planned.filter_map(|(one, other)| Some((of(*one)?, of(*other)?)));
    let mut suspects: Vec<(ContactId, ContactId)> = planned.collect();
    suspects.extend(overtaken(tx, &wanted, &given).await?);
    suspect_each(tx, actor.origin(), &suspects).await?;
    Ok(given)
}

/// Whoever is to become a user is held, and is none yet: two users are two people.
async fn refuse_second_users(tx: &Tx<'_>, wanted: &[(Key, ContactId)]) -> Result<()> {
    let users = wanted.iter();
    let users = users.filter(|((kind, _), _)| *kind == IdentityKind::ExternalId);
    let users: BTreeSet<ContactId> = users.map(|(_, contact)| *contact).collect();
    bulk::hold(tx, &users).await?;
    if introduce::is_any_user(tx, &users).await? {
        return Err(Error::Overtaken("somebody became another user meanwhile"));
    }
    Ok(())
}

/// Whoever was to have an identity that somebody else got first, and who that is. A cookie says nothing
/// here: its visitor is merged, or suspected, when it is told of again.
async fn overtaken(
    tx: &Tx<'_>,
    wanted: &[(Key, ContactId)],
    given: &[(Key, ContactId)],
) -> Result<Vec<(ContactId, ContactId)>> {
    let given: HashSet<&Key> = given.iter().map(|(key, _)| key).collect();
    let lost: Vec<&(Key, ContactId)> = wanted
        .iter()
        .filter(|(key, _)| key.0 != IdentityKind::AnonymousId && !given.contains(key))
        .collect();
    let keys: Vec<Key> = lost.iter().map(|(key, _)| key.clone()).collect();
    let holders = bulk::find(tx, &keys).await?;
    let pairs = lost.into_iter();
    let pairs = pairs.filter_map(|(key, contact)| Some((*contact, *holders.get(key)?)));
    Ok(pairs.collect())
}
