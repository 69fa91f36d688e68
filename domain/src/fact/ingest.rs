//! Taking facts in: in bulk, safely repeated, the last word of the source counting, in a number of
//! statements that does not depend on how many there are.
//!
//! The rows that are there are read under a lock, every item is judged in memory, and what is new is
//! written by one upsert. It leaves alone what somebody else's call of the same moment has brought in
//! between the two, and that is judged anew: of two calls at once that both bring the same new fact
//! one finds it there, so that it is told to the log as new once.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
};

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::id::{AccountId, ContactId, Id};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    check::Checker,
    party::{self, Found, Party},
};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    event,
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact},
};

/// Facts one call may bring.
pub const MAX_ITEMS: usize = 1_000;

/// What became of one fact of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[graphql(name = "FactIngestOutcome")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there, and something about it is new.
    Updated,
    /// It was there just like this.
    Unchanged,
    /// Something newer was there: what came is older by its `updatedAt` and was left aside.
    Stale,
    /// The person it is about was erased: nothing of it was kept.
    Erased,
}

/// One fact after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested<I> {
    /// The source's id of it.
    pub external_id: String,
    /// Our id of it, whether it is new or not; none if it is about a person who was erased.
    pub id: Option<I>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What every source tells of a fact.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// The source's own id; the same id is the same fact.
    pub external_id: String,
    /// Whose it is.
    pub party: Party,
    /// When the source last changed it; left out, now. The latest counts.
    pub updated_at: Option<DateTime<Utc>>,
}

/// What one of the kinds has of its own, checked.
pub(crate) trait Told: Serialize + Sized + Send + Sync {
    /// The type of its ids.
    type Id: Id + Send + Sync;
    /// As it comes from the door.
    type New: Send;

    /// Its table.
    const TABLE: &'static str;
    /// The name of its list in the input.
    const LIST: &'static str;
    /// What of the row `t` before goes into the change log, as text.
    const BEFORE: &'static str = "t.status";
    /// The columns of its own.
    const COLUMNS: &'static [&'static str];

    /// Takes the common part off.
    fn head(new: &Self::New) -> Head;
    /// Checks its own part; mistakes are noted in `checker`.
    fn check(new: Self::New, checker: &mut Checker<'_>) -> Self;
    /// Adds the values of [`COLUMNS`](Self::COLUMNS).
    fn rows(rows: Rows, told: &[&Self]) -> Rows;
    /// The fact for the change log; `previous` is [`BEFORE`](Self::BEFORE), if it was there.
    fn fact(&self, id: Self::Id, account: Option<AccountId>, previous: Option<&str>) -> Fact;
    /// When the contact did something by it, if it is something contacts do.
    fn act_at(&self) -> Option<DateTime<Utc>> {
        None
    }
    /// Writes what has a table of its own.
    fn write_parts(
        _tx: &Tx<'_>,
        _written: &[(Self::Id, &Self)],
    ) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// One item of a call, checked.
struct Item<T> {
    external_id: String,
    party: Party,
    updated_at: DateTime<Utc>,
    told: T,
}

/// Takes facts in. All of them, or, when any is refused, none.
pub(crate) async fn ingest<T: Told>(
    ctx: &Ctx,
    actor: &Actor,
    new: Vec<T::New>,
) -> Result<Vec<Ingested<T::Id>>> {
    actor.require(Scope::Ingest)?;
    let items = check::<T>(new, ctx.clock.now())?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let taken = write_all(ctx, &mut tx, actor.origin(), items).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Takes facts in that we know by ourselves, in the caller's transaction.
pub(crate) async fn take_in<T: Told>(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    new: Vec<T::New>,
) -> Result<Vec<Ingested<T::Id>>> {
    let items = check::<T>(new, tx.now)?;
    write_all(ctx, tx, origin, items).await
}

async fn write_all<T: Told>(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    items: Vec<Item<T>>,
) -> Result<Vec<Ingested<T::Id>>> {
    tx.plan_for(items.len());
    let parties: Vec<&Party> = items.iter().map(|item| &item.party).collect();
    let found = party::resolve(ctx, tx, origin, T::LIST, &parties).await?;
    let told: Vec<(String, bool)> = items
        .iter()
        .zip(&found)
        .map(|(item, found)| (item.external_id.clone(), found.is_some()))
        .collect();
    // Nothing is kept of people who were erased.
    let (items, found): (Vec<Item<T>>, Vec<Found>) = items
        .into_iter()
        .zip(found)
        .filter_map(|(item, found)| Some((item, found?)))
        .unzip();
    let digests: Vec<String> = items
        .iter()
        .zip(&found)
        .map(|(item, found)| digest(&item.told, found))
        .collect::<Result<_>>()?;
    let (mut states, mut kept) = (BTreeMap::new(), HashMap::new());
    let mut outcomes = vec![Outcome::Unchanged; items.len()];
    let mut open: Vec<usize> = (0..items.len()).collect();
    while !open.is_empty() {
        let mut these = stored::<T>(tx, &items, &open).await?;
        judge(
            tx,
            &items,
            &open,
            &found,
            &digests,
            &mut these,
            &mut outcomes,
        );
        kept.extend(write(tx, &items, &found, &digests, &these).await?);
        // What was not written somebody else brought in meanwhile: it is there now, and held.
        open.retain(|&index| {
            let external_id = &items[index].external_id;
            let is_news = these
                .get(external_id)
                .is_some_and(|state| state.write.is_some());
            is_news && !kept.contains_key(external_id)
        });
        states.extend(these);
    }
    T::write_parts(tx, &parts(&items, &states, &kept)).await?;
    act(tx, &items, &states, &kept).await?;
    report(tx, origin, &items, &states, &kept);
    let mut outcomes = outcomes.into_iter();
    Ok(told
        .into_iter()
        .map(|(external_id, is_kept)| {
            let outcome = if is_kept { outcomes.next() } else { None };
            let state = states.get(&external_id).filter(|_| is_kept);
            Ingested {
                id: state.map(|state| state.id),
                external_id,
                outcome: outcome.unwrap_or(Outcome::Erased),
            }
        })
        .collect())
}

fn check<T: Told>(new: Vec<T::New>, now: DateTime<Utc>) -> Result<Vec<Item<T>>> {
    let mut errors = Vec::new();
    if new.len() > MAX_ITEMS {
        let message = format!("Send at most {MAX_ITEMS} at once.");
        return Err(Error::refused(
            &[T::LIST],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let items: Vec<Item<T>> = new
        .into_iter()
        .enumerate()
        .map(|(index, new)| check_one(index, new, now, &mut errors))
        .collect();
    if errors.is_empty() {
        Ok(items)
    } else {
        Err(Error::Refused(errors))
    }
}

fn check_one<T: Told>(
    index: usize,
    new: T::New,
    now: DateTime<Utc>,
    errors: &mut Vec<UserError>,
) -> Item<T> {
    let mut checker = Checker::new(T::LIST, index, now, errors);
    let head = T::head(&new);
    checker.party(&head.party);
    Item {
        external_id: checker.id(&head.external_id, &["externalId"]),
        party: head.party,
        updated_at: checker.past(head.updated_at.unwrap_or(now), &["updatedAt"]),
        told: T::check(new, &mut checker),
    }
}

/// A hash of everything the source told but the time. Whose it is goes in as what was found, so that
/// another way of naming the same contact is nothing new.
fn digest<T: Serialize>(told: &T, found: &Found) -> Result<String> {
    let contact = found.contact.map(Id::uuid);
    let account = found.account.map(Id::uuid);
    let content = serde_json::to_vec(&(contact, account, told))?;
    Ok(hex::encode(Sha256::digest(content)))
}

/// How things stand with one external id, while the call goes on.
struct State<I> {
    id: I,
    contact: Option<ContactId>,
    updated_at: DateTime<Utc>,
    digest: String,
    /// The status and contact before the call, if it was there.
    before: Option<(String, Option<ContactId>)>,
    /// The item that is to be written.
    write: Option<usize>,
    /// Whether what is to be written is new to the log, or only its time is.
    news: bool,
}

#[derive(FromQueryResult)]
struct Stored {
    external_id: String,
    id: Uuid,
    updated_at: DateTime<Utc>,
    digest: String,
    status: String,
    contact_id: Option<ContactId>,
}

/// What is there of the items at `open`, held until the transaction ends.
async fn stored<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    open: &[usize],
) -> Result<BTreeMap<String, State<T::Id>>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF t" };
    let rows: Vec<Stored> = Query::new(format!(
        "SELECT t.external_id, t.id, t.updated_at, t.digest, {} AS status, t.contact_id
         FROM {{r}} CROSS JOIN {} AS t
         WHERE t.workspace_id = $1 AND t.external_id = r.external_id
         ORDER BY t.external_id {lock} {of}",
        T::BEFORE,
        T::TABLE
    ))
    .bind(tx.workspace)
    .rows("r", id_rows(items, open))
    .all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let state = State {
                id: T::Id::from(row.id),
                contact: row.contact_id,
                updated_at: row.updated_at,
                digest: row.digest,
                before: Some((row.status, row.contact_id)),
                write: None,
                news: false,
            };
            (row.external_id, state)
        })
        .collect())
}

fn id_rows<T>(items: &[Item<T>], open: &[usize]) -> Rows {
    let ids = open.iter().map(|&index| items[index].external_id.as_str());
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    Rows::new().texts("external_id", ids)
}

/// Goes through the items at `open` in their order, as if each came in a call of its own.
fn judge<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    open: &[usize],
    found: &[Found],
    digests: &[String],
    states: &mut BTreeMap<String, State<T::Id>>,
    outcomes: &mut [Outcome],
) {
    for &index in open {
        let item = &items[index];
        let Some(state) = states.get_mut(&item.external_id) else {
            let state = State {
                id: tx.id(),
                contact: found[index].contact,
                updated_at: item.updated_at,
                digest: digests[index].clone(),
                before: None,
                write: Some(index),
                news: true,
            };
            states.insert(item.external_id.clone(), state);
            outcomes[index] = Outcome::Created;
            continue;
        };
        if item.updated_at < state.updated_at {
            outcomes[index] = Outcome::Stale;
            continue;
        }
        let same = digests[index] == state.digest;
        // The same word told of a later moment is nothing new, but what lies between is stale now.
        if !same || item.updated_at > state.updated_at {
            state.contact = found[index].contact;
            state.updated_at = item.updated_at;
            state.digest.clone_from(&digests[index]);
            state.write = Some(index);
            state.news |= !same;
        }
        outcomes[index] = if same {
            Outcome::Unchanged
        } else {
            Outcome::Updated
        };
    }
}

/// What a written row came to: its id, and its account as it was resolved.
#[derive(Clone, Copy)]
struct Kept<I> {
    id: I,
    account: Option<AccountId>,
}

#[derive(FromQueryResult)]
struct Written {
    external_id: String,
    id: Uuid,
    account_id: Option<AccountId>,
}

/// Writes what is to be written, unless somebody else has brought it in since it was found missing;
/// that is held then. Gives the rows that were written.
async fn write<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    found: &[Found],
    digests: &[String],
    states: &BTreeMap<String, State<T::Id>>,
) -> Result<HashMap<String, Kept<T::Id>>> {
    let writes: Vec<(usize, &State<T::Id>)> = states
        .values()
        .filter_map(|state| Some((state.write?, state)))
        .collect();
    if writes.is_empty() {
        return Ok(HashMap::new());
    }
    let told: Vec<&T> = writes
        .iter()
        .map(|(index, _)| &items[*index].told)
        .collect();
    let of = |index: &usize| &items[*index];
    let rows = Rows::new()
        .ids("id", writes.iter().map(|(_, state)| state.id))
        .texts(
            "external_id",
            writes
                .iter()
                .map(|(index, _)| of(index).external_id.as_str()),
        )
        .opt_ids(
            "contact_id",
            writes.iter().map(|(index, _)| found[*index].contact),
        )
        .opt_ids(
            "account_id",
            writes.iter().map(|(index, _)| found[*index].account),
        )
        .flags(
            "account_told",
            writes
                .iter()
                .map(|(index, _)| found[*index].account.is_some()),
        )
        .texts(
            "digest",
            writes.iter().map(|(index, _)| digests[*index].as_str()),
        )
        .times(
            "updated_at",
            writes.iter().map(|(index, _)| of(index).updated_at),
        );
    let rows = T::rows(rows, &told);
    let table = T::TABLE;
    let columns = T::COLUMNS.join(", ");
    let given = T::COLUMNS.join(", r.");
    let news: Vec<String> = [
        "contact_id",
        "account_id",
        "account_told",
        "digest",
        "updated_at",
        "recorded_at",
    ]
    .iter()
    .chain(T::COLUMNS)
    .map(|column| format!("{column} = excluded.{column}"))
    .collect();
    let news = news.join(", ");
    // In the order of the external ids, so that two calls never wait for each other in a circle. What
    // was there when it was looked for is held and has its own id; any other is somebody else's.
    let written: Vec<Written> = Query::new(format!(
        "INSERT INTO {table} (workspace_id, id, external_id, contact_id, account_id, account_told,
                              digest, updated_at, created_at, recorded_at, {columns})
         SELECT $1, r.id, r.external_id, r.contact_id,
                COALESCE(r.account_id, (SELECT c.account_id FROM contact c
                                        WHERE c.workspace_id = $1 AND c.id = r.contact_id)),
                r.account_told, r.digest, r.updated_at, $2, $2, r.{given}
         FROM {{r}} WHERE true ORDER BY r.external_id
         ON CONFLICT (workspace_id, external_id) DO UPDATE SET {news}
         WHERE {table}.id = excluded.id
         RETURNING external_id, id, account_id"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(written
        .into_iter()
        .map(|row| {
            let (id, account) = (T::Id::from(row.id), row.account_id);
            (row.external_id, Kept { id, account })
        })
        .collect())
}

fn parts<'i, T: Told>(
    items: &'i [Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) -> Vec<(T::Id, &'i T)> {
    let written = states.iter().filter_map(|(external_id, state)| {
        let index = state.write.filter(|_| state.news)?;
        Some((kept.get(external_id)?.id, &items[index].told))
    });
    written.collect()
}

/// Notes when the contacts last did something.
async fn act<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) -> Result<()> {
    let mut latest: BTreeMap<ContactId, DateTime<Utc>> = BTreeMap::new();
    for (external_id, state) in states {
        let Some(index) = state.write.filter(|_| kept.contains_key(external_id)) else {
            continue;
        };
        if let (Some(contact), Some(at)) = (state.contact, items[index].told.act_at()) {
            let last = latest.entry(contact).or_insert(at);
            *last = at.max(*last);
        }
    }
    if latest.is_empty() {
        return Ok(());
    }
    event::note_activity(tx, &latest).await?;
    Ok(())
}

/// Appends to the change log what is new: for the contact it is about, and for the one it was about
/// before.
fn report<T: Told>(
    tx: &mut Tx<'_>,
    origin: Origin,
    items: &[Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
    kept: &HashMap<String, Kept<T::Id>>,
) {
    for (external_id, state) in states {
        let (Some(index), true) = (state.write, state.news) else {
            continue;
        };
        let Some(kept) = kept.get(external_id) else {
            continue;
        };
        let (previous, former) = match &state.before {
            Some((word, contact)) => (Some(word.as_str()), *contact),
            None => (None, None),
        };
        let fact = items[index].told.fact(kept.id, kept.account, previous);
        let contact = state.contact;
        if former.is_some() && former != contact {
            tx.record(Change::new(origin, former, fact.clone()));
        }
        tx.record(Change::new(origin, contact, fact));
    }
}
