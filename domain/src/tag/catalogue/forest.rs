//! All tags of a workspace at once, kept in the process until the tree changes.
//!
//! The tree is read far more often than it is changed, whole, by every page that offers tags to
//! choose from. Its version is read with every question; only when it differs from the one that was
//! read last are the tags read again. Counters change with every tagging, so they are never kept.

use std::{collections::HashMap, sync::Arc};

use entity::{
    id::{TagGroupId, TagId, WorkspaceId},
    kind::{TagKind, TagTarget},
    tag, tag_group,
};
use sea_orm::FromQueryResult as _;

use super::read::TagCount;
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Kept, Query},
    tag::group,
};

/// Workspaces whose trees are kept.
type Cache = Kept<Forest, 64>;

/// All tags of a workspace that are not deleted, and its groups.
#[derive(Debug, Default)]
pub struct Forest {
    version: i64,
    tags: Vec<Arc<tag::Model>>,
    places: HashMap<TagId, usize>,
    /// The places of the tags directly below each, in their order.
    below: HashMap<TagId, Vec<usize>>,
    groups: HashMap<TagGroupId, tag_group::Model>,
}

/// Which tags of a tree are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForestFilter {
    /// Only of this kind.
    pub kind: Option<TagKind>,
    /// Only of this group.
    pub group: Option<TagGroupId>,
    /// Archived ones too.
    pub archived: bool,
}

impl Forest {
    /// Those that are wanted, by their place among their siblings and their names.
    pub fn list(&self, filter: ForestFilter) -> impl Iterator<Item = &Arc<tag::Model>> {
        self.tags.iter().filter(move |tag| {
            filter.kind.is_none_or(|kind| tag.kind == kind)
                && (filter.group.is_none() || tag.group_id == filter.group)
                && (filter.archived || tag.archived_at.is_none())
        })
    }

    /// The tag, if it is one of them.
    pub fn get(&self, id: TagId) -> Option<&Arc<tag::Model>> {
        self.tags.get(*self.places.get(&id)?)
    }

    /// Those directly below a tag, by their place among their siblings and their names.
    pub fn children(&self, id: TagId) -> impl Iterator<Item = &Arc<tag::Model>> {
        let places = self.below.get(&id).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&place| self.tags.get(place))
    }

    /// The group, if it is one of them.
    pub fn group(&self, id: TagGroupId) -> Option<&tag_group::Model> {
        self.groups.get(&id)
    }

    /// All groups, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = &tag_group::Model> {
        self.groups.values()
    }

    /// The names from the root to `tag`.
    pub fn path(&self, tag: &tag::Model) -> Vec<String> {
        let mut names = vec![tag.name.clone()];
        let mut above = tag.parent_id;
        // No way is longer than there are tags, whatever the rows say.
        while let Some(parent) = above.and_then(|id| self.get(id))
            && names.len() <= self.tags.len()
        {
            names.push(parent.name.clone());
            above = parent.parent_id;
        }
        names.reverse();
        names
    }

    fn new(version: i64, mut tags: Vec<tag::Model>, groups: Vec<tag_group::Model>) -> Self {
        tags.sort_by(|a, b| (a.position, &a.name_key, a.id).cmp(&(b.position, &b.name_key, b.id)));
        let mut below: HashMap<TagId, Vec<usize>> = HashMap::new();
        for (place, tag) in tags.iter().enumerate() {
            if let Some(parent) = tag.parent_id {
                below.entry(parent).or_default().push(place);
            }
        }
        Self {
            version,
            below,
            places: tags
                .iter()
                .enumerate()
                .map(|(place, tag)| (tag.id, place))
                .collect(),
            tags: tags.into_iter().map(Arc::new).collect(),
            groups: groups.into_iter().map(|group| (group.id, group)).collect(),
        }
    }
}

/// Counters by tag and kind of thing.
pub type Counts = HashMap<(TagId, TagTarget), TagCount>;

/// The workspace's tree. One statement, unless it has changed.
pub async fn forest(ctx: &Ctx, workspace: WorkspaceId) -> Result<Arc<Forest>> {
    let version = Query::new("SELECT tags_version FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar(ctx.reader())
        .await?;
    of_version(ctx, workspace, version.unwrap_or_default()).await
}

/// The workspace's tree and all its counters. One statement, unless the tree has changed.
pub async fn counted(ctx: &Ctx, workspace: WorkspaceId) -> Result<(Arc<Forest>, Counts)> {
    let rows = Query::new(
        "SELECT w.tags_version, n.tag_id, n.target, CAST(SUM(n.direct) AS bigint),
                CAST(SUM(n.total) AS bigint)
         FROM workspace w LEFT JOIN tag_count n ON n.workspace_id = w.id
         WHERE w.id = $1 GROUP BY w.tags_version, n.tag_id, n.target",
    )
    .bind(workspace)
    .raw(ctx.reader())
    .await?;
    let mut version = 0;
    let mut counts = HashMap::with_capacity(rows.len());
    for row in rows {
        version = row.try_get_by_index(0)?;
        let tag: Option<TagId> = row.try_get_by_index(1)?;
        let target: Option<TagTarget> = row.try_get_by_index(2)?;
        let (Some(tag_id), Some(target)) = (tag, target) else {
            continue;
        };
        let count = TagCount {
            tag_id,
            target,
            direct: row.try_get_by_index(3)?,
            total: row.try_get_by_index(4)?,
        };
        counts.insert((tag_id, target), count);
    }
    Ok((of_version(ctx, workspace, version).await?, counts))
}

/// The workspace's tree as it was at `version`, or newer; no statement if that is the one kept.
pub(crate) async fn of_version(
    ctx: &Ctx,
    workspace: WorkspaceId,
    version: i64,
) -> Result<Arc<Forest>> {
    let cache = ctx.db.remembered::<Cache>();
    if let Some(forest) = cache.get(workspace, version) {
        return Ok(forest);
    }
    let forest = Arc::new(load(ctx, workspace).await?);
    cache.put(workspace, forest.version, forest.clone());
    Ok(forest)
}

/// Reads version and tags in one statement, so that they belong together. The groups come after: a
/// change of them meanwhile has raised the version, so that the next question reads them again.
async fn load(ctx: &Ctx, workspace: WorkspaceId) -> Result<Forest> {
    let rows = Query::new(
        "SELECT w.tags_version, t.* FROM workspace w
         JOIN tag t ON t.workspace_id = w.id AND t.deleted_at IS NULL
         WHERE w.id = $1",
    )
    .bind(workspace)
    .raw(ctx.reader())
    .await?;
    let mut version = -1;
    let mut tags = Vec::with_capacity(rows.len());
    for row in rows {
        version = row.try_get("", "tags_version")?;
        tags.push(tag::Model::from_query_result(&row, "")?);
    }
    let groups = group::list(ctx, workspace, None, true).await?;
    Ok(Forest::new(version, tags, groups))
}
