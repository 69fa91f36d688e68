//! Contacts: the people, recognised by their identities.
//!
//! Made by hand, by imports and by everything that names an identity it does not know yet
//! (`resolve`). A contact has three rows: its own data, which seldom changes; its latest
//! activity; its health. Keeping them apart keeps the frequent writes small.

pub(crate) mod arrival;
pub(crate) mod bulk;
mod check;
pub mod erase;
pub mod export;
mod handle;
mod hold;
pub mod identity;
pub(crate) mod introduce;
mod key;
mod list;
pub mod merge;
mod order;
mod resolve;
pub mod subscription;
mod suppress;
mod suspect;
mod visitor;
mod whose;
mod write;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, CampaignId, ContactId, Id as _, MemberId, MessageId, WorkspaceId},
    kind::{Channel, HealthBand, IdentityKind, LifecycleStage},
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::Query,
};

pub(crate) use check::home;
pub(crate) use hold::living;
pub use list::{ContactFilter, list, list_by_attribute};
pub(crate) use list::{escape_like, one_of, one_of_few};
pub use order::ContactOrder;
pub(crate) use order::owner_key;
pub(crate) use resolve::{
    Mention, Stranger, display_name, name_by_identity, resolve, resolve_unless_erased,
};
pub(crate) use suppress::are_suppressed;
pub(crate) use suspect::suspect_each;
pub(crate) use visitor::{VISITORS, is_visitor};
pub use whose::{ContactRef, Whose};
pub(crate) use whose::{Whom, home_if, refuse_missing};
pub use write::{ContactChanges, NewContact, ProfileChanges, create, update};

/// A contact as it is read: its data, latest activity and health in one row.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Contact {
    /// The id.
    pub id: ContactId,
    /// The company.
    pub account_id: Option<AccountId>,
    /// The name shown.
    pub name: String,
    /// The name folded for comparison.
    pub name_key: String,
    /// The main email address.
    pub email: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// The contact's language.
    pub locale: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its own data last changed.
    pub updated_at: DateTime<Utc>,
    /// When the contact last did anything, and at least when it was made.
    pub last_activity_at: Option<DateTime<Utc>>,
    /// The newest message to or from the contact.
    pub last_message_id: Option<MessageId>,
    /// The health score, 0 to 100; nothing when too little is known.
    pub health_score: Option<f64>,
    /// The score lists are ordered by: -1 when there is none.
    pub health_rank: f64,
    /// The health band.
    pub health_band: HealthBand,
    /// The member who looks after the contact.
    pub owner_id: Option<MemberId>,
    /// How far the relationship has come.
    pub stage: Option<LifecycleStage>,
    /// The stage's place in the order of stages.
    pub stage_rank: i64,
    /// The channel the contact came through first.
    pub source_channel: Option<Channel>,
    /// The campaign the contact came from.
    pub source_campaign_id: Option<CampaignId>,
    /// The member who brought the contact.
    pub brought_by_id: Option<MemberId>,
    /// The phone number, in E.164 form.
    pub phone: Option<String>,
    /// How the name is read.
    pub kana: Option<String>,
    /// The reading folded for comparison.
    pub kana_key: Option<String>,
    /// When the contact came in, where that is told.
    pub arrived_at: Option<DateTime<Utc>>,
}

impl Contact {
    /// When the contact came in: as it is told, else when it was made.
    pub fn came_at(&self) -> DateTime<Utc> {
        self.arrived_at.unwrap_or(self.created_at)
    }
}

/// The columns of [`Contact`], from the tables joined by [`JOINS`].
const COLUMNS: &str = "c.id, c.account_id, c.name, c.name_key, c.email, c.external_id, c.locale,
    c.created_at, c.updated_at, a.last_activity_at, a.last_message_id,
    h.score AS health_score, h.rank AS health_rank, h.band AS health_band, c.owner_id, c.stage,
    c.stage_rank, c.source_channel, c.source_campaign_id, c.brought_by_id, c.phone, c.kana,
    c.kana_key, c.arrived_at";

/// Activity and health of the contact `c`; both rows are made with it. A contact who was merged into
/// another is in no list.
const JOINS: &str = "
    JOIN contact_activity a ON a.workspace_id = c.workspace_id AND a.contact_id = c.id
     AND c.merged_into_id IS NULL
    JOIN contact_health h ON h.workspace_id = c.workspace_id AND h.contact_id = c.id";

/// The contact, if it is one of the workspace. The id of one who was merged into another is answered
/// with that other.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: ContactId) -> Result<Option<Contact>> {
    if let Some(found) = find_unmerged(ctx, workspace, id).await? {
        return Ok(Some(found));
    }
    match merge::survivors(ctx, workspace, &[id]).await?.first() {
        Some((_, survivor)) => find_unmerged(ctx, workspace, *survivor).await,
        None => Ok(None),
    }
}

/// The refusal of a contact that is not there to be named: one that was merged says into which. `path` is where the id
/// stands in the input.
pub(crate) async fn absent(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: ContactId,
    path: &[&str],
) -> Error {
    let things = crate::merge::Things::Contacts;
    crate::merge::absent(connection, workspace, things, id.0, path).await
}

async fn find_unmerged(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<Option<Contact>> {
    // Written out whole: this is the most frequent statement there is.
    const FIND: &str = "SELECT c.id, c.account_id, c.name, c.name_key, c.email, c.external_id,
        c.locale, c.created_at, c.updated_at, a.last_activity_at, a.last_message_id,
        h.score AS health_score, h.rank AS health_rank, h.band AS health_band, c.owner_id,
        c.stage, c.stage_rank, c.source_channel, c.source_campaign_id, c.brought_by_id, c.phone,
        c.kana, c.kana_key, c.arrived_at
        FROM contact c
        JOIN contact_activity a ON a.workspace_id = c.workspace_id AND a.contact_id = c.id
        JOIN contact_health h ON h.workspace_id = c.workspace_id AND h.contact_id = c.id
        WHERE c.workspace_id = $1 AND c.id = $2 AND c.merged_into_id IS NULL";
    let rows = Query::new(FIND)
        .bind(workspace)
        .bind(id)
        .raw(ctx.reader())
        .await?;
    Ok(rows.first().map(read_contact).transpose()?)
}

/// The same after contacts that are given: beyond their `WHERE`, so that SQLite reads both of these contacts and
/// does not go along an index of either through those of all others.
const BESIDE: &str = "
    CROSS JOIN contact_activity AS a CROSS JOIN contact_health AS h
    WHERE a.workspace_id = $1 AND a.contact_id = c.id AND c.merged_into_id IS NULL
      AND h.workspace_id = $1 AND h.contact_id = c.id";

/// Reads the columns of [`COLUMNS`] by position, which spares a look-up by name per cell.
fn read_contact(row: &sea_orm::QueryResult) -> Result<Contact, DbErr> {
    Ok(Contact {
        id: row.try_get_by_index(0)?,
        account_id: row.try_get_by_index(1)?,
        name: row.try_get_by_index(2)?,
        name_key: row.try_get_by_index(3)?,
        email: row.try_get_by_index(4)?,
        external_id: row.try_get_by_index(5)?,
        locale: row.try_get_by_index(6)?,
        created_at: row.try_get_by_index(7)?,
        updated_at: row.try_get_by_index(8)?,
        last_activity_at: row.try_get_by_index(9)?,
        last_message_id: row.try_get_by_index(10)?,
        health_score: row.try_get_by_index(11)?,
        health_rank: row.try_get_by_index(12)?,
        health_band: row.try_get_by_index(13)?,
        owner_id: row.try_get_by_index(14)?,
        stage: row.try_get_by_index(15)?,
        stage_rank: row.try_get_by_index(16)?,
        source_channel: row.try_get_by_index(17)?,
        source_campaign_id: row.try_get_by_index(18)?,
        brought_by_id: row.try_get_by_index(19)?,
        phone: row.try_get_by_index(20)?,
        kana: row.try_get_by_index(21)?,
        kana_key: row.try_get_by_index(22)?,
        arrived_at: row.try_get_by_index(23)?,
    })
}

/// The contacts among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Contact>> {
    let rows = Query::new(format!(
        "SELECT {COLUMNS} FROM contact c {JOINS} WHERE c.workspace_id = $1 AND {{wanted}}"
    ))
    .bind(workspace)
    .among("wanted", "c.id", ids.iter().map(|id| id.0))
    .raw(ctx.reader())
    .await?;
    Ok(rows.iter().map(read_contact).collect::<Result<_, _>>()?)
}

/// Like [`load`], by the id that was asked for: the id of a contact who was merged into another is
/// answered with that other. One statement more when somebody is missing.
pub async fn load_answering(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<std::collections::HashMap<ContactId, Contact>> {
    if let [id] = ids {
        let found = find(ctx, workspace, *id).await?;
        return Ok(found.map(|contact| (*id, contact)).into_iter().collect());
    }
    let found = load(ctx, workspace, ids).await?;
    let mut answers: std::collections::HashMap<_, _> = found
        .into_iter()
        .map(|contact| (contact.id, contact))
        .collect();
    let missing: Vec<ContactId> = ids
        .iter()
        .copied()
        .filter(|id| !answers.contains_key(id))
        .collect();
    if missing.is_empty() {
        return Ok(answers);
    }
    let ways = merge::survivors(ctx, workspace, &missing).await?;
    let survivors: Vec<ContactId> = ways.iter().map(|(_, survivor)| *survivor).collect();
    for contact in load(ctx, workspace, &survivors).await? {
        for (asked, _) in ways.iter().filter(|(_, survivor)| *survivor == contact.id) {
            answers.insert(*asked, contact.clone());
        }
    }
    Ok(answers)
}

/// The contact recognised by an identity.
pub async fn find_by_identity(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: IdentityKind,
    value: &str,
) -> Result<Option<Contact>> {
    let id: Option<ContactId> = Query::new(
        "SELECT contact_id FROM contact_identity
         WHERE workspace_id = $1 AND kind = $2 AND value = $3",
    )
    .bind(workspace)
    .bind(kind.word())
    .bind(value)
    .scalar(ctx.reader())
    .await?;
    match id {
        Some(id) => find(ctx, workspace, id).await,
        None => Ok(None),
    }
}

/// One way a contact is recognised.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Identity {
    /// Whose it is.
    pub contact_id: ContactId,
    /// Which kind.
    pub kind: IdentityKind,
    /// The value in its normal form.
    pub value: String,
}

/// The identities of the contacts among `ids`, ordered; for loaders.
pub async fn load_identities(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<Identity>> {
    Ok(Query::new(
        "SELECT i.contact_id, i.kind, i.value FROM contact_identity i
         WHERE i.workspace_id = $1 AND {people}
         ORDER BY i.contact_id, i.kind, i.value",
    )
    .bind(workspace)
    .among("people", "i.contact_id", ids.iter().map(|id| id.uuid()))
    .all(ctx.reader())
    .await?)
}
