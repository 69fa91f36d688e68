//! Accounts that were merged into others, and which rows a merge moved, so that they can be given back;
//! accounts that are put away, or gone.

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
ALTER TABLE account ADD COLUMN merged_into_id UUID;
CREATE INDEX account_merged ON account (workspace_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
ALTER TABLE account ADD COLUMN archived_at TIME;
ALTER TABLE account ADD COLUMN deleted_at TIME;
CREATE INDEX account_archived ON account (workspace_id, id) WHERE archived_at IS NOT NULL;
CREATE TABLE account_merge (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    survivor_id UUID NOT NULL,
    loser_id UUID NOT NULL,
    reason TEXT NOT NULL,
    filled JSON NOT NULL,
    merged_at TIME NOT NULL,
    merged_by JSON NOT NULL,
    undone_at TIME,
    undone_by JSON,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, survivor_id) REFERENCES account (workspace_id, id),
    FOREIGN KEY (workspace_id, loser_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE INDEX account_merge_survivor ON account_merge (workspace_id, survivor_id, id);
CREATE INDEX account_merge_loser ON account_merge (workspace_id, loser_id, id);
CREATE TABLE account_merge_row (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    part TEXT NOT NULL,
    row_id UUID NOT NULL,
    row_key TEXT NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, part, row_id, row_key),
    FOREIGN KEY (workspace_id, merge_id) REFERENCES account_merge (workspace_id, id)
) STRICT;
";
