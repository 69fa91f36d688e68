//! What a merge of tags writes down while it is done, so that it can be undone.
//!
//! Called by [`super::merge`] in its transaction; `unmerge` reads it, and the night forgets it. Taggings are noted
//! by statements that never bring them here: a merge of a million costs one more index. Nothing here changes a tag
//! or a tagging.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{TagGroupId, TagId, TagMergeId};
use sea_orm::DbErr;
use serde_json::json;

use super::{
    Merge,
    referrer::{Replaced, UseKind},
};
use crate::{
    access::Origin,
    error::{Error, Result},
    store::{Query, Rows, Tx},
    tag::tagging::joined_by,
};

/// How long a merge can be undone; what was noted for that is forgotten afterwards.
pub const UNDOABLE: TimeDelta = TimeDelta::days(90);

/// Things that named a tag, noted by one statement.
const USES_AT_ONCE: usize = 500;

/// A pair of tags that a merge is making one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The merge.
    pub(super) merge: TagMergeId,
    /// Which of its pairs, counted from 0 in the order in which they are made one.
    pub(super) step: i64,
    /// The tag that goes.
    pub(super) source: TagId,
    /// The tag that takes it in.
    pub(super) target: TagId,
}

/// What a pair was before, besides its taggings.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// When the tag that goes was archived, if it was.
    pub(super) archived_at: Option<DateTime<Utc>>,
    /// The tags below it that come to hang below the other.
    pub(super) children: Vec<TagId>,
    /// The tags that were merged into it earlier, and are said to be the other from now on.
    pub(super) merged_before: Vec<TagId>,
}

/// Begins to write `merge` down. The tree is held: its version tells which of two merges came first, where their
/// moments may be those of transactions that waited for each other.
pub(super) async fn begin(tx: &Tx<'_>, origin: Origin, merge: &Merge) -> Result<TagMergeId> {
    let id: TagMergeId = tx.id();
    Query::new(
        "INSERT INTO tag_merge (workspace_id, id, number, into_id, source_ids, merged_at, merged_by)
         SELECT w.id, $2, w.tags_version, $3, $4, $5, $6 FROM workspace w WHERE w.id = $1",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(merge.target)
    .bind(json!(merge.sources))
    .bind(tx.now)
    .bind(origin.json())
    .execute(tx.connection())
    .await?;
    Ok(id)
}

/// Notes all taggings of the tag that goes, past ones too, before any of them is changed.
pub(super) async fn taggings(tx: &Tx<'_>, pair: Pair) -> Result<()> {
    Query::new(
        "INSERT INTO tag_merge_tagging (workspace_id, merge_id, step, tagging_id)
         SELECT $1, $2, $3, g.id FROM tagging g
         WHERE g.workspace_id = $1 AND g.tag_id = $4 ORDER BY g.id",
    )
    .bind(tx.workspace)
    .bind(pair.merge)
    .bind(pair.step)
    .bind(pair.source)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes for which segments what goes on of two taggings is about to stay besides its own.
pub(super) async fn segments(tx: &Tx<'_>, pair: Pair) -> Result<()> {
    Query::new(format!(
        "INSERT INTO tag_merge_segment (workspace_id, merge_id, step, tagging_id, segment_id, left_at)
         SELECT $1, $5, $6, d.tagging_id, d.segment_id, d.left_at FROM (
             SELECT DISTINCT g.id AS tagging_id, w.segment_id, o.left_at FROM tagging t
             JOIN tagging g ON g.workspace_id = $1 AND g.id = t.successor_id
               AND g.removed_at IS NULL AND {}
             JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = t.id
               AND w.left_at IS NULL
             LEFT JOIN tagging_segment o ON o.workspace_id = $1 AND o.tagging_id = g.id
               AND o.segment_id = w.segment_id
             WHERE t.workspace_id = $1 AND t.tag_id IN ($2, $3) AND t.ended = 'MERGED'
               AND t.removed_at = $4 AND (o.tagging_id IS NULL OR o.left_at IS NOT NULL)) d",
        joined_by("g")
    ))
    .bind(tx.workspace)
    .bind(pair.source)
    .bind(pair.target)
    .bind(tx.now)
    .bind(pair.merge)
    .bind(pair.step)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes what a pair was before.
pub(super) async fn step(tx: &Tx<'_>, pair: Pair, before: &Before) -> Result<()> {
    Query::new(
        "INSERT INTO tag_merge_step (workspace_id, merge_id, step, source_id, into_id, archived_at,
                                     children, merged_before)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tx.workspace)
    .bind(pair.merge)
    .bind(pair.step)
    .bind(pair.source)
    .bind(pair.target)
    .bind(before.archived_at)
    .bind(json!(before.children))
    .bind(json!(before.merged_before))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes what is about to be taken off things that carry several values of `group`, if that takes one, each with
/// what is kept instead.
pub(super) async fn surplus(
    tx: &Tx<'_>,
    merge: TagMergeId,
    group: Option<TagGroupId>,
) -> Result<()> {
    let Some(group) = group else {
        return Ok(());
    };
    Query::new(
        "INSERT INTO tag_merge_surplus (workspace_id, merge_id, tagging_id, kept_id)
         SELECT $1, $3, s.id, s.kept_id FROM (
             SELECT g.id,
                    ROW_NUMBER() OVER (PARTITION BY g.target_id
                                       ORDER BY g.added_at DESC, g.id DESC) AS place,
                    FIRST_VALUE(g.id) OVER (PARTITION BY g.target_id
                                            ORDER BY g.added_at DESC, g.id DESC) AS kept_id
             FROM tag t
             JOIN tag_group p ON p.workspace_id = $1 AND p.id = t.group_id
               AND p.selection = 'SINGLE'
             JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = t.id AND g.removed_at IS NULL
             WHERE t.workspace_id = $1 AND t.group_id = $2) s
         WHERE s.place > 1",
    )
    .bind(tx.workspace)
    .bind(group)
    .bind(merge)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes what became of things that named a tag that went.
pub(super) async fn uses(tx: &Tx<'_>, merge: TagMergeId, replaced: &[Replaced]) -> Result<()> {
    let mut number = 0;
    for part in replaced.chunks(USES_AT_ONCE) {
        let numbers = number..number + part.len() as i64;
        number = numbers.end;
        let rows = Rows::new()
            .ints("number", numbers)
            .texts("kind", part.iter().map(|one| one.kind.word()))
            .uuids("thing_id", part.iter().map(|one| one.id))
            .ints("version", part.iter().map(|one| one.version))
            .json("was", part.iter().map(|one| one.before.clone()))
            .json("became", part.iter().map(|one| one.after.clone()));
        Query::new(
            "INSERT INTO tag_merge_use (workspace_id, merge_id, number, kind, thing_id, version,
                                        was, became)
             SELECT $1, $2, r.number, r.kind, r.thing_id, r.version, r.was, r.became FROM {r}",
        )
        .bind(tx.workspace)
        .bind(merge)
        .rows("r", rows)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// What became of things of `kind` that named a tag that went, in the order in which they were changed.
pub(super) async fn replaced(
    tx: &Tx<'_>,
    merge: TagMergeId,
    kind: UseKind,
) -> Result<Vec<Replaced>> {
    let rows = Query::new(
        "SELECT u.thing_id, u.version, u.was, u.became FROM tag_merge_use u
         WHERE u.workspace_id = $1 AND u.merge_id = $2 AND u.kind = $3 ORDER BY u.number",
    )
    .bind(tx.workspace)
    .bind(merge)
    .bind(kind.word())
    .raw(tx.connection())
    .await?;
    let read = rows.iter().map(|row| {
        Ok::<_, Error>(Replaced {
            kind,
            id: row.try_get_by_index(0)?,
            version: row.try_get_by_index(1)?,
            before: row.try_get_by_index(2)?,
            after: row.try_get_by_index(3)?,
        })
    });
    read.collect()
}

/// What is noted of merges, by table: the rest of its key, and whether it is of no use once the merge is undone.
const NOTES: [(&str, &[&str], bool); 5] = [
    ("tag_merge_tagging", &["step", "tagging_id"], true),
    (
        "tag_merge_segment",
        &["step", "tagging_id", "segment_id"],
        true,
    ),
    ("tag_merge_surplus", &["tagging_id"], true),
    ("tag_merge_use", &["number"], true),
    ("tag_merge_step", &["step"], false),
];

/// Forgets merges that are too old to be undone, and what undone ones noted to be undone; at most `limit` rows. Says
/// how many these were.
pub(crate) async fn forget(tx: &Tx<'_>, limit: i64) -> Result<i64, DbErr> {
    let mut forgotten = 0;
    for (table, keys, is_for_undoing) in NOTES {
        let undone = if is_for_undoing {
            "OR m.undone_at IS NOT NULL"
        } else {
            ""
        };
        let columns = keys.join(", ");
        let read = keys.join(", n.");
        // The whole key is compared: then PostgreSQL looks each row up.
        forgotten += bounded(
            tx,
            format!(
                "DELETE FROM {table} WHERE (workspace_id, merge_id, {columns}) IN (
                     SELECT n.workspace_id, n.merge_id, n.{read} FROM tag_merge m
                     JOIN {table} n ON n.workspace_id = $1 AND n.merge_id = m.id
                     WHERE m.workspace_id = $1 AND (m.merged_at <= $2 {undone}) LIMIT $3)"
            ),
            limit - forgotten,
        )
        .await?;
    }
    // What was noted of it is gone by then, or nothing is left of the limit.
    let merges = "DELETE FROM tag_merge WHERE (workspace_id, id) IN (
         SELECT m.workspace_id, m.id FROM tag_merge m
         WHERE m.workspace_id = $1 AND m.merged_at <= $2 LIMIT $3)";
    Ok(forgotten + bounded(tx, merges.to_owned(), limit - forgotten).await?)
}

async fn bounded(tx: &Tx<'_>, statement: String, limit: i64) -> Result<i64, DbErr> {
    let touched = Query::new(statement)
        .bind(tx.workspace)
        .bind(tx.now - UNDOABLE)
        .bind(limit)
        .execute(tx.connection())
        .await?;
    Ok(touched as i64)
}
