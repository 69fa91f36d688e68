//! What refers to a tag, shown before it is deleted.

use entity::{
    id::{TagId, WorkspaceId},
    kind::TagTarget,
    tag,
};
use sea_orm::FromQueryResult;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    check::{self, Tree},
    referrer::{self, Sought, Use},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Transaction},
};

/// How many taggings of one kind of thing there are with a tag and what is below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
pub struct TargetUsage {
    /// The kind of thing.
    pub target: TagTarget,
    /// Taggings that hold now.
    pub active: i64,
    /// Taggings that ended.
    pub past: i64,
    /// The newest change among them, so that one more and one less are told from none.
    changed_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What refers to a tag and to what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Stands for exactly this state.
    pub token: String,
    /// Taggings, by kind of thing; kinds without any are left out.
    pub taggings: Vec<TargetUsage>,
    /// The tags below, in no particular order.
    pub below: Vec<TagId>,
    /// What names one of them.
    pub uses: Vec<Use>,
}

/// What refers to the tag, if there is one.
pub async fn usage(ctx: &Ctx, workspace: WorkspaceId, id: TagId) -> Result<Option<Usage>> {
    let snapshot = ctx.db.snapshot().await?;
    let tree = Tree {
        connection: &snapshot,
        workspace,
    };
    let Some(tag) = check::find(tree, id).await? else {
        return Ok(None);
    };
    let usage = read(&snapshot, &tag).await?;
    snapshot.rollback().await?;
    Ok(Some(usage))
}

/// What refers to `tag`, as `connection` sees it. Counts, because it is asked rarely and must be
/// exact to the last tagging that ended.
pub(super) async fn read(connection: &Transaction, tag: &tag::Model) -> Result<Usage> {
    let mut subtree: Vec<TagId> = Query::new(
        "SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2
         ORDER BY tag_id",
    )
    .bind(tag.workspace_id)
    .bind(tag.id)
    .column(connection)
    .await?;
    let taggings: Vec<TargetUsage> = Query::new(
        "SELECT g.target, COUNT(*) - COUNT(g.removed_at) AS active, COUNT(g.removed_at) AS past,
                MAX(COALESCE(g.removed_at, g.added_at)) AS changed_at
         FROM tag_closure l
         JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = l.tag_id
         WHERE l.workspace_id = $1 AND l.ancestor_id = $2
         GROUP BY g.target ORDER BY g.target",
    )
    .bind(tag.workspace_id)
    .bind(tag.id)
    .all(connection)
    .await?;
    let uses = referrer::uses(connection, tag.workspace_id, Sought::Tags(&subtree)).await?;
    let token = token(tag, &subtree, &taggings, &uses)?;
    subtree.retain(|below| *below != tag.id);
    Ok(Usage {
        token,
        taggings,
        below: subtree,
        uses,
    })
}

fn token(
    tag: &tag::Model,
    subtree: &[TagId],
    taggings: &[TargetUsage],
    uses: &[Use],
) -> Result<String> {
    let state = serde_json::to_vec(&(tag.id, tag.updated_at, subtree, taggings, uses))?;
    Ok(hex::encode(&Sha256::digest(state)[..16]))
}
