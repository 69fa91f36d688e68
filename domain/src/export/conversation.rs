//! Conversations as rows.

use std::collections::{BTreeSet, HashMap};

use entity::{
    id::{ContactId, Id as _, WorkspaceId},
    kind::SubjectKind,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ordered,
    attached::{Attached, members},
    page::{request, split},
    table::{Rows, moment},
};
use crate::{
    contact,
    conversation::{self, ConversationFilter, ConversationOrder},
    ctx::Ctx,
    error::Result,
    inbox,
};

pub(super) async fn page(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    order: &Ordered<ConversationOrder>,
    after: Option<String>,
) -> Result<Rows> {
    let request = request(after);
    let page = match order.attribute {
        Some(order) => {
            conversation::list_by_attribute(ctx, workspace, filter, order, &request).await?
        }
        None => conversation::list(ctx, workspace, filter, order.by, &request).await?,
    };
    let (conversations, next) = split(page);
    let each = || conversations.iter();
    let ids: Vec<Uuid> = each().map(|one| one.id.uuid()).collect();
    let people: BTreeSet<ContactId> = each().map(|one| one.contact_id).collect();
    let people: Vec<ContactId> = people.into_iter().collect();
    let people = contact::load_answering(ctx, workspace, &people).await?;
    let inboxes = inbox::list(ctx, workspace).await?;
    let inboxes: HashMap<_, _> = inboxes.into_iter().map(|one| (one.id, one.name)).collect();
    let assignees = members(ctx, workspace, each().filter_map(|one| one.assignee_id)).await?;
    let attached = Attached::load(ctx, workspace, SubjectKind::Conversation, &ids).await?;
    let rows = conversations.iter().map(|one| {
        let person = people.get(&one.contact_id);
        let at = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or(Value::Null, moment);
        let row = vec![
            json!(one.id),
            json!(one.subject),
            json!(one.status),
            json!(one.priority),
            json!(inboxes.get(&one.inbox_id)),
            json!(one.contact_id),
            json!(person.map(|person| &person.name)),
            json!(person.and_then(|person| person.email.as_ref())),
            json!(one.assignee_id.and_then(|id| assignees.get(&id))),
            json!(one.messages),
            moment(one.created_at),
            moment(one.first_message_at),
            moment(one.last_message_at),
            at(one.waiting_since),
            at(one.first_response_at),
            at(one.closed_at),
            json!(one.reopenings),
        ];
        (one.id.uuid(), row)
    });
    let own = [
        ("id", "Conversation"),
        ("subject", "Subject"),
        ("status", "Status"),
        ("priority", "Priority"),
        ("inbox", "Inbox"),
        ("contactId", "Contact"),
        ("contactName", "Contact name"),
        ("contactEmail", "Contact email"),
        ("assigneeEmail", "Assignee email"),
        ("messages", "Messages"),
        ("createdAt", "Created at"),
        ("firstMessageAt", "First message at"),
        ("lastMessageAt", "Last message at"),
        ("waitingSince", "Waiting since"),
        ("firstResponseAt", "First response at"),
        ("closedAt", "Closed at"),
        ("reopenings", "Reopenings"),
    ];
    Ok(attached.rows(&own, rows, next))
}
