//! Working on conversations: who has them, how urgent they are, until when they sleep, how long
//! answers and solutions took; and inboxes that are out of use.
//!
//! Times that are measured from messages are kept as moments, so that a message that arrives late
//! moves them and every figure made of them at once.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await?;
        sql::on_postgres(manager, &[ASSIGNEE_ON_POSTGRES]).await
    }
}

const SCRIPT: &str = "
ALTER TABLE inbox ADD COLUMN archived_at TIME;
ALTER TABLE conversation ADD COLUMN snoozed_until TIME;
ALTER TABLE conversation ADD COLUMN priority INT NOT NULL DEFAULT 1;
ALTER TABLE conversation ADD COLUMN assignee_id UUID;
ALTER TABLE conversation ADD COLUMN first_inbound_at TIME;
ALTER TABLE conversation ADD COLUMN first_response_at TIME;
ALTER TABLE conversation ADD COLUMN closed_at TIME;
ALTER TABLE conversation ADD COLUMN reopenings INT NOT NULL DEFAULT 0;
UPDATE conversation SET first_inbound_at = (
    SELECT MIN(m.sent_at) FROM message m
    WHERE m.workspace_id = conversation.workspace_id AND m.conversation_id = conversation.id
      AND m.direction = 'INBOUND' AND m.automatic = false);
UPDATE conversation SET first_response_at = (
    SELECT MIN(m.sent_at) FROM message m
    WHERE m.workspace_id = conversation.workspace_id AND m.conversation_id = conversation.id
      AND m.direction = 'OUTBOUND' AND m.author = 'MEMBER' AND m.automatic = false
      AND m.sent_at >= conversation.first_inbound_at);
CREATE INDEX conversation_status ON conversation (workspace_id, status, last_message_at, id);
CREATE INDEX conversation_inbox ON conversation (workspace_id, inbox_id, last_message_at, id);
CREATE INDEX conversation_priority ON conversation (workspace_id, priority, id);
CREATE INDEX conversation_assignee ON conversation (workspace_id, assignee_id, last_message_at, id)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX conversation_waiting ON conversation (workspace_id, waiting_since, id)
    WHERE waiting_since IS NOT NULL;
CREATE TABLE conversation_watcher (
    workspace_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    member_id UUID NOT NULL,
    added_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, member_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversation (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES member (workspace_id, id)
) STRICT;
CREATE INDEX due_item_waiting_kind ON due_item (kind, due_at) WHERE state = 'WAITING';
CREATE INDEX conversation_watcher_member ON conversation_watcher (workspace_id, member_id, conversation_id);
";

/// SQLite cannot add a key of several columns to a table that is there; with its single writer, the
/// check the use case makes in the same transaction holds just as well.
const ASSIGNEE_ON_POSTGRES: &str = "
ALTER TABLE conversation ADD CONSTRAINT conversation_assignee_member
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES member (workspace_id, id);
";
