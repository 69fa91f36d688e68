//! Reading conversations and messages.

use entity::{
    conversation,
    id::{ConversationId, Id as _, MessageId, WorkspaceId},
    message,
};
use sea_orm::EntityTrait as _;

use crate::{
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, rows_by_id},
};

/// The conversation, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<Option<conversation::Model>> {
    Ok(conversation::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The message, if it is one of the workspace.
pub async fn find_message(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<Option<message::Model>> {
    Ok(message::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The conversations among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> Result<Vec<conversation::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// The messages among `ids`, in no particular order; for loaders.
pub async fn load_messages(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[MessageId],
) -> Result<Vec<message::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// A page of one conversation's messages, oldest first.
pub async fn messages(
    ctx: &Ctx,
    workspace: WorkspaceId,
    conversation: ConversationId,
    page: &PageRequest,
) -> Result<Page<(String, message::Model)>> {
    let keyset = Keyset {
        order: "sent",
        key: Some(Column::Time("m.sent_at")),
        id: "m.id",
        descending: false,
    };
    let query = Query::new(
        "SELECT m.* FROM message m WHERE m.workspace_id = $1 AND m.conversation_id = $2",
    )
    .bind(workspace)
    .bind(conversation);
    keyset
        .list(ctx, query, page, |row: &message::Model| {
            (Key::Time(row.sent_at), row.id.uuid())
        })
        .await
}
