//! Notification targets can be deleted: the row stays for the deliveries that name it, and its name is
//! free again.

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
ALTER TABLE notification_target ADD COLUMN deleted_at TIME;
DROP INDEX notification_target_name;
CREATE UNIQUE INDEX notification_target_name ON notification_target (workspace_id, name)
    WHERE deleted_at IS NULL;
";
