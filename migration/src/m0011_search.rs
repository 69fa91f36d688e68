//! The search index: what waits to be indexed, segments with their blocks, and how far existing rows
//! have been indexed.
//!
//! Nothing is indexed here: `search_backfill` gets one row for each kind of thing of each workspace,
//! and the index's upkeep works them off in bounded steps afterwards.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await?;
        // Postings do not shrink: trying to would cost every read and every write.
        let plain = "ALTER TABLE search_block ALTER COLUMN data SET STORAGE EXTERNAL";
        sql::on_postgres(manager, &[plain]).await
    }
}

const SCRIPT: &str = "
CREATE TABLE search_state (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    last_segment INT NOT NULL,
    PRIMARY KEY (workspace_id)
) STRICT;
CREATE TABLE search_tail (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    id UUID NOT NULL,
    at TIME NOT NULL,
    version INT NOT NULL,
    PRIMARY KEY (workspace_id, kind, id)
) STRICT;
CREATE INDEX search_tail_recent ON search_tail (workspace_id, kind, at, id);
CREATE TABLE search_segment (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    id INT NOT NULL,
    documents INT NOT NULL,
    bits INT NOT NULL,
    bytes INT NOT NULL,
    newest TIME NOT NULL,
    oldest TIME NOT NULL,
    state TEXT NOT NULL,
    into_id INT,
    progress INT NOT NULL,
    PRIMARY KEY (workspace_id, kind, id)
) STRICT;
CREATE TABLE search_block (
    workspace_id UUID NOT NULL,
    kind TEXT NOT NULL,
    segment_id INT NOT NULL,
    block INT NOT NULL,
    data BYTES NOT NULL,
    PRIMARY KEY (workspace_id, kind, segment_id, block),
    FOREIGN KEY (workspace_id, kind, segment_id) REFERENCES search_segment (workspace_id, kind, id)
) STRICT;
CREATE TABLE search_backfill (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    last_id UUID,
    PRIMARY KEY (workspace_id, kind)
) STRICT;
INSERT INTO search_backfill (workspace_id, kind)
    SELECT w.id, k.kind FROM workspace w CROSS JOIN (
        SELECT 'CONTACT' AS kind UNION ALL SELECT 'ACCOUNT' UNION ALL SELECT 'CONVERSATION'
        UNION ALL SELECT 'MESSAGE') AS k;
";
