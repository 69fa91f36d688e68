//! What is written by the hundred thousand does not ask each time whether its workspace or its operation is
//! there: one is who writes, the other is locked meanwhile. On PostgreSQL each question costs a third of
//! the row. SQLite, where it costs little, keeps them: it would have to make the tables anew.

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
    "ALTER TABLE import_key DROP CONSTRAINT import_key_workspace_id_operation_id_fkey",
    "ALTER TABLE import_line DROP CONSTRAINT import_line_workspace_id_operation_id_fkey",
    "ALTER TABLE search_tail DROP CONSTRAINT search_tail_workspace_id_fkey",
    "ALTER TABLE contact DROP CONSTRAINT contact_workspace_id_fkey",
];
