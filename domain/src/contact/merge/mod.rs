//! Two contacts who are one person: merged with everything that names them, and taken apart again.
//!
//! The survivor is chosen by whoever merges. The other contact's row stays and points to the
//! survivor: its id goes on being answered, with the survivor. What follows is one list,
//! [`MERGED_TABLES`]; how rows are moved and given back is in `crate::merge`. Merges are undone from the
//! newest: what was moved twice is first given back by the second merge.

mod activity;
mod own;
mod rows;
mod table;

use chrono::{DateTime, Utc};
use entity::{
    contact,
    id::{ContactId, Id as _, WorkspaceId},
    kind::DuplicateState,
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde::{Deserialize, Serialize};

use activity::Activity;
use own::Own;

use super::{Contact, arrival, subscription};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    merge::{self, Book, Things, conflict, rows::Move},
    playbook, search,
    store::Tx,
    suspect,
    work::change::{Change, Fact},
};

pub use crate::merge::{Conflict, Follows, MergedTable, TagConflict};
pub use entity::id::MergeId;
pub use table::MERGED_TABLES;

/// Where merges of contacts are written down.
static BOOK: Book = Book {
    merges: "contact_merge",
    journal: "contact_merge_row",
    tables: MERGED_TABLES,
    double_reason: "Merged into a contact who carries it",
    later: "Another contact was merged into the survivor since. Undo that first.",
};

/// One merge of contacts.
pub type Merge = merge::Merge<ContactId>;

/// What a merge remembers besides the rows it moved.
#[derive(Debug, Serialize, Deserialize)]
struct Filled {
    before: Own,
    after: Own,
    activity_before: Activity,
    activity_after: Activity,
    #[serde(default)]
    subscriptions: Vec<subscription::Row>,
    /// When the survivor came in, as it was told before and after.
    #[serde(default)]
    arrived_before: Option<DateTime<Utc>>,
    #[serde(default)]
    arrived_after: Option<DateTime<Utc>>,
}

/// What a merge would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Who would stay.
    pub survivor: Contact,
    /// Who would be merged into the survivor.
    pub loser: Contact,
    /// Fields the survivor would take over, by the names of their columns.
    pub filled: Vec<&'static str>,
    /// What both have, of which the survivor keeps its own. Addresses of the other one still lead to the
    /// survivor.
    pub conflicts: Vec<Conflict>,
    /// Groups of one value of which both carry another tag.
    pub tag_conflicts: Vec<TagConflict>,
    /// How many rows of each table would follow.
    pub rows: Vec<(&'static str, i64)>,
}

/// What merging would do, without doing it. The number of statements depends on the list of tables
/// only.
pub async fn preview(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: ContactId,
    loser: ContactId,
) -> Result<Preview> {
    refuse_same(survivor, loser)?;
    let survivor = named(ctx, workspace, survivor, "survivorId").await?;
    let loser = named(ctx, workspace, loser, "mergedId").await?;
    let (stays, goes) = (survivor.id.uuid(), loser.id.uuid());
    let rows = merge::count_rows(ctx.reader(), workspace, &BOOK, goes, Some(stays)).await?;
    Ok(Preview {
        filled: own_of(&survivor).filled(&own_of(&loser)),
        conflicts: conflicts(ctx, workspace, &survivor, &loser).await?,
        tag_conflicts: conflict::tags(ctx.reader(), workspace, stays, goes).await?,
        survivor,
        loser,
        rows,
    })
}

async fn conflicts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: &Contact,
    loser: &Contact,
) -> Result<Vec<Conflict>> {
    let name = conflict::of("name", Some(&survivor.name), Some(&loser.name));
    let mut own = own_of(survivor).conflicts(&own_of(loser));
    // It is how the reading is sorted.
    own.retain(|conflict| conflict.field != "kana_key");
    let (stays, goes) = (survivor.id.uuid(), loser.id.uuid());
    let attributes = conflict::attributes(ctx, workspace, stays, goes).await?;
    Ok(name.into_iter().chain(own).chain(attributes).collect())
}

fn own_of(contact: &Contact) -> Own {
    Own {
        account_id: contact.account_id,
        email: contact.email.clone(),
        external_id: contact.external_id.clone(),
        locale: contact.locale.clone(),
        owner_id: contact.owner_id,
        stage: contact.stage,
        source_channel: contact.source_channel,
        source_campaign_id: contact.source_campaign_id,
        brought_by_id: contact.brought_by_id,
        phone: contact.phone.clone(),
        kana: contact.kana.clone(),
        kana_key: contact.kana_key.clone(),
        updated_at: contact.updated_at,
    }
}

async fn named(ctx: &Ctx, workspace: WorkspaceId, id: ContactId, field: &str) -> Result<Contact> {
    let found = super::load(ctx, workspace, &[id]).await?;
    match found.into_iter().next() {
        Some(contact) => Ok(contact),
        None => Err(super::absent(ctx.reader(), workspace, id, &[field]).await),
    }
}

fn refuse_same(survivor: ContactId, loser: ContactId) -> Result<()> {
    if survivor == loser {
        let message = "A contact cannot be merged into itself. Name two.";
        let path = ["mergedId"];
        return Err(Error::refused(&path, UserErrorCode::Contradictory, message));
    }
    Ok(())
}

/// Merges `loser` into `survivor`.
pub async fn merge(
    ctx: &Ctx,
    actor: &Actor,
    survivor: ContactId,
    loser: ContactId,
    reason: &str,
) -> Result<Merge> {
    actor.require(Scope::Write)?;
    refuse_same(survivor, loser)?;
    let reason = merge::check_reason(reason)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let id = join(ctx, &mut tx, actor.origin(), survivor, loser, reason).await?;
    tx.commit().await?;
    merge::existing(ctx.reader(), actor.workspace, &BOOK, id).await
}

/// [`merge()`] inside a transaction, with everything checked but the two contacts.
pub(super) async fn join(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    survivor: ContactId,
    loser: ContactId,
    reason: String,
) -> Result<MergeId> {
    let (mut stays, mut goes) = hold(tx, survivor, loser).await?;
    for (row, field) in [(&stays, "survivorId"), (&goes, "mergedId")] {
        if row.merged_into_id.is_some() {
            return Err(super::absent(tx.connection(), tx.workspace, row.id, &[field]).await);
        }
    }
    let id: MergeId = tx.id();
    let before = Own::of(&stays);
    let after = before.with(&Own::of(&goes), tx.now);
    let mine = activity::read(tx, survivor).await?;
    let joined = mine.with(&activity::read(tx, loser).await?);
    let filled = Filled {
        before,
        after: after.clone(),
        activity_before: mine,
        activity_after: joined.clone(),
        subscriptions: subscription::tighten(tx, origin, survivor, loser).await?,
        arrived_before: stays.arrived_at,
        arrived_after: arrival::earlier(&stays, &goes),
    };
    let moves = Move {
        book: &BOOK,
        merge: id,
        survivor: survivor.uuid(),
        loser: loser.uuid(),
    };
    merge::note(tx, &moves, origin, reason, serde_json::json!(filled)).await?;
    rows::forth(&moves, ctx, tx, origin).await?;
    playbook::end_doubles(tx, origin, id, loser).await?;
    after.put(&mut stays);
    stays.arrived_at = filled.arrived_after;
    goes.merged_into_id = Some(survivor);
    store(tx, stays).await?;
    store(tx, goes).await?;
    activity::write(tx, survivor, &joined).await?;
    let pair = (survivor.uuid(), loser.uuid());
    suspect::settle_pair(tx, Things::Contacts, pair, DuplicateState::Merged).await?;
    search::index::touch(tx, search::Kind::Contact, &[survivor.0, loser.0]).await?;
    let fact = Fact::ContactMerged {
        merge_id: id,
        contact_id: survivor,
        loser_id: loser,
    };
    tx.record(Change::new(origin, Some(survivor), fact));
    // Only ids: what each of them had is in their own entries, and goes with whom it is of.
    let said = serde_json::json!({ "survivor": survivor, "merged": loser });
    tx.audit(origin, Record::made("contact.merge", id, said));
    Ok(id)
}

/// Undoes a merge: both contacts are what they would be without it, and keep what came since.
pub async fn unmerge(ctx: &Ctx, actor: &Actor, id: MergeId) -> Result<Merge> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let merge: Merge = merge::find(tx.connection(), tx.workspace, &BOOK, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "merge"))?;
    let (mut stays, mut goes) = hold(&tx, merge.survivor_id, merge.loser_id).await?;
    let moves = Move {
        book: &BOOK,
        merge: id,
        survivor: merge.survivor_id.uuid(),
        loser: merge.loser_id.uuid(),
    };
    let standing = merge::Standing {
        is_undone: merge.undone_at.is_some(),
        is_moved_on: stays.merged_into_id.is_some()
            || goes.merged_into_id != Some(merge.survivor_id),
    };
    merge::refuse_out_of_order(&tx, &moves, standing).await?;
    let filled: Filled = serde_json::from_value(merge.filled.clone())?;
    rows::back(&moves, ctx, &tx).await?;
    playbook::resume_doubles(&mut tx, id, merge.loser_id).await?;
    Own::undone(&filled.before, &filled.after, &Own::of(&stays)).put(&mut stays);
    if stays.arrived_at == filled.arrived_after {
        stays.arrived_at = filled.arrived_before;
    }
    goes.merged_into_id = None;
    store(&tx, stays).await?;
    store(&tx, goes).await?;
    activity::restore(&tx, merge.survivor_id, &filled.activity_before).await?;
    let waited = activity::read(&tx, merge.loser_id).await?;
    activity::restore(&tx, merge.loser_id, &waited).await?;
    subscription::loosen(
        &mut tx,
        actor.origin(),
        &filled.subscriptions,
        merge.merged_at,
    )
    .await?;
    let pair = (merge.survivor_id.uuid(), merge.loser_id.uuid());
    suspect::reopen_pair(&tx, Things::Contacts, pair, merge.merged_at).await?;
    let both = [merge.survivor_id.0, merge.loser_id.0];
    search::index::touch(&tx, search::Kind::Contact, &both).await?;
    merge::note_undone(&tx, &moves, actor.origin()).await?;
    for contact in [merge.survivor_id, merge.loser_id] {
        let fact = Fact::ContactUnmerged {
            merge_id: id,
            contact_id: merge.survivor_id,
            loser_id: merge.loser_id,
        };
        tx.record(Change::new(actor.origin(), Some(contact), fact));
    }
    let said = serde_json::json!({ "survivor": merge.survivor_id, "merged": merge.loser_id });
    tx.audit(actor, Record::ended("contact.unmerge", id, said));
    tx.commit().await?;
    merge::existing(ctx.reader(), actor.workspace, &BOOK, id).await
}

/// Both contacts' rows, held: nobody gives them anything, nor changes them, until the end.
async fn hold(
    tx: &Tx<'_>,
    survivor: ContactId,
    loser: ContactId,
) -> Result<(contact::Model, contact::Model)> {
    let rows = super::hold::people(tx, &[survivor, loser]).await?;
    let one = |id: ContactId, field: &str| {
        let row = rows.iter().find(|row| row.id == id).cloned();
        row.ok_or_else(|| Error::not_found(&[field], "contact"))
    };
    Ok((one(survivor, "survivorId")?, one(loser, "mergedId")?))
}

async fn store(tx: &Tx<'_>, row: contact::Model) -> Result<()> {
    let active = row.into_active_model().reset_all();
    active.update(tx.connection()).await?;
    Ok(())
}

/// The merge, if it is one of the workspace.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: MergeId) -> Result<Option<Merge>> {
    merge::find(ctx.reader(), workspace, &BOOK, id).await
}

/// The merges among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[MergeId]) -> Result<Vec<Merge>> {
    merge::load(ctx.reader(), workspace, &BOOK, ids).await
}

/// Everybody who was merged into a contact, newest first; undone merges too. At most 100.
pub async fn of_contact(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: ContactId,
) -> Result<Vec<Merge>> {
    merge::merged_into(ctx.reader(), workspace, &BOOK, survivor.uuid()).await
}

/// Who answers for those of `ids` who were merged into somebody, by who was asked for. One
/// statement, however long the chains are.
pub async fn survivors(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<(ContactId, ContactId)>> {
    let ids = ids.iter().map(|id| id.uuid()).collect();
    let found = merge::survivors(ctx.reader(), workspace, Things::Contacts, ids).await?;
    let found = found.into_iter();
    Ok(found
        .map(|(asked, at)| (ContactId(asked), ContactId(at)))
        .collect())
}
