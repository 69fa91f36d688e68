//! Taking facts in: in bulk, safely repeated, the last word of the source counting, in a number of
//! statements that does not depend on how many there are.
//!
//! The rows that are there are read under a lock, every item is judged in memory, and what is new is
//! written by one upsert. It leaves alone what somebody else's call of the same moment has brought in
//! between the two, and that is judged anew: of two calls at once that both bring the same new fact
//! one finds it there, so that it is told to the log as new once.
//!
//! - here: what a kind says of itself (`Told`), checking a call, and the order of its steps;
//! - `state`: how things stand with each external id, judged in memory;
//! - `row`: what is there, and writing what is new;
//! - `consequence`: what follows for the log and for the contacts.

mod consequence;
mod row;
mod state;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
};

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::id::{AccountId, Id};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    check::Checker,
    party::{self, Found, Party},
};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Rows, Tx},
    work::change::Fact,
};

use consequence::{act, parts, report};
use row::{stored, write};
use state::judge;

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
struct Checked<T> {
    external_id: String,
    party: Party,
    updated_at: DateTime<Utc>,
    told: T,
}

/// The same, with whose it is.
struct Item<T> {
    external_id: String,
    found: Found,
    updated_at: DateTime<Utc>,
    told: T,
    /// A hash of everything the source told but the time. Whose it is goes in as what was found, so that
    /// another way of naming the same contact is nothing new.
    digest: String,
}

impl<T: Serialize> Checked<T> {
    fn of(self, found: Found) -> Result<Item<T>> {
        let contact = found.contact.map(Id::uuid);
        let account = found.account.map(Id::uuid);
        let content = serde_json::to_vec(&(contact, account, &self.told))?;
        Ok(Item {
            external_id: self.external_id,
            found,
            updated_at: self.updated_at,
            told: self.told,
            digest: hex::encode(Sha256::digest(content)),
        })
    }
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
    checked: Vec<Checked<T>>,
) -> Result<Vec<Ingested<T::Id>>> {
    tx.plan_for(checked.len());
    let parties: Vec<&Party> = checked.iter().map(|item| &item.party).collect();
    let found = party::resolve(ctx, tx, origin, T::LIST, &parties).await?;
    let told: Vec<(String, bool)> = checked
        .iter()
        .zip(&found)
        .map(|(item, found)| (item.external_id.clone(), found.is_some()))
        .collect();
    // Nothing is kept of people who were erased.
    let items: Vec<Item<T>> = checked
        .into_iter()
        .zip(found)
        .filter_map(|(item, found)| Some(item.of(found?)))
        .collect::<Result<_>>()?;
    let (mut states, mut kept) = (BTreeMap::new(), HashMap::new());
    let mut outcomes = vec![Outcome::Unchanged; items.len()];
    let mut open: Vec<usize> = (0..items.len()).collect();
    while !open.is_empty() {
        let mut these = stored::<T>(tx, &items, &open).await?;
        judge(tx, &items, &open, &mut these, &mut outcomes);
        kept.extend(write(tx, &items, &these).await?);
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

fn check<T: Told>(new: Vec<T::New>, now: DateTime<Utc>) -> Result<Vec<Checked<T>>> {
    let mut errors = Vec::new();
    if new.len() > MAX_ITEMS {
        let message = format!("Send at most {MAX_ITEMS} at once.");
        return Err(Error::refused(
            &[T::LIST],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let items: Vec<Checked<T>> = new
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
) -> Checked<T> {
    let mut checker = Checker::new(T::LIST, index, now, errors);
    let head = T::head(&new);
    checker.party(&head.party);
    Checked {
        external_id: checker.id(&head.external_id, &["externalId"]),
        party: head.party,
        updated_at: checker.past(head.updated_at.unwrap_or(now), &["updatedAt"]),
        told: T::check(new, &mut checker),
    }
}
