//! Each firing of a rule with the verdict on every condition and what was really there, not only on
//! those that made it fire.

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
ALTER TABLE rule_firing ADD COLUMN trace JSON;
";
