//! How large each rule's definition is, and which rules have regular expressions, where the next rule's
//! limits are checked without reading the definitions of all others again.
//!
//! The database fills the column, so programs that do not know it go on.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                "ALTER TABLE rule ADD COLUMN size bigint NOT NULL
                 GENERATED ALWAYS AS (LENGTH(CAST(definition AS text))) STORED"
            }
            // SQLite adds no stored ones; the index below keeps it.
            _ => {
                "ALTER TABLE rule ADD COLUMN size INTEGER
                 GENERATED ALWAYS AS (LENGTH(definition)) VIRTUAL"
            }
        };
        manager.get_connection().execute_unprepared(column).await?;
        sql::run(manager, INDEXES).await
    }
}

const INDEXES: &str = "
CREATE INDEX rule_size ON rule (workspace_id, size) WHERE deleted_at IS NULL;
CREATE INDEX rule_pattern ON rule (workspace_id, id)
    WHERE deleted_at IS NULL AND CAST(definition AS text) LIKE '%\"regex\"%';
";
