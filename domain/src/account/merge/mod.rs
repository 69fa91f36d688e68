//! Two accounts that are one company: merged with everything that names them, and taken apart again.
//!
//! The survivor is chosen by whoever merges. The other account's row stays and points to the survivor: its
//! id goes on being answered, with the survivor, and so do its domain and its external id, which leads
//! people and facts that come later to the survivor. What follows is one list, [`MERGED_TABLES`]; how rows are
//! moved and given back is in `crate::merge`. Every contact that comes to another account by it is told of
//! as if somebody had moved it, which is how timelines, emails, segments and rules follow. Merges are
//! undone from the newest.

mod own;
mod table;

use entity::{
    account,
    id::{AccountId, ContactId, Id as _, MergeId, WorkspaceId},
    kind::{ContactField, DuplicateState},
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde::{Deserialize, Serialize};

use own::Own;

use super::usage::{self, Use};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    merge::{
        self, Book, Conflict, TagConflict, Things, conflict,
        entries::{self, Entries},
        rows::Move,
        tags,
    },
    search,
    store::{Query, Tx},
    suspect,
    work::change::{Change, Fact},
};

pub use table::MERGED_TABLES;

/// Where merges of accounts are written down.
pub(super) static BOOK: Book = Book {
    merges: "account_merge",
    journal: "account_merge_row",
    tables: MERGED_TABLES,
    double_reason: "Merged into an account that carries it",
    later: "Another account was merged into the survivor since. Undo that first.",
};

/// One merge of accounts.
pub type Merge = merge::Merge<AccountId>;

/// What a merge remembers besides the rows it moved.
#[derive(Debug, Serialize, Deserialize)]
struct Filled {
    before: Own,
    after: Own,
    /// What the merged account had: of its domain and its external id it keeps what the survivor does
    /// not take.
    merged: Own,
}

/// What a merge would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Which account would stay.
    pub survivor: account::Model,
    /// Which one would be merged into the survivor.
    pub loser: account::Model,
    /// Fields the survivor would take over, by the names of their columns.
    pub filled: Vec<&'static str>,
    /// What both have, of which the survivor keeps its own.
    pub conflicts: Vec<Conflict>,
    /// Groups of one value of which both carry another tag.
    pub tag_conflicts: Vec<TagConflict>,
    /// How many rows of each table would follow.
    pub rows: Vec<(&'static str, i64)>,
    /// What names the one that would go, in a condition: it would go on naming that one.
    pub uses: Vec<Use>,
}

/// What merging would do, without doing it.
pub async fn preview(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: AccountId,
    loser: AccountId,
) -> Result<Preview> {
    refuse_same(survivor, loser)?;
    let survivor = named(ctx, workspace, survivor, "survivorId").await?;
    let loser = named(ctx, workspace, loser, "mergedId").await?;
    let (stays, goes) = (survivor.id.uuid(), loser.id.uuid());
    let rows = merge::count_rows(ctx.reader(), workspace, &BOOK, goes, Some(stays)).await?;
    let snapshot = ctx.db.snapshot().await?;
    let uses = usage::naming(&snapshot, workspace, loser.id).await?;
    snapshot.rollback().await?;
    Ok(Preview {
        filled: Own::of(&survivor).filled(&Own::of(&loser)),
        conflicts: conflicts(ctx, workspace, &survivor, &loser).await?,
        tag_conflicts: conflict::tags(ctx.reader(), workspace, stays, goes).await?,
        survivor,
        loser,
        rows,
        uses,
    })
}

async fn conflicts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: &account::Model,
    loser: &account::Model,
) -> Result<Vec<Conflict>> {
    let name = conflict::of("name", Some(&survivor.name), Some(&loser.name));
    let own = Own::of(survivor).conflicts(&Own::of(loser));
    let (stays, goes) = (survivor.id.uuid(), loser.id.uuid());
    let attributes = conflict::attributes(ctx, workspace, stays, goes).await?;
    Ok(name.into_iter().chain(own).chain(attributes).collect())
}

async fn named(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: AccountId,
    field: &str,
) -> Result<account::Model> {
    let found = super::load(ctx, workspace, &[id]).await?;
    match found.into_iter().next() {
        Some(account) => Ok(account),
        None => Err(super::absent(ctx.reader(), workspace, id, &[field]).await),
    }
}

fn refuse_same(survivor: AccountId, loser: AccountId) -> Result<()> {
    if survivor == loser {
        let message = "An account cannot be merged into itself. Name two.";
        let path = ["mergedId"];
        return Err(Error::refused(&path, UserErrorCode::Contradictory, message));
    }
    Ok(())
}

/// Merges `loser` into `survivor`.
pub async fn merge(
    ctx: &Ctx,
    actor: &Actor,
    survivor: AccountId,
    loser: AccountId,
    reason: &str,
) -> Result<Merge> {
    actor.require(Scope::Write)?;
    refuse_same(survivor, loser)?;
    let reason = merge::check_reason(reason)?;
    let origin = actor.origin();
    let mut tx = ctx.begin(actor.workspace).await?;
    let (mut stays, mut goes) = hold(&tx, survivor, loser).await?;
    for (row, field) in [(&stays, "survivorId"), (&goes, "mergedId")] {
        if row.merged_into_id.is_some() || row.deleted_at.is_some() {
            return Err(super::absent(tx.connection(), tx.workspace, row.id, &[field]).await);
        }
    }
    if stays.archived_at.is_some() {
        let message = "This account is archived. Restore it first.";
        let path = ["survivorId"];
        return Err(Error::refused(&path, UserErrorCode::Invalid, message));
    }
    let id: MergeId = tx.id();
    let (before, merged) = (Own::of(&stays), Own::of(&goes));
    let after = before.with(&merged, tx.now);
    let moves = Move {
        book: &BOOK,
        merge: id,
        survivor: survivor.uuid(),
        loser: loser.uuid(),
    };
    let filled = Filled {
        before,
        after: after.clone(),
        merged,
    };
    merge::note(&tx, &moves, origin, reason, serde_json::json!(filled)).await?;
    moves.forth(&tx).await?;
    entries::forth(&moves, &tx, ENTRIES).await?;
    tags::forth(&moves, ctx, &tx, origin).await?;
    let moved = contacts(&moves, &tx, survivor).await?;
    after.put(&mut stays);
    goes.merged_into_id = Some(survivor);
    // A domain and an external id have one account each: what the survivor takes is given up first.
    if goes.domain == stays.domain {
        goes.domain = None;
    }
    if goes.external_id == stays.external_id {
        goes.external_id = None;
    }
    store(&tx, goes).await?;
    store(&tx, stays).await?;
    let pair = (survivor.uuid(), loser.uuid());
    suspect::settle_pair(&tx, Things::Accounts, pair, DuplicateState::Merged).await?;
    search::index::touch(&tx, search::Kind::Account, &[survivor.0, loser.0]).await?;
    tell(&mut tx, origin, &moved, loser);
    let fact = Fact::AccountMerged {
        merge_id: id,
        account_id: survivor,
        loser_id: loser,
    };
    tx.record(Change::new(origin, None, fact));
    let said = serde_json::json!({ "survivor": survivor, "merged": loser });
    tx.audit(actor, Record::made("account.merge", id, said));
    tx.commit().await?;
    merge::existing(ctx.reader(), actor.workspace, &BOOK, id).await
}

/// Undoes a merge: what the merged account had before it goes back to it, and what came since stays with the
/// survivor, whichever of the two it named.
pub async fn unmerge(ctx: &Ctx, actor: &Actor, id: MergeId) -> Result<Merge> {
    actor.require(Scope::Write)?;
    let origin = actor.origin();
    let mut tx = ctx.begin(actor.workspace).await?;
    let merge: Merge = merge::find(tx.connection(), tx.workspace, &BOOK, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "merge"))?;
    let (survivor, loser) = (merge.survivor_id, merge.loser_id);
    let (mut stays, mut goes) = hold(&tx, survivor, loser).await?;
    if stays.deleted_at.is_some() || goes.deleted_at.is_some() {
        let message = "The accounts were deleted since.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    let moves = Move {
        book: &BOOK,
        merge: id,
        survivor: survivor.uuid(),
        loser: loser.uuid(),
    };
    let standing = merge::Standing {
        is_undone: merge.undone_at.is_some(),
        is_moved_on: stays.merged_into_id.is_some() || goes.merged_into_id != Some(survivor),
    };
    merge::refuse_out_of_order(&tx, &moves, standing).await?;
    let filled: Filled = serde_json::from_value(merge.filled)?;
    moves.back(&tx).await?;
    entries::back(&moves, &tx, ENTRIES).await?;
    tags::back(&moves, ctx, &tx).await?;
    let moved = contacts(&moves, &tx, loser).await?;
    Own::undone(&filled.before, &filled.after, &Own::of(&stays)).put(&mut stays);
    goes.merged_into_id = None;
    store(&tx, stays).await?;
    give_back(&tx, &mut goes, filled.merged).await?;
    store(&tx, goes).await?;
    let pair = (survivor.uuid(), loser.uuid());
    suspect::reopen_pair(&tx, Things::Accounts, pair, merge.merged_at).await?;
    search::index::touch(&tx, search::Kind::Account, &[survivor.0, loser.0]).await?;
    merge::note_undone(&tx, &moves, origin).await?;
    tell(&mut tx, origin, &moved, survivor);
    let fact = Fact::AccountUnmerged {
        merge_id: id,
        account_id: survivor,
        loser_id: loser,
    };
    tx.record(Change::new(origin, None, fact));
    let said = serde_json::json!({ "survivor": survivor, "merged": loser });
    tx.audit(actor, Record::ended("account.unmerge", id, said));
    tx.commit().await?;
    merge::existing(ctx.reader(), actor.workspace, &BOOK, id).await
}

/// Gives the domain and the external id back that the survivor had taken, unless somebody gave them to
/// another account since.
async fn give_back(tx: &Tx<'_>, goes: &mut account::Model, had: Own) -> Result<()> {
    if goes.domain.is_none() && is_free(tx, "domain", had.domain.as_deref()).await? {
        goes.domain = had.domain;
    }
    if goes.external_id.is_none() && is_free(tx, "external_id", had.external_id.as_deref()).await? {
        goes.external_id = had.external_id;
    }
    Ok(())
}

async fn is_free(tx: &Tx<'_>, column: &str, value: Option<&str>) -> Result<bool> {
    let Some(value) = value else {
        return Ok(false);
    };
    let holder: Option<AccountId> = Query::new(format!(
        "SELECT a.id FROM account a WHERE a.workspace_id = $1 AND a.{column} = $2"
    ))
    .bind(tx.workspace)
    .bind(value.to_owned())
    .scalar(tx.connection())
    .await?;
    Ok(holder.is_none())
}

/// Both accounts' rows, held: nobody gives them anything, nor changes them, until the end.
async fn hold(
    tx: &Tx<'_>,
    survivor: AccountId,
    loser: AccountId,
) -> Result<(account::Model, account::Model)> {
    let rows = super::hold::with_people(tx, &[survivor, loser]).await?;
    let one = |id: AccountId, field: &str| {
        let row = rows.iter().find(|row| row.id == id).cloned();
        row.ok_or_else(|| Error::not_found(&[field], "account"))
    };
    Ok((one(survivor, "survivorId")?, one(loser, "mergedId")?))
}

async fn store(tx: &Tx<'_>, row: account::Model) -> Result<()> {
    let active = row.into_active_model().reset_all();
    active.update(tx.connection()).await?;
    Ok(())
}

/// What is on the account's timeline and no trigger moves: what rules did about the account alone, and
/// earlier merges.
const ENTRIES: Entries = Entries {
    which: "t.contact_id IS NULL AND t.kind IN ('RULE_FIRED', 'ACCOUNT_MERGED', 'ACCOUNT_UNMERGED', 'ACCOUNT_SEPARATED')",
    column: "account_id",
    put: "account_id = {to}",
};

/// The contacts that the merge moved and that are at `account` now; merged ones are not told of.
async fn contacts(moves: &Move, tx: &Tx<'_>, account: AccountId) -> Result<Vec<ContactId>> {
    Ok(Query::new(
        "SELECT c.id FROM account_merge_row j
         JOIN contact c ON c.workspace_id = $1 AND c.id = j.row_id AND c.account_id = $3
          AND c.merged_into_id IS NULL
         WHERE j.workspace_id = $1 AND j.merge_id = $2 AND j.part = 'contact' ORDER BY c.id",
    )
    .bind(tx.workspace)
    .bind(moves.merge)
    .bind(account)
    .column(tx.connection())
    .await?)
}

/// Tells that `contacts` left an account.
pub(super) fn tell(tx: &mut Tx<'_>, origin: Origin, contacts: &[ContactId], left: AccountId) {
    for &contact_id in contacts {
        let fact = Fact::ContactChanged {
            contact_id,
            fields: vec![ContactField::Account],
            left_account_id: Some(left),
        };
        tx.record(Change::new(origin, Some(contact_id), fact));
    }
}

/// The merge, if it is one of the workspace.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: MergeId) -> Result<Option<Merge>> {
    merge::find(ctx.reader(), workspace, &BOOK, id).await
}

/// The merges among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[MergeId]) -> Result<Vec<Merge>> {
    merge::load(ctx.reader(), workspace, &BOOK, ids).await
}

/// Everything that was merged into an account, newest first; undone merges too. At most 100.
pub async fn of_account(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: AccountId,
) -> Result<Vec<Merge>> {
    merge::merged_into(ctx.reader(), workspace, &BOOK, survivor.uuid()).await
}

/// Who answers for those of `ids` that were merged into another, by who was asked for.
pub async fn survivors(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, AccountId)>> {
    let ids = ids.iter().map(|id| id.uuid()).collect();
    let found = merge::survivors(ctx.reader(), workspace, Things::Accounts, ids).await?;
    let found = found.into_iter();
    Ok(found
        .map(|(asked, at)| (AccountId(asked), AccountId(at)))
        .collect())
}
