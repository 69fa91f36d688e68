//! The taggings of a tag that is taken out of another again: those that a merge moved go back with what became
//! of them since, and those that had ended because the thing carried both hold again.
//!
//! Called by `unmerge`, which holds the tree, for one pair of tags after the other, the last first. Nothing
//! travels here but what has to be told: a tag on a million things is given back by a few statements. The tree
//! is not changed, except that the tag that went stands in it alone afterwards.

use chrono::{DateTime, Utc};
use entity::id::{TagId, TagMergeId};
use sea_orm::ConnectionTrait as _;

use super::{graft, merge_note::Pair};
use crate::{
    access::Origin,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    tag::tagging::Touched,
};

/// The group of one value that the tag of the tagging is in.
const GROUP: &str = "SELECT p.id FROM tag v JOIN tag_group p ON p.workspace_id = $1
    AND p.id = v.group_id AND p.selection = 'SINGLE'
    WHERE v.workspace_id = $1 AND v.id = tagging.tag_id";

/// What a tagging is that holds again, with no group of one value noted.
const HOLDS: &str = "removed_at = NULL, removed_by = NULL, removed_reason = NULL, ended = NULL,
    successor_id = NULL, single_group_id = NULL";

/// That a tagging ends with its reasons, and all of them ended since: it stayed for segments, and its thing is in
/// none of them any more.
const UNFOUNDED: &str = "(tagging.expires_at IS NULL
    AND EXISTS (SELECT 1 FROM tagging_segment w WHERE w.workspace_id = $1
                  AND w.tagging_id = tagging.id)
    AND NOT EXISTS (SELECT 1 FROM tagging_segment w WHERE w.workspace_id = $1
                      AND w.tagging_id = tagging.id AND w.left_at IS NULL))";

/// The taggings that gave way to one that goes on still: `way` has each that gave way (`id`) with what took its
/// place (`at`), also where somebody took that over or set another end. `first` begins it; what goes on is `n`, for
/// which `last` has to hold.
fn way(first: &str, last: &str) -> String {
    format!(
        "WITH RECURSIVE way (id, at) AS (
             {first}
             UNION
             SELECT w.id, n.successor_id FROM way w
             JOIN tagging n ON n.workspace_id = $1 AND n.id = w.at AND n.removed_at IS NOT NULL
               AND n.ended IN ('RENEWED', 'TAKEN_OVER'))
         SELECT w.id FROM way w
         JOIN tagging n ON n.workspace_id = $1 AND n.id = w.at AND n.removed_at IS NULL {last}"
    )
}

/// That the thing of the tagging carries `tag`, a parameter.
fn carries(tag: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM tagging o WHERE o.workspace_id = $1
           AND o.target_id = tagging.target_id AND o.tag_id = {tag} AND o.removed_at IS NULL)"
    )
}

/// Notes what goes on of the taggings that a merge moved and that were given another end since: it goes back
/// with them.
pub(super) async fn follow_renewals(tx: &Tx<'_>, merge: TagMergeId) -> Result<()> {
    Query::new(
        "INSERT INTO tag_merge_tagging (workspace_id, merge_id, step, tagging_id)
         WITH RECURSIVE way (step, id) AS (
             SELECT j.step, g.successor_id FROM tag_merge_tagging j
             JOIN tagging g ON g.workspace_id = $1 AND g.id = j.tagging_id AND g.ended = 'RENEWED'
             WHERE j.workspace_id = $1 AND j.merge_id = $2
             UNION
             SELECT w.step, g.successor_id FROM way w
             JOIN tagging g ON g.workspace_id = $1 AND g.id = w.id AND g.ended = 'RENEWED')
         SELECT $1, $2, w.step, w.id FROM way w WHERE w.id IS NOT NULL
         ON CONFLICT (workspace_id, merge_id, step, tagging_id) DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(merge)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives the taggings of a pair back to its source, which is not in the tree, with the rank index and the
/// counters. No group of one value is noted of what went back or holds again: that is for the caller, once every
/// tag is in its place.
pub(super) async fn taggings(tx: &Tx<'_>, pair: Pair, merged_at: DateTime<Utc>) -> Result<()> {
    leave_segments(tx, pair, merged_at).await?;
    move_back(tx, pair).await?;
    revive_moved(tx, pair, merged_at).await?;
    revive_yielded(tx, pair, merged_at).await?;
    part_ranks(tx, pair).await?;
    part_counts(tx, pair).await
}

/// Notes of what gave way in the merge which segments its thing is not in any more: nobody was told of it while
/// it did not hold. Nobody leaves these segments before the end of `tx`.
async fn leave_segments(tx: &Tx<'_>, pair: Pair, merged_at: DateTime<Utc>) -> Result<()> {
    let bound = "SELECT w.segment_id FROM tagging g
         JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = g.id
           AND w.left_at IS NULL
         WHERE g.workspace_id = $1 AND g.tag_id IN ($2, $3) AND g.ended = 'MERGED'
           AND g.removed_at = $4";
    let with = |text: String| {
        Query::new(text)
            .bind(tx.workspace)
            .bind(pair.source)
            .bind(pair.target)
            .bind(merged_at)
    };
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    let held = with(format!(
        "SELECT s.id FROM segment s WHERE s.workspace_id = $1 AND s.id IN ({bound})
         ORDER BY s.id {lock}"
    ))
    .raw(tx.connection())
    .await?;
    if held.is_empty() {
        return Ok(());
    }
    with(
        "UPDATE tagging_segment SET left_at = $5
         WHERE workspace_id = $1 AND left_at IS NULL AND EXISTS (
             SELECT 1 FROM tagging g WHERE g.workspace_id = $1
               AND g.id = tagging_segment.tagging_id AND g.tag_id IN ($2, $3)
               AND g.ended = 'MERGED' AND g.removed_at = $4
               AND NOT EXISTS (SELECT 1 FROM segment_member m WHERE m.workspace_id = $1
                     AND m.segment_id = tagging_segment.segment_id
                     AND m.subject_id = g.target_id))"
            .to_owned(),
    )
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives back what the merge moved, if it is the target's still.
async fn move_back(tx: &Tx<'_>, pair: Pair) -> Result<()> {
    Query::new(
        "UPDATE tagging SET tag_id = $3,
                single_group_id = CASE WHEN removed_at IS NULL THEN NULL ELSE single_group_id END,
                merged_from = CASE WHEN merged_from = $3 THEN NULL ELSE merged_from END
         WHERE workspace_id = $1 AND tag_id = $4 AND id IN (
             SELECT j.tagging_id FROM tag_merge_tagging j
             WHERE j.workspace_id = $1 AND j.merge_id = $2 AND j.step = $5)",
    )
    .bind(tx.workspace)
    .bind(pair.merge)
    .bind(pair.source)
    .bind(pair.target)
    .bind(pair.step)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets those of the source hold again that had ended because the target's went on, where that still does.
async fn revive_moved(tx: &Tx<'_>, pair: Pair, merged_at: DateTime<Utc>) -> Result<()> {
    let way = way(
        "SELECT t.id, t.successor_id FROM tag_merge_tagging j
             JOIN tagging t ON t.workspace_id = $1 AND t.id = j.tagging_id AND t.tag_id = $3
               AND t.ended = 'MERGED' AND t.removed_at = $6
             WHERE j.workspace_id = $1 AND j.merge_id = $2 AND j.step = $5
               AND NOT EXISTS (SELECT 1 FROM tag_merge_tagging s
                     WHERE s.workspace_id = $1 AND s.merge_id = $2 AND s.step = $5
                       AND s.tagging_id = t.successor_id)",
        "AND n.tag_id = $4",
    );
    revive(tx, pair, merged_at, &way, (&carries("$4"), &carries("$3"))).await
}

/// Lets those of the target hold again that had ended because the source's went on, where that still does and is
/// the source's again.
async fn revive_yielded(tx: &Tx<'_>, pair: Pair, merged_at: DateTime<Utc>) -> Result<()> {
    let way = way(
        "SELECT t.id, t.successor_id FROM tagging t
             JOIN tag_merge_tagging j ON j.workspace_id = $1 AND j.merge_id = $2 AND j.step = $5
               AND j.tagging_id = t.successor_id
             WHERE t.workspace_id = $1 AND t.tag_id = $4 AND t.ended = 'MERGED'
               AND t.removed_at = $6",
        "AND n.tag_id = $3",
    );
    revive(tx, pair, merged_at, &way, (&carries("$3"), &carries("$4"))).await
}

/// Lets the taggings that `way` finds hold again, with no group noted, on what carries the one tag and not the
/// other: that is what the rank index is parted by. What would have ended by itself since does not.
async fn revive(
    tx: &Tx<'_>,
    pair: Pair,
    merged_at: DateTime<Utc>,
    way: &str,
    (has, lacks): (&str, &str),
) -> Result<()> {
    Query::new(format!(
        "UPDATE tagging SET {HOLDS}
         WHERE workspace_id = $1 AND id IN ({way}) AND NOT {UNFOUNDED}
           AND (expires_at IS NULL OR expires_at > $7) AND {has} AND NOT {lacks}"
    ))
    .bind(tx.workspace)
    .bind(pair.merge)
    .bind(pair.source)
    .bind(pair.target)
    .bind(pair.step)
    .bind(merged_at)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// That what carries the source by `g` carries the target by itself too.
const BOTH: &str = "EXISTS (SELECT 1 FROM tagging o WHERE o.workspace_id = $1 AND o.tag_id = $3
    AND o.target_id = g.target_id AND o.removed_at IS NULL)";

/// Takes the source out of the rank index of the target and of the tags above that, and enters it by itself. The
/// scores are those of the target's rows, which were kept up meanwhile.
async fn part_ranks(tx: &Tx<'_>, pair: Pair) -> Result<()> {
    let with = |text: String| {
        Query::new(text)
            .bind(tx.workspace)
            .bind(pair.source)
            .bind(pair.target)
    };
    let enter = |which: &str| {
        format!(
            "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
             SELECT $1, $2, g.target_id, k.score, 1 FROM tagging g
             JOIN tag_rank k ON k.workspace_id = $1 AND k.tag_id = $3
               AND k.target_id = g.target_id
             WHERE g.workspace_id = $1 AND g.tag_id = $2 AND g.removed_at IS NULL AND {which}
             ORDER BY g.target_id"
        )
    };
    // As if it hung below the target, with what the target does not carry by itself: what is cut off there is
    // exactly what the target loses.
    for statement in [
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT a.workspace_id, $2, $2, 0 FROM tag_closure a
         WHERE a.workspace_id = $1 AND a.tag_id = $3 AND a.ancestor_id = $3"
            .to_owned(),
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT a.workspace_id, $2, a.ancestor_id, a.distance + 1 FROM tag_closure a
         WHERE a.workspace_id = $1 AND a.tag_id = $3"
            .to_owned(),
        enter(&format!("NOT {BOTH}")),
    ] {
        with(statement).execute(tx.connection()).await?;
    }
    graft::cut(tx, pair.source).await?;
    with(enter(BOTH)).execute(tx.connection()).await?;
    Ok(())
}

/// Counts what carries each of the two by itself; what carries one below was counted with the rank index.
async fn part_counts(tx: &Tx<'_>, pair: Pair) -> Result<()> {
    for (tag, statement) in [
        (
            pair.target,
            "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
             SELECT $1, $2, x.target, {SHARD}, CAST(SUM(x.number) AS bigint), 0 FROM (
                 SELECT g.target, COUNT(*) AS number FROM tagging g
                 WHERE g.workspace_id = $1 AND g.tag_id = $2 AND g.removed_at IS NULL
                 GROUP BY g.target
                 UNION ALL
                 SELECT c.target, -c.direct FROM tag_count c
                 WHERE c.workspace_id = $1 AND c.tag_id = $2) x
             GROUP BY x.target HAVING SUM(x.number) <> 0 ORDER BY x.target
             ON CONFLICT (workspace_id, tag_id, target, shard)
             DO UPDATE SET direct = tag_count.direct + excluded.direct",
        ),
        (
            pair.source,
            "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
             SELECT $1, $2, g.target, {SHARD}, COUNT(*), COUNT(*) FROM tagging g
             WHERE g.workspace_id = $1 AND g.tag_id = $2 AND g.removed_at IS NULL
             GROUP BY g.target ORDER BY g.target",
        ),
    ] {
        Query::new(statement.replace("{SHARD}", graft::SHARD))
            .bind(tx.workspace)
            .bind(tag)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Lets hold again what the merge took off things that came to carry several values of a group that allows one,
/// where what was kept instead goes on still. To be called before anything is given back: it may have gone on for
/// another. No group of one value is noted of it until [`mark`], when every tag is in its place; the rank index
/// and the counters are for the caller.
pub(super) async fn surplus(
    tx: &Tx<'_>,
    merge: TagMergeId,
    merged_at: DateTime<Utc>,
) -> Result<Vec<Touched>> {
    let way = way(
        "SELECT s.tagging_id, s.kept_id FROM tag_merge_surplus s
             WHERE s.workspace_id = $1 AND s.merge_id = $2",
        "",
    );
    Ok(Query::new(format!(
        "UPDATE tagging SET {HOLDS}
         WHERE workspace_id = $1 AND id IN ({way}) AND ended = 'REMOVED' AND removed_at = $3
           AND NOT {UNFOUNDED} AND (expires_at IS NULL OR expires_at > $4)
           AND EXISTS (SELECT 1 FROM tag v WHERE v.workspace_id = $1 AND v.id = tagging.tag_id
                 AND v.deleted_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM tagging o WHERE o.workspace_id = $1
                 AND o.target_id = tagging.target_id AND o.removed_at IS NULL
                 AND o.tag_id = tagging.tag_id)
         RETURNING id, tag_id, target, target_id"
    ))
    .bind(tx.workspace)
    .bind(merge)
    .bind(merged_at)
    .bind(tx.now)
    .all(tx.connection())
    .await?)
}

/// The tags of what [`surplus`] may let hold again.
pub(super) async fn surplus_tags(tx: &Tx<'_>, merge: TagMergeId) -> Result<Vec<TagId>> {
    Ok(Query::new(
        "SELECT DISTINCT g.tag_id FROM tag_merge_surplus s
         JOIN tagging g ON g.workspace_id = $1 AND g.id = s.tagging_id
         WHERE s.workspace_id = $1 AND s.merge_id = $2",
    )
    .bind(tx.workspace)
    .bind(merge)
    .column(tx.connection())
    .await?)
}

/// Forgets which groups of one value the taggings in the subtree of `root` are of, which is on its way to another
/// group: another value of that one may hold by then.
pub(super) async fn unmark(tx: &Tx<'_>, root: TagId) -> Result<()> {
    Query::new(
        "UPDATE tagging SET single_group_id = NULL
         WHERE workspace_id = $1 AND removed_at IS NULL AND single_group_id IS NOT NULL
           AND tag_id IN (SELECT l.tag_id FROM tag_closure l
                          WHERE l.workspace_id = $1 AND l.ancestor_id = $2)",
    )
    .bind(tx.workspace)
    .bind(root)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes which groups of one value the taggings with `tags` are of, where that is not noted.
pub(super) async fn mark(tx: &Tx<'_>, tags: impl IntoIterator<Item = TagId>) -> Result<()> {
    Query::new(format!(
        "UPDATE tagging SET single_group_id = ({GROUP})
         WHERE workspace_id = $1 AND removed_at IS NULL AND single_group_id IS NULL AND tag_id IN (
             SELECT t.id FROM {{r}} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
             JOIN tag_group s ON s.workspace_id = $1 AND s.id = t.group_id
               AND s.selection = 'SINGLE')"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets what went on of two taggings stay no longer for the segments of the one that is by itself again, and ends
/// what nothing else holds: its own reason ended since the merge. The rank index and the counters are for the
/// caller.
pub(super) async fn unbind(tx: &Tx<'_>, merge: TagMergeId) -> Result<Vec<Touched>> {
    for statement in [
        "UPDATE tagging_segment SET left_at = (
             SELECT MIN(n.left_at) FROM tag_merge_segment n
             WHERE n.workspace_id = $1 AND n.merge_id = $2
               AND n.tagging_id = tagging_segment.tagging_id
               AND n.segment_id = tagging_segment.segment_id)
         WHERE workspace_id = $1 AND left_at IS NULL AND (tagging_id, segment_id) IN (
             SELECT n.tagging_id, n.segment_id FROM tag_merge_segment n
             WHERE n.workspace_id = $1 AND n.merge_id = $2 AND n.left_at IS NOT NULL)",
        "DELETE FROM tagging_segment
         WHERE workspace_id = $1 AND (tagging_id, segment_id) IN (
             SELECT n.tagging_id, n.segment_id FROM tag_merge_segment n
             WHERE n.workspace_id = $1 AND n.merge_id = $2 AND n.left_at IS NULL)",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .bind(merge)
            .execute(tx.connection())
            .await?;
    }
    Ok(Query::new(
        "UPDATE tagging SET removed_at = $3, removed_by = $4, removed_reason = '',
                ended = 'REASON_ENDED'
         WHERE workspace_id = $1 AND removed_at IS NULL AND expires_at IS NULL AND id IN (
             SELECT n.tagging_id FROM tag_merge_segment n
             WHERE n.workspace_id = $1 AND n.merge_id = $2)
           AND NOT EXISTS (SELECT 1 FROM tagging_segment w WHERE w.workspace_id = $1
                 AND w.tagging_id = tagging.id AND w.left_at IS NULL)
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(merge)
    .bind(tx.now)
    .bind(Origin::System.json())
    .all(tx.connection())
    .await?)
}
