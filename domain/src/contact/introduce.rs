//! Many people who say who they are at once, for tracking: who has which identity, and giving contacts
//! more of them, each in a number of statements that does not depend on how many there are.
//!
//! Who is who is decided by `track`, in memory. Only a visitor with a contact of their own who turns out to
//! be somebody known is merged one at a time ([`unite`]): that happens once in the life of a visitor.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{ContactId, Id as _, WorkspaceId},
    kind::IdentityKind,
};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::{
    bulk::{self, Key},
    identity::{self, Given, Identify},
};
use crate::{
    access::Actor,
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    search,
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Who has an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The contact.
    pub(crate) contact: ContactId,
    /// Whether the contact has an identity that is more than a cookie.
    pub(crate) known: bool,
    /// Whether the contact has the id of a user.
    pub(crate) user: bool,
}

#[derive(FromQueryResult)]
struct Held {
    kind: IdentityKind,
    value: String,
    contact_id: ContactId,
    known: i64,
    is_user: i64,
}

fn key_rows<'k>(keys: impl Iterator<Item = &'k Key> + Clone) -> Rows {
    Rows::new()
        .texts("kind", keys.clone().map(|(kind, _)| kind.word()))
        .texts("value", keys.map(|(_, value)| value.as_str()))
}

/// Who has each of `keys` at the moment; anybody may take them or give them away afterwards.
pub(crate) async fn holders(
    ctx: &Ctx,
    workspace: WorkspaceId,
    keys: &BTreeSet<Key>,
) -> Result<HashMap<Key, Holder>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let held: Vec<Held> = Query::new(
        "SELECT i.kind, i.value, i.contact_id,
                CAST(CASE WHEN EXISTS (
                  SELECT 1 FROM contact_identity o
                  WHERE o.workspace_id = $1 AND o.contact_id = i.contact_id
                    AND o.kind <> 'ANONYMOUS_ID') THEN 1 ELSE 0 END AS BIGINT) AS known,
                CAST(CASE WHEN EXISTS (
                  SELECT 1 FROM contact_identity o
                  WHERE o.workspace_id = $1 AND o.contact_id = i.contact_id
                    AND o.kind = 'EXTERNAL_ID') THEN 1 ELSE 0 END AS BIGINT) AS is_user
         FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.kind = r.kind AND i.value = r.value",
    )
    .bind(workspace)
    .rows("r", key_rows(keys.iter()))
    .all(ctx.reader())
    .await?;
    let held = held.into_iter().map(|one| {
        let holder = Holder {
            contact: one.contact_id,
            known: one.known != 0,
            user: one.is_user != 0,
        };
        ((one.kind, one.value), holder)
    });
    Ok(held.collect())
}

/// Whether one of `contacts` has the id of a user.
pub(crate) async fn is_any_user(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<bool> {
    if contacts.is_empty() {
        return Ok(false);
    }
    let users: Vec<ContactId> = Query::new(
        "SELECT i.contact_id FROM {r}
         JOIN contact_identity i
           ON i.workspace_id = $1 AND i.contact_id = r.id AND i.kind = 'EXTERNAL_ID'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .column(tx.connection())
    .await?;
    Ok(!users.is_empty())
}

/// Makes everybody who has one of `keys` one contact as far as that may be: a visitor nobody knew is merged
/// into whom they turned out to be. Says whether it could be done: a person who was erased, for one, is
/// left as they are. The caller has seen to it that the actor may.
pub(crate) async fn unite(ctx: &Ctx, actor: &Actor, keys: &[Key]) -> Result<bool> {
    let identities = keys.iter().map(|(kind, value)| Given {
        kind: *kind,
        value: value.clone(),
    });
    let who = Identify {
        identities: identities.collect(),
        name: None,
    };
    match identity::settle_at_last(ctx, actor, &who).await {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[derive(FromQueryResult)]
struct Attached {
    kind: IdentityKind,
    value: String,
    contact_id: ContactId,
}

/// Gives contacts identities, but those of people who were erased and those that somebody has. Tells which
/// were given. The contacts are held by the caller.
pub(crate) async fn attach_each(
    tx: &mut Tx<'_>,
    actor: &Actor,
    keys: &[(Key, ContactId)],
) -> Result<Vec<(Key, ContactId)>> {
    let asked: Vec<Key> = keys.iter().map(|(key, _)| key.clone()).collect();
    let erased = bulk::erased(tx, &asked).await?;
    // In one order everywhere, so that two who take the same ones never wait in a circle.
    let wanted: BTreeSet<&(Key, ContactId)> = keys
        .iter()
        .filter(|(key, _)| !erased.contains(key))
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = key_rows(wanted.iter().map(|(key, _)| key))
        .ids("contact_id", wanted.iter().map(|(_, contact)| *contact));
    let given: Vec<Attached> = Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         SELECT $1, r.kind, r.value, r.contact_id, $2 FROM {r} WHERE true
         ON CONFLICT DO NOTHING RETURNING kind, value, contact_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let given: Vec<(Key, ContactId)> = given
        .into_iter()
        .map(|one| ((one.kind, one.value), one.contact_id))
        .collect();
    for ((kind, value), contact) in &given {
        let fact = Fact::IdentityAttached {
            contact_id: *contact,
            identity: *kind,
        };
        tx.record(Change::new(actor.origin(), Some(*contact), fact));
        let said = json!({ "kind": kind, "value": value });
        let record = Record::made("contact.attach_identity", contact, said);
        tx.audit(actor, record.of(*contact));
    }
    let touched: HashSet<_> = given.iter().map(|(_, contact)| contact.uuid()).collect();
    let touched: Vec<_> = touched.into_iter().collect();
    search::index::touch(tx, search::Kind::Contact, &touched).await?;
    Ok(given)
}
