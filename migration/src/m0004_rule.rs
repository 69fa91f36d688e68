//! Rules, what they did, and the notifications they send.

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
CREATE TABLE rule (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    position INT NOT NULL,
    version INT NOT NULL,
    definition JSON NOT NULL,
    active BOOL NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    deleted_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE TABLE rule_firing (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    rule_id UUID NOT NULL,
    rule_version INT NOT NULL,
    message_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    matched JSON NOT NULL,
    outcomes JSON NOT NULL,
    fired_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, rule_id) REFERENCES rule (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX rule_firing_once ON rule_firing (workspace_id, message_id, rule_id);
CREATE INDEX rule_firing_rule ON rule_firing (workspace_id, rule_id, id);
CREATE INDEX rule_firing_contact ON rule_firing (workspace_id, contact_id, id);
CREATE TABLE notification_target (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    masked_url TEXT NOT NULL,
    created_at TIME NOT NULL,
    disabled_at TIME,
    disabled_reason TEXT,
    next_send_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX notification_target_name ON notification_target (workspace_id, name);
CREATE TABLE delivery (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    target_id UUID NOT NULL,
    rule_id UUID,
    firing_id UUID,
    contact_id UUID,
    payload JSON NOT NULL,
    state TEXT NOT NULL,
    attempts INT NOT NULL,
    created_at TIME NOT NULL,
    next_attempt_at TIME,
    finished_at TIME,
    last_error TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, target_id) REFERENCES notification_target (workspace_id, id)
) STRICT;
CREATE INDEX delivery_recent ON delivery (workspace_id, target_id, id);
CREATE INDEX delivery_firing ON delivery (workspace_id, firing_id) WHERE firing_id IS NOT NULL;
CREATE TABLE delivery_attempt (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    delivery_id UUID NOT NULL,
    attempt INT NOT NULL,
    started_at TIME NOT NULL,
    duration_ms INT NOT NULL,
    status INT,
    error TEXT,
    response TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, delivery_id) REFERENCES delivery (workspace_id, id)
) STRICT;
CREATE INDEX delivery_attempt_delivery ON delivery_attempt (workspace_id, delivery_id, id);
";
