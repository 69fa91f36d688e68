//! Rules with every trigger: firings about things other than messages, versions, limits, pauses,
//! and samples of what did not fire.
//!
//! A firing names the thing it is about (`subject_id`) and the entry of the log from which its cascade
//! began (`root`), each rule and thing once. SQLite cannot take `NOT NULL` off a column, so there the
//! table is made anew.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::{
    m0010_timeline::{Source, watch},
    sql,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DatabaseBackend::Postgres => sql::run(manager, FIRING_ON_POSTGRES).await?,
            _ => sql::run(manager, FIRING_ON_SQLITE).await?,
        }
        watch(manager, &FIRED).await?;
        sql::run(manager, SCRIPT).await
    }
}

/// A firing about an account alone is on the account's timeline.
const FIRED: Source = Source {
    table: "rule_firing",
    kind: "RULE_FIRED",
    holds: None,
    contact: "{n}.contact_id",
    account: "CASE WHEN {n}.contact_id IS NULL THEN {n}.account_id
        ELSE (SELECT c.account_id FROM contact c
              WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.contact_id) END",
    at: "{n}.fired_at",
    changing: &["contact_id", "fired_at"],
};

const FIRING_ON_POSTGRES: &str = "
DROP TRIGGER timeline_rule_fired_added ON rule_firing;
DROP TRIGGER timeline_rule_fired_changed ON rule_firing;
DROP TRIGGER timeline_rule_fired_deleted ON rule_firing;
DROP FUNCTION timeline_rule_fired_added();
DROP FUNCTION timeline_rule_fired_changed();
DROP FUNCTION timeline_rule_fired_deleted();
ALTER TABLE rule_firing ALTER COLUMN message_id DROP NOT NULL;
ALTER TABLE rule_firing ALTER COLUMN conversation_id DROP NOT NULL;
ALTER TABLE rule_firing ALTER COLUMN contact_id DROP NOT NULL;
ALTER TABLE rule_firing ADD COLUMN account_id UUID;
ALTER TABLE rule_firing ADD COLUMN subject_id UUID;
ALTER TABLE rule_firing ADD COLUMN root TEXT;
ALTER TABLE rule_firing ADD COLUMN depth INT NOT NULL DEFAULT 0;
ALTER TABLE rule_firing ADD COLUMN cause JSON;
";

const FIRING_ON_SQLITE: &str = "
CREATE TABLE rule_firing_new (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    rule_id UUID NOT NULL,
    rule_version INT NOT NULL,
    message_id UUID,
    conversation_id UUID,
    contact_id UUID,
    matched JSON NOT NULL,
    outcomes JSON NOT NULL,
    fired_at TIME NOT NULL,
    account_id UUID,
    subject_id UUID,
    root TEXT,
    depth INT NOT NULL DEFAULT 0,
    cause JSON,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, rule_id) REFERENCES rule (workspace_id, id)
) STRICT;
INSERT INTO rule_firing_new (workspace_id, id, rule_id, rule_version, message_id, conversation_id,
    contact_id, matched, outcomes, fired_at)
    SELECT workspace_id, id, rule_id, rule_version, message_id, conversation_id, contact_id,
        matched, outcomes, fired_at FROM rule_firing;
DROP TABLE rule_firing;
ALTER TABLE rule_firing_new RENAME TO rule_firing;
CREATE UNIQUE INDEX rule_firing_once ON rule_firing (workspace_id, message_id, rule_id);
CREATE INDEX rule_firing_rule ON rule_firing (workspace_id, rule_id, id);
CREATE INDEX rule_firing_contact ON rule_firing (workspace_id, contact_id, id);
";

/// `rule_mark` keeps when a rule with limits last fired for a thing, so that asking costs as much as
/// there are such rules, not as there are firings.
const SCRIPT: &str = "
CREATE UNIQUE INDEX rule_firing_cascade ON rule_firing (workspace_id, rule_id, subject_id, root) WHERE root IS NOT NULL;
ALTER TABLE change ADD COLUMN root_tx INT;
ALTER TABLE change ADD COLUMN root_seq INT;
ALTER TABLE rule ADD COLUMN failures INT NOT NULL DEFAULT 0;
ALTER TABLE rule ADD COLUMN paused_at TIME;
ALTER TABLE rule ADD COLUMN paused_reason TEXT;
CREATE TABLE rule_version (
    workspace_id UUID NOT NULL,
    rule_id UUID NOT NULL,
    version INT NOT NULL,
    name TEXT NOT NULL,
    definition JSON NOT NULL,
    made_by JSON NOT NULL,
    made_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, rule_id, version),
    FOREIGN KEY (workspace_id, rule_id) REFERENCES rule (workspace_id, id)
) STRICT;
INSERT INTO rule_version (workspace_id, rule_id, version, name, definition, made_by, made_at)
    SELECT workspace_id, id, version, name, definition, created_by, updated_at FROM rule;
CREATE TABLE rule_mark (
    workspace_id UUID NOT NULL,
    target_id UUID NOT NULL,
    rule_id UUID NOT NULL,
    fired_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, target_id, rule_id),
    FOREIGN KEY (workspace_id, rule_id) REFERENCES rule (workspace_id, id)
) STRICT;
CREATE TABLE rule_miss (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    rule_id UUID NOT NULL,
    rule_version INT NOT NULL,
    subject_id UUID NOT NULL,
    message_id UUID,
    conversation_id UUID,
    contact_id UUID,
    reason TEXT NOT NULL,
    trace JSON,
    missed_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, rule_id) REFERENCES rule (workspace_id, id)
) STRICT;
CREATE INDEX rule_miss_rule ON rule_miss (workspace_id, rule_id, id);
CREATE INDEX rule_miss_contact ON rule_miss (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
";
