//! Reading taggings: what holds on a thing, and what ever held.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{TaggingId, WorkspaceId},
    tag, tagging,
};
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows},
};

/// The taggings of the things among `ids` that hold now, oldest first; for loaders.
pub async fn load_active(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<tagging::Model>> {
    Ok(Query::new(
        "SELECT g.* FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id
           AND g.removed_at IS NULL
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// The taggings of the things among `ids` that held at a moment, oldest first; for loaders. What began
/// at that very moment held, what ended at it did not.
pub async fn load_at(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> Result<Vec<tagging::Model>> {
    Ok(Query::new(
        "SELECT g.* FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id
           AND g.added_at <= $2 AND (g.removed_at IS NULL OR g.removed_at > $2)
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .bind(at)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// The taggings among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TaggingId],
) -> Result<Vec<tagging::Model>> {
    Ok(
        Query::new("SELECT g.* FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
}

/// The tagging, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TaggingId,
) -> Result<Option<tagging::Model>> {
    Ok(
        Query::new("SELECT * FROM tagging WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .one(ctx.reader())
            .await?,
    )
}

/// A page of everything that was ever tagged on a thing, newest first, removals included.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    target: Uuid,
    page: &PageRequest,
) -> Result<Page<(String, tagging::Model)>> {
    let keyset = Keyset {
        order: "tagging",
        key: None,
        id: "g.id",
        descending: true,
    };
    let query =
        Query::new("SELECT g.* FROM tagging g WHERE g.workspace_id = $1 AND g.target_id = $2")
            .bind(workspace)
            .bind(target);
    keyset
        .list_by_id(ctx, query, page, |row: &tagging::Model| row.id)
        .await
}

/// The taggings of the things among `ids` that hold now, each with its tag, by thing and oldest
/// first; one statement for a whole list.
pub async fn load_with_tags(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(tagging::Model, tag::Model)>>> {
    let rows = Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id, g.added_at, g.added_by, g.added_reason,
                t.kind, t.parent_id, t.name, t.name_key, t.description, t.colour, t.created_by,
                t.created_at, t.updated_at, t.archived_at, t.group_id, t.position, t.merged_into,
                t.deleted_at, g.expires_at, g.single_group_id, g.rule_id, g.merged_from
         FROM {r}
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id AND g.removed_at IS NULL
         JOIN tag t ON t.workspace_id = $1 AND t.id = g.tag_id
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    let mut by_thing: HashMap<Uuid, Vec<_>> = HashMap::with_capacity(ids.len());
    for row in rows {
        let tagging = tagging::Model {
            workspace_id: workspace,
            id: row.try_get_by_index(0)?,
            tag_id: row.try_get_by_index(1)?,
            target: row.try_get_by_index(2)?,
            target_id: row.try_get_by_index(3)?,
            added_at: row.try_get_by_index(4)?,
            added_by: row.try_get_by_index(5)?,
            added_reason: row.try_get_by_index(6)?,
            removed_at: None,
            removed_by: None,
            removed_reason: None,
            expires_at: row.try_get_by_index(21)?,
            single_group_id: row.try_get_by_index(22)?,
            rule_id: row.try_get_by_index(23)?,
            ended: None,
            successor_id: None,
            merged_from: row.try_get_by_index(24)?,
        };
        let tag = tag::Model {
            workspace_id: workspace,
            id: tagging.tag_id,
            kind: row.try_get_by_index(7)?,
            parent_id: row.try_get_by_index(8)?,
            name: row.try_get_by_index(9)?,
            name_key: row.try_get_by_index(10)?,
            description: row.try_get_by_index(11)?,
            colour: row.try_get_by_index(12)?,
            created_by: row.try_get_by_index(13)?,
            created_at: row.try_get_by_index(14)?,
            updated_at: row.try_get_by_index(15)?,
            archived_at: row.try_get_by_index(16)?,
            group_id: row.try_get_by_index(17)?,
            position: row.try_get_by_index(18)?,
            merged_into: row.try_get_by_index(19)?,
            deleted_at: row.try_get_by_index(20)?,
        };
        by_thing
            .entry(tagging.target_id)
            .or_default()
            .push((tagging, tag));
    }
    Ok(by_thing)
}
