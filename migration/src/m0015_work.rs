//! The work core, further: epochs of the change log, what retention keeps, quarantine that can be
//! replayed.
//!
//! `change.tx` becomes `epoch << 48 | transaction number` on PostgreSQL. Transaction numbers belong to
//! a cluster: dumped and restored elsewhere, the log would go on below the places its readers had
//! reached, and what is written next would never be read. So the writing transaction looks whether
//! the row of `log_epoch` is still where it was made, by what no dump carries (the row's `xmin` and
//! `tableoid`, and the cluster's timeline), and opens the next epoch if not. Nobody can be writing in
//! the old epoch by then, so the order holds. What was there before is epoch 0 and stays as it is.
//!
//! On SQLite `change.tx` is the epoch itself, opened by each start of a process.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            // Statement by statement: the bodies of functions contain semicolons.
            for statement in EPOCH_ON_POSTGRES {
                connection.execute_unprepared(statement).await?;
            }
        } else {
            sql::run(manager, EPOCH_ON_SQLITE).await?;
        }
        sql::run(manager, WORK).await
    }
}

const EPOCH_ON_POSTGRES: [&str; 7] = [
    "CREATE TABLE log_epoch (
        one bigint PRIMARY KEY CHECK (one = 1),
        epoch bigint NOT NULL,
        opened_at timestamptz NOT NULL,
        opened_by xid NOT NULL,
        opened_in oid NOT NULL,
        timeline text NOT NULL,
        system text NOT NULL
    )",
    // The cluster's own number, where we may read it. It lies in a file: asked at a start only.
    "CREATE FUNCTION log_system() RETURNS text LANGUAGE plpgsql STABLE AS $$
     BEGIN
         IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
             RETURN (SELECT system_identifier::text FROM pg_control_system());
         END IF;
         RETURN '';
     END $$",
    // Opens the next epoch unless somebody else just has. The row takes its own xmin in a second
    // step, which is right inside a savepoint as well.
    "CREATE FUNCTION log_open(wanted boolean) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
     DECLARE here bigint;
     BEGIN
         PERFORM 1 FROM log_epoch FOR UPDATE;
         UPDATE log_epoch SET epoch = epoch + 1, opened_at = now(),
             timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8), system = log_system()
         WHERE (wanted AND system <> log_system())
            OR NOT (log_epoch.xmin = opened_by AND log_epoch.tableoid = opened_in
                    AND timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8));
         IF FOUND THEN
             UPDATE log_epoch SET opened_by = log_epoch.xmin, opened_in = log_epoch.tableoid;
         END IF;
         SELECT epoch INTO STRICT here FROM log_epoch;
         RETURN here;
     END $$",
    "CREATE FUNCTION change_tx() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
     DECLARE here bigint;
     BEGIN
         SELECT epoch INTO here FROM log_epoch
         WHERE log_epoch.xmin = opened_by AND log_epoch.tableoid = opened_in
           AND timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8);
         IF here IS NULL THEN
             here := log_open(false);
         END IF;
         RETURN (here << 48) | pg_current_xact_id()::text::bigint;
     END $$",
    "INSERT INTO log_epoch VALUES (1, 0, now(), '0', 0,
         left(pg_walfile_name(pg_current_wal_lsn()), 8), log_system())",
    "UPDATE log_epoch SET opened_by = log_epoch.xmin, opened_in = log_epoch.tableoid",
    // For a program of the former release, which leaves the column to its default. Waits for every
    // transaction that has written to the log.
    "ALTER TABLE change ALTER COLUMN tx SET DEFAULT change_tx()",
];

const EPOCH_ON_SQLITE: &str = "
CREATE TABLE log_epoch (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    opened_at TEXT NOT NULL
) STRICT;
INSERT INTO log_epoch VALUES (1, 0, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'));
";

const WORK: &str = "
CREATE TABLE change_floor (
    workspace_id UUID NOT NULL PRIMARY KEY REFERENCES workspace (id),
    tx INT NOT NULL,
    seq INT NOT NULL
) STRICT;
ALTER TABLE projection_cursor ADD COLUMN careful INT NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN state TEXT NOT NULL DEFAULT 'SET_ASIDE';
ALTER TABLE quarantine ADD COLUMN lease_until TIME;
CREATE INDEX quarantine_set_aside ON quarantine (work) WHERE state = 'SET_ASIDE';
CREATE INDEX quarantine_waiting ON quarantine (workspace_id, id) WHERE state = 'REPLAYING';
CREATE INDEX due_item_done ON due_item (workspace_id, finished_at) WHERE state = 'DONE';
CREATE INDEX due_item_subject ON due_item (workspace_id, subject_id) WHERE state = 'QUARANTINED';
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
CREATE INDEX delivery_attempt_answered ON delivery_attempt (workspace_id, id) WHERE response <> '';
";
