//! Among how many entries of the log is one that a projection fails at: it is looked for by halves.

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
ALTER TABLE projection_cursor ADD COLUMN suspect INT NOT NULL DEFAULT 0;
";
