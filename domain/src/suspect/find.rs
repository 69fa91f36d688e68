//! Keeps the keys of what changed up to date, and finds with whom they are shared.

use std::collections::BTreeSet;

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
    let new: Keys = has.difference(&had).copied().collect();
    if !gone.is_empty() {
        remove(tx, &gone).await?;
    }
    add(tx, &new).await?;
    if !gone.is_empty() {
        let fewer: BTreeSet<Uuid> = gone.iter().map(|(id, _)| *id).collect();
        outdate(tx, things, &fewer).await?;
    }
    let pairs = pairs(tx, &new).await?;
    note(tx, things, Origin::System, pairs).await?;
    Ok(())
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
    let keys = rows.into_iter().map(|row| {
        let key = Key {
            hash: row.key_hash,
            evidence: row.evidence,
            side: row.side,
        };
        (row.subject_id, key)
    });
    Ok(keys.collect())
}

fn rows<'k>(keys: impl Iterator<Item = &'k (Uuid, Key)> + Clone) -> Rows {
    Rows::new()
        .uuids("key_hash", keys.clone().map(|(_, key)| key.hash))
        .uuids("subject_id", keys.clone().map(|(id, _)| *id))
        .ints("evidence", keys.clone().map(|(_, key)| key.evidence))
        .ints("side", keys.map(|(_, key)| key.side))
}

async fn remove(tx: &Tx<'_>, keys: &Keys) -> Result<()> {
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

/// Those of the hashes that a few share. Of each no more is read than tells that there are too many.
async fn shared(tx: &Tx<'_>, keys: &Keys) -> Result<BTreeSet<Uuid>> {
    let hashes: BTreeSet<Uuid> = keys.iter().map(|(_, key)| key.hash).collect();
    let shared: Vec<Uuid> = Query::new(format!(
        "SELECT r.key_hash FROM {{r}} WHERE (
             SELECT COUNT(*) FROM (
                 SELECT 1 FROM duplicate_key k
                 WHERE k.workspace_id = $1 AND k.key_hash = r.key_hash LIMIT {}) AS sharing
         ) BETWEEN 2 AND {CROWD}",
        CROWD + 1
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("key_hash", hashes))
    .column(tx.connection())
    .await?;
    Ok(shared.into_iter().collect())
}

#[derive(FromQueryResult)]
struct Shared {
    subject_id: Uuid,
    other_id: Uuid,
    evidence: i64,
}

/// The pairs that share one of the keys, with their reasons.
async fn pairs(tx: &Tx<'_>, keys: &Keys) -> Result<Pairs> {
    if keys.is_empty() {
        return Ok(Pairs::new());
    }
    let shared = shared(tx, keys).await?;
    let keys = keys.iter().filter(|(_, key)| shared.contains(&key.hash));
    if shared.is_empty() {
        return Ok(Pairs::new());
    }
    let found: Vec<Shared> = Query::new(
        "SELECT r.subject_id, k.subject_id AS other_id, k.evidence FROM {r}
         JOIN duplicate_key k ON k.workspace_id = $1 AND k.key_hash = r.key_hash
          AND k.subject_id <> r.subject_id AND (r.side = 0 OR k.side <> r.side)",
    )
    .bind(tx.workspace)
    .rows("r", rows(keys))
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
