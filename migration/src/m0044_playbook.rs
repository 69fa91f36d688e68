//! When, and why, a playbook was paused because its actions could not be done.

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
ALTER TABLE playbook ADD COLUMN paused_at TIME;
ALTER TABLE playbook ADD COLUMN paused_reason TEXT;
";
