//! Notifications, further: more kinds of targets with their receivers and keys, teams, the list each
//! member has, digests and budgets, and what was sent in an attempt.

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
CREATE TABLE team (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX team_name ON team (workspace_id, name_key);
CREATE TABLE team_member (
    workspace_id UUID NOT NULL,
    team_id UUID NOT NULL,
    member_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, team_id, member_id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES team (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES member (workspace_id, id)
) STRICT;
CREATE INDEX team_member_member ON team_member (workspace_id, member_id);
ALTER TABLE notification_target ADD COLUMN digest_minutes INT;
ALTER TABLE notification_target ADD COLUMN hourly_limit INT;
CREATE TABLE notification_receiver (
    workspace_id UUID NOT NULL,
    notification_target_id UUID NOT NULL,
    place INT NOT NULL,
    everybody BOOL NOT NULL,
    team_id UUID,
    member_id UUID,
    address TEXT,
    PRIMARY KEY (workspace_id, notification_target_id, place),
    FOREIGN KEY (workspace_id, notification_target_id)
        REFERENCES notification_target (workspace_id, id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES team (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES member (workspace_id, id)
) STRICT;
CREATE INDEX notification_receiver_team ON notification_receiver (workspace_id, team_id)
    WHERE team_id IS NOT NULL;
CREATE INDEX notification_receiver_member ON notification_receiver (workspace_id, member_id)
    WHERE member_id IS NOT NULL;
CREATE TABLE webhook_key (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    notification_target_id UUID NOT NULL,
    sealed_secret TEXT NOT NULL,
    sealed_seed TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at TIME NOT NULL,
    expires_at TIME,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, notification_target_id)
        REFERENCES notification_target (workspace_id, id)
) STRICT;
CREATE INDEX webhook_key_target ON webhook_key (workspace_id, notification_target_id, id);
ALTER TABLE delivery ADD COLUMN folded_into UUID;
ALTER TABLE delivery ADD COLUMN over_budget BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE delivery ADD COLUMN sent_at TIME;
ALTER TABLE delivery ADD COLUMN told JSON;
CREATE INDEX delivery_sent ON delivery (workspace_id, target_id, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX delivery_open ON delivery (workspace_id, target_id, id) WHERE state = 'PENDING';
CREATE INDEX delivery_failed ON delivery (workspace_id, target_id, id) WHERE state = 'FAILED';
CREATE INDEX delivery_folded ON delivery (workspace_id, folded_into, id)
    WHERE folded_into IS NOT NULL;
ALTER TABLE delivery_attempt ADD COLUMN request_headers JSON;
ALTER TABLE delivery_attempt ADD COLUMN request_body TEXT;
CREATE INDEX delivery_attempt_requested ON delivery_attempt (workspace_id, id)
    WHERE request_body IS NOT NULL;
CREATE TABLE in_app_notification (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    member_id UUID NOT NULL,
    delivery_id UUID,
    contact_id UUID,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    link TEXT,
    created_at TIME NOT NULL,
    read_at TIME,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES member (workspace_id, id)
) STRICT;
CREATE INDEX in_app_notification_member ON in_app_notification (workspace_id, member_id, id);
CREATE INDEX in_app_notification_unread ON in_app_notification (workspace_id, member_id, id)
    WHERE read_at IS NULL;
CREATE INDEX in_app_notification_contact ON in_app_notification (workspace_id, contact_id)
    WHERE contact_id IS NOT NULL;
CREATE INDEX in_app_notification_delivery ON in_app_notification (workspace_id, delivery_id)
    WHERE delivery_id IS NOT NULL;
";
