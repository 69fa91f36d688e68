//! Email events and what is kept of them per email, contact, campaign and workspace by day.

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
CREATE TABLE campaign (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    external_id TEXT NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX campaign_external_id ON campaign (workspace_id, external_id);
CREATE TABLE email_event (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    email_key TEXT NOT NULL,
    recipient TEXT NOT NULL,
    contact_id UUID NOT NULL,
    campaign_id UUID,
    kind TEXT NOT NULL,
    origin TEXT NOT NULL,
    bounce TEXT,
    url TEXT,
    user_agent TEXT,
    occurred_at TIME NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX email_event_external_id ON email_event (workspace_id, external_id);
CREATE INDEX email_event_email ON email_event (workspace_id, email_key, recipient);
CREATE INDEX email_event_contact ON email_event (workspace_id, contact_id, occurred_at, id);
CREATE TABLE email (
    workspace_id UUID NOT NULL,
    email_key TEXT NOT NULL,
    recipient TEXT NOT NULL,
    contact_id UUID NOT NULL,
    account_id UUID,
    campaign_id UUID,
    day DATE NOT NULL,
    state JSON NOT NULL,
    PRIMARY KEY (workspace_id, email_key, recipient)
) STRICT;
CREATE INDEX email_contact ON email (workspace_id, contact_id);
CREATE TABLE email_day (
    workspace_id UUID NOT NULL,
    scope TEXT NOT NULL,
    scope_id UUID NOT NULL,
    day DATE NOT NULL,
    attempted INT NOT NULL,
    delivered INT NOT NULL,
    human_openers INT NOT NULL,
    openers INT NOT NULL,
    human_clickers INT NOT NULL,
    clickers INT NOT NULL,
    replied INT NOT NULL,
    hard_bounced INT NOT NULL,
    soft_bounced INT NOT NULL,
    blocked INT NOT NULL,
    complained INT NOT NULL,
    unsubscribed INT NOT NULL,
    human_opens INT NOT NULL,
    machine_opens INT NOT NULL,
    human_clicks INT NOT NULL,
    machine_clicks INT NOT NULL,
    timed_replies INT NOT NULL,
    reply_seconds INT NOT NULL,
    PRIMARY KEY (workspace_id, scope, scope_id, day)
) STRICT;
CREATE TABLE email_active_day (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    day DATE NOT NULL,
    acts INT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, day)
) STRICT;
";
