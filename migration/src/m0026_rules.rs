//! Ticks that were begun and are not over, found without reading those that are.

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
CREATE INDEX schedule_tick_begun ON schedule_tick (workspace_id, schedule, tick_at)
    WHERE state = 'RUNNING';
";
