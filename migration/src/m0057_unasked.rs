//! What comes in by the thousand does not ask for each row whether its workspace, its rule or its inbox is
//! there. None of these is ever deleted, and whoever writes has read it: rules are marked as deleted, inboxes
//! are archived. On PostgreSQL each question also holds the row it asks for, which all writers share, until
//! the transaction ends. SQLite, where it costs little, keeps them: it would have to make the tables anew.
//!
//! Whether contacts, conversations and tags are there is still asked: those can go at the same moment.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::on_postgres(manager, CONSTRAINTS).await
    }
}

const CONSTRAINTS: &[&str] = &[
    "ALTER TABLE conversation DROP CONSTRAINT conversation_workspace_id_inbox_id_fkey",
    "ALTER TABLE rule_firing DROP CONSTRAINT rule_firing_workspace_id_rule_id_fkey",
    "ALTER TABLE rule_mark DROP CONSTRAINT rule_mark_workspace_id_rule_id_fkey",
    "ALTER TABLE rule_miss DROP CONSTRAINT rule_miss_workspace_id_rule_id_fkey",
    "ALTER TABLE due_item DROP CONSTRAINT due_item_workspace_id_fkey",
    "ALTER TABLE event DROP CONSTRAINT event_workspace_id_fkey",
    "ALTER TABLE email_event DROP CONSTRAINT email_event_workspace_id_fkey",
    "ALTER TABLE engagement DROP CONSTRAINT engagement_workspace_id_fkey",
    "ALTER TABLE web_visit_day DROP CONSTRAINT web_visit_day_workspace_id_fkey",
    "ALTER TABLE web_visitor DROP CONSTRAINT web_visitor_workspace_id_fkey",
];
