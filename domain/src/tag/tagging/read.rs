//! Reading taggings: what holds on a thing, and what ever held.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    id::{TagId, TaggingId, WorkspaceId},
    kind::TagTarget,
    tag, tagging,
};
use sea_orm::{DbErr, QueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    contact::one_of,
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest, within},
    store::{Query, Rows, rows_by_id},
    tag::catalogue,
};

/// The taggings of the things among `ids` that hold now, oldest first; for loaders.
pub async fn load_active(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<tagging::Model>> {
    Ok(Query::new(
        "SELECT g.* FROM tagging g WHERE g.workspace_id = $1 AND {things} AND g.removed_at IS NULL
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .among("things", "g.target_id", ids.iter().copied())
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
        "SELECT g.* FROM tagging g WHERE g.workspace_id = $1 AND {things}
           AND g.added_at <= $2 AND (g.removed_at IS NULL OR g.removed_at > $2)
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .bind(at)
    .among("things", "g.target_id", ids.iter().copied())
    .all(ctx.reader())
    .await?)
}

/// The taggings among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TaggingId],
) -> Result<Vec<tagging::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
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

const NEWEST: Keyset = Keyset {
    order: "tagging",
    key: None,
    id: "g.id",
    descending: true,
};

/// A page of everything that was ever tagged on a thing, newest first, removals included.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    target: Uuid,
    page: &PageRequest,
) -> Result<Page<(String, tagging::Model)>> {
    let filter = TaggingFilter {
        thing: Some(target),
        ..TaggingFilter::default()
    };
    list(ctx, workspace, &filter, page).await
}

/// Which taggings a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaggingFilter {
    /// On this thing.
    pub thing: Option<Uuid>,
    /// On things of one of these kinds.
    pub targets: Vec<TagTarget>,
    /// With one of these tags themselves, not with those below them.
    pub tags: Vec<TagId>,
    /// Holding now, or only those that do not any more.
    pub active: Option<bool>,
    /// Holding at some moment from this one on.
    pub from: Option<DateTime<Utc>>,
    /// Holding at some moment before this one.
    pub until: Option<DateTime<Utc>>,
    /// Put on or taken off at this moment or later.
    pub changed_from: Option<DateTime<Utc>>,
}

/// A page of the workspace's taggings, newest first, removed ones included, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &TaggingFilter,
    page: &PageRequest,
) -> Result<Page<(String, tagging::Model)>> {
    let mut query =
        Query::new("SELECT g.* FROM tagging g WHERE g.workspace_id = $1").bind(workspace);
    one_of(&mut query, "g.target_id", filter.thing.into_iter());
    let targets = filter.targets.iter().map(|one| one.word());
    one_of(&mut query, "g.target", targets);
    one_of(&mut query, "g.tag_id", filter.tags.iter().copied());
    match filter.active {
        Some(true) => query.push(" AND g.removed_at IS NULL"),
        Some(false) => query.push(" AND g.removed_at IS NOT NULL"),
        None => {}
    }
    if let Some(from) = filter.from {
        let from = query.arg(from);
        query.push(&format!(
            " AND (g.removed_at IS NULL OR g.removed_at > {from})"
        ));
    }
    within(&mut query, "g.added_at", None, filter.until);
    if let Some(at) = filter.changed_from {
        let at = query.arg(at);
        query.push(&format!(
            " AND (g.added_at >= {at} OR g.removed_at >= {at})"
        ));
    }
    NEWEST
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
