//! Segments: saved conditions with live membership, and lists by hand.
//!
//! `segment_member` says who is in now and since when; `segment_move` is the history of going in and
//! out. Neither refers to contacts or accounts by a foreign key: a segment holds one or the other.
//! Both are kept without row numbers on SQLite, where their keys are all there is to most rows.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let plain = match manager.get_database_backend() {
            DatabaseBackend::Postgres => "",
            _ => "STRICT, WITHOUT ROWID",
        };
        sql::run(manager, &SCRIPT.replace("PLAIN", plain)).await
    }
}

const SCRIPT: &str = "
CREATE TABLE segment (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    definition JSON,
    version INT NOT NULL,
    state TEXT NOT NULL,
    member_count INT NOT NULL,
    operation_id UUID,
    filled_at TIME,
    built_at TIME,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    deleted_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX segment_name ON segment (workspace_id, name_key) WHERE deleted_at IS NULL;
CREATE TABLE segment_member (
    workspace_id UUID NOT NULL,
    segment_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    entered_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, subject_id),
    FOREIGN KEY (workspace_id, segment_id) REFERENCES segment (workspace_id, id)
) PLAIN;
CREATE INDEX segment_member_of ON segment_member (workspace_id, subject_id, segment_id);
CREATE TABLE segment_move (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    segment_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    entered BOOL NOT NULL,
    at TIME NOT NULL,
    cause JSON NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, segment_id) REFERENCES segment (workspace_id, id)
) PLAIN;
CREATE INDEX segment_move_in ON segment_move (workspace_id, segment_id, id);
CREATE INDEX segment_move_of ON segment_move (workspace_id, subject_id, id);
ALTER TABLE workspace ADD COLUMN segments_version INT NOT NULL DEFAULT 0;
";
