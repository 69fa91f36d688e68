//! What reports are made of: the lead judgement, and the runs of the quality audit of the tags.
//!
//! `tag_quality_thing` and `tag_quality_carried` hold the sample of a run while it goes on.

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
CREATE TABLE lead_judgement (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    group_id UUID NOT NULL,
    target_tag_ids JSON NOT NULL,
    updated_at TIME NOT NULL,
    PRIMARY KEY (workspace_id),
    FOREIGN KEY (workspace_id, group_id) REFERENCES tag_group (workspace_id, id)
) STRICT;
CREATE TABLE tag_quality_run (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    cause TEXT NOT NULL,
    started_at TIME NOT NULL,
    finished_at TIME,
    sample JSON,
    plan JSON NOT NULL,
    found INT NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE TABLE tag_quality_finding (
    workspace_id UUID NOT NULL,
    run_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    severity_rank INT NOT NULL,
    tag_ids JSON NOT NULL,
    group_id UUID,
    evidence JSON NOT NULL,
    PRIMARY KEY (workspace_id, run_id, id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES tag_quality_run (workspace_id, id)
) STRICT;
CREATE INDEX tag_quality_finding_rank ON tag_quality_finding (workspace_id, run_id, severity_rank, id);
CREATE TABLE tag_quality_thing (
    workspace_id UUID NOT NULL,
    run_id UUID NOT NULL,
    thing_id UUID NOT NULL,
    target TEXT NOT NULL,
    is_scored BOOL NOT NULL,
    is_at_risk BOOL NOT NULL,
    has_won BOOL NOT NULL,
    has_replied BOOL NOT NULL,
    PRIMARY KEY (workspace_id, run_id, thing_id)
) STRICT;
CREATE TABLE tag_quality_carried (
    workspace_id UUID NOT NULL,
    run_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    thing_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, run_id, tag_id, thing_id)
) STRICT;
CREATE INDEX tag_quality_carried_thing ON tag_quality_carried (workspace_id, run_id, thing_id, tag_id);
";
