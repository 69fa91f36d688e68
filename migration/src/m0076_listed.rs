//! Lists that were walked through everything in their order until a page was full: conversations of an inbox by
//! urgency, facts in one state, messages of members and of programs.
//!
//! SQLite keeps no statistics and takes an index for as good as any other: one account's open tickets would be
//! looked for among all that are open. So the states are an expression there, which nothing but these lists names
//! (`listed` in the programs), and the index of messages is without those of contacts, which are many everywhere:
//! what does not say that it wants none of these does not find it.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await?;
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        for (table, status, time) in STATES {
            let listed = if postgres {
                status.to_owned()
            } else {
                format!("({status} || '')")
            };
            let index = format!(
                "CREATE INDEX {table}_{status} ON {table} (workspace_id, {listed}, {time}, id)"
            );
            sql::run(manager, &index).await?;
        }
        Ok(())
    }
}

const SCRIPT: &str = "
CREATE INDEX conversation_inbox_priority ON conversation (workspace_id, inbox_id, priority, id);
CREATE INDEX message_author ON message (workspace_id, author, sent_at, id) WHERE author <> 'CONTACT';
";

/// Each kind of facts with the column of its state and that of its time.
const STATES: [(&str, &str, &str); 5] = [
    ("sales_order", "status", "placed_at"),
    ("invoice", "status", "issued_at"),
    ("ticket", "status", "opened_at"),
    ("opportunity", "status", "opened_at"),
    ("survey_answer", "kind", "answered_at"),
];
