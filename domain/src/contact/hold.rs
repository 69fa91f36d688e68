//! Holding contacts and identities until a transaction ends, in the one order everybody keeps:
//! identities, by kind and value, before contacts, by id. SQLite has one writer at a time and nothing
//! to hold.

use std::collections::HashMap;

use entity::{
    contact,
    id::{ContactId, Id},
    kind::IdentityKind,
};
use sea_orm::ConnectionTrait as _;

use crate::{
    error::Result,
    merge::{self, Things},
    store::{Query, Rows, Tx, dialect, hold_by_id},
};

/// The contact's own row, against whoever else would change it: every column is written back, and
/// what somebody else changed meanwhile, a merge for one, would be undone. Refuses one who was merged
/// into another.
pub(super) async fn row(tx: &Tx<'_>, id: ContactId, field: &str) -> Result<contact::Model> {
    let found = hold_by_id::<contact::Model, _>(tx, id).await?;
    match found.filter(|contact| contact.merged_into_id.is_none()) {
        Some(contact) => Ok(contact),
        None => Err(super::absent(tx.connection(), tx.workspace, id, &[field]).await),
    }
}

/// An identity that is about to go.
pub(super) async fn identity(tx: &Tx<'_>, kind: IdentityKind, value: &str) -> Result<()> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    if !lock.is_empty() {
        Query::new(format!(
            "SELECT i.value FROM contact_identity i
             WHERE i.workspace_id = $1 AND i.kind = $2 AND i.value = $3 {lock}"
        ))
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(value)
        .raw(tx.connection())
        .await?;
    }
    Ok(())
}

/// Reads the rows of `people` and keeps everybody else from giving them anything until the end. First
/// the identities, by which whatever comes in finds its contact, then the contacts.
pub(super) async fn people(tx: &Tx<'_>, people: &[ContactId]) -> Result<Vec<contact::Model>> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    if !lock.is_empty() {
        Query::new(format!(
            "SELECT i.value FROM contact_identity i WHERE i.workspace_id = $1
               AND i.contact_id IN (SELECT r.id FROM {{r}}) ORDER BY i.kind, i.value {lock}"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", people.iter().copied()))
        .raw(tx.connection())
        .await?;
    }
    Ok(Query::new(format!(
        "SELECT c.* FROM contact c WHERE c.workspace_id = $1
           AND {{those}} ORDER BY c.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "c.id", people.iter().map(|id| id.0))
    .all(tx.connection())
    .await?)
}

/// Whom each of `asked` means: of somebody who was merged away, however often, whoever answers for
/// them. Those who are not there are missing. Nobody of them is merged on or erased until the end, so
/// that what they are given is not left on somebody hidden or gone.
pub(crate) async fn living(
    tx: &Tx<'_>,
    asked: impl Iterator<Item = ContactId>,
) -> Result<HashMap<ContactId, ContactId>> {
    let found = merge::living(tx, Things::Contacts, asked.map(Id::uuid).collect()).await?;
    let found = found.into_iter();
    Ok(found
        .map(|(asked, means)| (ContactId(asked), ContactId(means)))
        .collect())
}
