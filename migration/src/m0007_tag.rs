//! Tag groups, and what tags need to be merged, deleted, ordered and made from a starter pack.
//!
//! Names are unique among siblings that are not deleted: below the same tag, at the root of the same
//! group, or at the root outside all groups.

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
CREATE TABLE tag_group (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    selection TEXT NOT NULL,
    stage TEXT,
    position INT NOT NULL,
    pack_key TEXT,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    archived_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX tag_group_name ON tag_group (workspace_id, kind, name_key);
CREATE UNIQUE INDEX tag_group_pack ON tag_group (workspace_id, pack_key) WHERE pack_key IS NOT NULL;
ALTER TABLE tag ADD COLUMN group_id UUID;
ALTER TABLE tag ADD COLUMN position INT NOT NULL DEFAULT 0;
ALTER TABLE tag ADD COLUMN pack_key TEXT;
ALTER TABLE tag ADD COLUMN merged_into UUID;
ALTER TABLE tag ADD COLUMN deleted_at TIME;
ALTER TABLE tagging ADD COLUMN merged_from UUID;
DROP INDEX tag_child_name;
DROP INDEX tag_root_name;
CREATE UNIQUE INDEX tag_child_name ON tag (workspace_id, parent_id, name_key)
    WHERE parent_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX tag_root_name ON tag (workspace_id, kind, name_key)
    WHERE parent_id IS NULL AND group_id IS NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX tag_group_root_name ON tag (workspace_id, group_id, name_key)
    WHERE parent_id IS NULL AND group_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX tag_pack ON tag (workspace_id, pack_key) WHERE pack_key IS NOT NULL;
CREATE INDEX tag_in_group ON tag (workspace_id, group_id) WHERE group_id IS NOT NULL;
ALTER TABLE workspace ADD COLUMN tag_creation TEXT NOT NULL DEFAULT 'ADMINISTRATORS';
ALTER TABLE workspace ADD COLUMN tags_version INT NOT NULL DEFAULT 0;
";
