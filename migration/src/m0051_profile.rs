//! Profiles of what customers do: their purchases as scores of recency, frequency and value, their
//! visits to the web site, and how engaged they are.

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
CREATE TABLE web_visit_day (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    contact_id UUID NOT NULL,
    day DATE NOT NULL,
    sessions INT NOT NULL,
    pages INT NOT NULL,
    dwell_seconds INT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, day)
) STRICT;
CREATE TABLE web_visitor (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    contact_id UUID NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE NOT NULL,
    days INT NOT NULL,
    sessions INT NOT NULL,
    pages INT NOT NULL,
    dwell_seconds INT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
) STRICT;
CREATE TABLE web_traffic (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    period TEXT NOT NULL,
    first_day DATE NOT NULL,
    sessions INT NOT NULL,
    pages INT NOT NULL,
    dwell_seconds INT NOT NULL,
    visitors INT NOT NULL,
    new_visitors INT NOT NULL,
    PRIMARY KEY (workspace_id, period, first_day)
) STRICT;
CREATE TABLE engagement (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    contact_id UUID NOT NULL,
    active_days INT NOT NULL,
    web_days INT NOT NULL,
    email_days INT NOT NULL,
    social_days INT NOT NULL,
    messaging_days INT NOT NULL,
    product_days INT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
) STRICT;
CREATE TABLE engagement_run (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    PRIMARY KEY (workspace_id)
) STRICT;
CREATE TABLE engagement_day (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    day DATE NOT NULL,
    people INT NOT NULL,
    engaged INT NOT NULL,
    active_days INT NOT NULL,
    web_days INT NOT NULL,
    email_days INT NOT NULL,
    social_days INT NOT NULL,
    messaging_days INT NOT NULL,
    product_days INT NOT NULL,
    PRIMARY KEY (workspace_id, day)
) STRICT;
";
