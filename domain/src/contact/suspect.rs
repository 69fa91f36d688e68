//! Contacts who seem to be one person, noted while something is told of them. How else they are found, and what
//! becomes of a suspicion, is in `crate::suspect`.

use entity::{
    id::{ContactId, Id as _, SuspectId},
    kind::DuplicateReason,
};

use crate::{
    access::{Actor, Origin},
    error::Result,
    merge::Things,
    store::{Query, Tx},
    suspect::{self, Pairs},
};

/// Notes that two contacts, both held, seem to be one person; once for each pair. Nothing if one of them was
/// merged meanwhile.
pub(super) async fn suspect(
    tx: &mut Tx<'_>,
    actor: &Actor,
    one: ContactId,
    other: ContactId,
) -> Result<Option<SuspectId>> {
    let (one, other) = (one.min(other), one.max(other));
    suspect_each(tx, actor.origin(), &[(one, other)]).await?;
    Ok(Query::new(
        "SELECT id FROM duplicate_suspect
         WHERE workspace_id = $1 AND contact_id = $2 AND other_contact_id = $3",
    )
    .bind(tx.workspace)
    .bind(one)
    .bind(other)
    .scalar(tx.connection())
    .await?)
}

/// Notes of many pairs that the two seem to be one person, because identities of both were given for one; once
/// for each pair.
pub(crate) async fn suspect_each(
    tx: &mut Tx<'_>,
    origin: Origin,
    pairs: &[(ContactId, ContactId)],
) -> Result<()> {
    let evidence = suspect::bit(DuplicateReason::Identities);
    let pairs = pairs.iter().map(|(one, other)| {
        let pair = (one.min(other).uuid(), one.max(other).uuid());
        (pair, evidence)
    });
    let pairs: Pairs = pairs.collect();
    suspect::note(tx, Things::Contacts, origin, pairs).await
}
