//! The rules and playbooks that notify a target.
//!
//! The API lists them ([`list`]) for whoever wants to delete the target; `manage` asks (`of`) before it
//! deletes one.

use entity::id::{TargetId, WorkspaceId};

use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    naming::{self, Naming},
    store::Transaction,
};

/// Everything that notifies `target`, whether it is paused or not.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, target: TargetId) -> Result<Vec<Naming>> {
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, target).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that notifies `target`, as a transaction sees it: rules in their order, then playbooks.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    target: TargetId,
) -> Result<Vec<Naming>> {
    let names = |reference: &Reference| {
        reference.kind == IdKind::NotificationTarget && reference.id == target.0
    };
    naming::all(connection, workspace, names).await
}
