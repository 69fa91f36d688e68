//! Health models, scores with their explanation, and their history.

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
CREATE TABLE health_model (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    version INT NOT NULL,
    definition JSON NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    applied_to UUID,
    applied_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX health_model_version ON health_model (workspace_id, version);
CREATE TABLE contact_health (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    model_version INT NOT NULL,
    score REAL,
    rank REAL NOT NULL,
    band TEXT NOT NULL,
    band_streak INT NOT NULL,
    coverage REAL NOT NULL,
    inputs JSON NOT NULL,
    as_of TIME NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
) STRICT;
CREATE INDEX contact_health_rank ON contact_health (workspace_id, rank, contact_id);
CREATE TABLE health_history (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    as_of TIME NOT NULL,
    id UUID NOT NULL,
    model_version INT NOT NULL,
    score REAL,
    band TEXT NOT NULL,
    coverage REAL NOT NULL,
    inputs JSON NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, as_of, id)
) STRICT;
";
