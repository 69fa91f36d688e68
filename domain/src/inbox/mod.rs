//! Inboxes: the places messages come from, and the data sources rules choose among.
//!
//! Called by the API, by `enishi import`, and by everything that takes messages in or shows where one came from. An
//! inbox is never deleted, only archived: its messages go on naming it.

use entity::{
    Scoped as _,
    id::{ConversationId, InboxId, WorkspaceId},
    inbox,
    kind::Channel,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx, hold_by_id},
    text,
    work::change::{Change, Fact},
};

const NAME_LIMIT: usize = 100;
const ADDRESS_LIMIT: usize = 254;

/// An inbox about to be made.
#[derive(Debug, Clone)]
pub struct NewInbox {
    /// The name shown; unique in the workspace.
    pub name: String,
    /// The medium.
    pub channel: Channel,
    /// Our address there, if it has one.
    pub address: Option<String>,
}

/// Makes an inbox.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewInbox) -> Result<inbox::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    let address = match new.address.as_deref() {
        Some(address) => text::name(address, &["address"], ADDRESS_LIMIT)
            .map_err(|error| errors.push(error))
            .ok(),
        None => None,
    };
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_taken(&tx, &name, None).await?;
    let inbox = inbox::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name,
        channel: new.channel,
        address,
        created_at: tx.now,
        archived_at: None,
    };
    inbox::Entity::insert(inbox.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::InboxChanged { inbox_id: inbox.id },
    ));
    tx.audit(
        actor,
        Record::made("inbox.create", inbox.id, audited(&inbox)),
    );
    tx.commit().await?;
    Ok(inbox)
}

/// What may be changed about an inbox; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct InboxChanges {
    /// The name shown; unique in the workspace.
    pub name: Option<String>,
    /// The medium; only while no conversation came through the inbox.
    pub channel: Option<Channel>,
    /// Our address there; `Some(None)` takes it away.
    pub address: Option<Option<String>>,
}

/// Changes an inbox.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: InboxId,
    changes: InboxChanges,
) -> Result<inbox::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = changes
        .name
        .map(|name| text::name(&name, &["name"], NAME_LIMIT))
        .transpose();
    let name = name.map_err(|error| errors.push(error)).ok().flatten();
    let address = changes.address.map(|address| {
        address
            .map(|address| text::name(&address, &["address"], ADDRESS_LIMIT))
            .transpose()
    });
    let address = address.transpose();
    let address = address.map_err(|error| errors.push(error)).ok().flatten();
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    let mut inbox = before.clone();
    if let Some(name) = name {
        refuse_taken(&tx, &name, Some(id)).await?;
        inbox.name = name;
    }
    if let Some(address) = address {
        inbox.address = address;
    }
    if let Some(channel) = changes.channel
        && channel != inbox.channel
    {
        refuse_used(&tx, id).await?;
        inbox.channel = channel;
    }
    store(&mut tx, actor, &before, &inbox).await?;
    tx.commit().await?;
    Ok(inbox)
}

/// Takes an inbox out of use, or back into it. What came through it stays; while it is archived,
/// nothing more does.
pub async fn set_archived(
    ctx: &Ctx,
    actor: &Actor,
    id: InboxId,
    archived: bool,
) -> Result<inbox::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    let mut inbox = before.clone();
    if inbox.archived_at.is_some() != archived {
        inbox.archived_at = archived.then_some(tx.now);
    }
    store(&mut tx, actor, &before, &inbox).await?;
    tx.commit().await?;
    Ok(inbox)
}

/// Writes what differs between `before` and `inbox`, if anything does.
async fn store(
    tx: &mut Tx<'_>,
    actor: &Actor,
    before: &inbox::Model,
    inbox: &inbox::Model,
) -> Result<()> {
    if before == inbox {
        return Ok(());
    }
    Query::new(
        "UPDATE inbox SET name = $3, channel = $4, address = $5, archived_at = $6
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(inbox.id)
    .bind(inbox.name.as_str())
    .bind(inbox.channel.word())
    .bind(inbox.address.clone())
    .bind(inbox.archived_at)
    .execute(tx.connection())
    .await?;
    let fact = Fact::InboxChanged { inbox_id: inbox.id };
    tx.record(Change::new(actor.origin(), None, fact));
    let record = Record::changed("inbox.update", inbox.id, audited(before), audited(inbox));
    tx.audit(actor, record);
    Ok(())
}

/// What the audit log says of an inbox.
fn audited(inbox: &inbox::Model) -> serde_json::Value {
    serde_json::json!({
        "name": inbox.name, "channel": inbox.channel, "address": inbox.address,
        "archivedAt": inbox.archived_at,
    })
}

async fn hold(tx: &Tx<'_>, id: InboxId) -> Result<inbox::Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "inbox"))
}

async fn refuse_taken(tx: &Tx<'_>, name: &str, but: Option<InboxId>) -> Result<()> {
    let holder: Option<InboxId> =
        Query::new("SELECT id FROM inbox WHERE workspace_id = $1 AND name = $2")
            .bind(tx.workspace)
            .bind(name)
            .scalar(tx.connection())
            .await?;
    if holder.is_some_and(|holder| but != Some(holder)) {
        let message = "Another inbox already has this name.";
        return Err(Error::refused(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

async fn refuse_used(tx: &Tx<'_>, id: InboxId) -> Result<()> {
    let used: Option<ConversationId> =
        Query::new("SELECT id FROM conversation WHERE workspace_id = $1 AND inbox_id = $2 LIMIT 1")
            .bind(tx.workspace)
            .bind(id)
            .scalar(tx.connection())
            .await?;
    if used.is_some() {
        let message =
            "Conversations came through this inbox. Make another one for the other medium.";
        return Err(Error::refused(&["channel"], UserErrorCode::InUse, message));
    }
    Ok(())
}

/// The inbox, if it is one of the workspace.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: InboxId) -> Result<Option<inbox::Model>> {
    Ok(inbox::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The workspace's inboxes, oldest first, archived ones included: a handful.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<inbox::Model>> {
    let mut inboxes = inbox::Entity::of(workspace).all(ctx.reader()).await?;
    inboxes.sort_by_key(|inbox| inbox.id);
    Ok(inboxes)
}
