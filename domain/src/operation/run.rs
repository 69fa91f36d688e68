//! The steps of operations, each exactly once.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::{
    id::{OperationId, WorkspaceId},
    kind::DueKind,
    operation,
};

use super::{Kind, Step, give_up, record};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx, hold_by_id},
    work::due::{self, Claimed},
};

/// Errors in a row before an operation is given up.
const MAX_FAILURES: i64 = 5;
/// How long one operation goes on before others have their turn.
const SLICE: Duration = Duration::from_secs(5);

/// How much a turn takes on.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// For how long new steps are begun at most.
    pub time: Duration,
    /// Whether to go on; false during a shutdown.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl Limits<'static> {
    /// Until nothing is due, however long it takes.
    pub fn none() -> Self {
        Self {
            time: Duration::MAX,
            goes_on: &|| true,
        }
    }
}

/// What a turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Steps that were committed.
    pub steps: usize,
    /// Whether it stopped because of its limits.
    pub is_cut: bool,
}

/// Claims operations that are due, of one workspace or of all, and does their steps, until nothing
/// is due or the limits are reached. Workspaces take turns, an operation each, however many some have.
pub async fn run_due(
    ctx: &Ctx,
    kinds: &[&dyn Kind],
    workspace: Option<WorkspaceId>,
    limits: Limits<'_>,
) -> Result<Turn> {
    let start = Instant::now();
    let mut turn = Turn::default();
    let goes_on = || start.elapsed() < limits.time && (limits.goes_on)();
    loop {
        let places = match workspace {
            Some(workspace) => vec![workspace],
            None => due::due_in(ctx, DueKind::Operation).await?,
        };
        let mut is_idle = true;
        for place in places {
            if !goes_on() {
                turn.is_cut = true;
                return Ok(turn);
            }
            let claimed = due::claim(ctx, DueKind::Operation, Some(place), 1).await?;
            let Some(item) = claimed.into_iter().next() else {
                continue;
            };
            is_idle = false;
            let slice = Instant::now();
            turn.steps += work(ctx, kinds, item, || goes_on() && slice.elapsed() < SLICE).await?;
        }
        if is_idle {
            turn.is_cut = !goes_on();
            return Ok(turn);
        }
    }
}

/// Does steps of one operation while `goes_on`; says how many.
async fn work(
    ctx: &Ctx,
    kinds: &[&dyn Kind],
    mut item: Claimed,
    goes_on: impl Fn() -> bool,
) -> Result<usize> {
    let ctx = &ctx.walled_to(item.workspace_id);
    let mut steps = 0;
    while goes_on() {
        match step(ctx, kinds, &item).await {
            Ok(Stepped::More) => {
                steps += 1;
                (item.failures, item.crashes) = (0, 0);
            }
            Ok(Stepped::Last) => return Ok(steps + 1),
            Ok(Stepped::Ended) => return Ok(steps),
            Ok(Stepped::Lost) => {
                tracing::warn!(operation.id = %OperationId(item.subject_id),
                    "gave up a step whose claim was lost");
                return Ok(steps);
            }
            Err(error) => {
                note_failure(ctx, &item, &error).await?;
                return Ok(steps);
            }
        }
    }
    due::postpone(ctx, &[(item, TimeDelta::zero())]).await?;
    Ok(steps)
}

enum Stepped {
    More,
    Last,
    /// There was nothing to do: it had ended, or could never be done.
    Ended,
    Lost,
}

async fn step(ctx: &Ctx, kinds: &[&dyn Kind], item: &Claimed) -> Result<Stepped> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    // A step is as many rows as fit into a transaction.
    tx.plan_for(usize::MAX);
    if !due::hold(&tx, item).await? {
        tx.rollback().await?;
        return Ok(Stepped::Lost);
    }
    let id = OperationId(item.subject_id);
    let operation = lock(&tx, id).await?;
    let Some(operation) = operation.filter(|operation| operation.finished_at.is_none()) else {
        due::finish(&tx, item).await?;
        tx.commit().await?;
        return Ok(Stepped::Ended);
    };
    let kind = kinds.iter().find(|kind| kind.kind() == operation.kind);
    let done = if let Some(kind) = kind {
        kind.step(ctx, &mut tx, &operation).await
    } else {
        let message = format!("no worker knows {}", operation.kind.word());
        Err(Error::Internal(message))
    };
    match done {
        Ok(step) => {
            write(&mut tx, &operation, &step).await?;
            if step.is_last {
                due::finish(&tx, item).await?;
            }
            tx.commit().await?;
            Ok(if step.is_last {
                Stepped::Last
            } else {
                Stepped::More
            })
        }
        Err(Error::Refused(errors)) => {
            tx.rollback().await?;
            let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
            end(ctx, item, &messages.join(" ")).await
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn lock(tx: &Tx<'_>, id: OperationId) -> Result<Option<operation::Model>> {
    hold_by_id(tx, id).await
}

async fn write(tx: &mut Tx<'_>, operation: &operation::Model, step: &Step) -> Result<()> {
    Query::new(
        "UPDATE operation SET progress = $3, total = COALESCE($4, total), done = done + $5,
             failed = failed + $6, state = $7, started_at = COALESCE(started_at, $8),
             finished_at = $9, request = COALESCE($10, request)
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(operation.id)
    .bind(step.progress.clone())
    .bind(step.total)
    .bind(step.done)
    .bind(step.failed)
    .bind(if step.is_last { "DONE" } else { "RUNNING" })
    .bind(tx.now)
    .bind(step.is_last.then_some(tx.now))
    // Of no use any more, and it may name a person who wants to be erased later.
    .bind(step.is_last.then(|| serde_json::json!({})))
    .execute(tx.connection())
    .await?;
    let origin: Origin = serde_json::from_value(operation.created_by.clone())?;
    record(tx, origin, operation.id);
    Ok(())
}

/// Ends an operation that can never be done.
async fn end(ctx: &Ctx, item: &Claimed, error: &str) -> Result<Stepped> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    if !due::finish(&tx, item).await? {
        tx.rollback().await?;
        return Ok(Stepped::Lost);
    }
    give_up(&mut tx, OperationId(item.subject_id), error).await?;
    tx.commit().await?;
    Ok(Stepped::Ended)
}

async fn note_failure(ctx: &Ctx, item: &Claimed, error: &Error) -> Result<()> {
    let id = OperationId(item.subject_id);
    tracing::warn!(operation.id = %id, failures = item.failures + 1,
        error = error as &dyn std::error::Error, "a step failed");
    if item.failures + 1 >= MAX_FAILURES {
        // What went wrong is for the log; whoever asked is told that it was not their fault.
        let message = "It could not be finished because of an error of the server.";
        end(ctx, item, message).await?;
        return Ok(());
    }
    let tx = ctx.begin(item.workspace_id).await?;
    let wait = TimeDelta::seconds(1 << item.failures.clamp(0, 6));
    if due::retry(&tx, item, wait, &error.to_string()).await? {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(())
}
