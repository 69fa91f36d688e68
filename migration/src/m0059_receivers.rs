//! Notifications to whoever is in charge: the owner of the contact or account, the assignee of the conversation,
//! and a team for where there is nobody. What rules on accounts looked at without firing names the account.

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
ALTER TABLE notification_receiver ADD COLUMN owner BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE notification_receiver ADD COLUMN assignee BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE notification_receiver ADD COLUMN otherwise BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE rule_miss ADD COLUMN account_id UUID;
";
