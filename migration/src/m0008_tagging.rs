//! Taggings as intervals in full, and long operations.
//!
//! `tagging.single_group_id` is the tag's group while that allows one value at a time: the unique
//! index is what makes two values at once impossible, whoever writes. `rule_id` repeats the rule of
//! `added_by`, so that what a rule put on is found by index.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, TAGGING).await?;
        let rules = match manager.get_database_backend() {
            DatabaseBackend::Postgres => RULES_ON_POSTGRES,
            _ => RULES_ON_SQLITE,
        };
        sql::run(manager, rules).await?;
        sql::run(manager, REST).await
    }
}

const TAGGING: &str = "
ALTER TABLE tagging ADD COLUMN expires_at TIME;
ALTER TABLE tagging ADD COLUMN single_group_id UUID;
ALTER TABLE tagging ADD COLUMN rule_id UUID;
ALTER TABLE tagging ADD COLUMN ended TEXT;
ALTER TABLE tagging ADD COLUMN successor_id UUID;
UPDATE tagging SET ended = 'REMOVED' WHERE removed_at IS NOT NULL;
";

const RULES_ON_POSTGRES: &str = "
UPDATE tagging SET rule_id = substr(added_by ->> 'rule_id', 6)::uuid
    WHERE added_by ->> 'kind' = 'RULE';
";

const RULES_ON_SQLITE: &str = "
UPDATE tagging SET rule_id = unhex(substr(added_by ->> 'rule_id', 6))
    WHERE added_by ->> 'kind' = 'RULE';
";

const REST: &str = "
CREATE UNIQUE INDEX tagging_single ON tagging (workspace_id, target_id, single_group_id)
    WHERE removed_at IS NULL AND single_group_id IS NOT NULL;
CREATE INDEX tagging_of_tag ON tagging (workspace_id, tag_id, added_at);
CREATE INDEX tagging_expiry ON tagging (expires_at)
    WHERE removed_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX tagging_of_rule ON tagging (workspace_id, rule_id, id)
    WHERE removed_at IS NULL AND rule_id IS NOT NULL;
ALTER TABLE access_token ADD COLUMN integration BOOL NOT NULL DEFAULT FALSE;
CREATE TABLE operation (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    request JSON NOT NULL,
    progress JSON NOT NULL,
    total INT,
    done INT NOT NULL,
    failed INT NOT NULL,
    dry_run BOOL NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    started_at TIME,
    finished_at TIME,
    error TEXT,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX operation_active ON operation (workspace_id, id) WHERE finished_at IS NULL;
";
