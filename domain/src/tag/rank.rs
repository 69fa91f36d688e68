//! The rank index and the counters: which things count as tagged, directly or by a tag below, in
//! order of health, and how many there are of each kind.
//!
//! Kept in the transaction of every tagging, so that reading never counts. Called by
//! `super::tagging`; it never decides what is tagged. Where a change of the tree moves taggings,
//! `super::catalogue` moves what is here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{id::TagId, kind::TagTarget};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use super::tagging::{Range, Touched, hold_tags_on};
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

/// Brings the rank index and the counters up to date after taggings were made and others ended. What
/// is made and ended at once, as the tag above two values of a group, is not touched.
pub(super) async fn update(
    ctx: &Ctx,
    tx: &Tx<'_>,
    made: &[Touched],
    ended: &[Touched],
) -> Result<()> {
    if made.is_empty() && ended.is_empty() {
        return Ok(());
    }
    let above = ancestors(tx, made.iter().chain(ended)).await?;
    let mut pairs: BTreeMap<(TagId, Uuid), i64> = BTreeMap::new();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    let mut kinds: HashMap<Uuid, TagTarget> = HashMap::new();
    let signed = made.iter().map(|one| (one, 1));
    for (tagging, sign) in signed.chain(ended.iter().map(|one| (one, -1))) {
        counts
            .entry((tagging.tag_id, tagging.target))
            .or_default()
            .0 += sign;
        kinds.insert(tagging.target_id, tagging.target);
        for &ancestor in above.get(&tagging.tag_id).into_iter().flatten() {
            *pairs.entry((ancestor, tagging.target_id)).or_default() += sign;
        }
    }
    let mut more = pairs.clone();
    more.retain(|_, change| *change > 0);
    let mut less = pairs;
    less.retain(|_, change| *change < 0);
    for change in less.values_mut() {
        *change = -*change;
    }
    let new = add_ranks(tx, &more).await?;
    let gone = cut_ranks(tx, &less).await?;
    let signed = new.into_iter().map(|pair| (pair, 1));
    for ((tag, target_id), sign) in signed.chain(gone.into_iter().map(|pair| (pair, -1))) {
        if let Some(&kind) = kinds.get(&target_id) {
            counts.entry((tag, kind)).or_default().1 += sign;
        }
    }
    counts.retain(|_, change| *change != (0, 0));
    count(ctx, tx, &counts).await
}

/// Enters the first taggings of things that were just made, whom nobody has scored.
pub(super) async fn begin(ctx: &Ctx, tx: &Tx<'_>, made: &[Touched]) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let above = ancestors(tx, made.iter()).await?;
    let mut pairs: BTreeMap<(TagId, Uuid), i64> = BTreeMap::new();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    for tagging in made {
        let target = tagging.target;
        counts.entry((tagging.tag_id, target)).or_default().0 += 1;
        for &ancestor in above.get(&tagging.tag_id).into_iter().flatten() {
            let taggings = pairs.entry((ancestor, tagging.target_id)).or_default();
            *taggings += 1;
            counts.entry((ancestor, target)).or_default().1 += i64::from(*taggings == 1);
        }
    }
    Query::new(
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT $1, r.tag_id, r.target_id, -1.0, r.taggings FROM {r}",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(&pairs))
    .execute(tx.connection())
    .await?;
    count(ctx, tx, &counts).await
}

/// The tags above those of the taggings, each tag itself included.
async fn ancestors(
    tx: &Tx<'_>,
    taggings: impl Iterator<Item = &Touched>,
) -> Result<HashMap<TagId, Vec<TagId>>> {
    let tags: BTreeSet<TagId> = taggings.map(|tagging| tagging.tag_id).collect();
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
    Ok(above)
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
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
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
         WHERE h.workspace_id = $1 AND {{tagged}} ORDER BY h.contact_id {lock}"
    ))
    .bind(tx.workspace)
    .among("tagged", "h.contact_id", targets)
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Takes from the rank index and returns the pairs that are no longer in it. They are deleted as they are,
/// not brought to nothing first: that would write each of them twice.
async fn cut_ranks(
    tx: &Tx<'_>,
    pairs: &BTreeMap<(TagId, Uuid), i64>,
) -> Result<Vec<(TagId, Uuid)>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let left = hold_ranks(tx, pairs).await?;
    let (staying, gone): (Vec<_>, Vec<_>) = left.into_iter().partition(|row| row.taggings > 0);
    set_ranks(tx, &staying).await?;
    drop_ranks(tx, &gone).await?;
    Ok(gone
        .into_iter()
        .map(|row| (row.tag_id, row.target_id))
        .collect())
}

/// How many taggings are left of the pairs that are in the rank index. They are held until the transaction
/// ends, so that this stays true; in the order of their keys, so that two writers cannot hold each other
/// up.
async fn hold_ranks(tx: &Tx<'_>, pairs: &BTreeMap<(TagId, Uuid), i64>) -> Result<Vec<Ranked>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF k" };
    Ok(Query::new(format!(
        "SELECT k.tag_id, k.target_id, k.taggings - r.taggings AS taggings
         FROM {{r}} JOIN tag_rank k
           ON k.workspace_id = $1 AND k.tag_id = r.tag_id AND k.target_id = r.target_id
         ORDER BY k.tag_id, k.target_id {lock} {of}"
    ))
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .all(tx.connection())
    .await?)
}

/// Gives pairs in the rank index their number of taggings.
async fn set_ranks(tx: &Tx<'_>, ranked: &[Ranked]) -> Result<()> {
    if ranked.is_empty() {
        return Ok(());
    }
    Query::new(
        "UPDATE tag_rank SET taggings = r.taggings FROM {r}
         WHERE tag_rank.workspace_id = $1 AND tag_rank.tag_id = r.tag_id
           AND tag_rank.target_id = r.target_id",
    )
    .bind(tx.workspace)
    .rows("r", ranked_rows(ranked))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes pairs out of the rank index.
async fn drop_ranks(tx: &Tx<'_>, ranked: &[Ranked]) -> Result<()> {
    if ranked.is_empty() {
        return Ok(());
    }
    let delete = if tx.connection().get_database_backend() == DatabaseBackend::Postgres {
        // Of a list PostgreSQL makes a set, and then looks up its members in no order.
        "DELETE FROM tag_rank USING {r} WHERE tag_rank.workspace_id = $1
           AND tag_rank.tag_id = r.tag_id AND tag_rank.target_id = r.target_id"
    } else {
        "DELETE FROM tag_rank WHERE workspace_id = $1
           AND (target_id, tag_id) IN (SELECT r.target_id, r.tag_id FROM {r})"
    };
    Query::new(delete)
        .bind(tx.workspace)
        .rows("r", ranked_rows(ranked))
        .execute(tx.connection())
        .await?;
    Ok(())
}

fn ranked_rows(ranked: &[Ranked]) -> Rows {
    Rows::new()
        .ids("tag_id", ranked.iter().map(|row| row.tag_id))
        .uuids("target_id", ranked.iter().map(|row| row.target_id))
        .ints("taggings", ranked.iter().map(|row| row.taggings))
}

/// Adds to the counters, in the order of their keys so that two writers cannot hold each other up.
async fn count(
    ctx: &Ctx,
    tx: &Tx<'_>,
    counts: &BTreeMap<(TagId, TagTarget), (i64, i64)>,
) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
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
/// their taggings are moved as a whole, or puts it in (`sign` 1), afterwards. From the first on the
/// tags stay where they are in the tree: what is put in is then what would have to be taken out.
pub(crate) async fn rank_things(ctx: &Ctx, tx: &Tx<'_>, things: &[Uuid], sign: i64) -> Result<()> {
    if sign < 0 {
        hold_tags_on(tx, things).await?;
    }
    let touched: Vec<Touched> = Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id FROM {r}
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id AND g.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", things.iter().copied()))
    .all(tx.connection())
    .await?;
    if sign < 0 {
        update(ctx, tx, &[], &touched).await
    } else {
        update(ctx, tx, &touched, &[]).await
    }
}

/// Brings the rank index and the counters up to date after `made` taggings of one tag were made whose
/// ids are in `range`, without moving them here.
pub(super) async fn add_range(
    ctx: &Ctx,
    tx: &Tx<'_>,
    (tag, target): (TagId, TagTarget),
    range: Range,
    made: i64,
) -> Result<()> {
    let backend = tx.connection().get_database_backend();
    let lock = dialect::share_lock(backend);
    let in_range = "g.workspace_id = $1 AND g.id >= $2 AND g.id <= $3";
    let with_range = |query: Query| query.bind(tx.workspace).bind(range.first).bind(range.last);
    if !lock.is_empty() && target == TagTarget::Contact {
        with_range(Query::new(format!(
            "SELECT COUNT(*) FROM (
                 SELECT h.contact_id FROM contact_health h
                 WHERE h.workspace_id = $1
                   AND h.contact_id IN (SELECT g.target_id FROM tagging g WHERE {in_range})
                 ORDER BY h.contact_id {lock}) held"
        )))
        .raw(tx.connection())
        .await?;
    }
    // The rows come in the order of their keys, so that two writers cannot hold each other up.
    let insert = format!(
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT $1, l.ancestor_id, g.target_id, COALESCE(h.rank, -1), 1
         FROM tagging g JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = $4
         LEFT JOIN contact_health h ON h.workspace_id = $1 AND h.contact_id = g.target_id
         WHERE {in_range}
         ORDER BY l.ancestor_id, g.target_id
         ON CONFLICT (workspace_id, target_id, tag_id)
         DO UPDATE SET taggings = tag_rank.taggings + 1
         RETURNING tag_id, taggings"
    );
    let new: Vec<New> = if backend == DatabaseBackend::Postgres {
        with_range(Query::new(format!(
            "WITH ranked AS ({insert})
             SELECT tag_id, COUNT(*) AS things FROM ranked WHERE taggings = 1 GROUP BY tag_id"
        )))
        .bind(tag)
        .all(tx.connection())
        .await?
    } else {
        // SQLite knows no statement that reads what another returns.
        let rows = with_range(Query::new(insert))
            .bind(tag)
            .raw(tx.connection());
        let mut things: BTreeMap<TagId, i64> = BTreeMap::new();
        for row in rows.await? {
            let (tag_id, taggings): (TagId, i64) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            *things.entry(tag_id).or_default() += i64::from(taggings == 1);
        }
        let new = things.into_iter();
        new.map(|(tag_id, things)| New { tag_id, things }).collect()
    };
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = new
        .into_iter()
        .map(|new| ((new.tag_id, target), (0, new.things)))
        .collect();
    counts.entry((tag, target)).or_default().0 += made;
    count(ctx, tx, &counts).await
}

/// How many things newly count as tagged.
#[derive(FromQueryResult)]
struct New {
    tag_id: TagId,
    things: i64,
}
