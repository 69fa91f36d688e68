//! The rank index and the counters: which things count as tagged, directly or by a tag below, in
//! order of health, and how many there are of each kind.
//!
//! Kept in the transaction of every tagging, so that reading never counts. Called by
//! `super::tagging`; it never decides what is tagged. Where a change of the tree moves taggings,
//! `super::catalogue` moves what is here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{id::TagId, kind::TagTarget};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::tagging::Touched;
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// Counters of one tag are spread over this many rows, so that writers who tag different things
/// with the same tag seldom wait for each other.
const SHARDS: u8 = 4;

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

#[derive(FromQueryResult)]
struct Ranked {
    tag_id: TagId,
    target_id: Uuid,
    taggings: i64,
}

/// Brings the rank index and the counters up to date after taggings were made (`sign` 1) or ended
/// (`sign` -1).
pub(super) async fn rank(ctx: &Ctx, tx: &Tx<'_>, touched: &[Touched], sign: i64) -> Result<()> {
    if touched.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = touched.iter().map(|tagging| tagging.tag_id).collect();
    let links: Vec<Link> = Query::new(
        "SELECT l.tag_id, l.ancestor_id FROM {r}
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    let mut above: HashMap<TagId, Vec<TagId>> = HashMap::new();
    for link in links {
        above.entry(link.tag_id).or_default().push(link.ancestor_id);
    }
    let mut pairs: BTreeMap<(TagId, Uuid), i64> = BTreeMap::new();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    let mut kinds: HashMap<Uuid, TagTarget> = HashMap::new();
    for tagging in touched {
        counts
            .entry((tagging.tag_id, tagging.target))
            .or_default()
            .0 += sign;
        kinds.insert(tagging.target_id, tagging.target);
        for &ancestor in above.get(&tagging.tag_id).into_iter().flatten() {
            *pairs.entry((ancestor, tagging.target_id)).or_default() += 1;
        }
    }
    let changed = if sign > 0 {
        add_ranks(tx, &pairs).await?
    } else {
        cut_ranks(tx, &pairs).await?
    };
    for (tag, target_id) in changed {
        if let Some(&kind) = kinds.get(&target_id) {
            counts.entry((tag, kind)).or_default().1 += sign;
        }
    }
    count(ctx, tx, &counts).await
}

fn pair_rows(pairs: &BTreeMap<(TagId, Uuid), i64>) -> Rows {
    Rows::new()
        .ids("tag_id", pairs.keys().map(|(tag, _)| *tag))
        .uuids("target_id", pairs.keys().map(|(_, target)| *target))
        .ints("taggings", pairs.values().copied())
}

/// Adds to the rank index and returns the pairs that are new in it.
async fn add_ranks(
    tx: &Tx<'_>,
    pairs: &BTreeMap<(TagId, Uuid), i64>,
) -> Result<Vec<(TagId, Uuid)>> {
    hold_scores(tx, pairs.keys().map(|(_, target)| *target)).await?;
    let ranked: Vec<Ranked> = Query::new(
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT $1, r.tag_id, r.target_id, COALESCE(h.rank, -1), r.taggings
         FROM {r} LEFT JOIN contact_health h
           ON h.workspace_id = $1 AND h.contact_id = r.target_id
         WHERE true
         ON CONFLICT (workspace_id, target_id, tag_id)
         DO UPDATE SET taggings = tag_rank.taggings + excluded.taggings
         RETURNING tag_id, target_id, taggings",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .all(tx.connection())
    .await?;
    Ok(ranked
        .into_iter()
        .map(|row| ((row.tag_id, row.target_id), row.taggings))
        .filter(|(pair, taggings)| pairs.get(pair) == Some(taggings))
        .map(|(pair, _)| pair)
        .collect())
}

/// Keeps the scores of the contacts among `targets` from changing before their copies are in the rank
/// index. A recomputation that comes meanwhile waits, and then finds the copies to change.
async fn hold_scores(tx: &Tx<'_>, targets: impl Iterator<Item = Uuid>) -> Result<()> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let targets: BTreeSet<Uuid> = targets.collect();
    Query::new(format!(
        "SELECT h.contact_id FROM contact_health h
         WHERE h.workspace_id = $1 AND h.contact_id IN (SELECT r.id FROM {{r}})
         ORDER BY h.contact_id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", targets))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Takes from the rank index and returns the pairs that are no longer in it.
async fn cut_ranks(
    tx: &Tx<'_>,
    pairs: &BTreeMap<(TagId, Uuid), i64>,
) -> Result<Vec<(TagId, Uuid)>> {
    Query::new(
        "UPDATE tag_rank SET taggings = tag_rank.taggings - r.taggings FROM {r}
         WHERE tag_rank.workspace_id = $1 AND tag_rank.tag_id = r.tag_id
           AND tag_rank.target_id = r.target_id",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .execute(tx.connection())
    .await?;
    let gone: Vec<Ranked> = Query::new(
        "DELETE FROM tag_rank WHERE workspace_id = $1 AND taggings <= 0
           AND (target_id, tag_id) IN (SELECT r.target_id, r.tag_id FROM {r})
         RETURNING tag_id, target_id, taggings",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .all(tx.connection())
    .await?;
    Ok(gone
        .into_iter()
        .map(|row| (row.tag_id, row.target_id))
        .collect())
}

/// Adds to the counters, in the order of their keys so that two writers cannot hold each other up.
async fn count(
    ctx: &Ctx,
    tx: &Tx<'_>,
    counts: &BTreeMap<(TagId, TagTarget), (i64, i64)>,
) -> Result<()> {
    let mut shard = [0];
    ctx.ids.fill(&mut shard);
    let rows = Rows::new()
        .ids("tag_id", counts.keys().map(|(tag, _)| *tag))
        .texts("target", counts.keys().map(|(_, target)| target.word()))
        .ints("direct", counts.values().map(|(direct, _)| *direct))
        .ints("total", counts.values().map(|(_, total)| *total));
    Query::new(
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, r.tag_id, r.target, $2, r.direct, r.total FROM {r} WHERE true
         ORDER BY r.tag_id, r.target
         ON CONFLICT (workspace_id, tag_id, target, shard)
         DO UPDATE SET direct = tag_count.direct + excluded.direct,
                       total = tag_count.total + excluded.total",
    )
    .bind(tx.workspace)
    .bind(i64::from(shard[0] % SHARDS))
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes everything the `things` carry out of the rank index and the counters (`sign` -1), before
/// their taggings are moved as a whole, or puts it in (`sign` 1), afterwards.
pub(crate) async fn rank_things(ctx: &Ctx, tx: &Tx<'_>, things: &[Uuid], sign: i64) -> Result<()> {
    let touched: Vec<Touched> = Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id FROM {r}
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id AND g.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", things.iter().copied()))
    .all(tx.connection())
    .await?;
    rank(ctx, tx, &touched, sign).await
}
