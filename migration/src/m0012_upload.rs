//! Files that were sent for an import, in pieces, what an import says of each line, and exports that
//! may be downloaded.

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

/// The keys of `import_key` are hashes; they only tell whether an earlier line had the same.
const SCRIPT: &str = "
CREATE TABLE upload (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    size INT NOT NULL,
    completed_at TIME,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    expires_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX upload_expiry ON upload (workspace_id, expires_at);
CREATE TABLE upload_chunk (
    workspace_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    start INT NOT NULL,
    bytes BYTES NOT NULL,
    PRIMARY KEY (workspace_id, upload_id, start),
    FOREIGN KEY (workspace_id, upload_id) REFERENCES upload (workspace_id, id)
) STRICT;
CREATE TABLE import_line (
    workspace_id UUID NOT NULL,
    operation_id UUID NOT NULL,
    record INT NOT NULL,
    line INT NOT NULL,
    outcome TEXT NOT NULL,
    detail JSON NOT NULL,
    PRIMARY KEY (workspace_id, operation_id, record),
    FOREIGN KEY (workspace_id, operation_id) REFERENCES operation (workspace_id, id)
) STRICT;
CREATE INDEX import_line_outcome ON import_line (workspace_id, operation_id, outcome, record);
CREATE TABLE import_key (
    workspace_id UUID NOT NULL,
    operation_id UUID NOT NULL,
    key UUID NOT NULL,
    line INT NOT NULL,
    PRIMARY KEY (workspace_id, operation_id, key),
    FOREIGN KEY (workspace_id, operation_id) REFERENCES operation (workspace_id, id)
) STRICT;
CREATE TABLE export (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    ticket BYTES NOT NULL,
    request JSON NOT NULL,
    token_id UUID NOT NULL,
    member_id UUID NOT NULL,
    created_at TIME NOT NULL,
    expires_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX export_ticket ON export (ticket);
";
