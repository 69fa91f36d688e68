//! For merges of tags that can be undone.
//!
//! `tag_merge` is one call that made tags one (`number` is the version of the tree it made, which rises with each),
//! `tag_merge_step` each pair of tags it took, in order. The others
//! say what has to be given back: the taggings that each step gave to the other tag, the segments for which what
//! went on of two taggings stays since, what was taken off because its group allows one value, and the things
//! that named a tag that went, as they were before and after. No index leads from a tagging to its row: that of
//! one thing is looked up by the few steps there are, so that a merge of a million taggings writes one index.
//! Merges made before have no rows here, and cannot be undone.

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
CREATE TABLE tag_merge (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    number INT NOT NULL,
    into_id UUID NOT NULL,
    source_ids JSON NOT NULL,
    merged_at TIME NOT NULL,
    merged_by JSON NOT NULL,
    undone_at TIME,
    undone_by JSON,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE TABLE tag_merge_step (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    step INT NOT NULL,
    source_id UUID NOT NULL,
    into_id UUID NOT NULL,
    archived_at TIME,
    children JSON NOT NULL,
    merged_before JSON NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, step)
) STRICT;
CREATE TABLE tag_merge_tagging (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    step INT NOT NULL,
    tagging_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, step, tagging_id)
) STRICT;
CREATE TABLE tag_merge_segment (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    step INT NOT NULL,
    tagging_id UUID NOT NULL,
    segment_id UUID NOT NULL,
    left_at TIME,
    PRIMARY KEY (workspace_id, merge_id, step, tagging_id, segment_id)
) STRICT;
CREATE TABLE tag_merge_surplus (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    tagging_id UUID NOT NULL,
    kept_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, tagging_id)
) STRICT;
CREATE TABLE tag_merge_use (
    workspace_id UUID NOT NULL,
    merge_id UUID NOT NULL,
    number INT NOT NULL,
    kind TEXT NOT NULL,
    thing_id UUID NOT NULL,
    version INT NOT NULL,
    was JSON NOT NULL,
    became JSON NOT NULL,
    PRIMARY KEY (workspace_id, merge_id, number)
) STRICT;
";
