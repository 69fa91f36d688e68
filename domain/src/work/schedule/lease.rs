//! The row of a tick under a lease with a fencing token: claimed, moved on with each step, given
//! back, and given up after too many tries. Nothing is written to it elsewhere.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DbErr, FromQueryResult};
use serde_json::{Value, json};

use super::{Schedule, Tick};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx, dialect},
    work::quarantine,
};

/// How long a claim holds without being renewed, in seconds.
const LEASE_S: i64 = 30;

#[derive(FromQueryResult)]
pub(super) struct Claim {
    pub(super) fence: i64,
    pub(super) progress: Value,
    pub(super) tries: i64,
}

pub(super) async fn claim(ctx: &Ctx, tick: &Tick<'_>) -> Result<Option<Claim>, DbErr> {
    // Most calls find a finished tick: that is decided without writing.
    let finished: Option<i64> = Query::new(
        "SELECT 1 FROM schedule_tick WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3
         AND state <> 'RUNNING'",
    )
    .bind(tick.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .raw(ctx.reader())
    .await?
    .first()
    .map(|_| 1);
    if finished.is_some() {
        return Ok(None);
    }
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, LEASE_S);
    // A failed try gives its lease back; a lease found expired belonged to a worker that died.
    Query::new(format!(
        "INSERT INTO schedule_tick (workspace_id, schedule, tick_at, state, fence, lease_until,
                                    progress, failures, crashes)
         VALUES ($1, $2, $3, 'RUNNING', 1, {until}, $4, 0, 0)
         ON CONFLICT (workspace_id, schedule, tick_at) DO UPDATE
         SET fence = schedule_tick.fence + 1, lease_until = {until},
             crashes = schedule_tick.crashes
                       + CASE WHEN schedule_tick.lease_until IS NULL THEN 0 ELSE 1 END
         WHERE schedule_tick.state = 'RUNNING'
           AND (schedule_tick.lease_until IS NULL OR schedule_tick.lease_until < {now})
         RETURNING fence, progress, failures + crashes AS tries"
    ))
    .bind(tick.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .bind(json!({}))
    .one(ctx.db.writer())
    .await
}

pub(super) async fn advance(
    tx: &Tx<'_>,
    tick: &Tick<'_>,
    fence: i64,
    progress: Option<&Value>,
) -> Result<bool, DbErr> {
    let until = dialect::now_plus(tx.connection().get_database_backend(), LEASE_S);
    // What went wrong before was about a step that has succeeded since.
    let touched = Query::new(format!(
        "UPDATE schedule_tick SET progress = COALESCE($4, progress), lease_until = {until},
             failures = 0, crashes = 0,
             state = CASE WHEN $4 IS NULL THEN 'DONE' ELSE 'RUNNING' END,
             finished_at = CASE WHEN $4 IS NULL THEN $5 ELSE NULL END
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $6"
    ))
    .bind(tx.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .bind(progress.cloned())
    .bind(tx.now)
    .bind(fence)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

/// Lets whoever comes next go on at once.
pub(super) async fn give_back(ctx: &Ctx, tick: &Tick<'_>, fence: i64) -> Result<(), DbErr> {
    Query::new(
        "UPDATE schedule_tick SET lease_until = NULL
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $4",
    )
    .bind(tick.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .bind(fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

pub(super) async fn note_failure(
    ctx: &Ctx,
    tick: &Tick<'_>,
    fence: i64,
    error: &Error,
) -> Result<(), DbErr> {
    let retry = dialect::now_plus(ctx.db.backend(), 10);
    // The lease becomes a pause: the next try waits ten seconds and counts as a crash less than
    // it counts as the failure noted here.
    Query::new(format!(
        "UPDATE schedule_tick SET failures = failures + 1, crashes = crashes - 1,
             lease_until = {retry}, last_error = $4
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $5"
    ))
    .bind(tick.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .bind(error.to_string())
    .bind(fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

/// Lets a tick that was given up go on from where it was.
pub(in crate::work) async fn take_up_again(
    tx: &Tx<'_>,
    schedule: &dyn Schedule,
    tick_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Query::new(
        "UPDATE schedule_tick SET state = 'RUNNING', lease_until = NULL, failures = 0, crashes = 0
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND state = 'QUARANTINED'",
    )
    .bind(tx.workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(super) async fn give_up(ctx: &Ctx, tick: &Tick<'_>, claim: &Claim) -> Result<()> {
    let tx = ctx.begin(tick.workspace).await?;
    let touched = Query::new(
        "UPDATE schedule_tick SET state = 'QUARANTINED', lease_until = NULL
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $4",
    )
    .bind(tick.workspace)
    .bind(tick.schedule.name())
    .bind(tick.at)
    .bind(claim.fence)
    .execute(tx.connection())
    .await?;
    if touched == 1 {
        let item = quarantine::Item {
            id: ctx.id(),
            work: tick.schedule.name(),
            item: json!({ "tick_at": tick.at, "progress": claim.progress }),
            error: format!("did not get through in {} tries", claim.tries),
        };
        quarantine::add(tx.connection(), tick.workspace, tx.now, item).await?;
    }
    tx.commit().await?;
    Ok(())
}
