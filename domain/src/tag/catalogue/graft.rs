//! Taking a subtree from one place of the tree to another, with the rank index and the counters.
//!
//! What a subtree adds to the tags above it is what the rank index says of its root: for each thing
//! the number of taggings in it. So all of it is a few statements, however many things are tagged.
//!
//! Locks are taken in one order: the workspace's tree ([`super::hold`]), the tags, the scores of the
//! things tagged, the rank index. Whoever tags takes them in the same order.

use entity::id::{TagGroupId, TagId};
use sea_orm::ConnectionTrait as _;

use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// The row of each counter that changes of the tree write to; those who tag have others, so that
/// neither waits for the other.
pub(super) const SHARD: &str = "1000";

/// Keeps everybody until the end of `tx` from tagging and untagging with anything in the trees of
/// `moved` and `beside` and in `group`, and waits for those who are at it: a foreign key holds a tag
/// against this as well. What the subtrees of `moved` add to the rank index then stands still.
pub(super) async fn lock(
    tx: &Tx<'_>,
    moved: &[TagId],
    beside: &[TagId],
    group: Option<TagGroupId>,
) -> Result<()> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    // Whole trees: only those who tag in them touch what the rank index has of the tags above.
    Query::new(format!(
        "SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND (t.group_id = $2 OR t.id IN (
             SELECT l.tag_id FROM {{r}}
             JOIN tag_closure u ON u.workspace_id = $1 AND u.tag_id = r.id
             JOIN tag_closure l ON l.workspace_id = $1 AND l.ancestor_id = u.ancestor_id))
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .bind(group)
    .rows(
        "r",
        Rows::new().ids("id", moved.iter().chain(beside).copied()),
    )
    .raw(tx.connection())
    .await?;
    hold_scores(tx, moved).await
}

/// Keeps the scores of what is tagged in the subtrees of `roots` from changing until the end of
/// `tx`, so that their copies in the rank index are right.
async fn hold_scores(tx: &Tx<'_>, roots: &[TagId]) -> Result<()> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    Query::new(format!(
        "SELECT COUNT(*) FROM (
             SELECT h.contact_id FROM contact_health h WHERE h.workspace_id = $1
               AND h.contact_id IN (SELECT k.target_id FROM {{r}} JOIN tag_rank k
                                      ON k.workspace_id = $1 AND k.tag_id = r.id)
             ORDER BY h.contact_id {lock}) held"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", roots.iter().copied()))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Takes the subtree of `root` from below the tags above it.
pub(super) async fn cut(tx: &Tx<'_>, root: TagId) -> Result<()> {
    for statement in [
        "UPDATE tag_rank SET taggings = tag_rank.taggings - b.taggings
         FROM tag_rank AS b
         JOIN tag_closure a ON a.workspace_id = $1 AND a.tag_id = $2 AND a.distance > 0
         WHERE b.workspace_id = $1 AND b.tag_id = $2 AND tag_rank.workspace_id = $1
           AND tag_rank.tag_id = a.ancestor_id AND tag_rank.target_id = b.target_id",
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, g.tag_id, g.target, {SHARD}, 0, -COUNT(*) FROM (
             SELECT k.tag_id, (SELECT x.target FROM tagging x WHERE x.workspace_id = $1
                                 AND x.target_id = k.target_id LIMIT 1) AS target
             FROM tag_closure a
             JOIN tag_rank k ON k.workspace_id = $1 AND k.tag_id = a.ancestor_id
             WHERE a.workspace_id = $1 AND a.tag_id = $2 AND a.distance > 0
               AND k.taggings <= 0) g
         GROUP BY g.tag_id, g.target ORDER BY g.tag_id, g.target
         ON CONFLICT (workspace_id, tag_id, target, shard)
         DO UPDATE SET total = tag_count.total + excluded.total",
        "DELETE FROM tag_rank WHERE workspace_id = $1 AND taggings <= 0
           AND tag_id IN (SELECT a.ancestor_id FROM tag_closure a
                          WHERE a.workspace_id = $1 AND a.tag_id = $2 AND a.distance > 0)",
        "DELETE FROM tag_closure WHERE workspace_id = $1
           AND tag_id IN (SELECT tag_id FROM tag_closure WHERE workspace_id = $1
                          AND ancestor_id = $2)
           AND ancestor_id IN (SELECT ancestor_id FROM tag_closure WHERE workspace_id = $1
                               AND tag_id = $2 AND distance > 0)",
    ] {
        Query::new(statement.replace("{SHARD}", SHARD))
            .bind(tx.workspace)
            .bind(root)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Hangs the subtree of `root`, which stands alone, below `parent`.
pub(super) async fn hang(tx: &Tx<'_>, root: TagId, parent: TagId) -> Result<()> {
    Query::new(
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT $1, below.tag_id, above.ancestor_id, below.distance + above.distance + 1
         FROM tag_closure below
         JOIN tag_closure above ON above.workspace_id = $1 AND above.tag_id = $3
         WHERE below.workspace_id = $1 AND below.ancestor_id = $2",
    )
    .bind(tx.workspace)
    .bind(root)
    .bind(parent)
    .execute(tx.connection())
    .await?;
    add_above(tx, root, parent).await
}

/// Adds what the rank index says of `root` to `tag` and the tags above it.
pub(super) async fn add_above(tx: &Tx<'_>, root: TagId, tag: TagId) -> Result<()> {
    for statement in [
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT $1, a.ancestor_id, b.target_id, b.score, b.taggings
         FROM tag_rank b
         JOIN tag_closure a ON a.workspace_id = $1 AND a.tag_id = $3
         WHERE b.workspace_id = $1 AND b.tag_id = $2
         ORDER BY a.ancestor_id, b.target_id
         ON CONFLICT (workspace_id, target_id, tag_id)
         DO UPDATE SET taggings = tag_rank.taggings + excluded.taggings",
        // What was there before has more taggings now than the subtree brought.
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, g.tag_id, g.target, {SHARD}, 0, COUNT(*) FROM (
             SELECT k.tag_id, (SELECT x.target FROM tagging x WHERE x.workspace_id = $1
                                 AND x.target_id = k.target_id LIMIT 1) AS target
             FROM tag_rank b
             JOIN tag_closure a ON a.workspace_id = $1 AND a.tag_id = $3
             JOIN tag_rank k ON k.workspace_id = $1 AND k.target_id = b.target_id
               AND k.tag_id = a.ancestor_id AND k.taggings = b.taggings
             WHERE b.workspace_id = $1 AND b.tag_id = $2) g
         GROUP BY g.tag_id, g.target ORDER BY g.tag_id, g.target
         ON CONFLICT (workspace_id, tag_id, target, shard)
         DO UPDATE SET total = tag_count.total + excluded.total",
    ] {
        Query::new(statement.replace("{SHARD}", SHARD))
            .bind(tx.workspace)
            .bind(root)
            .bind(tag)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Copies `group` to everything in the subtree of `root`.
pub(super) async fn regroup(tx: &Tx<'_>, root: TagId, group: Option<TagGroupId>) -> Result<()> {
    Query::new(
        "UPDATE tag SET group_id = $3 WHERE workspace_id = $1
           AND id IN (SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)",
    )
    .bind(tx.workspace)
    .bind(root)
    .bind(group)
    .execute(tx.connection())
    .await?;
    Ok(())
}
