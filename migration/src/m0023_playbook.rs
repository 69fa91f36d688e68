//! Playbooks, their versions, and who is where in them.
//!
//! `due_at` is when an enrolment is looked at next, `wait_until` when the timer of its step runs out:
//! a change that may matter brings the first forward and leaves the second alone. Both are empty for
//! who has just come to a step. Counts are kept by whoever moves an enrolment; an empty step stands
//! for the whole version.

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
CREATE TABLE playbook (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    version INT NOT NULL,
    latest_version INT NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX playbook_name ON playbook (workspace_id, name_key) WHERE state <> 'ARCHIVED';
CREATE TABLE playbook_version (
    workspace_id UUID NOT NULL,
    playbook_id UUID NOT NULL,
    version INT NOT NULL,
    definition JSON NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    published_at TIME,
    PRIMARY KEY (workspace_id, playbook_id, version),
    FOREIGN KEY (workspace_id, playbook_id) REFERENCES playbook (workspace_id, id)
) STRICT;
CREATE TABLE playbook_count (
    workspace_id UUID NOT NULL,
    playbook_id UUID NOT NULL,
    version INT NOT NULL,
    step TEXT NOT NULL,
    what TEXT NOT NULL,
    number INT NOT NULL,
    PRIMARY KEY (workspace_id, playbook_id, version, step, what),
    FOREIGN KEY (workspace_id, playbook_id, version) REFERENCES playbook_version (workspace_id, playbook_id, version)
) STRICT;
CREATE TABLE enrolment (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    playbook_id UUID NOT NULL,
    version INT NOT NULL,
    contact_id UUID NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    step_at TIME NOT NULL,
    passed INT NOT NULL,
    listens BOOL NOT NULL,
    wait_until TIME,
    due_at TIME,
    fence INT NOT NULL,
    lease_until TIME,
    failures INT NOT NULL,
    crashes INT NOT NULL,
    error TEXT,
    source TEXT NOT NULL,
    enrolled_by JSON NOT NULL,
    depth INT NOT NULL,
    root_tx INT,
    root_seq INT,
    entered_at TIME NOT NULL,
    ended_at TIME,
    ending TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, playbook_id, version) REFERENCES playbook_version (workspace_id, playbook_id, version),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX enrolment_active ON enrolment (workspace_id, playbook_id, contact_id) WHERE ended_at IS NULL;
CREATE INDEX enrolment_due ON enrolment (workspace_id, playbook_id, due_at) WHERE state = 'WAITING' AND due_at IS NOT NULL;
CREATE INDEX enrolment_running ON enrolment (lease_until) WHERE state = 'RUNNING';
CREATE INDEX enrolment_contact ON enrolment (workspace_id, contact_id, playbook_id, id);
CREATE INDEX enrolment_list ON enrolment (workspace_id, playbook_id, id);
CREATE INDEX enrolment_here ON enrolment (workspace_id, playbook_id, step, id) WHERE ended_at IS NULL;
CREATE TABLE enrolment_step (
    workspace_id UUID NOT NULL,
    enrolment_id UUID NOT NULL,
    number INT NOT NULL,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    next TEXT,
    detail JSON NOT NULL,
    entered_at TIME NOT NULL,
    left_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, enrolment_id, number),
    FOREIGN KEY (workspace_id, enrolment_id) REFERENCES enrolment (workspace_id, id)
) STRICT;
";
