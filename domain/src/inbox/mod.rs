//! Inboxes: the places messages come from, and the data sources rules choose among.

use entity::{
    Scoped as _,
    id::{InboxId, WorkspaceId},
    inbox,
    kind::Channel,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};

use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    text,
    work::change::{Change, Fact},
};

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
    let name = text::name(&new.name, &["name"], 100)
        .map_err(|error| errors.push(error))
        .ok();
    let address = match new.address.as_deref() {
        Some(address) => text::name(address, &["address"], 254)
            .map_err(|error| errors.push(error))
            .ok(),
        None => None,
    };
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    let taken = inbox::Entity::of(tx.workspace)
        .filter(inbox::Column::Name.eq(&name))
        .count(tx.connection())
        .await?;
    if taken > 0 {
        let message = "Another inbox already has this name.";
        return Err(Error::refused(&["name"], UserErrorCode::Taken, message));
    }
    let inbox = inbox::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name,
        channel: new.channel,
        address,
        created_at: tx.now,
    };
    inbox::Entity::insert(inbox.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::InboxChanged { inbox_id: inbox.id },
    ));
    tx.commit().await?;
    Ok(inbox)
}

/// The inbox, if it is one of the workspace.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: InboxId) -> Result<Option<inbox::Model>> {
    Ok(inbox::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The workspace's inboxes, oldest first: a handful.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<inbox::Model>> {
    let mut inboxes = inbox::Entity::of(workspace).all(ctx.reader()).await?;
    inboxes.sort_by_key(|inbox| inbox.id);
    Ok(inboxes)
}
