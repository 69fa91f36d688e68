//! The cursor of a projection in one workspace, and the claim on it: one row, moved only by whoever has
//! its newest fence.

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DbErr, FromQueryResult};

use super::{MAX_CRASHES, MAX_FAILURES, Projection, told};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx, dialect},
    work::change::Position,
};

/// How long a claim holds without being renewed, in seconds. A crash delays a workspace's
/// projection by at most this much.
const LEASE_S: i64 = 10;

/// A claim on the cursor, and how far it was.
#[derive(Debug, FromQueryResult)]
pub(super) struct Claim {
    pub(super) fence: i64,
    pub(super) tx: i64,
    pub(super) seq: i64,
    pub(super) batch: i64,
    /// How many entries are still to be done one by one.
    pub(super) careful: i64,
    pub(super) failures: i64,
    pub(super) crashes: i64,
}

impl Claim {
    /// How many entries to do at once.
    pub(super) fn limit(&self) -> i64 {
        if self.careful > 0 { 1 } else { self.batch }
    }

    /// What the one entry at hand has done, if it is not to be tried any more.
    pub(super) fn crash(&self) -> Option<String> {
        let is_deadly = self.careful > 0 && self.crashes >= MAX_CRASHES;
        is_deadly.then(|| format!("took its worker down alone {} times", self.crashes))
    }

    /// Whether this is the last try of the one entry at hand.
    pub(super) fn is_last_try(&self) -> bool {
        self.careful > 0 && self.failures + 1 >= MAX_FAILURES
    }

    pub(super) fn position(&self) -> Position {
        Position {
            tx: self.tx,
            seq: self.seq,
        }
    }
}

/// Whether there is something behind the cursor.
pub(super) enum Backlog {
    Empty,
    Unsettled,
    Some,
}

/// What `projection` could read on with in `workspace`.
pub(super) async fn backlog(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
) -> Result<Backlog> {
    let settled = dialect::settled(ctx.db.backend());
    // The newest entry tells whether anything was written after the cursor; the second column,
    // whether any of it can be read.
    let row = Query::new(format!(
        "SELECT EXISTS (SELECT 1 FROM change WHERE workspace_id = $1
                        AND (tx, seq) > (c.tx, c.seq) AND {settled}),
                EXISTS (SELECT 1 FROM change WHERE workspace_id = $1
                        AND (tx, seq) > (c.tx, c.seq))
         FROM (SELECT COALESCE(MAX(tx), 0) AS tx, COALESCE(MAX(seq), 0) AS seq
               FROM projection_cursor WHERE workspace_id = $1 AND projection = $2) AS c"
    ))
    .bind(workspace)
    .bind(projection.name())
    .raw(ctx.reader())
    .await?;
    let Some(row) = row.first() else {
        return Ok(Backlog::Empty);
    };
    let (readable, written): (bool, bool) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(match (readable, written) {
        (true, _) => Backlog::Some,
        (false, true) => Backlog::Unsettled,
        (false, false) => Backlog::Empty,
    })
}

/// Claims the cursor; none while somebody else has it or a failed batch waits.
pub(super) async fn claim(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
) -> Result<Option<Claim>> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, LEASE_S);
    // A lease that was neither given back nor renewed belonged to a worker that died: go on one by
    // one, and count the crash if it was with one entry alone.
    let update = Query::new(format!(
        "UPDATE projection_cursor SET fence = fence + 1, lease_until = {until},
             crashes = crashes + CASE WHEN lease_until IS NULL OR careful = 0 THEN 0 ELSE 1 END,
             careful = CASE WHEN lease_until IS NULL OR careful > 0 THEN careful ELSE batch END
         WHERE workspace_id = $1 AND projection = $2
           AND (lease_until IS NULL OR lease_until < {now})
           AND (retry_at IS NULL OR retry_at <= {now})
         RETURNING fence, tx, seq, batch, careful, failures, crashes"
    ))
    .bind(workspace)
    .bind(projection.name());
    let writer = ctx.db.writer();
    if let Some(claim) = update.clone().one(writer).await? {
        return Ok(Some(claim));
    }
    let made = Query::new(
        "INSERT INTO projection_cursor
             (workspace_id, projection, tx, seq, fence, batch, failures, crashes)
         VALUES ($1, $2, 0, 0, 0, $3, 0, 0) ON CONFLICT DO NOTHING",
    )
    .bind(workspace)
    .bind(projection.name())
    .bind(projection.batch())
    .execute(writer)
    .await?;
    if made == 0 {
        Ok(None)
    } else {
        Ok(update.one(writer).await?)
    }
}

/// Lets the claim hold longer; false when it was lost.
pub(super) async fn renew(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
) -> Result<bool, DbErr> {
    let until = dialect::now_plus(ctx.db.backend(), LEASE_S);
    let touched = Query::new(format!(
        "UPDATE projection_cursor SET lease_until = {until}
         WHERE workspace_id = $1 AND projection = $2 AND fence = $3"
    ))
    .bind(workspace)
    .bind(projection.name())
    .bind(claim.fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(touched == 1)
}

/// Moves the cursor to `to`; false when the claim was lost.
pub(super) async fn advance(
    tx: &Tx<'_>,
    projection: &dyn Projection,
    fence: i64,
    to: Position,
    keep_lease: bool,
) -> Result<bool, DbErr> {
    let backend = tx.connection().get_database_backend();
    let lease = if keep_lease {
        dialect::now_plus(backend, LEASE_S)
    } else {
        "NULL".to_owned()
    };
    // Where the log ends, whatever failed has been passed.
    let careful = if keep_lease {
        "CASE WHEN careful > 1 THEN careful - 1 ELSE 0 END"
    } else {
        "0"
    };
    let touched = Query::new(format!(
        "UPDATE projection_cursor SET tx = $3, seq = $4, batch = $5, failures = 0, crashes = 0,
             careful = {careful}, retry_at = NULL, last_error = NULL, lease_until = {lease}
         WHERE workspace_id = $1 AND projection = $2 AND fence = $6"
    ))
    .bind(tx.workspace)
    .bind(projection.name())
    .bind(to.tx)
    .bind(to.seq)
    .bind(projection.batch())
    .bind(fence)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

/// Gives the claim back until the next try.
pub(super) async fn note_failure(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
    error: &Error,
) -> Result<(), DbErr> {
    // 1, 2, 4, ... seconds, at most a minute: long enough for a database to come back.
    let wait = 1_i64 << claim.failures.clamp(0, 6);
    let retry_at = dialect::now_plus(ctx.db.backend(), wait.min(60));
    Query::new(format!(
        "UPDATE projection_cursor SET lease_until = NULL,
             failures = failures + CASE WHEN careful > 0 THEN 1 ELSE 0 END,
             careful = CASE WHEN careful > 0 THEN careful ELSE batch END,
             retry_at = {retry_at}, last_error = $3
         WHERE workspace_id = $1 AND projection = $2 AND fence = $4"
    ))
    .bind(workspace)
    .bind(projection.name())
    .bind(told(error))
    .bind(claim.fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}
