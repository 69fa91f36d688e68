//! Moving enrolments on that are due.
//!
//! A worker claims some hundred enrolments of one playbook under a lease with a fencing token, and
//! takes them on in one transaction: their steps as far as they lead in that moment, the history, the
//! counts, the facts, and when each is due next. The number of statements depends on the playbook's
//! steps, not on how many enrolments there are. Whoever was claimed away meanwhile, by hand or because
//! the lease ran out, is left out; a worker that dies has done nothing.
//!
//! After a batch that failed, its enrolments are taken on one by one; what fails alone is put back for a
//! while, and in the end fails for good, to be seen and tried again by hand. The same goes for what
//! takes its workers down.
//!
//! Playbooks take turns, a batch each, so that a wave of one does not keep the others waiting; moments
//! are those of `ctx`, leases those of the database's clock.

mod batch;
mod claim;
mod scene;
mod walk;
mod way;

use std::time::Instant;

use chrono::TimeDelta;
use entity::id::{PlaybookId, WorkspaceId};
use sea_orm::FromQueryResult;

pub(crate) use claim::Claimed;

use super::failing;
use crate::{ctx::Ctx, error::Result, operation::Limits, store::Query};

/// Enrolments taken on in one transaction: many enough that a statement costs little for each, few
/// enough that other writers of an SQLite file hardly wait.
const BATCH: i64 = 400;
/// Errors in a row before an enrolment fails for good.
const MAX_FAILURES: i64 = 5;
/// Workers an enrolment may take down before it fails for good.
const MAX_CRASHES: i64 = 3;

/// What a turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Enrolments that were looked at.
    pub enrolments: usize,
    /// Whether it stopped because of its limits.
    pub is_cut: bool,
}

/// A playbook that has something due.
#[derive(Debug, Clone, Copy, FromQueryResult)]
struct Due {
    workspace_id: WorkspaceId,
    id: PlaybookId,
}

/// Takes on what is due, of one workspace or of all, until nothing is or the limits are reached.
pub async fn run_due(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    limits: Limits<'_>,
) -> Result<Turn> {
    let start = Instant::now();
    let mut turn = Turn::default();
    claim::recover(ctx).await?;
    loop {
        let books = due_books(ctx, workspace).await?;
        let before = turn.enrolments;
        for book in books {
            if start.elapsed() >= limits.time || !(limits.goes_on)() {
                turn.is_cut = true;
                return Ok(turn);
            }
            turn.enrolments += one_batch(ctx, book).await?;
        }
        if turn.enrolments == before {
            return Ok(turn);
        }
    }
}

/// The playbooks at work that have something due. One look at an index for each.
async fn due_books(ctx: &Ctx, workspace: Option<WorkspaceId>) -> Result<Vec<Due>> {
    let whose = if workspace.is_some() {
        "AND p.workspace_id = $2"
    } else {
        ""
    };
    let query = Query::new(format!(
        "SELECT p.workspace_id, p.id FROM playbook p
         WHERE p.state = 'ACTIVE' {whose} AND EXISTS (
             SELECT 1 FROM enrolment e WHERE e.workspace_id = p.workspace_id
               AND e.playbook_id = p.id AND e.state = 'WAITING' AND e.due_at IS NOT NULL
               AND e.due_at <= $1)"
    ))
    .bind(ctx.clock.now());
    let query = match workspace {
        Some(workspace) => query.bind(workspace),
        None => query,
    };
    Ok(query.all(ctx.reader()).await?)
}

/// Takes on a batch of one playbook; says how many it had.
async fn one_batch(ctx: &Ctx, book: Due) -> Result<usize> {
    let ctx = &ctx.walled_to(book.workspace_id);
    let claimed = claim::claim(ctx, book.workspace_id, book.id).await?;
    if claimed.is_empty() {
        return Ok(0);
    }
    let (workspace, id) = (book.workspace_id, book.id);
    let error = match batch::run(ctx, workspace, id, &claimed).await {
        Ok(failing) => {
            pause_failing(ctx, workspace, id, failing).await?;
            return Ok(claimed.len());
        }
        Err(error) => error,
    };
    tracing::warn!(workspace.id = %workspace, playbook.id = %id, enrolments = claimed.len(),
        error = &error as &dyn std::error::Error, "a batch of enrolments failed");
    if let [one] = claimed.as_slice() {
        tracing::warn!(workspace.id = %workspace, enrolment.id = %one.id,
            error = &error as &dyn std::error::Error, "an enrolment failed");
        note_failure(ctx, workspace, one, &error.to_string()).await?;
        return Ok(1);
    }
    for one in &claimed {
        match batch::run(ctx, workspace, id, std::slice::from_ref(one)).await {
            Ok(failing) => pause_failing(ctx, workspace, id, failing).await?,
            Err(error) => {
                tracing::warn!(workspace.id = %workspace, enrolment.id = %one.id,
                    error = &error as &dyn std::error::Error, "an enrolment failed");
                note_failure(ctx, workspace, one, &error.to_string()).await?;
            }
        }
    }
    Ok(claimed.len())
}

/// Pauses the playbook if the actions of one of its steps fail too often. Apart from the batch, so that
/// nobody who has the playbook's row waits for somebody whose enrolment the batch has.
async fn pause_failing(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: PlaybookId,
    failing: Option<String>,
) -> Result<()> {
    match failing {
        Some(step) => failing::pause(ctx, workspace, id, &step).await,
        None => Ok(()),
    }
}

async fn note_failure(ctx: &Ctx, workspace: WorkspaceId, one: &Claimed, error: &str) -> Result<()> {
    if one.failures + 1 >= MAX_FAILURES {
        return claim::fail(ctx, workspace, one, error).await;
    }
    let wait = TimeDelta::seconds(1 << one.failures.clamp(0, 6));
    claim::put_back(ctx, workspace, one, wait, error).await
}
