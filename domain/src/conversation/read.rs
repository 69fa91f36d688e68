//! Reading conversations and messages.

use entity::{
    conversation,
    id::{ContactId, ConversationId, Id as _, InboxId, MessageId, WorkspaceId},
    kind::ConversationStatus,
    message,
};
use sea_orm::EntityTrait as _;

use crate::{
    contact::TagFilter,
    ctx::Ctx,
    error::Result,
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
};

/// Which conversations a list has.
#[derive(Debug, Clone, Default)]
pub struct ConversationFilter {
    /// By their tags.
    pub tags: TagFilter,
    /// Of one inbox.
    pub inbox: Option<InboxId>,
    /// Standing so.
    pub status: Option<ConversationStatus>,
}

const RECENT: Keyset = Keyset {
    order: "recent",
    key: Some("v.last_message_at"),
    id: "v.id",
    descending: true,
};

/// A page of the workspace's conversations, the latest message first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    page: &PageRequest,
) -> Result<Page<(String, conversation::Model)>> {
    let mut query =
        Query::new("SELECT v.* FROM conversation v WHERE v.workspace_id = $1").bind(workspace);
    filter.tags.apply(&mut query, "v.id");
    if let Some(inbox) = filter.inbox {
        let inbox = query.arg(inbox);
        query.push(&format!(" AND v.inbox_id = {inbox}"));
    }
    if let Some(status) = filter.status {
        let status = query.arg(status.word());
        query.push(&format!(" AND v.status = {status}"));
    }
    read_page(ctx, query, page).await
}

/// A page of one contact's conversations, the latest message first.
pub async fn of_contact(
    ctx: &Ctx,
    workspace: WorkspaceId,
    contact: ContactId,
    page: &PageRequest,
) -> Result<Page<(String, conversation::Model)>> {
    let query = Query::new(
        "SELECT v.* FROM conversation v WHERE v.workspace_id = $1 AND v.contact_id = $2",
    )
    .bind(workspace)
    .bind(contact);
    read_page(ctx, query, page).await
}

async fn read_page(
    ctx: &Ctx,
    mut query: Query,
    page: &PageRequest,
) -> Result<Page<(String, conversation::Model)>> {
    RECENT.apply(&mut query, page)?;
    let rows: Vec<conversation::Model> = query.all(ctx.reader()).await?;
    Ok(RECENT.page(rows, page).map(|row| {
        (
            RECENT.cursor(Key::Time(row.last_message_at), row.id.uuid()),
            row,
        )
    }))
}

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
    Ok(
        Query::new(
            "SELECT v.* FROM {r} JOIN conversation v ON v.workspace_id = $1 AND v.id = r.id",
        )
        .bind(workspace)
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .all(ctx.reader())
        .await?,
    )
}

/// The messages among `ids`, in no particular order; for loaders.
pub async fn load_messages(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[MessageId],
) -> Result<Vec<message::Model>> {
    Ok(
        Query::new("SELECT m.* FROM {r} JOIN message m ON m.workspace_id = $1 AND m.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
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
        key: Some("m.sent_at"),
        id: "m.id",
        descending: false,
    };
    let mut query = Query::new(
        "SELECT m.* FROM message m WHERE m.workspace_id = $1 AND m.conversation_id = $2",
    )
    .bind(workspace)
    .bind(conversation);
    keyset.apply(&mut query, page)?;
    let rows: Vec<message::Model> = query.all(ctx.reader()).await?;
    Ok(keyset
        .page(rows, page)
        .map(|row| (keyset.cursor(Key::Time(row.sent_at), row.id.uuid()), row)))
}
