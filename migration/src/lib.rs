//! The tables, as steps that only ever move forward.
//!
//! Each step is plain SQL with a few type words (`UUID`, `TIME`, ...) that stand for the right type
//! of each database; see the module `sql`. A step never names an entity: what a step did on the day it was
//! written must not change when an entity does. Steps keep old binaries working: expand first, move
//! data, contract in a later release.
//!
//! A step's name is its file's, and every database records the names of the steps it has taken: a file
//! that was released is never renamed. Steps are taken in the order of the list in [`Migrator`], which
//! is the order in which they came about; a new one goes to its end. The numbers only say roughly when a
//! step was begun, so they may repeat (three are 26) and stand out of order. A database that is behind
//! takes what its records lack, in the list's order.

use std::time::Instant;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        DatabaseBackend, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, Statement,
        TransactionOptions, TransactionTrait as _,
    },
};

mod m0001_access;
mod m0002_graph;
mod m0003_work;
mod m0004_rule;
mod m0005_email;
mod m0006_health;
mod m0007_tag;
mod m0008_tagging;
mod m0009_contact;
mod m0010_fact;
mod m0010_timeline;
mod m0011_search;
mod m0012_upload;
mod m0013_conversation;
mod m0014_audit;
mod m0015_work;
mod m0016_merge;
mod m0017_report;
mod m0018_document;
mod m0019_condition;
mod m0020_rule;
mod m0021_notification;
mod m0022_segment;
mod m0023_playbook;
mod m0023_task;
mod m0024_survey;
mod m0025_condition;
mod m0026_held;
mod m0026_rules;
mod m0026_timeline;
mod m0027_people;
mod m0028_lists;
mod m0029_wall;
mod m0030_survey;
mod m0031_trace;
mod m0032_hours;
mod m0033_hears;
mod m0034_waits;
mod m0035_target;
mod m0036_team_task;
mod m0037_collation;
mod m0038_import;
mod m0039_survey_attempt;
mod m0040_vault;
mod m0041_wait;
mod m0042_hidden;
mod m0043_member;
mod m0044_playbook;
mod m0045_account;
mod m0047_arrival;
mod m0050_email_source;
mod m0051_profile;
mod m0052_replaced_key;
mod m0054_tracked_link;
mod m0055_notes;
mod m0056_suspect;
mod m0057_unasked;
mod m0058_sync;
mod m0059_receivers;
mod m0060_people;
mod m0061_waited;
mod m0062_reason;
mod m0063_timeline;
mod m0066_message;
mod m0067_duplicate;
mod m0068_rule_size;
mod m0069_row_triggers;
mod m0070_tag_merge;
mod m0071_tags_off;
mod m0072_untracked;
mod m0073_log;
mod m0076_listed;
mod sql;
mod wall;

/// The ordered list of steps; run by `enishi` at start and by `enishi migrate`.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_access::Migration),
            Box::new(m0002_graph::Migration),
            Box::new(m0003_work::Migration),
            Box::new(m0004_rule::Migration),
            Box::new(m0005_email::Migration),
            Box::new(m0006_health::Migration),
            Box::new(m0007_tag::Migration),
            Box::new(m0008_tagging::Migration),
            Box::new(m0009_contact::Migration),
            Box::new(m0010_fact::Migration),
            Box::new(m0010_timeline::Migration),
            Box::new(m0011_search::Migration),
            Box::new(m0012_upload::Migration),
            Box::new(m0013_conversation::Migration),
            Box::new(m0014_audit::Migration),
            Box::new(m0015_work::Migration),
            Box::new(m0016_merge::Migration),
            Box::new(m0017_report::Migration),
            Box::new(m0018_document::Migration),
            Box::new(m0019_condition::Migration),
            Box::new(m0020_rule::Migration),
            Box::new(m0021_notification::Migration),
            Box::new(m0022_segment::Migration),
            Box::new(m0023_playbook::Migration),
            Box::new(m0023_task::Migration),
            Box::new(m0024_survey::Migration),
            Box::new(m0025_condition::Migration),
            Box::new(m0026_held::Migration),
            Box::new(m0026_rules::Migration),
            Box::new(m0026_timeline::Migration),
            Box::new(m0027_people::Migration),
            Box::new(m0028_lists::Migration),
            Box::new(m0029_wall::Migration),
            Box::new(m0030_survey::Migration),
            Box::new(m0031_trace::Migration),
            Box::new(m0032_hours::Migration),
            Box::new(m0033_hears::Migration),
            Box::new(m0034_waits::Migration),
            Box::new(m0035_target::Migration),
            Box::new(m0036_team_task::Migration),
            Box::new(m0037_collation::Migration),
            Box::new(m0038_import::Migration),
            Box::new(m0039_survey_attempt::Migration),
            Box::new(m0040_vault::Migration),
            Box::new(m0041_wait::Migration),
            Box::new(m0042_hidden::Migration),
            Box::new(m0043_member::Migration),
            Box::new(m0044_playbook::Migration),
            Box::new(m0045_account::Migration),
            Box::new(m0047_arrival::Migration),
            Box::new(m0050_email_source::Migration),
            Box::new(m0051_profile::Migration),
            Box::new(m0052_replaced_key::Migration),
            Box::new(m0054_tracked_link::Migration),
            Box::new(m0055_notes::Migration),
            Box::new(m0056_suspect::Migration),
            Box::new(m0057_unasked::Migration),
            Box::new(m0058_sync::Migration),
            Box::new(m0059_receivers::Migration),
            Box::new(m0060_people::Migration),
            Box::new(m0061_waited::Migration),
            Box::new(m0062_reason::Migration),
            Box::new(m0063_timeline::Migration),
            Box::new(m0066_message::Migration),
            Box::new(m0067_duplicate::Migration),
            Box::new(m0068_rule_size::Migration),
            Box::new(m0069_row_triggers::Migration),
            Box::new(m0070_tag_merge::Migration),
            Box::new(m0071_tags_off::Migration),
            Box::new(m0072_untracked::Migration),
            Box::new(m0073_log::Migration),
            Box::new(m0076_listed::Migration),
        ]
    }
}

/// The advisory lock of whoever brings the tables of PostgreSQL up to date: any number no other program is
/// likely to lock.
pub const LOCK: i64 = 0x0065_6e69_7368_6900;

/// Brings the schema up to date. Any number of processes may call it at once, and take turns; one that is
/// killed in the middle leaves no step half-done. On SQLite all steps are one transaction, which has the
/// file for itself from its beginning. On PostgreSQL each step is one, under a lock held by another
/// connection; `connection` has to be the tables' owner, behind no wall. Whoever reads the log is told of
/// each step when it begins, and of the end.
pub async fn apply(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let started = Instant::now();
    let steps = if connection.get_database_backend() == DatabaseBackend::Postgres {
        apply_to_postgres(connection).await?
    } else {
        apply_to_sqlite(connection).await?
    };
    if steps > 0 {
        let seconds = started.elapsed().as_secs_f64();
        tracing::info!(steps, seconds, "the tables are up to date");
    }
    Ok(())
}

async fn apply_to_sqlite(connection: &DatabaseConnection) -> Result<usize, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    let steps = take_steps(&transaction).await.map_err(explained)?;
    transaction.commit().await?;
    Ok(steps)
}

async fn apply_to_postgres(connection: &DatabaseConnection) -> Result<usize, DbErr> {
    let holder = connection.begin().await?;
    lock(&holder).await?;
    let steps = take_steps(connection).await.map_err(explained)?;
    wall::build(&holder).await?;
    holder.commit().await?;
    Ok(steps)
}

/// Takes the lock until the end of the transaction, and says so where another process has it.
async fn lock(holder: &DatabaseTransaction) -> Result<(), DbErr> {
    let ask = format!("SELECT pg_try_advisory_xact_lock({LOCK})");
    let ask = Statement::from_string(DatabaseBackend::Postgres, ask);
    let is_free: bool = match holder.query_one_raw(ask).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => false,
    };
    if !is_free {
        tracing::info!("another process is at the tables; waiting until it is done");
        let wait = format!("SELECT pg_advisory_xact_lock({LOCK})");
        holder.execute_unprepared(&wait).await?;
    }
    Ok(())
}

/// Takes the steps that are missing, one after the other; how many there were. In a new database nothing
/// takes long, so the log does not name them there.
async fn take_steps<'c, C>(connection: &'c C) -> Result<usize, DbErr>
where
    C: ConnectionTrait,
    &'c C: IntoSchemaManagerConnection<'c>,
{
    let pending = Migrator::get_pending_migrations(connection).await?;
    let is_new = pending.len() == Migrator::migrations().len();
    for step in &pending {
        if !is_new {
            tracing::info!(step = %step.name(), "bringing the tables up to date");
        }
        Migrator::up(connection, Some(1)).await?;
    }
    Ok(pending.len())
}

/// How many steps are still to be applied. Only reads, so that any process may ask at any time.
pub async fn pending(connection: &impl ConnectionTrait) -> Result<usize, DbErr> {
    let pending = Migrator::get_pending_migrations_read_only(connection);
    let pending = pending.await.map_err(explained)?;
    Ok(pending.len())
}

/// The error of a step that this program does not know, said as what it means.
fn explained(error: DbErr) -> DbErr {
    match error {
        DbErr::Custom(text) if text.contains("its file is missing") => DbErr::Custom(format!(
            "the database belongs to a newer release than this program, and there is no way back: start \
             that release, or restore a backup of before the update ({text})"
        )),
        error => error,
    }
}
