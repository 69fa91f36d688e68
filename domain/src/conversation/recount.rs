//! What conversations say of their messages, made out anew: for when messages were taken away, which
//! `ingest` never does.

use entity::id::ConversationId;

use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// Sets the figures, times and newest messages of `conversations`, none of which is without messages,
/// to what those they have say; the same that taking the messages in would have led to.
pub(crate) async fn recount(tx: &Tx<'_>, conversations: &[ConversationId]) -> Result<()> {
    Query::new(
        "UPDATE conversation SET
             messages = (SELECT COUNT(*) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id),
             first_message_at = (SELECT MIN(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id),
             last_message_at = (SELECT MAX(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id),
             last_message_id = (SELECT m.id FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id
                 ORDER BY m.sent_at DESC, m.id DESC LIMIT 1),
             first_inbound_at = (SELECT MIN(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id
                   AND m.direction = 'INBOUND' AND m.automatic = $2),
             first_response_at = (SELECT MIN(a.sent_at) FROM message a
                 WHERE a.workspace_id = $1 AND a.conversation_id = conversation.id
                   AND a.direction = 'OUTBOUND' AND a.author = 'MEMBER' AND a.automatic = $2
                   AND a.sent_at >= (SELECT MIN(m.sent_at) FROM message m
                       WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id
                         AND m.direction = 'INBOUND' AND m.automatic = $2)),
             waiting_since = CASE WHEN status <> 'CLOSED' THEN (
                 SELECT MIN(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = conversation.id
                   AND m.direction = 'INBOUND' AND m.automatic = $2
                   AND (conversation.closed_at IS NULL OR m.created_at > conversation.closed_at)
                   AND NOT EXISTS (
                       SELECT 1 FROM message o
                       WHERE o.workspace_id = $1 AND o.conversation_id = conversation.id
                         AND o.direction = 'OUTBOUND' AND o.author = 'MEMBER'
                         AND o.automatic = $2 AND o.sent_at >= m.sent_at)) END
         WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(false)
    .rows("r", Rows::new().ids("id", conversations.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}
