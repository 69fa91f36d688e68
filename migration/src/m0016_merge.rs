//! Who is who: merges that can be undone, suspected doubles, subscriptions, and the addresses of
//! those who were erased.

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
ALTER TABLE contact ADD COLUMN merged_into_id UUID;
CREATE INDEX contact_merged ON contact (workspace_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE TABLE contact_merge (
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
    FOREIGN KEY (workspace_id, survivor_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, loser_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE INDEX contact_merge_survivor ON contact_merge (workspace_id, survivor_id, id);
CREATE INDEX contact_merge_loser ON contact_merge (workspace_id, loser_id, id);
CREATE TABLE contact_merge_row (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    part TEXT NOT NULL,
    row_id UUID NOT NULL,
    row_key TEXT NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, part, row_id, row_key),
    FOREIGN KEY (workspace_id, merge_id) REFERENCES contact_merge (workspace_id, id)
) STRICT;
CREATE TABLE duplicate_suspect (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    contact_id UUID NOT NULL,
    other_contact_id UUID NOT NULL,
    reason TEXT NOT NULL,
    created_at TIME NOT NULL,
    settled_at TIME,
    settlement TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, other_contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX duplicate_suspect_pair ON duplicate_suspect (workspace_id, contact_id, other_contact_id);
CREATE INDEX duplicate_suspect_other ON duplicate_suspect (workspace_id, other_contact_id);
CREATE INDEX duplicate_suspect_open ON duplicate_suspect (workspace_id, id) WHERE settled_at IS NULL;
CREATE TABLE subscription (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    changed_at TIME NOT NULL,
    changed_by JSON NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, channel, topic),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE TABLE subscription_change (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    contact_id UUID NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIME NOT NULL,
    by_origin JSON NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE INDEX subscription_change_contact ON subscription_change (workspace_id, contact_id, id);
CREATE TABLE suppression (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    hash TEXT NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, hash)
) STRICT;
";
