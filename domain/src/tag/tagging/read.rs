//! Reading taggings: what holds on a thing, and what ever held.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    id::{TaggingId, WorkspaceId},
    tag, tagging,
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows},
    tag::catalogue,
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

/// A tagging that holds, with its tag.
#[derive(Debug, Clone)]
pub struct TaggingWithTag {
    /// The tagging.
    pub tagging: tagging::Model,
    /// Its tag, shared with the other taggings that were read with it.
    pub tag: Arc<tag::Model>,
}

/// The taggings of the things among `ids` that hold now, each with its tag, by thing and oldest
/// first; one statement for a whole list, unless the tree of tags has changed since it was read last. Many
/// things carry few different tags, and a tag has more columns than its tagging: tags come from the tree
/// that is kept in the process, of the version the statement has seen.
pub async fn load_with_tags(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<TaggingWithTag>>> {
    let rows = Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id, g.added_at, g.added_by, g.added_reason,
                g.expires_at, g.single_group_id, g.rule_id, g.merged_from,
                (SELECT w.tags_version FROM workspace w WHERE w.id = $1)
         FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id
           AND g.removed_at IS NULL",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    let Some(first) = rows.first() else {
        return Ok(HashMap::new());
    };
    let forest = catalogue::of_version(ctx, workspace, first.try_get_by_index(11)?).await?;
    let mut by_thing: HashMap<Uuid, Vec<_>> = HashMap::with_capacity(ids.len());
    for row in &rows {
        let tagging = read_tagging(workspace, row)?;
        // A tag that was deleted in between takes its taggings along.
        let Some(tag) = forest.get(tagging.tag_id).map(Arc::clone) else {
            continue;
        };
        let mine = by_thing.entry(tagging.target_id).or_default();
        mine.push(TaggingWithTag { tagging, tag });
    }
    for mine in by_thing.values_mut() {
        mine.sort_unstable_by_key(|one| one.tagging.id);
    }
    Ok(by_thing)
}

/// The columns 0 to 10 of a row above: a tagging that holds.
fn read_tagging(workspace: WorkspaceId, row: &QueryResult) -> Result<tagging::Model, DbErr> {
    Ok(tagging::Model {
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
        expires_at: row.try_get_by_index(7)?,
        single_group_id: row.try_get_by_index(8)?,
        rule_id: row.try_get_by_index(9)?,
        ended: None,
        successor_id: None,
        merged_from: row.try_get_by_index(10)?,
    })
}
