//! Accounts that seem to be one company: noted until somebody decides. How they are found is in
//! `crate::suspect`.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, AccountSuspectId, Id as _, WorkspaceId},
    kind::DuplicateState,
};
use sea_orm::FromQueryResult;

use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    merge::Things,
    page::{Page, PageRequest},
    suspect::{self, SuspectFilter, SuspectOrder},
};

/// Two accounts that seem to be one company.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct AccountSuspect {
    /// The id.
    pub id: AccountSuspectId,
    /// One of them: which was made first.
    pub account_id: AccountId,
    /// The other.
    pub other_account_id: AccountId,
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

/// Says that two accounts are two companies.
pub async fn dismiss(ctx: &Ctx, actor: &Actor, id: AccountSuspectId) -> Result<AccountSuspect> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    suspect::dismiss(&tx, Things::Accounts, id.uuid()).await?;
    let said = serde_json::json!({ "settlement": "DISMISSED" });
    tx.audit(actor, Record::made("account_suspect.dismiss", id, said));
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
    ids: &[AccountSuspectId],
) -> Result<Vec<AccountSuspect>> {
    let ids = ids.iter().map(|id| id.uuid()).collect();
    suspect::load(ctx, workspace, Things::Accounts, ids).await
}

/// A page of the suspicions that `filter` lets through.
pub async fn list_suspects(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &SuspectFilter,
    order: SuspectOrder,
    page: &PageRequest,
) -> Result<Page<(String, AccountSuspect)>> {
    let place = |row: &AccountSuspect| (row.strength, row.id.uuid());
    let things = Things::Accounts;
    suspect::list(ctx, workspace, things, (filter, order), page, place).await
}
