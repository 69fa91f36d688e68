//! GraphQL documents that were registered beforehand.

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
CREATE TABLE document (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, hash)
) STRICT;
";
