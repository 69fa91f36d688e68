//! Keeps the keys of what changed up to date, and finds with whom they are shared.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{
    gather::{Keys, gather},
    key::Key,
    note::{Pairs, note, outdate},
};
use crate::{
    access::Origin,
    error::Result,
    merge::Things,
    store::{Query, Rows, Tx, dialect},
};

/// How many may share a key for it to say something.
pub const CROWD: i64 = 20;

/// Looks at things that were made or changed, or may have gone: at as many as fit into a transaction.
pub(super) async fn look(tx: &mut Tx<'_>, things: Things, ids: &BTreeSet<Uuid>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    hold(tx).await?;
    let had = held(tx, ids).await?;
    let has = gather(tx, things, ids).await?;
    let gone: Keys = had.difference(&has).copied().collect();
    let mut new: Keys = has.difference(&had).copied().collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(());
    }
    remove(tx, &gone).await?;
    add(tx, &new).await?;
    let more = more(&gone, &new);
    let sharing = sharing(tx, &more).await?;
    // What a crowd shares now says nothing any more of those who shared it before.
    let crowds = crowds(tx, &more, &sharing).await?;
    let before = holders(tx, &crowds).await?;
    let less: BTreeSet<Uuid> = gone
        .iter()
        .chain(before.difference(&new))
        .map(|(id, _)| *id)
        .collect();
    if !less.is_empty() {
        outdate(tx, things, &less).await?;
    }
    let thinned = thinned(&more, &sharing);
    new.extend(holders(tx, &thinned).await?);
    new.retain(|(_, key)| {
        let holders = sharing.get(&key.hash);
        holders.is_some_and(|holders| (2..=CROWD).contains(holders))
    });
    let pairs = pairs(tx, &new).await?;
    note(tx, things, Origin::System, pairs).await?;
    Ok(())
}

/// By how many more each of the hashes is shared than before.
fn more(gone: &Keys, new: &Keys) -> BTreeMap<Uuid, i64> {
    let mut more: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (keys, one) in [(gone, -1), (new, 1)] {
        for (_, key) in keys {
            *more.entry(key.hash).or_default() += one;
        }
    }
    more
}

/// As long as the first look goes on, one look at a time: each reads what is there and writes it down, and the
/// later one has to be the last to write.
async fn hold(tx: &Tx<'_>) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    if !lock.is_empty() {
        Query::new(format!(
            "SELECT l.subject FROM duplicate_look l WHERE l.workspace_id = $1
             ORDER BY l.subject {lock}"
        ))
        .bind(tx.workspace)
        .raw(tx.connection())
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Held {
    subject_id: Uuid,
    key_hash: Uuid,
    evidence: i64,
    side: i64,
}

impl Held {
    fn key(self) -> (Uuid, Key) {
        let key = Key {
            hash: self.key_hash,
            evidence: self.evidence,
            side: self.side,
        };
        (self.subject_id, key)
    }
}

/// The keys that things had so far.
async fn held(tx: &Tx<'_>, ids: &BTreeSet<Uuid>) -> Result<Keys> {
    let rows: Vec<Held> = Query::new(
        "SELECT k.subject_id, k.key_hash, k.evidence, k.side FROM {r}
         JOIN duplicate_key k ON k.workspace_id = $1 AND k.subject_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(Held::key).collect())
}

fn rows<'k>(keys: impl Iterator<Item = &'k (Uuid, Key)> + Clone) -> Rows {
    Rows::new()
        .uuids("key_hash", keys.clone().map(|(_, key)| key.hash))
        .uuids("subject_id", keys.clone().map(|(id, _)| *id))
        .ints("evidence", keys.clone().map(|(_, key)| key.evidence))
        .ints("side", keys.map(|(_, key)| key.side))
}

async fn remove(tx: &Tx<'_>, keys: &Keys) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    Query::new(
        "DELETE FROM duplicate_key WHERE workspace_id = $1
           AND (key_hash, subject_id) IN (SELECT r.key_hash, r.subject_id FROM {r})",
    )
    .bind(tx.workspace)
    .rows("r", rows(keys.iter()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn add(tx: &Tx<'_>, keys: &Keys) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO duplicate_key (workspace_id, key_hash, subject_id, evidence, side)
         SELECT $1, r.key_hash, r.subject_id, r.evidence, r.side FROM {r} WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .rows("r", rows(keys.iter()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Sharing {
    key_hash: Uuid,
    holders: i64,
}

/// How many share each of the hashes that several share. Of each no more is read than tells that there are too
/// many.
async fn sharing(tx: &Tx<'_>, hashes: &BTreeMap<Uuid, i64>) -> Result<BTreeMap<Uuid, i64>> {
    let shared: Vec<Sharing> = Query::new(format!(
        "SELECT s.key_hash, s.holders FROM (
             SELECT r.key_hash, {} AS holders FROM {{r}}) AS s
         WHERE s.holders > 1",
        holders_of("r", CROWD + 1)
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("key_hash", hashes.keys().copied()))
    .all(tx.connection())
    .await?;
    let shared = shared.into_iter();
    Ok(shared.map(|one| (one.key_hash, one.holders)).collect())
}

/// How many have the hash of the row `row`, counted as far as `most`; in a statement whose `$1` is the workspace.
pub(super) fn holders_of(row: &str, most: i64) -> String {
    format!(
        "(SELECT COUNT(*) FROM (
             SELECT 1 FROM duplicate_key k
             WHERE k.workspace_id = $1 AND k.key_hash = {row}.key_hash LIMIT {most}) AS sharing)"
    )
}

/// Those of the hashes that only a few shared before, and a crowd does now.
async fn crowds(
    tx: &Tx<'_>,
    more: &BTreeMap<Uuid, i64>,
    sharing: &BTreeMap<Uuid, i64>,
) -> Result<BTreeSet<Uuid>> {
    let is_full = |hash: &Uuid| sharing.get(hash).is_some_and(|holders| *holders > CROWD);
    let full: Vec<(Uuid, i64)> = more
        .iter()
        .map(|(hash, more)| (*hash, *more))
        .filter(|(hash, more)| *more > 0 && is_full(hash))
        .collect();
    let Some(most) = full.iter().map(|(_, more)| *more).max() else {
        return Ok(BTreeSet::new());
    };
    let crowds: Vec<Uuid> = Query::new(format!(
        "SELECT r.key_hash FROM {{r}} WHERE {} <= {CROWD} + r.more",
        holders_of("r", CROWD + most + 1)
    ))
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new()
            .uuids("key_hash", full.iter().map(|(hash, _)| *hash))
            .ints("more", full.iter().map(|(_, more)| *more)),
    )
    .column(tx.connection())
    .await?;
    Ok(crowds.into_iter().collect())
}

/// Those of the hashes that a crowd shared before, and only a few do now: they say something again.
fn thinned(more: &BTreeMap<Uuid, i64>, sharing: &BTreeMap<Uuid, i64>) -> BTreeSet<Uuid> {
    let thinned = more.iter().filter(|(hash, more)| {
        let holders = sharing.get(*hash).copied().unwrap_or_default();
        holders <= CROWD && holders - **more > CROWD
    });
    thinned.map(|(hash, _)| *hash).collect()
}

/// Who has one of the hashes, with the key.
async fn holders(tx: &Tx<'_>, hashes: &BTreeSet<Uuid>) -> Result<Keys> {
    if hashes.is_empty() {
        return Ok(Keys::new());
    }
    let rows: Vec<Held> = Query::new(
        "SELECT k.subject_id, k.key_hash, k.evidence, k.side FROM {r}
         JOIN duplicate_key k ON k.workspace_id = $1 AND k.key_hash = r.key_hash",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("key_hash", hashes.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(Held::key).collect())
}

#[derive(FromQueryResult)]
struct Shared {
    subject_id: Uuid,
    other_id: Uuid,
    evidence: i64,
}

/// The pairs that share one of the keys, each of which a few share, with their reasons.
async fn pairs(tx: &Tx<'_>, keys: &Keys) -> Result<Pairs> {
    if keys.is_empty() {
        return Ok(Pairs::new());
    }
    let found: Vec<Shared> = Query::new(
        "SELECT r.subject_id, k.subject_id AS other_id, k.evidence FROM {r}
         JOIN duplicate_key k ON k.workspace_id = $1 AND k.key_hash = r.key_hash
          AND k.subject_id <> r.subject_id AND (r.side = 0 OR k.side <> r.side)",
    )
    .bind(tx.workspace)
    .rows("r", rows(keys.iter()))
    .all(tx.connection())
    .await?;
    let mut pairs = Pairs::new();
    for one in found {
        let pair = (
            one.subject_id.min(one.other_id),
            one.subject_id.max(one.other_id),
        );
        *pairs.entry(pair).or_default() |= one.evidence;
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_thins_out_where_it_comes_to_be_a_few_and_nowhere_else() {
        let [renamed, moved, few, crowd] = [1, 2, 3, 4].map(Uuid::from_u128);
        let more = BTreeMap::from([(renamed, -1), (moved, -CROWD), (few, -1), (crowd, -1)]);
        let sharing = BTreeMap::from([(renamed, CROWD), (few, 3), (crowd, CROWD + 1)]);
        // Nobody but one is left of those who moved: no pair is.
        assert_eq!(thinned(&more, &sharing), BTreeSet::from([renamed]));
    }
}
