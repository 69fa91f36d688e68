//! Closing conversations and opening them again.

use entity::{conversation, id::ConversationId, kind::ConversationStatus};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};

use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result},
    work::change::{Change, Fact},
};

/// Sets where a conversation stands. Closing ends the wait for an answer.
pub async fn set_status(
    ctx: &Ctx,
    actor: &Actor,
    id: ConversationId,
    status: ConversationStatus,
) -> Result<conversation::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = conversation::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "conversation"))?;
    if found.status == status {
        return Ok(found);
    }
    let contact = found.contact_id;
    let mut active = found.into_active_model();
    active.status = Set(status);
    if status == ConversationStatus::Closed {
        active.waiting_since = Set(None);
    }
    let found = active.update(tx.connection()).await?;
    let fact = Fact::ConversationStatusChanged {
        conversation_id: id,
    };
    tx.record(Change::new(actor.origin(), Some(contact), fact));
    tx.commit().await?;
    Ok(found)
}
