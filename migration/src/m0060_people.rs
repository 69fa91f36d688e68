//! When contacts came in, where that is told: those of a former system came long before their rows were
//! made. Nothing stands for the moment the row was made, so nothing is moved, and programs that do not
//! know the column go on. The index has only those of whom it is told: whoever asks for a range asks for
//! both kinds.

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
ALTER TABLE contact ADD COLUMN arrived_at TIME;
CREATE INDEX contact_arrived ON contact (workspace_id, arrived_at, id) WHERE arrived_at IS NOT NULL;
";
