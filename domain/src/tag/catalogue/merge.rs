//! Merging tags into another: everything that named them names it from then on.
//!
//! Taggings keep their intervals and remember the tag they were made with; where a thing carries
//! both, the merged one ends and the other goes on, and stays for the segments of both. Tags below
//! follow, and those of one name are merged in turn. The merged tags stay as deleted rows that say
//! what they became. All of it is noted on the way (`merge_note`), so that it can be undone (`unmerge`).

use std::collections::HashMap;

use entity::{
    id::{TagId, TagMergeId},
    kind::TagKind,
    tag,
};
use sea_orm::FromQueryResult;

use super::{
    DEPTH_LIMIT,
    check::{self, Tree},
    graft, hold,
    merge_note::{self as note, Before, Pair},
    referrer::{self, Merged},
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::{Record, Who},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx},
    tag::{
        group::selection,
        tagging::{joined_by, outlasts},
    },
    work::change::{Change, Fact},
};

/// Tags one call may merge.
pub const MERGE_LIMIT: usize = 100;

/// What is to become one tag.
#[derive(Debug, Clone)]
pub struct Merge {
    /// The tags that go.
    pub sources: Vec<TagId>,
    /// The tag that stays.
    pub target: TagId,
    /// Where things would carry several values of a group that allows one: keep the one put on last
    /// and take the others off, rather than refuse.
    pub keep_newest: bool,
}

/// What came of a merge.
#[derive(Debug, Clone)]
pub struct MergeDone {
    /// The merge, by which it can be undone.
    pub merge: TagMergeId,
    /// The tag that stayed, as it is now.
    pub tag: tag::Model,
}

/// Merges tags into another.
pub async fn merge(ctx: &Ctx, actor: &Actor, merge: Merge) -> Result<MergeDone> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let done = merge_within(&mut tx, actor.into(), &merge).await?;
    tx.commit().await?;
    Ok(done)
}

/// Merges tags in a transaction that does more than that. A refusal may come after something was
/// written: whoever goes on with the transaction then has to undo it.
pub(crate) async fn merge_within(tx: &mut Tx<'_>, who: Who, merge: &Merge) -> Result<MergeDone> {
    hold(tx).await?;
    let target = check::usable_target(Tree::of(tx), merge.target).await?;
    let sources = sources(Tree::of(tx), merge, &target).await?;
    graft::lock(tx, &sources, &[target.id], target.group_id).await?;
    let id = note::begin(tx, who.origin, merge).await?;
    let mut merging = Merging {
        id,
        origin: who.origin,
        merged: Vec::new(),
    };
    for source in sources {
        // One of the same name may have taken it in already.
        if !merging.merged.iter().any(|merged| merged.source == source) {
            merging.join(tx, source, &target).await?;
        }
    }
    merging.finish(tx, target.kind).await?;
    refuse_too_deep(tx, target.id).await?;
    if merge.keep_newest {
        note::surplus(tx, id, target.group_id).await?;
    }
    selection::settle(
        tx,
        who.origin,
        target.group_id,
        merge.keep_newest,
        "targetId",
    )
    .await?;
    selection::mark_subtree(tx, target.id).await?;
    let target = check::existing(Tree::of(tx), target.id, &["targetId"]).await?;
    tx.record(Change::new(
        who.origin,
        None,
        Fact::TagChanged { tag_id: target.id },
    ));
    let said = serde_json::json!({ "merged": merge.sources });
    tx.audit(who, Record::made("tag.merge", target.id, said));
    Ok(MergeDone {
        merge: id,
        tag: target,
    })
}

/// The sources, deepest first, or what is wrong with them.
pub(super) async fn sources(
    tree: Tree<'_>,
    merge: &Merge,
    target: &tag::Model,
) -> Result<Vec<TagId>> {
    if merge.sources.is_empty() {
        let message = "Name at least one tag to merge.";
        return Err(Error::refused(
            &["sourceIds"],
            UserErrorCode::Required,
            message,
        ));
    }
    if merge.sources.len() > MERGE_LIMIT {
        let message = format!("Merge at most {MERGE_LIMIT} tags at once.");
        return Err(Error::refused(
            &["sourceIds"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let above_target = check::ancestors(tree, target.id).await?;
    let mut errors = Vec::new();
    let mut depths: Vec<(usize, TagId)> = Vec::new();
    for (index, &id) in merge.sources.iter().enumerate() {
        let found = check::find(tree, id).await?;
        let (code, message) = match found {
            None => (UserErrorCode::NotFound, "There is no such tag."),
            Some(_) if id == target.id => {
                (UserErrorCode::Cycle, "A tag cannot be merged into itself.")
            }
            Some(_) if above_target.contains(&id) => (
                UserErrorCode::Cycle,
                "The target is below this tag. Move it out first, or merge the other way round.",
            ),
            Some(source) if source.kind != target.kind => (
                UserErrorCode::KindMismatch,
                "Only tags of the same kind can be merged.",
            ),
            Some(_) if depths.iter().any(|(_, seen)| *seen == id) => {
                (UserErrorCode::Invalid, "This tag is already listed.")
            }
            Some(_) => {
                depths.push((check::ancestors(tree, id).await?.len(), id));
                continue;
            }
        };
        let index = index.to_string();
        errors.push(UserError::new(&["sourceIds", &index], code, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    depths.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    Ok(depths.into_iter().map(|(_, id)| id).collect())
}

#[derive(FromQueryResult)]
struct Child {
    id: TagId,
    name_key: String,
}

/// Merges under way.
struct Merging {
    id: TagMergeId,
    origin: Origin,
    merged: Vec<Merged>,
}

impl Merging {
    /// Merges `source` into `target`, those below first.
    async fn join(&mut self, tx: &mut Tx<'_>, source: TagId, target: &tag::Model) -> Result<()> {
        let found = check::find(Tree::of(tx), source).await?;
        let mut before = Before {
            archived_at: found.and_then(|found| found.archived_at),
            ..Before::default()
        };
        // From here on its name is free for a tag below it.
        mark_deleted(tx, source).await?;
        let taken: HashMap<String, TagId> = children(tx, target.id)
            .await?
            .into_iter()
            .map(|child| (child.name_key, child.id))
            .collect();
        for child in children(tx, source).await? {
            if let Some(&twin) = taken.get(&child.name_key)
                && twin != child.id
            {
                let twin = check::existing(Tree::of(tx), twin, &["targetId"]).await?;
                Box::pin(self.join(tx, child.id, &twin)).await?;
            } else {
                rehang(tx, child.id, target).await?;
                before.children.push(child.id);
            }
        }
        graft::cut(tx, source).await?;
        let pair = Pair {
            merge: self.id,
            step: self.merged.len() as i64,
            source,
            target: target.id,
        };
        before.merged_before = absorb(tx, self.origin, pair).await?;
        note::step(tx, pair, &before).await?;
        self.merged.push(Merged {
            source,
            target: target.id,
        });
        Ok(())
    }

    /// Lets what named the merged tags name the others, and tells of it.
    async fn finish(&self, tx: &mut Tx<'_>, kind: TagKind) -> Result<()> {
        let replaced = referrer::replace(tx, self.origin, kind, &self.merged).await?;
        note::uses(tx, self.id, &replaced).await?;
        for merged in &self.merged {
            let fact = Fact::TagMerged {
                tag_id: merged.source,
                into_id: merged.target,
            };
            tx.record(Change::new(self.origin, None, fact));
        }
        Ok(())
    }
}

async fn mark_deleted(tx: &Tx<'_>, id: TagId) -> Result<()> {
    Query::new("UPDATE tag SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(tx.workspace)
        .bind(id)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    Ok(())
}

async fn children(tx: &Tx<'_>, parent: TagId) -> Result<Vec<Child>> {
    Ok(Query::new(
        "SELECT id, name_key FROM tag WHERE workspace_id = $1 AND parent_id = $2
           AND deleted_at IS NULL ORDER BY id",
    )
    .bind(tx.workspace)
    .bind(parent)
    .all(tx.connection())
    .await?)
}

/// Hangs a tag below `target` that no other there has the name of.
async fn rehang(tx: &Tx<'_>, child: TagId, target: &tag::Model) -> Result<()> {
    graft::cut(tx, child).await?;
    graft::hang(tx, child, target.id).await?;
    graft::regroup(tx, child, target.group_id).await?;
    Query::new(
        "UPDATE tag SET parent_id = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(child)
    .bind(target.id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives the taggings of the source, which stands alone without anything below it, to the target. Tells what had
/// been merged into the source earlier, and is said to be the target from now on.
async fn absorb(tx: &Tx<'_>, origin: Origin, pair: Pair) -> Result<Vec<TagId>> {
    let Pair { source, target, .. } = pair;
    let bound = |statement: &str| {
        Query::new(statement.replace("{SHARD}", graft::SHARD))
            .bind(tx.workspace)
            .bind(source)
            .bind(target)
    };
    note::taggings(tx, pair).await?;
    end_doubles(tx, origin, pair).await?;
    Query::new(
        "DELETE FROM tag_rank WHERE workspace_id = $1 AND tag_id = $2 AND target_id NOT IN (
             SELECT g.target_id FROM tagging g WHERE g.workspace_id = $1 AND g.tag_id = $2
               AND g.removed_at IS NULL)",
    )
    .bind(tx.workspace)
    .bind(source)
    .execute(tx.connection())
    .await?;
    graft::add_above(tx, source, target).await?;
    bound(
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, $3, g.target, {SHARD}, COUNT(*), 0 FROM tagging g
         WHERE g.workspace_id = $1 AND g.tag_id = $2 AND g.removed_at IS NULL
         GROUP BY g.target ORDER BY g.target
         ON CONFLICT (workspace_id, tag_id, target, shard)
         DO UPDATE SET direct = tag_count.direct + excluded.direct",
    )
    .execute(tx.connection())
    .await?;
    bound(
        "UPDATE tagging SET tag_id = $3, merged_from = COALESCE(merged_from, $2)
         WHERE workspace_id = $1 AND tag_id = $2",
    )
    .execute(tx.connection())
    .await?;
    let merged_before: Vec<TagId> = bound(
        "UPDATE tag SET merged_into = $3 WHERE workspace_id = $1 AND merged_into = $2
         RETURNING id",
    )
    .column(tx.connection())
    .await?;
    bury(tx, source, Some(target)).await?;
    Ok(merged_before)
}

/// Ends one of the two taggings on what carries both `source` and `target`. Where the source's is the
/// one to go on, it becomes the target's at once: the thing is counted there already.
async fn end_doubles(tx: &Tx<'_>, origin: Origin, pair: Pair) -> Result<()> {
    let Pair { source, target, .. } = pair;
    let end = async |ended: &str, other: &str, only: &str| -> Result<u64> {
        let query = Query::new(format!(
            "UPDATE tagging SET removed_at = $4, removed_by = $5, removed_reason = $6,
                    ended = 'MERGED', successor_id = (
                        SELECT g.id FROM tagging g WHERE g.workspace_id = $1 AND g.tag_id = {other}
                          AND g.target_id = tagging.target_id AND g.removed_at IS NULL)
             WHERE workspace_id = $1 AND tag_id = {ended} AND removed_at IS NULL AND EXISTS (
                 SELECT 1 FROM tagging g WHERE g.workspace_id = $1 AND g.tag_id = {other}
                   AND g.target_id = tagging.target_id AND g.removed_at IS NULL {only})"
        ));
        let query = query.bind(tx.workspace).bind(source).bind(target);
        let query = query.bind(tx.now).bind(origin.json());
        Ok(query
            .bind("merged".to_owned())
            .execute(tx.connection())
            .await?)
    };
    let only = format!("AND {}", outlasts("g", "tagging"));
    let yielded = end("$3", "$2", &only).await?;
    if yielded > 0 {
        Query::new(
            "UPDATE tagging SET tag_id = $3, merged_from = COALESCE(merged_from, $2)
             WHERE workspace_id = $1 AND tag_id = $2 AND removed_at IS NULL AND EXISTS (
                 SELECT 1 FROM tagging g WHERE g.workspace_id = $1 AND g.tag_id = $3
                   AND g.target_id = tagging.target_id AND g.successor_id = tagging.id
                   AND g.ended = 'MERGED')",
        )
        .bind(tx.workspace)
        .bind(source)
        .bind(target)
        .execute(tx.connection())
        .await?;
    }
    let ended = end("$2", "$3", "").await?;
    if yielded + ended > 0 {
        note::segments(tx, pair).await?;
        join_segments(tx, source, target).await?;
    }
    Ok(())
}

/// Lets what goes on of two taggings, where it ends by itself, stay for the segments of the other too.
async fn join_segments(tx: &Tx<'_>, source: TagId, target: TagId) -> Result<()> {
    Query::new(format!(
        "INSERT INTO tagging_segment (workspace_id, tagging_id, segment_id)
         SELECT DISTINCT g.workspace_id, g.id, w.segment_id FROM tagging t
         JOIN tagging g ON g.workspace_id = $1 AND g.id = t.successor_id
           AND g.removed_at IS NULL AND {}
         JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = t.id
           AND w.left_at IS NULL
         WHERE t.workspace_id = $1 AND t.tag_id IN ($2, $3) AND t.ended = 'MERGED'
           AND t.removed_at = $4
         ON CONFLICT (workspace_id, tagging_id, segment_id) DO UPDATE SET left_at = NULL",
        joined_by("g")
    ))
    .bind(tx.workspace)
    .bind(source)
    .bind(target)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Leaves of a tag, which stands alone and is on nothing, only its row, for the history.
pub(super) async fn bury(tx: &Tx<'_>, id: TagId, merged_into: Option<TagId>) -> Result<()> {
    for statement in [
        "DELETE FROM tag_rank WHERE workspace_id = $1 AND tag_id = $2",
        "DELETE FROM tag_count WHERE workspace_id = $1 AND tag_id = $2",
        "DELETE FROM tag_closure WHERE workspace_id = $1 AND tag_id = $2",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .bind(id)
            .execute(tx.connection())
            .await?;
    }
    Query::new(
        "UPDATE tag SET deleted_at = $3, archived_at = COALESCE(archived_at, $3), updated_at = $3,
                merged_into = $4
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(merged_into)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn refuse_too_deep(tx: &Tx<'_>, target: TagId) -> Result<()> {
    let above = check::ancestors(Tree::of(tx), target).await?.len();
    if above + check::height(Tree::of(tx), target).await? - 1 > DEPTH_LIMIT {
        return Err(Error::Refused(vec![too_deep()]));
    }
    Ok(())
}

/// The refusal of a merge that makes the tree too deep.
pub(super) fn too_deep() -> UserError {
    let message = format!("With what is below, the tree would have over {DEPTH_LIMIT} levels.");
    UserError::new(&["targetId"], UserErrorCode::LimitReached, message)
}
