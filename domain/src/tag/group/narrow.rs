//! Bringing a group of very many taggings to one value on each thing, as an operation.
//!
//! The group allows one value from the moment it is asked for: whoever tags from then on replaces. What
//! was there before is gone through in batches: on each thing the newest value stays, the others come off,
//! and what stays is marked, so that a unique index holds the thing to it. A thing may move behind the
//! place the operation has come to, when contacts are merged; so it goes through the group again until
//! nothing is left unmarked.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{TagGroupId, TagId},
    kind::{OperationKind, TagSelection, TagTarget},
    operation, tag_group,
};
use sea_orm::{EntityTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::selection::one_value;
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    operation::{Kind, NewOperation, Step, start},
    store::{Query, Rows, Tx},
    tag::{
        Request,
        tagging::{self, hold_tags, hold_things},
    },
};

/// Taggings looked at in one step.
const BATCH: usize = 1_000;

/// Brings a group to one value on each thing.
#[derive(Debug, Clone, Copy)]
pub struct NarrowTagGroup;

/// What is asked for, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    group_id: TagGroupId,
}

/// How far it is, as stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The tag it has come to, in the order of ids; the first if none.
    tag: Option<TagId>,
    /// The moment among the taggings of that tag.
    after: Option<DateTime<Utc>>,
    /// Whether something was found since it began with the first tag.
    found: bool,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    /// Values taken off for the sake of newer ones.
    removed: i64,
}

/// Asks for it, in the transaction in which the group came to allow one value and which keeps everybody
/// from tagging with it.
pub(super) async fn ask(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    group_id: TagGroupId,
) -> Result<operation::Model> {
    let new = NewOperation {
        kind: OperationKind::NarrowTagGroup,
        request: json!(Asked { group_id }),
        total: None,
        dry_run: false,
        origin,
    };
    start(ctx, tx, new).await
}

#[async_trait]
impl Kind for NarrowTagGroup {
    fn kind(&self) -> OperationKind {
        OperationKind::NarrowTagGroup
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        let asked: Asked = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress = serde_json::from_value(operation.progress.clone())?;
        let tags = tags_of(tx, asked.group_id).await?;
        // Neither the group nor what is in it changes before the end of the step.
        hold_tags(tx, tags.iter().copied()).await?;
        let group = tag_group::Entity::find_by_id((tx.workspace, asked.group_id))
            .one(tx.connection())
            .await?
            .filter(|group| group.selection == TagSelection::Single);
        let Some(group) = group else {
            // It allows several again: there is nothing to be done any more.
            return Ok(Step {
                progress: json!(progress),
                is_last: true,
                ..Step::default()
            });
        };
        let total = match operation.total {
            Some(_) => None,
            None => Some(count(tx, group.id).await?),
        };
        let things = next(tx, &tags, &mut progress).await?;
        let came_round = progress.tag.is_none();
        progress.found |= !things.is_empty();
        let is_last = came_round && !progress.found;
        if came_round {
            progress.found = false;
        }
        hold_things(tx, things.iter().copied()).await?;
        let ids: BTreeSet<Uuid> = things.into_iter().map(|(_, id)| id).collect();
        let surplus = surplus(tx, group.id, &ids).await?;
        let origin = serde_json::from_value(operation.created_by.clone())?;
        let reason = one_value(origin, &group);
        let removed = tagging::remove(ctx, tx, &reason, &surplus).await? as i64;
        let marked = mark(tx, group.id, &ids).await?;
        progress.counts.removed += removed;
        Ok(Step {
            progress: json!(progress),
            total,
            done: removed + marked,
            failed: 0,
            is_last,
        })
    }
}

/// The tags of a group in the order of their ids, archived ones too.
async fn tags_of(tx: &Tx<'_>, group: TagGroupId) -> Result<Vec<TagId>> {
    Ok(
        Query::new("SELECT id FROM tag WHERE workspace_id = $1 AND group_id = $2 ORDER BY id")
            .bind(tx.workspace)
            .bind(group)
            .column(tx.connection())
            .await?,
    )
}

/// How many taggings there are to be gone through.
async fn count(tx: &Tx<'_>, group: TagGroupId) -> Result<i64> {
    let count: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM tag t
         JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = t.id AND g.removed_at IS NULL
           AND g.single_group_id IS NULL
         WHERE t.workspace_id = $1 AND t.group_id = $2",
    )
    .bind(tx.workspace)
    .bind(group)
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

#[derive(FromQueryResult)]
struct Unmarked {
    target: TagTarget,
    target_id: Uuid,
    added_at: DateTime<Utc>,
}

/// The things of the next taggings that are not marked, and where it goes on behind them: at no tag when
/// it has come to the end.
async fn next(
    tx: &Tx<'_>,
    tags: &[TagId],
    progress: &mut Progress,
) -> Result<HashSet<(TagTarget, Uuid)>> {
    let mut things = HashSet::new();
    let (mut room, from) = (BATCH, progress.tag);
    for &tag in tags
        .iter()
        .filter(|&&tag| from.is_none_or(|from| from <= tag))
    {
        if Some(tag) != from {
            progress.after = None;
        }
        // Those of that same moment that were not reached yet are still unmarked.
        let after = progress.after.unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
        let found: Vec<Unmarked> = Query::new(format!(
            "SELECT g.target, g.target_id, g.added_at FROM tagging g
             WHERE g.workspace_id = $1 AND g.tag_id = $2 AND g.added_at >= $3
               AND g.removed_at IS NULL AND g.single_group_id IS NULL
             ORDER BY g.added_at LIMIT {room}"
        ))
        .bind(tx.workspace)
        .bind(tag)
        .bind(after)
        .all(tx.connection())
        .await?;
        room -= found.len();
        let last = found.last().map(|row| row.added_at);
        things.extend(found.into_iter().map(|row| (row.target, row.target_id)));
        if room == 0 {
            progress.tag = Some(tag);
            progress.after = last;
            return Ok(things);
        }
    }
    progress.tag = None;
    progress.after = None;
    Ok(things)
}

#[derive(FromQueryResult)]
struct Surplus {
    tag_id: TagId,
    target: TagTarget,
    target_id: Uuid,
}

/// What is on the things beside a newer value of the group.
async fn surplus(tx: &Tx<'_>, group: TagGroupId, things: &BTreeSet<Uuid>) -> Result<Vec<Request>> {
    let found: Vec<Surplus> = Query::new(
        "SELECT s.tag_id, s.target, s.target_id FROM (
             SELECT g.tag_id, g.target, g.target_id,
                    ROW_NUMBER() OVER (PARTITION BY g.target_id
                                       ORDER BY g.added_at DESC, g.id DESC) AS place
             FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id
               AND g.removed_at IS NULL
             JOIN tag t ON t.workspace_id = $1 AND t.id = g.tag_id AND t.group_id = $2) s
         WHERE s.place > 1",
    )
    .bind(tx.workspace)
    .bind(group)
    .rows("r", Rows::new().uuids("id", things.iter().copied()))
    .all(tx.connection())
    .await?;
    let requests = found.into_iter().map(|row| Request {
        target: row.target,
        target_id: row.target_id,
        tag: row.tag_id,
    });
    Ok(requests.collect())
}

/// Lets the unique index hold each of the things to the one value that is left; says how many these are.
async fn mark(tx: &Tx<'_>, group: TagGroupId, things: &BTreeSet<Uuid>) -> Result<i64> {
    let marked = Query::new(
        "UPDATE tagging SET single_group_id = $2 FROM {r}
         WHERE tagging.workspace_id = $1 AND tagging.target_id = r.id
           AND tagging.removed_at IS NULL AND tagging.single_group_id IS NULL
           AND tagging.tag_id IN (
               SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.group_id = $2)",
    )
    .bind(tx.workspace)
    .bind(group)
    .rows("r", Rows::new().uuids("id", things.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(i64::try_from(marked).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({ "group_id": "group_01900000000070008000000000000001" });
        let request: Asked = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
