//! The cursor of a projection in one workspace, and the claim on it: one row, moved only by whoever has
//! its newest fence.

use std::{convert::Infallible, time::Duration};

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DbErr, FromQueryResult};

use super::{MAX_CRASHES, MAX_FAILURES, Projection, size, told};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx, dialect},
    work::change::Position,
};

/// How long a claim holds without being renewed, in seconds. A crash delays a workspace's
/// projection by at most this much.
const LEASE_S: i64 = 10;
/// How often a claim is renewed while a batch takes long: another try fits in before it has ended.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// A claim on the cursor, and how far it was.
#[derive(Debug, FromQueryResult)]
pub(super) struct Claim {
    pub(super) fence: i64,
    pub(super) tx: i64,
    pub(super) seq: i64,
    pub(super) batch: i64,
    /// How many entries are still to be done one by one, because a worker died at them.
    pub(super) careful: i64,
    /// Among how many entries is one that fails. Nothing while there is something `careful`.
    pub(super) suspect: i64,
    pub(super) failures: i64,
    pub(super) crashes: i64,
}

/// How a claim goes on after a batch.
#[derive(Debug, FromQueryResult)]
pub(super) struct Pace {
    batch: i64,
    careful: i64,
    suspect: i64,
}

/// Whether a cursor is at one entry alone: [`Claim::is_alone`].
const ALONE: &str = "(careful > 0 OR suspect IN (1, 2))";

impl Claim {
    /// How many entries to do at once.
    pub(super) fn limit(&self) -> i64 {
        match (self.careful, self.suspect) {
            (1.., _) => 1,
            (_, suspect @ 1..) => (suspect + 1) / 2,
            _ => self.batch,
        }
    }

    /// Whether what is done next is one entry alone, of which it is known that it, or one near it, is at
    /// fault.
    fn is_alone(&self) -> bool {
        self.careful > 0 || matches!(self.suspect, 1 | 2)
    }

    /// Whether an entry at fault is being looked for.
    pub(super) fn is_searching(&self) -> bool {
        self.careful > 0 || self.suspect > 0
    }

    /// What the one entry at hand has done, if it is not to be tried any more.
    pub(super) fn crash(&self) -> Option<String> {
        let is_deadly = self.is_alone() && self.crashes >= MAX_CRASHES;
        is_deadly.then(|| format!("took its worker down alone {} times", self.crashes))
    }

    /// Whether this is the last try of the one entry at hand.
    pub(super) fn is_last_try(&self) -> bool {
        self.is_alone() && self.failures + 1 >= MAX_FAILURES
    }

    /// Goes on after a batch that ended at `position`.
    pub(super) fn go_on(&mut self, position: Position, pace: &Pace) {
        (self.tx, self.seq) = (position.tx, position.seq);
        (self.failures, self.crashes) = (0, 0);
        (self.batch, self.careful, self.suspect) = (pace.batch, pace.careful, pace.suspect);
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
    let backend = ctx.db.backend();
    let (place, settled) = (
        dialect::place(backend, "c.tx", "c.seq"),
        dialect::settled(backend),
    );
    // The newest entry tells whether anything was written after the cursor; the second column,
    // whether any of it can be read.
    let row = Query::new(format!(
        "SELECT EXISTS (SELECT 1 FROM change WHERE workspace_id = $1
                        AND (tx, seq) > {place} AND {settled}),
                EXISTS (SELECT 1 FROM change WHERE workspace_id = $1
                        AND (tx, seq) > {place})
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

/// How many entries are done next when nothing is wrong: as many as wait after the place (`tx`, `seq`), up
/// to a batch. One more, so that whoever finds no more than wait knows that these were all.
///
/// It is written down before they are read: those that came while nobody was at it are not suspected if a
/// worker dies at the few that waited then.
/// In order: PostgreSQL would otherwise gather all that wait before it counts the first.
fn waiting(
    backend: DatabaseBackend,
    projection: &dyn Projection,
    (tx, seq): (&str, &str),
) -> String {
    let (after, settled) = (dialect::place(backend, tx, seq), dialect::settled(backend));
    let others = (size::of(projection) - 1).max(0);
    format!(
        "(SELECT COUNT(*) + 1 FROM (
             SELECT 1 FROM change h WHERE h.workspace_id = $1 AND (h.tx, h.seq) > {after}
               AND {settled} ORDER BY h.tx, h.seq LIMIT {others}) AS w)"
    )
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
    let waiting = waiting(
        backend,
        projection,
        ("projection_cursor.tx", "projection_cursor.seq"),
    );
    // A lease that was neither given back nor renewed belonged to a worker that died: go on one by
    // one with what it was at, and count the crash if it was with one entry alone. Halving would find
    // the entry sooner, but each half that has it takes one more worker down.
    let update = Query::new(format!(
        "UPDATE projection_cursor SET fence = fence + 1, lease_until = {until}, batch = {waiting},
             crashes = crashes + CASE WHEN lease_until IS NOT NULL AND {ALONE} THEN 1 ELSE 0 END,
             careful = CASE WHEN lease_until IS NULL OR {ALONE} THEN careful
                            WHEN suspect > 0 THEN (suspect + 1) / 2 ELSE batch END,
             suspect = CASE WHEN lease_until IS NULL OR {ALONE} THEN suspect ELSE 0 END
         WHERE workspace_id = $1 AND projection = $2
           AND (lease_until IS NULL OR lease_until < {now})
           AND (retry_at IS NULL OR retry_at <= {now})
         RETURNING fence, tx, seq, batch, careful, suspect, failures, crashes"
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

/// Waits for `work` while the claim holds.
///
/// A batch may wait longer than a claim holds, as for a row that a stopped worker has locked, or a table
/// that is being changed. Whoever took it over would wait for the same, and the entry at hand would
/// count as one that takes its worker down. Work that gives way to nobody is not held: it is polled by
/// the task that renews.
pub(super) async fn held<T>(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
    work: impl Future<Output = T>,
) -> T {
    // On SQLite whoever would take it over needs the turn to write, and that is with the work.
    if ctx.db.backend() == DatabaseBackend::Sqlite {
        return work.await;
    }
    tokio::select! {
        biased;
        done = work => done,
        never = keep(ctx, projection, workspace, claim) => match never {},
    }
}

/// Renews the claim again and again, as long as it is this worker's.
async fn keep(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match renew(ctx, projection, workspace, claim).await {
            Ok(true) => {}
            // The batch finds that out when it is to be written.
            Ok(false) => std::future::pending().await,
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a claim was not renewed"
                );
            }
        }
    }
}

/// Lets the claim hold longer; false when it was lost or given back.
pub(super) async fn renew(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
) -> Result<bool, DbErr> {
    let until = dialect::now_plus(ctx.db.backend(), LEASE_S);
    let touched = Query::new(format!(
        "UPDATE projection_cursor SET lease_until = {until}
         WHERE workspace_id = $1 AND projection = $2 AND fence = $3 AND lease_until IS NOT NULL"
    ))
    .bind(workspace)
    .bind(projection.name())
    .bind(claim.fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(touched == 1)
}

/// Moves the cursor to `to`, and says how to go on from there; none when the claim was lost.
pub(super) async fn advance(
    tx: &Tx<'_>,
    projection: &dyn Projection,
    fence: i64,
    to: Position,
    keep_lease: bool,
) -> Result<Option<Pace>, DbErr> {
    let backend = tx.connection().get_database_backend();
    // Of an odd number under suspicion the larger half was done: `Claim::limit`. The fault is in the
    // other. Where the log ends, whatever failed has been passed.
    let (lease, batch, careful, suspect) = if keep_lease {
        (
            dialect::now_plus(backend, LEASE_S),
            waiting(backend, projection, ("$3", "$4")),
            "CASE WHEN careful > 1 THEN careful - 1 ELSE 0 END",
            "suspect / 2",
        )
    } else {
        ("NULL".to_owned(), projection.batch().to_string(), "0", "0")
    };
    Query::new(format!(
        "UPDATE projection_cursor SET tx = $3, seq = $4, batch = {batch}, failures = 0, crashes = 0,
             careful = {careful}, suspect = {suspect}, retry_at = NULL, last_error = NULL,
             lease_until = {lease}
         WHERE workspace_id = $1 AND projection = $2 AND fence = $5
         RETURNING batch, careful, suspect"
    ))
    .bind(tx.workspace)
    .bind(projection.name())
    .bind(to.tx)
    .bind(to.seq)
    .bind(fence)
    .one(tx.connection())
    .await
}

/// Gives the claim back until the next try, which is of half of what failed.
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
             failures = failures + CASE WHEN {ALONE} THEN 1 ELSE 0 END,
             suspect = CASE WHEN careful > 0 THEN 0 WHEN suspect > 0 THEN (suspect + 1) / 2
                            ELSE batch END,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(careful: i64, suspect: i64) -> Claim {
        Claim {
            fence: 1,
            tx: 0,
            seq: 0,
            batch: 1_000,
            careful,
            suspect,
            failures: MAX_FAILURES - 1,
            crashes: MAX_CRASHES,
        }
    }

    #[test]
    fn what_failed_is_halved_and_what_killed_goes_one_by_one() {
        for (careful, suspect, limit, is_alone) in [
            (0, 0, 1_000, false),
            (0, 1_000, 500, false),
            (0, 7, 4, false),
            (0, 3, 2, false),
            (0, 2, 1, true),
            (0, 1, 1, true),
            (1_000, 0, 1, true),
            (1, 0, 1, true),
        ] {
            let claim = claim(careful, suspect);
            assert_eq!(claim.limit(), limit, "{claim:?}");
            assert_eq!(claim.is_last_try(), is_alone, "{claim:?}");
            assert_eq!(claim.crash().is_some(), is_alone, "{claim:?}");
        }
    }

    #[test]
    fn a_fault_among_a_thousand_is_alone_after_ten_failures() {
        for fault in 0..1_000 {
            let (mut claim, mut at, mut failures) = (claim(0, 0), 0, 0);
            claim.suspect = 1_000;
            while !(claim.is_alone() && at == fault) {
                let limit = claim.limit();
                if (at..at + limit).contains(&fault) {
                    claim.suspect = limit;
                    failures += 1;
                } else {
                    claim.suspect /= 2;
                    at += limit;
                }
            }
            assert!(failures <= 10, "{fault} took {failures}");
        }
    }
}
