//! What came in, in pages, without going through one contact: events, also of some names, email events of
//! some kinds, and messages, also of some inboxes, each walked in the order of its own time.
//!
//! The index of events by time takes the place of an earlier one, which had their contacts but no order among
//! those of one moment. There is none of all email events: their kinds are few, and a list of all merges one
//! run for each.

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
CREATE INDEX event_occurred ON event (workspace_id, occurred_at, id, contact_id);
DROP INDEX event_time;
CREATE INDEX event_named ON event (workspace_id, name, occurred_at, id);
CREATE INDEX email_event_kind ON email_event (workspace_id, kind, occurred_at, id);
CREATE INDEX message_sent ON message (workspace_id, sent_at, id);
CREATE INDEX message_inbox ON message (workspace_id, inbox_id, sent_at, id);
";
