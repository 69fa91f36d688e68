//! Finding tasks whose moment has passed.
//!
//! Called by every worker about once a second. One look at an index says whether there is anything to
//! do; a bounded batch at a time is marked, by turns in each workspace, each with its entry in the change
//! log, so that each passing is told once however many workers look.

use entity::id::{ContactId, TaskId, WorkspaceId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, dialect},
    work::{
        change::{Change, Fact},
        rounds::Rounds,
    },
};

/// Tasks marked in one transaction.
const BATCH: i64 = 500;

#[derive(FromQueryResult)]
struct Late {
    id: TaskId,
    contact_id: Option<ContactId>,
}

/// Marks every open task whose due moment has passed, in all workspaces, while `goes_on`; says how
/// many.
pub async fn find_overdue(ctx: &Ctx, goes_on: &(dyn Fn() -> bool + Sync)) -> Result<usize> {
    let mut count = 0;
    let mut rounds = Rounds::default();
    while goes_on() {
        let workspace: Option<WorkspaceId> = Query::new(
            "SELECT workspace_id FROM task
             WHERE status = 'OPEN' AND overdue_at IS NULL AND due_at IS NOT NULL AND due_at <= $1
               AND NOT {had}
             ORDER BY due_at LIMIT 1",
        )
        .bind(ctx.clock.now())
        .among("had", "workspace_id", rounds.had())
        .scalar(ctx.reader())
        .await?;
        let Some(workspace) = workspace else {
            if rounds.begin_next() {
                continue;
            }
            return Ok(count);
        };
        let marked = batch(ctx, workspace).await?;
        rounds.note(workspace, marked);
        count += marked;
    }
    Ok(count)
}

async fn batch(ctx: &Ctx, workspace: WorkspaceId) -> Result<usize> {
    let mut tx = ctx.begin(workspace).await?;
    let skip_locked = dialect::skip_locked(tx.connection().get_database_backend());
    let mut late: Vec<Late> = Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT id FROM task
             WHERE workspace_id = $1 AND status = 'OPEN' AND overdue_at IS NULL
               AND due_at IS NOT NULL AND due_at <= $2
             ORDER BY due_at LIMIT {BATCH} {skip_locked})
         UPDATE task SET overdue_at = $2
         WHERE workspace_id = $1 AND id IN (SELECT id FROM picked)
         RETURNING id, contact_id"
    ))
    .bind(workspace)
    .bind(tx.now)
    .all(tx.connection())
    .await?;
    if late.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    late.sort_unstable_by_key(|row| row.id);
    for row in &late {
        let fact = Fact::TaskOverdue { task_id: row.id };
        tx.record(Change::new(Origin::System, row.contact_id, fact));
    }
    tx.commit().await?;
    Ok(late.len())
}
