//! Profiles of what customers do: their purchases as scores of recency, frequency and value.

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
CREATE TABLE rfm (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    scope TEXT NOT NULL,
    subject_id UUID NOT NULL,
    last_order_on DATE NOT NULL,
    orders INT NOT NULL,
    currency TEXT NOT NULL,
    revenue INT NOT NULL,
    recency_score INT,
    frequency_score INT,
    monetary_score INT,
    segment TEXT,
    PRIMARY KEY (workspace_id, scope, subject_id)
) STRICT;
CREATE TABLE rfm_run (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    scope TEXT NOT NULL,
    cuts JSON NOT NULL,
    as_of TIME,
    report JSON NOT NULL,
    PRIMARY KEY (workspace_id, scope)
) STRICT;
";
