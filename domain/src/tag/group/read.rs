//! Reading groups.

use entity::{
    id::{TagGroupId, WorkspaceId},
    kind::TagKind,
    tag_group,
};

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, rows_by_id},
};

/// The groups of the workspace in their order, or those of one kind; archived ones only if asked for.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Option<TagKind>,
    archived: bool,
) -> Result<Vec<tag_group::Model>> {
    let mut query =
        Query::new("SELECT p.* FROM tag_group p WHERE p.workspace_id = $1").bind(workspace);
    if let Some(kind) = kind {
        let kind = query.arg(kind.word());
        query.push(&format!(" AND p.kind = {kind}"));
    }
    if !archived {
        query.push(" AND p.archived_at IS NULL");
    }
    query.push(" ORDER BY p.position, p.id");
    Ok(query.all(ctx.reader()).await?)
}

/// The groups among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TagGroupId],
) -> Result<Vec<tag_group::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
