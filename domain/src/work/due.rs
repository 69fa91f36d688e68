//! Rows with a time: deliveries now; waits, expiries and scheduled sends later.
//!
//! A worker claims items that are due under a lease with a fencing token, both from the database's
//! clock. Finishing is a conditional update on that token, in the transaction of the effects. Errors
//! follow the kind's own retry schedule; crashes are counted apart and set the item aside after
//! [`MAX_CRASHES`].

use chrono::{DateTime, Utc};
use entity::{
    id::{DueItemId, WorkspaceId},
    kind::{DueKind, DueState},
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde_json::json;
use uuid::Uuid;

use super::quarantine;
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// Crashes before an item is set aside.
pub const MAX_CRASHES: i64 = 3;
/// How long a claim holds, in seconds: longer than the longest attempt.
const LEASE_S: i64 = 30;

/// An item about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewItem {
    /// What is to be done.
    pub kind: DueKind,
    /// With what, for example a delivery.
    pub subject: Uuid,
    /// From when on.
    pub due_at: DateTime<Utc>,
}

/// An item this worker holds until its lease ends.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Claimed {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The item.
    pub id: DueItemId,
    /// What is to be done.
    pub kind: DueKind,
    /// With what.
    pub subject_id: Uuid,
    /// The claim's fencing token.
    pub fence: i64,
    /// Attempts that ended with an error.
    pub failures: i64,
    /// Attempts that ended with their process.
    pub crashes: i64,
}

/// Makes items in `tx` and wakes the workers after its commit.
pub async fn add(ctx: &Ctx, tx: &mut Tx<'_>, items: &[NewItem]) -> Result<(), DbErr> {
    if items.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", items.iter().map(|_| ctx.id::<DueItemId>()))
        .texts("kind", items.iter().map(|item| item.kind.word()))
        .uuids("subject_id", items.iter().map(|item| item.subject))
        .times("due_at", items.iter().map(|item| item.due_at));
    Query::new(
        "INSERT INTO due_item (workspace_id, id, kind, subject_id, due_at, state, fence, failures,
                               crashes, created_at)
         SELECT $1, r.id, r.kind, r.subject_id, r.due_at, 'WAITING', 0, 0, 0, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    tx.wake_due();
    Ok(())
}

/// Claims up to `limit` items whose time has come, of one workspace or of all.
pub async fn claim(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<Claimed>, DbErr> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, LEASE_S);
    let skip_locked = dialect::skip_locked(backend);
    let whose = if workspace.is_some() {
        "workspace_id = $2 AND"
    } else {
        ""
    };
    let query = Query::new(format!(
        "UPDATE due_item SET state = 'RUNNING', fence = fence + 1, lease_until = {until}
         WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM due_item
             WHERE {whose} state = 'WAITING' AND due_at <= {now}
             ORDER BY due_at LIMIT $1 {skip_locked})
         RETURNING workspace_id, id, kind, subject_id, fence, failures, crashes"
    ))
    .bind(limit);
    let query = if let Some(workspace) = workspace {
        query.bind(workspace)
    } else {
        query
    };
    query.all(ctx.db.writer()).await
}

/// Finds items whose worker died and makes them claimable again, or sets them aside when they have
/// taken too many workers down. Says how many it found.
pub async fn recover(ctx: &Ctx) -> Result<usize> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let skip_locked = dialect::skip_locked(backend);
    let found: Vec<Claimed> = Query::new(format!(
        "UPDATE due_item SET crashes = crashes + 1, lease_until = NULL, fence = fence + 1,
             state = CASE WHEN crashes + 1 >= {MAX_CRASHES} THEN 'QUARANTINED' ELSE 'WAITING' END
         WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM due_item
             WHERE state = 'RUNNING' AND lease_until < {now} LIMIT 1000 {skip_locked})
         RETURNING workspace_id, id, kind, subject_id, fence, failures, crashes"
    ))
    .all(ctx.db.writer())
    .await?;
    for item in found.iter().filter(|item| item.crashes >= MAX_CRASHES) {
        let set_aside = quarantine::Item {
            id: ctx.id(),
            work: item.kind.word(),
            item: json!({ "due_item": item.id, "subject": item.subject_id }),
            error: format!("took its worker down {} times", item.crashes),
        };
        quarantine::add(
            ctx.db.writer(),
            item.workspace_id,
            ctx.clock.now(),
            set_aside,
        )
        .await?;
    }
    Ok(found.len())
}

/// Ends an item in the transaction of its effects. False when the claim was lost: roll back.
pub async fn finish(tx: &Tx<'_>, item: &Claimed) -> Result<bool, DbErr> {
    settle(tx.connection(), item, DueState::Done, None, None).await
}

/// Puts an item back until `due_at` after an error. False when the claim was lost: roll back.
pub async fn retry(
    tx: &Tx<'_>,
    item: &Claimed,
    due_at: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbErr> {
    settle(
        tx.connection(),
        item,
        DueState::Waiting,
        Some(due_at),
        Some(error),
    )
    .await
}

async fn settle(
    connection: &impl ConnectionTrait,
    item: &Claimed,
    state: DueState,
    due_at: Option<DateTime<Utc>>,
    error: Option<&str>,
) -> Result<bool, DbErr> {
    let now = dialect::now(connection.get_database_backend());
    let touched = Query::new(format!(
        "UPDATE due_item SET state = $3, lease_until = NULL, due_at = COALESCE($4, due_at),
             failures = failures + CASE WHEN $5 IS NULL THEN 0 ELSE 1 END,
             last_error = COALESCE($5, last_error),
             finished_at = CASE WHEN $3 = 'DONE' THEN {now} ELSE NULL END
         WHERE workspace_id = $1 AND id = $2 AND state = 'RUNNING' AND fence = $6"
    ))
    .bind(item.workspace_id)
    .bind(item.id)
    .bind(state.word())
    .bind(due_at)
    .bind(error)
    .bind(item.fence)
    .execute(connection)
    .await?;
    Ok(touched == 1)
}

/// Items that are due or running, of all workspaces: what a test waits to become zero.
pub async fn pending(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let count: Option<i64> =
        Query::new("SELECT COUNT(*) FROM due_item WHERE state IN ('WAITING', 'RUNNING')")
            .scalar(connection)
            .await?;
    Ok(count.unwrap_or_default())
}

/// The workspaces that have items due now, for the sweep.
pub async fn waiting_workspaces(ctx: &Ctx) -> Result<Vec<WorkspaceId>, DbErr> {
    let now = dialect::now(ctx.db.backend());
    Query::new(format!(
        "SELECT DISTINCT workspace_id FROM due_item WHERE state = 'WAITING' AND due_at <= {now}"
    ))
    .column(ctx.reader())
    .await
}
