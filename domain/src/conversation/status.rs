//! Setting where one conversation stands.

use entity::{conversation, id::ConversationId, kind::ConversationStatus};

use super::update::{Changes, update};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Error, Result},
};

/// Sets where a conversation stands. Closing ends the wait for an answer.
pub async fn set_status(
    ctx: &Ctx,
    actor: &Actor,
    id: ConversationId,
    status: ConversationStatus,
) -> Result<conversation::Model> {
    let changes = Changes {
        status: Some(status),
        ..Changes::default()
    };
    let updated = update(ctx, actor, &[id], "id", &changes).await?;
    let updated = updated.into_iter().next();
    updated.ok_or_else(|| Error::not_found(&["id"], "conversation"))
}
