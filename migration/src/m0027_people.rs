//! Indexes by which merging, un-merging and erasing find the rows of a person without reading those of
//! everybody else.

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

/// What is scrubbed of the log has an index of its own kinds only: messages, which are most of it, pay
/// nothing for it. A partial index is used where its condition stands in the statement word by word.
const SCRIPT: &str = "
CREATE INDEX message_contact ON message (workspace_id, contact_id, sent_at, id);
CREATE INDEX delivery_contact ON delivery (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX change_personal ON change (workspace_id, contact_id)
    WHERE kind IN ('attribute.set', 'email_event.recorded', 'event.recorded');
CREATE INDEX conversation_thread_conversation ON conversation_thread (workspace_id, conversation_id);
DROP INDEX note_subject;
CREATE INDEX note_subject ON note (workspace_id, subject_id, id);
DROP INDEX due_item_subject;
CREATE INDEX due_item_subject ON due_item (workspace_id, subject_id);
";
