//! The work core: the change log, projections' cursors, due items, schedule ticks, quarantine.
//!
//! `change.tx` is the number of the writing transaction. Sequence numbers are handed out before
//! commit, so a row with a smaller number may appear after one with a larger; readers therefore go
//! by `(tx, seq)` and stop before the oldest transaction still running. SQLite has one writer at a
//! time, there the sequence alone is the order.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let change = match manager.get_database_backend() {
            DatabaseBackend::Postgres => CHANGE_ON_POSTGRES,
            _ => CHANGE_ON_SQLITE,
        };
        sql::run(manager, change).await?;
        sql::run(manager, WORK).await
    }
}

const CHANGE_ON_POSTGRES: &str = "
CREATE TABLE change (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    tx bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    contact_id uuid,
    actor jsonb NOT NULL,
    depth bigint NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, tx, seq)
);
";

const CHANGE_ON_SQLITE: &str = "
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tx INTEGER NOT NULL DEFAULT 0,
    workspace_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    contact_id BLOB,
    actor TEXT NOT NULL,
    depth INTEGER NOT NULL,
    data TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX change_order ON change (workspace_id, tx, seq);
";

const WORK: &str = "
CREATE TABLE projection_cursor (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    projection TEXT NOT NULL,
    tx INT NOT NULL,
    seq INT NOT NULL,
    fence INT NOT NULL,
    lease_until TIME,
    batch INT NOT NULL,
    failures INT NOT NULL,
    crashes INT NOT NULL,
    retry_at TIME,
    last_error TEXT,
    PRIMARY KEY (workspace_id, projection)
) STRICT;
CREATE TABLE due_item (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    due_at TIME NOT NULL,
    state TEXT NOT NULL,
    fence INT NOT NULL,
    lease_until TIME,
    failures INT NOT NULL,
    crashes INT NOT NULL,
    last_error TEXT,
    created_at TIME NOT NULL,
    finished_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX due_item_waiting ON due_item (due_at) WHERE state = 'WAITING';
CREATE INDEX due_item_running ON due_item (lease_until) WHERE state = 'RUNNING';
CREATE INDEX due_item_waiting_here ON due_item (workspace_id, due_at) WHERE state = 'WAITING';
CREATE TABLE quarantine (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    work TEXT NOT NULL,
    item JSON NOT NULL,
    error TEXT NOT NULL,
    at TIME NOT NULL,
    replayed_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE TABLE schedule_tick (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    schedule TEXT NOT NULL,
    tick_at TIME NOT NULL,
    state TEXT NOT NULL,
    fence INT NOT NULL,
    lease_until TIME,
    progress JSON NOT NULL,
    failures INT NOT NULL,
    crashes INT NOT NULL,
    last_error TEXT,
    finished_at TIME,
    PRIMARY KEY (workspace_id, schedule, tick_at)
) STRICT;
";
