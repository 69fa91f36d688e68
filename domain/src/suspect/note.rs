//! Writes down who seems to be one, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, SuspectId},
    kind::{DuplicateReason, DuplicateState},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    book,
    find::{CROWD, holders_of},
    reason::{bit, in_words, strength_of},
};
use crate::{
    access::Origin,
    error::Result,
    merge::{self, Things},
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Pairs, the older one first, each with the bits of what makes them seem to be one.
pub(crate) type Pairs = BTreeMap<(Uuid, Uuid), i64>;

#[derive(FromQueryResult)]
struct Noted {
    id: Uuid,
    one_id: Uuid,
    other_id: Uuid,
}

/// Notes that pairs seem to be one, once for each pair. A pair that was noted before gets the reasons it did not
/// have; with such a one it is open again, even if it was dismissed. Those who were merged or have gone are left
/// out; nobody of the others goes until the end.
pub(crate) async fn note(
    tx: &mut Tx<'_>,
    things: Things,
    origin: Origin,
    mut pairs: Pairs,
) -> Result<()> {
    pairs.retain(|(one, other), _| one != other);
    if pairs.is_empty() {
        return Ok(());
    }
    let all: BTreeSet<Uuid> = pairs.keys().flat_map(|(a, b)| [*a, *b]).collect();
    let there = merge::living(tx, things, all.into_iter().collect()).await?;
    let is_there = |id: &Uuid| there.get(id) == Some(id);
    pairs.retain(|(one, other), _| is_there(one) && is_there(other));
    if pairs.is_empty() {
        return Ok(());
    }
    let noted = write(tx, things, &pairs).await?;
    for noted in noted {
        // Accounts have no such fact: nothing waits for it.
        if things == Things::Contacts {
            let contact_id = ContactId(noted.one_id);
            let fact = Fact::DuplicateSuspected {
                suspect_id: SuspectId(noted.id),
                contact_id,
                other_contact_id: ContactId(noted.other_id),
            };
            tx.record(Change::new(origin, Some(contact_id), fact));
        }
    }
    Ok(())
}

/// Writes pairs down; returns those of which something is new.
async fn write(tx: &Tx<'_>, things: Things, pairs: &Pairs) -> Result<Vec<Noted>> {
    let names = book(things);
    let (table, one, other) = (names.table, names.one, names.other);
    let ids: Vec<SuspectId> = pairs.keys().map(|_| tx.id()).collect();
    let rows = Rows::new()
        .ids("id", ids)
        .uuids("one_id", pairs.keys().map(|(one, _)| *one))
        .uuids("other_id", pairs.keys().map(|(_, other)| *other))
        .texts("reason", pairs.values().map(|evidence| in_words(*evidence)))
        .ints("evidence", pairs.values().copied())
        .ints(
            "strength",
            pairs.values().map(|evidence| strength_of(*evidence)),
        );
    Ok(Query::new(format!(
        "INSERT INTO {table} (workspace_id, id, {one}, {other}, reason, evidence, strength,
                              created_at)
         SELECT $1, r.id, r.one_id, r.other_id, r.reason, r.evidence, r.strength, $2
         FROM {{r}} WHERE true
         ON CONFLICT (workspace_id, {one}, {other}) DO UPDATE SET
             evidence = CASE WHEN {table}.settlement = $3 THEN excluded.evidence
                             ELSE {table}.evidence | excluded.evidence END,
             strength = CASE WHEN {table}.settlement = $3
                               OR excluded.strength > {table}.strength
                             THEN excluded.strength ELSE {table}.strength END,
             settled_at = NULL, settlement = NULL
         WHERE {table}.settlement = $3
            OR ({table}.evidence | excluded.evidence) <> {table}.evidence
         RETURNING id, {one} AS one_id, {other} AS other_id"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(DuplicateState::Outdated.word())
    .rows("r", rows)
    .all(tx.connection())
    .await?)
}

#[derive(FromQueryResult)]
struct Standing {
    id: Uuid,
    evidence: i64,
    /// What the two still share, without what a crowd does.
    shared: i64,
}

/// Takes from the open suspicions of `ids` the reasons that have gone, and settles those of which none is left.
/// Identities that were given for one person are not forgotten.
pub(super) async fn outdate(tx: &Tx<'_>, things: Things, ids: &BTreeSet<Uuid>) -> Result<()> {
    // One that gets a reason meanwhile stays as it is.
    let (mut settled, mut fewer) = (Vec::new(), Vec::new());
    for one in standing(tx, things, ids).await? {
        let left = one.evidence & (one.shared | bit(DuplicateReason::Identities));
        if left == 0 {
            settled.push((one, left));
        } else if left != one.evidence {
            fewer.push((one, left));
        }
    }
    let table = book(things).table;
    let here = format!(
        "FROM {{r}} WHERE {table}.workspace_id = $1 AND {table}.id = r.id
           AND {table}.settled_at IS NULL AND {table}.evidence = r.had"
    );
    if !settled.is_empty() {
        Query::new(format!(
            "UPDATE {table} SET settled_at = $2, settlement = $3 {here}"
        ))
        .bind(tx.workspace)
        .bind(tx.now)
        .bind(DuplicateState::Outdated.word())
        .rows("r", given(&settled))
        .execute(tx.connection())
        .await?;
    }
    if !fewer.is_empty() {
        Query::new(format!(
            "UPDATE {table} SET evidence = r.evidence, strength = r.strength {here}"
        ))
        .bind(tx.workspace)
        .rows("r", given(&fewer))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Suspicions with the reasons that are left of them.
fn given(all: &[(Standing, i64)]) -> Rows {
    Rows::new()
        .uuids("id", all.iter().map(|(one, _)| one.id))
        .ints("had", all.iter().map(|(one, _)| one.evidence))
        .ints("evidence", all.iter().map(|(_, left)| *left))
        .ints("strength", all.iter().map(|(_, left)| strength_of(*left)))
}

/// The open suspicions of `ids`, each once.
///
/// That the sides are read too has SQLite look up each one's keys: the index by hash, which does not hold them,
/// would otherwise seem to be enough, and be read for the whole workspace.
async fn standing(tx: &Tx<'_>, things: Things, ids: &BTreeSet<Uuid>) -> Result<Vec<Standing>> {
    let names = book(things);
    let (table, one, other) = (names.table, names.one, names.other);
    let mut standing: BTreeMap<Uuid, Standing> = BTreeMap::new();
    for column in [one, other] {
        // Each key has the bit of one reason: of bits that differ the sum is all of them.
        let found: Vec<Standing> = Query::new(format!(
            "SELECT s.id, s.evidence, (
                 SELECT CAST(COALESCE(SUM(DISTINCT a.evidence), 0) AS bigint) FROM duplicate_key a
                 JOIN duplicate_key b ON b.workspace_id = $1 AND b.key_hash = a.key_hash
                  AND b.subject_id = s.{other} AND (a.side = 0 OR b.side <> a.side)
                 WHERE a.workspace_id = $1 AND a.subject_id = s.{one}
                   AND {} <= {CROWD}) AS shared
             FROM {{r}} JOIN {table} s ON s.workspace_id = $1 AND s.{column} = r.id
             WHERE s.settled_at IS NULL",
            holders_of("a", CROWD + 1)
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", ids.iter().copied()))
        .all(tx.connection())
        .await?;
        standing.extend(found.into_iter().map(|row| (row.id, row)));
    }
    Ok(standing.into_values().collect())
}

/// Settles the suspicion that two are one, whichever of the two is older.
pub(crate) async fn settle_pair(
    tx: &Tx<'_>,
    things: Things,
    pair: (Uuid, Uuid),
    state: DuplicateState,
) -> Result<()> {
    let names = book(things);
    Query::new(format!(
        "UPDATE {} SET settled_at = $4, settlement = $5
         WHERE workspace_id = $1 AND {} = $2 AND {} = $3 AND settled_at IS NULL",
        names.table, names.one, names.other
    ))
    .bind(tx.workspace)
    .bind(pair.0.min(pair.1))
    .bind(pair.0.max(pair.1))
    .bind(tx.now)
    .bind(state.word())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Opens the suspicion about two again that was settled at that moment.
pub(crate) async fn reopen_pair(
    tx: &Tx<'_>,
    things: Things,
    pair: (Uuid, Uuid),
    settled_at: DateTime<Utc>,
) -> Result<()> {
    let names = book(things);
    Query::new(format!(
        "UPDATE {} SET settled_at = NULL, settlement = NULL
         WHERE workspace_id = $1 AND {} = $2 AND {} = $3 AND settled_at = $4",
        names.table, names.one, names.other
    ))
    .bind(tx.workspace)
    .bind(pair.0.min(pair.1))
    .bind(pair.0.max(pair.1))
    .bind(settled_at)
    .execute(tx.connection())
    .await?;
    Ok(())
}
