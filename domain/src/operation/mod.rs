//! Long work that somebody asked for: bulk tagging and editing, imports, filling segments, the audit of
//! the tags.
//!
//! An operation is a row that says what is to be done and how far it got. A due item keeps it
//! moving: whichever worker claims the item does one bounded step after another, each a transaction
//! of its own that writes the effects and the progress together, under the item's fence. A worker
//! that dies loses at most the step it was in; the next goes on from the stored progress, and no step
//! is ever done twice.
//!
//! - this file: what a kind of operation is, and asking for one;
//! - `run`: the steps;
//! - `read`: looking, and cancelling.
//!
//! To add one: a variant of [`OperationKind`], a [`Kind`] in the noun's folder, its line in
//! `crate::operations`, and a use case that checks the request and calls [`start`].

mod read;
mod run;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::{
    id::{Id as _, OperationId},
    kind::{DueKind, OperationKind, OperationState},
    operation,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Fact},
        due,
    },
};

pub use read::{OperationFilter, cancel, find, list, load};
pub use run::{Limits, Turn, run_due};

/// Operations of one workspace that may wait or run at once.
pub const MAX_ACTIVE: i64 = 100;

/// A kind of long work.
#[async_trait]
pub trait Kind: Send + Sync + std::fmt::Debug {
    /// Which it is.
    fn kind(&self) -> OperationKind;

    /// Does one step in `tx`, bounded to about a second. `operation.request` is what was asked for,
    /// `operation.progress` what the last step returned (`{}` at first). Nothing it does may leave
    /// `tx`. A refusal ends the operation as failed, with its message; any other error is tried again.
    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step>;
}

/// What one step came to.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// How far the operation is now, for the next step. The whole numbers in an object `counts` in it
    /// are shown to whoever looks.
    pub progress: Value,
    /// How many things there are to do in all, if this step found out.
    pub total: Option<i64>,
    /// Things done in this step, the failed ones included.
    pub done: i64,
    /// Things of this step that could not be done.
    pub failed: i64,
    /// Whether it was the last.
    pub is_last: bool,
}

/// An operation about to be asked for.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Which kind.
    pub kind: OperationKind,
    /// What is to be done; read by the kind's steps, so it must keep decoding.
    pub request: Value,
    /// How many things there are to do, if that is known.
    pub total: Option<i64>,
    /// Whether it is only to say what it would do.
    pub dry_run: bool,
    /// Who asks.
    pub origin: Origin,
}

/// Writes an operation and the due item that keeps it moving; refuses when too many are going on.
pub async fn start(ctx: &Ctx, tx: &mut Tx<'_>, new: NewOperation) -> Result<operation::Model> {
    let active: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM operation WHERE workspace_id = $1 AND finished_at IS NULL",
    )
    .bind(tx.workspace)
    .scalar(tx.connection())
    .await?;
    if active.unwrap_or_default() >= MAX_ACTIVE {
        let message =
            format!("{MAX_ACTIVE} operations are waiting or running. Wait for one, or cancel one.");
        return Err(Error::refused(&[], UserErrorCode::LimitReached, message));
    }
    start_own(ctx, tx, new).await
}

/// Like [`start`], for what has to be done however many there are: what follows from changes, and
/// what its own limit bounds.
pub(crate) async fn start_own(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    new: NewOperation,
) -> Result<operation::Model> {
    let row = operation::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        kind: new.kind,
        state: OperationState::Waiting,
        request: new.request,
        progress: json!({}),
        total: new.total,
        done: 0,
        failed: 0,
        dry_run: new.dry_run,
        created_by: new.origin.json(),
        created_at: tx.now,
        started_at: None,
        finished_at: None,
        error: None,
    };
    operation::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let item = due::NewItem {
        kind: DueKind::Operation,
        subject: row.id.uuid(),
        wait: TimeDelta::zero(),
    };
    due::add(ctx, tx, &[item]).await?;
    record(tx, new.origin, row.id);
    Ok(row)
}

/// Notes that an operation changed.
fn record(tx: &mut Tx<'_>, origin: Origin, operation_id: OperationId) {
    let fact = Fact::OperationChanged { operation_id };
    tx.record(Change::new(origin, None, fact));
}

/// Makes operations that were given up go on where they stopped.
pub(crate) async fn revive(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<()> {
    let revived: Vec<OperationId> = Query::new(
        "UPDATE operation SET state = 'RUNNING', error = NULL, finished_at = NULL
         FROM {r} WHERE operation.workspace_id = $1 AND operation.id = r.id
           AND operation.state = 'FAILED'
         RETURNING operation.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?;
    for id in revived {
        record(tx, Origin::System, id);
    }
    Ok(())
}

/// Marks an operation as failed that will not be tried again.
pub(crate) async fn give_up(tx: &mut Tx<'_>, id: OperationId, error: &str) -> Result<()> {
    let touched = Query::new(
        "UPDATE operation SET state = 'FAILED', error = $3, finished_at = $4
         WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(error)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    if touched == 1 {
        record(tx, Origin::System, id);
    }
    Ok(())
}
