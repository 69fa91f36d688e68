//! Email sources: the places where providers tell what became of emails. The row of one that was deleted
//! stays for what names it, without its secrets, and its name is free again.

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
CREATE TABLE email_source (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    token_hash BYTES,
    old_token_hash BYTES,
    old_token_until TIME,
    sealed_key TEXT NOT NULL,
    campaign_key TEXT,
    topic_arn TEXT,
    received_count INT NOT NULL,
    ignored_count INT NOT NULL,
    rejected_count INT NOT NULL,
    last_received_at TIME,
    last_rejected_at TIME,
    last_rejection TEXT,
    created_at TIME NOT NULL,
    disabled_at TIME,
    deleted_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX email_source_name ON email_source (workspace_id, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX email_source_token ON email_source (token_hash) WHERE token_hash IS NOT NULL;
CREATE UNIQUE INDEX email_source_old_token ON email_source (old_token_hash) WHERE old_token_hash IS NOT NULL;
";
