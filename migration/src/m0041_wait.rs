//! Since when contacts wait, made out anew where what no person of ours wrote by hand had ended the wait:
//! a message of a program, or an automatic one. The messages themselves say it, in the same words as
//! whoever counts conversations anew; in closed ones nobody waits.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await
    }
}

const SCRIPT: &str = "
UPDATE conversation SET waiting_since = (
    SELECT MIN(m.sent_at) FROM message m
    WHERE m.workspace_id = conversation.workspace_id AND m.conversation_id = conversation.id
      AND m.direction = 'INBOUND' AND m.automatic = false
      AND (conversation.closed_at IS NULL OR m.created_at > conversation.closed_at)
      AND NOT EXISTS (
          SELECT 1 FROM message o
          WHERE o.workspace_id = conversation.workspace_id AND o.conversation_id = conversation.id
            AND o.direction = 'OUTBOUND' AND o.author = 'MEMBER' AND o.automatic = false
            AND o.sent_at >= m.sent_at))
WHERE status <> 'CLOSED' AND EXISTS (
    SELECT 1 FROM message p
    WHERE p.workspace_id = conversation.workspace_id AND p.conversation_id = conversation.id
      AND p.direction = 'OUTBOUND' AND (p.author <> 'MEMBER' OR p.automatic = true));
";
