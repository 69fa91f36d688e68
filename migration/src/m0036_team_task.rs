//! Tasks may be a team's, for whichever of its members takes them.

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
ALTER TABLE task ADD COLUMN team_id UUID;
CREATE INDEX task_team ON task (workspace_id, team_id, status, sort_at, id)
    WHERE team_id IS NOT NULL;
";
