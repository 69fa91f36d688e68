//! Looking at operations, and cancelling them.

use entity::{
    id::{OperationId, WorkspaceId},
    kind::{OperationKind, OperationState},
    operation,
};
use sea_orm::EntityTrait as _;

use super::record;
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Keyset, Page, PageRequest},
    store::{Query, rows_by_id},
};

const NEWEST: Keyset = Keyset {
    order: "operation",
    key: None,
    id: "o.id",
    descending: true,
};

/// Which operations a list has; every part given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperationFilter {
    /// Standing so.
    pub state: Option<OperationState>,
    /// Doing this.
    pub kind: Option<OperationKind>,
}

/// A page of the workspace's operations, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: OperationFilter,
    page: &PageRequest,
) -> Result<Page<(String, operation::Model)>> {
    let mut query =
        Query::new("SELECT o.* FROM operation o WHERE o.workspace_id = $1").bind(workspace);
    if let Some(state) = filter.state {
        let state = query.arg(state.word());
        query.push(&format!(" AND o.state = {state}"));
    }
    if let Some(kind) = filter.kind {
        let kind = query.arg(kind.word());
        query.push(&format!(" AND o.kind = {kind}"));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &operation::Model| row.id)
        .await
}

/// The operation, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: OperationId,
) -> Result<Option<operation::Model>> {
    Ok(operation::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The operations among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[OperationId],
) -> Result<Vec<operation::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// Stops an operation after the step that is under way; what it has done stays done.
pub async fn cancel(ctx: &Ctx, actor: &Actor, id: OperationId) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let cancelled: Option<operation::Model> = Query::new(
        "UPDATE operation SET state = 'CANCELLED', finished_at = $3
         WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL
           AND kind NOT IN ('BUILD_SEGMENTS', 'NARROW_TAG_GROUP')
         RETURNING *",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    let Some(cancelled) = cancelled else {
        let found = operation::Entity::find_by_id((tx.workspace, id))
            .one(tx.connection())
            .await?
            .ok_or_else(|| Error::not_found(&["id"], "operation"))?;
        let message = if found.finished_at.is_some() {
            "This operation has come to an end already."
        } else if found.kind == OperationKind::NarrowTagGroup {
            // The group would say that it allows one value, and things would carry several.
            "A group is brought to one value to the end. Let it allow several again instead."
        } else {
            // Half of a segment's members would stay what an older condition made of them.
            "Segments are always evaluated to the end. Change or delete the segment instead."
        };
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    };
    record(&mut tx, actor.origin(), id);
    tx.commit().await?;
    Ok(cancelled)
}
