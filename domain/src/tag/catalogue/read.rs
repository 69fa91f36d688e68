//! Reading tags by id, for loaders; the whole tree is a [`super::Forest`].

use entity::{
    id::{Id as _, TagId, WorkspaceId},
    kind::TagTarget,
    tag,
};
use sea_orm::FromQueryResult;

use crate::{
    ctx::Ctx,
    error::Result,
    page::Total,
    store::{Query, Rows, rows_by_id},
};

/// The tags among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[TagId]) -> Result<Vec<tag::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// A tag above another.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Ancestor {
    /// The tag asked for.
    pub tag_id: TagId,
    /// A tag on the way to the root, the asked one included.
    pub ancestor_id: TagId,
    /// The ancestor's name.
    pub name: String,
}

/// The ways from the tags among `ids` to their roots, root first; for loaders.
pub async fn load_paths(ctx: &Ctx, workspace: WorkspaceId, ids: &[TagId]) -> Result<Vec<Ancestor>> {
    Ok(Query::new(
        "SELECT l.tag_id, l.ancestor_id, t.name FROM {r}
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id
         JOIN tag t ON t.workspace_id = $1 AND t.id = l.ancestor_id
         ORDER BY l.tag_id, l.distance DESC",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// How many things of one kind carry a tag.
#[derive(Debug, Clone, FromQueryResult)]
pub struct TagCount {
    /// The tag.
    pub tag_id: TagId,
    /// The kind of things counted.
    pub target: TagTarget,
    /// Those that carry this very tag.
    pub direct: i64,
    /// Those that carry it or a tag below it, each counted once.
    pub total: i64,
}

/// The counters of the tags among `ids`; for loaders.
pub async fn load_counts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TagId],
) -> Result<Vec<TagCount>> {
    Ok(Query::new(
        "SELECT n.tag_id, n.target, CAST(SUM(n.direct) AS bigint) AS direct,
                CAST(SUM(n.total) AS bigint) AS total
         FROM {r} JOIN tag_count n ON n.workspace_id = $1 AND n.tag_id = r.id
         GROUP BY n.tag_id, n.target",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().map(|id| id.uuid())))
    .all(ctx.reader())
    .await?)
}

/// How many things of one kind carry the tag or one below it, from its counters.
pub(crate) fn count_of(workspace: WorkspaceId, tag: TagId, target: TagTarget) -> Total {
    Total::Statement(
        Query::new(
            "SELECT CAST(COALESCE(SUM(total), 0) AS bigint) FROM tag_count
             WHERE workspace_id = $1 AND tag_id = $2 AND target = $3",
        )
        .bind(workspace)
        .bind(tag)
        .bind(target.word()),
    )
}
