//! Which secret keys have been replaced, by their ids: so a process that still has one of them finds out.

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
ALTER TABLE vault_secret ADD COLUMN replaced TEXT NOT NULL DEFAULT '';
";
