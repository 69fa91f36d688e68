//! Contacts who seem to be one person: noted, until somebody decides. How they are found is in
//! `crate::suspect`; here is what is noted while something is told of them.

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, Id as _, SuspectId, WorkspaceId},
    kind::{DuplicateReason, DuplicateState},
};
use sea_orm::FromQueryResult;

use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    merge::Things,
    page::{Page, PageRequest},
    store::{Query, Tx},
    suspect::{self, Pairs, SuspectFilter, SuspectOrder},
};

/// Two known contacts who seem to be one person.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Suspect {
    /// The id.
    pub id: SuspectId,
    /// One of them: who was made first.
    pub contact_id: ContactId,
    /// The other.
    pub other_contact_id: ContactId,
    /// What makes it seem so; see [`crate::suspect::reasons`].
    pub evidence: i64,
    /// How much the strongest reason says, 1 to 100.
    pub strength: i64,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub settled_at: Option<DateTime<Utc>>,
    /// What was decided.
    pub settlement: Option<DuplicateState>,
}

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

/// Says that two contacts are two people.
pub async fn dismiss(ctx: &Ctx, actor: &Actor, id: SuspectId) -> Result<Suspect> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    suspect::dismiss(&tx, Things::Contacts, id.uuid()).await?;
    let said = serde_json::json!({ "settlement": "DISMISSED" });
    tx.audit(actor, Record::made("duplicate_suspect.dismiss", id, said));
    tx.commit().await?;
    load_suspects(ctx, actor.workspace, &[id])
        .await?
        .pop()
        .ok_or_else(|| Error::not_found(&["id"], "suspicion"))
}

/// The suspicions among `ids`, in no particular order.
pub async fn load_suspects(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SuspectId],
) -> Result<Vec<Suspect>> {
    let ids = ids.iter().map(|id| id.uuid()).collect();
    suspect::load(ctx, workspace, Things::Contacts, ids).await
}

/// A page of the suspicions that `filter` lets through.
pub async fn list_suspects(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &SuspectFilter,
    order: SuspectOrder,
    page: &PageRequest,
) -> Result<Page<(String, Suspect)>> {
    let place = |row: &Suspect| (row.strength, row.id.uuid());
    let things = Things::Contacts;
    suspect::list(ctx, workspace, things, (filter, order), page, place).await
}
