//! Notifications to whoever is in charge: the owner of the contact or account, the assignee of the conversation,
//! and a team for where there is nobody. What rules on accounts looked at without firing names the account,
//! and deliveries the playbook that asked for them and the account they are about. Those of earlier releases are
//! left as they are: what they say still names both.

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
ALTER TABLE delivery ADD COLUMN playbook_id UUID;
ALTER TABLE delivery ADD COLUMN account_id UUID;
CREATE INDEX delivery_rule ON delivery (workspace_id, rule_id, id) WHERE rule_id IS NOT NULL;
CREATE INDEX delivery_playbook ON delivery (workspace_id, playbook_id, id) WHERE playbook_id IS NOT NULL;
CREATE INDEX delivery_account ON delivery (workspace_id, account_id, id) WHERE account_id IS NOT NULL;
";
