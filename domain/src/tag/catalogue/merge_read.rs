//! Merges of tags that are kept: the list of them, and one by its id.

use chrono::{DateTime, Utc};
use entity::id::{TagId, TagMergeId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::Value;

use super::merge_note::{Before, Pair, UNDOABLE};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    page::{Keyset, Page, PageRequest},
    store::{Query, Tx},
};

/// One call that made tags one.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct TagMerge {
    /// The id.
    pub id: TagMergeId,
    /// The tag that stayed.
    pub into_id: TagId,
    /// The tags that were asked to go, as a list of ids.
    pub source_ids: Value,
    /// When.
    pub merged_at: DateTime<Utc>,
    /// By whom.
    pub merged_by: Value,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// By whom it was undone.
    pub undone_by: Option<Value>,
}

impl TagMerge {
    /// The tags that were asked to go. Those below them of the same name as one below the other went with them.
    pub fn sources(&self) -> Result<Vec<TagId>> {
        Ok(serde_json::from_value(self.source_ids.clone())?)
    }

    /// Until when it can be undone.
    pub fn undoable_until(&self) -> DateTime<Utc> {
        self.merged_at + UNDOABLE
    }
}

const COLUMNS: &str =
    "m.id, m.into_id, m.source_ids, m.merged_at, m.merged_by, m.undone_at, m.undone_by";

const NEWEST: Keyset = Keyset {
    order: "tag_merge",
    key: None,
    id: "m.id",
    descending: true,
};

/// Which merges a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct TagMergeFilter {
    /// In which this tag went, or into which another went, also below those that were named.
    pub tag: Option<TagId>,
    /// That were undone, or were not.
    pub undone: Option<bool>,
}

/// A page of merges, newest first. They are kept as long as they can be undone.
pub async fn merges(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &TagMergeFilter,
    page: &PageRequest,
) -> Result<Page<(String, TagMerge)>> {
    let mut query = Query::new(format!(
        "SELECT {COLUMNS} FROM tag_merge m WHERE m.workspace_id = $1"
    ))
    .bind(workspace);
    if let Some(tag) = filter.tag {
        let tag = query.arg(tag);
        query.push(&format!(
            " AND EXISTS (SELECT 1 FROM tag_merge_step s WHERE s.workspace_id = $1
                            AND s.merge_id = m.id AND (s.source_id = {tag} OR s.into_id = {tag}))"
        ));
    }
    match filter.undone {
        Some(true) => query.push(" AND m.undone_at IS NOT NULL"),
        Some(false) => query.push(" AND m.undone_at IS NULL"),
        None => {}
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &TagMerge| row.id)
        .await
}

/// The merge of this id, if this workspace has it.
pub async fn find_merge(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TagMergeId,
) -> Result<Option<TagMerge>> {
    find(ctx.reader(), workspace, id).await
}

/// The same, as `connection` sees it.
pub(super) async fn find(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: TagMergeId,
) -> Result<Option<TagMerge>> {
    Ok(Query::new(format!(
        "SELECT {COLUMNS} FROM tag_merge m WHERE m.workspace_id = $1 AND m.id = $2"
    ))
    .bind(workspace)
    .bind(id)
    .one(connection)
    .await?)
}

#[derive(FromQueryResult)]
struct Step {
    step: i64,
    source_id: TagId,
    into_id: TagId,
    archived_at: Option<DateTime<Utc>>,
    children: Value,
    merged_before: Value,
}

/// The pairs that a merge made one, each with what it was before, the last first.
pub(super) async fn pairs(tx: &Tx<'_>, merge: TagMergeId) -> Result<Vec<(Pair, Before)>> {
    let steps: Vec<Step> = Query::new(
        "SELECT s.step, s.source_id, s.into_id, s.archived_at, s.children, s.merged_before
         FROM tag_merge_step s WHERE s.workspace_id = $1 AND s.merge_id = $2
         ORDER BY s.step DESC",
    )
    .bind(tx.workspace)
    .bind(merge)
    .all(tx.connection())
    .await?;
    let pairs = steps.into_iter().map(|row| {
        let pair = Pair {
            merge,
            step: row.step,
            source: row.source_id,
            target: row.into_id,
        };
        let before = Before {
            archived_at: row.archived_at,
            children: serde_json::from_value(row.children)?,
            merged_before: serde_json::from_value(row.merged_before)?,
        };
        Ok::<_, Error>((pair, before))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_ids_keep_decoding() {
        let stored = json!(["tag_01900000000070008000000000000001"]);
        let ids: Vec<TagId> = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(ids), stored);
    }
}
