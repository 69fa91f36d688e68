//! Events: what contacts did, in the product and on the web. Stored as told, with the days on which
//! a contact was active kept beside them for health.

mod list;

use std::collections::{BTreeMap, HashMap, HashSet};

use async_graphql::Enum;
use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use chrono_tz::Tz;
use entity::{
    event,
    id::{ContactId, EventId, WorkspaceId},
};
use sea_orm::FromQueryResult;

use crate::{
    access::{Actor, Origin, Scope},
    contact::{self, Mention, Stranger, Whom, Whose},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    scalar,
    store::{Query, Rows, Tx, rows_by_id},
    text,
    work::change::{Change, Fact},
    workspace,
};

pub use list::{EventFilter, list};

/// Events one call may bring.
pub const MAX_EVENTS: usize = 1_000;

/// An event as its sender tells it.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The sender's own id; the same id is the same event.
    pub external_id: String,
    /// The contact's.
    pub whose: Whose,
    /// What was done, such as `page_viewed`.
    pub name: String,
    /// What else is known about it: an object.
    pub properties: serde_json::Value,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "EventOutcome")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there before, or twice in the call.
    Duplicate,
    /// The person who did it was erased: nothing of it was kept.
    Erased,
}

/// One event after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// The sender's id of it.
    pub external_id: String,
    /// Our id of it, whether it is new or not; none if it is of a person who was erased.
    pub id: Option<EventId>,
    /// What became of it.
    pub outcome: Outcome,
}

struct Checked {
    /// Its place in the call.
    index: usize,
    id: EventId,
    external_id: String,
    whom: Whom,
    name: String,
    properties: serde_json::Value,
    occurred_at: DateTime<Utc>,
}

/// Takes events in. All of them, or, when any is refused, none. Tells what became of each, in their
/// order.
pub async fn ingest(ctx: &Ctx, actor: &Actor, events: Vec<NewEvent>) -> Result<Vec<Ingested>> {
    actor.require(Scope::Ingest)?;
    let mut errors = Vec::new();
    if events.len() > MAX_EVENTS {
        let message = format!("Send at most {MAX_EVENTS} events at once.");
        errors.push(UserError::new(
            &["events"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let numbers = events.iter().any(|event| event.whose.is_number());
    let home = contact::home_if(ctx, actor.workspace, numbers).await?;
    let checked: Vec<Checked> = events
        .into_iter()
        .enumerate()
        .filter_map(|(index, event)| check(ctx, index, event, home, &mut errors))
        .collect();
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    store(ctx, actor, checked, &HashSet::new()).await
}

/// Takes in those events of a call that fit, and tells what became of each of these and what is wrong with
/// the others. Events at the places in `passive` do not move the moment at which their contact last did
/// something. The caller has seen to it that the actor may.
pub(crate) async fn take_in_each(
    ctx: &Ctx,
    actor: &Actor,
    events: Vec<NewEvent>,
    passive: &HashSet<usize>,
) -> Result<(Vec<Ingested>, Vec<UserError>)> {
    let mut errors = Vec::new();
    let numbers = events.iter().any(|event| event.whose.is_number());
    let home = contact::home_if(ctx, actor.workspace, numbers).await?;
    let checked: Vec<Checked> = events
        .into_iter()
        .enumerate()
        .filter_map(|(index, event)| check(ctx, index, event, home, &mut errors))
        .collect();
    if checked.is_empty() {
        return Ok((Vec::new(), errors));
    }
    let told = store(ctx, actor, checked, passive).await?;
    Ok((told, errors))
}

/// Stores events that fit, in a number of statements that does not depend on how many there are.
async fn store(
    ctx: &Ctx,
    actor: &Actor,
    checked: Vec<Checked>,
    passive: &HashSet<usize>,
) -> Result<Vec<Ingested>> {
    // The first of several with one id is the one that counts.
    let mut seen = HashSet::new();
    let distinct: Vec<&Checked> = checked
        .iter()
        .filter(|event| seen.insert(event.external_id.as_str()))
        .collect();
    let zone = workspace::time_zone(&workspace::find(ctx, actor.workspace).await?);
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(distinct.len());
    let mentions: Vec<Mention> = distinct
        .iter()
        .map(|event| Mention {
            whom: event.whom.clone(),
            name: None,
            stranger: Stranger::Made,
        })
        .collect();
    let contacts = contact::resolve(ctx, &mut tx, actor.origin(), &mentions).await?;
    let named = distinct.iter().map(|event| (event.index, &event.whom));
    contact::refuse_missing("events", named, &contacts)?;
    let placed: Vec<(&Checked, ContactId)> = distinct
        .iter()
        .filter_map(|event| Some((*event, *contacts.get(&event.whom)?)))
        .collect();
    let created = put(&mut tx, actor.origin(), zone, &placed, passive).await?;
    let known = if created.len() < checked.len() {
        look_up(&tx, &distinct).await?
    } else {
        HashMap::new()
    };
    tx.commit().await?;
    Ok(outcomes(&checked, &created, &known))
}

/// Writes events of contacts who are held: those that are not there yet, which it tells, the days and the
/// moments of activity, and the log.
async fn put(
    tx: &mut Tx<'_>,
    origin: Origin,
    zone: Tz,
    placed: &[(&Checked, ContactId)],
    passive: &HashSet<usize>,
) -> Result<HashSet<EventId>> {
    let created = insert(tx, placed).await?;
    let mut days: BTreeMap<(ContactId, NaiveDate), i64> = BTreeMap::new();
    let mut latest: BTreeMap<ContactId, DateTime<Utc>> = BTreeMap::new();
    for (event, contact) in placed
        .iter()
        .filter(|(event, _)| created.contains(&event.id))
    {
        let day = event.occurred_at.with_timezone(&zone).date_naive();
        *days.entry((*contact, day)).or_default() += 1;
        if !passive.contains(&event.index) {
            let last = latest.entry(*contact).or_insert(event.occurred_at);
            *last = event.occurred_at.max(*last);
        }
        let fact = Fact::EventRecorded {
            event_id: event.id,
            name: Some(event.name.clone()),
        };
        tx.record(Change::new(origin, Some(*contact), fact));
    }
    count_days(tx, &days).await?;
    note_activity(tx, &latest).await?;
    Ok(created)
}

/// Writes that a contact, who is held, does something right now that we see ourselves: it happens at the
/// moment of the transaction, and has no id of somebody else's. `properties` are an object.
pub(crate) async fn note(
    tx: &mut Tx<'_>,
    origin: Origin,
    zone: Tz,
    contact: ContactId,
    name: &str,
    properties: serde_json::Value,
) -> Result<()> {
    let id: EventId = tx.id();
    let event = Checked {
        index: 0,
        id,
        external_id: id.to_string(),
        whom: Whom::Id(contact),
        name: name.to_owned(),
        properties: without_nul(properties),
        occurred_at: tx.now.trunc_subsecs(6),
    };
    put(tx, origin, zone, &[(&event, contact)], &HashSet::new()).await?;
    Ok(())
}

/// What became of each event: new, or known under its id, or else of a person who was erased.
fn outcomes(
    events: &[Checked],
    created: &HashSet<EventId>,
    known: &HashMap<String, EventId>,
) -> Vec<Ingested> {
    let told = events.iter().map(|event| {
        let (id, outcome) = if created.contains(&event.id) {
            (Some(event.id), Outcome::Created)
        } else {
            match known.get(&event.external_id) {
                Some(id) => (Some(*id), Outcome::Duplicate),
                None => (None, Outcome::Erased),
            }
        };
        Ingested {
            external_id: event.external_id.clone(),
            id,
            outcome,
        }
    });
    told.collect()
}

#[derive(FromQueryResult)]
struct Stored {
    external_id: String,
    id: EventId,
}

/// Our ids of those events that are stored, by their senders' ids.
async fn look_up(tx: &Tx<'_>, events: &[&Checked]) -> Result<HashMap<String, EventId>> {
    let ids = events.iter().map(|event| event.external_id.as_str());
    // CROSS JOIN keeps SQLite from walking through all events and searching the list for each.
    let stored: Vec<Stored> = Query::new(
        "SELECT e.external_id, e.id FROM {r} CROSS JOIN event AS e
         WHERE e.workspace_id = $1 AND e.external_id = r.external_id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("external_id", ids))
    .all(tx.connection())
    .await?;
    Ok(stored
        .into_iter()
        .map(|row| (row.external_id, row.id))
        .collect())
}

fn check(
    ctx: &Ctx,
    index: usize,
    event: NewEvent,
    home: Locale,
    errors: &mut Vec<UserError>,
) -> Option<Checked> {
    let place = index.to_string();
    let before = errors.len();
    let at = |field: &'static str| ["events", place.as_str(), field];
    let external_id = text::id(&event.external_id, &at("externalId"))
        .map_err(|error| errors.push(error))
        .ok();
    let name = text::name(&event.name, &at("name"), 100)
        .map_err(|error| errors.push(error))
        .ok();
    let whom = event
        .whose
        .read(home, ["events", &place])
        .map_err(|error| errors.push(error))
        .ok();
    let size = event.properties.to_string().len();
    if !event.properties.is_object() || size > 32_768 {
        let message = "Give an object of at most 32 KB.";
        errors.push(UserError::new(
            &at("properties"),
            UserErrorCode::Invalid,
            message,
        ));
    }
    if let Some(message) = scalar::not_past(event.occurred_at, ctx.clock.now()) {
        errors.push(UserError::new(
            &at("occurredAt"),
            UserErrorCode::Invalid,
            message,
        ));
    }
    if errors.len() > before {
        return None;
    }
    Some(Checked {
        index,
        id: ctx.id(),
        external_id: external_id?,
        whom: whom?,
        name: name?,
        properties: without_nul(event.properties),
        occurred_at: event.occurred_at.trunc_subsecs(6),
    })
}

/// PostgreSQL keeps no NUL in texts, nor in JSON.
fn without_nul(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "")),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nul).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name.replace('\0', ""), without_nul(value)))
                .collect(),
        ),
        other => other,
    }
}

async fn insert(tx: &Tx<'_>, placed: &[(&Checked, ContactId)]) -> Result<HashSet<EventId>> {
    let rows = Rows::new()
        .ids("id", placed.iter().map(|(event, _)| event.id))
        .ids("contact_id", placed.iter().map(|(_, contact)| *contact))
        .texts(
            "external_id",
            placed.iter().map(|(event, _)| event.external_id.as_str()),
        )
        .texts("name", placed.iter().map(|(event, _)| event.name.as_str()))
        .json(
            "properties",
            placed.iter().map(|(event, _)| event.properties.clone()),
        )
        .times(
            "occurred_at",
            placed.iter().map(|(event, _)| event.occurred_at),
        );
    let created: Vec<EventId> = Query::new(
        "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                            occurred_at, created_at)
         SELECT $1, r.id, r.contact_id, r.external_id, r.name, r.properties, r.occurred_at, $2
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, external_id) DO NOTHING RETURNING id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(created.into_iter().collect())
}

async fn count_days(tx: &Tx<'_>, days: &BTreeMap<(ContactId, NaiveDate), i64>) -> Result<()> {
    let rows = Rows::new()
        .ids("contact_id", days.keys().map(|(contact, _)| *contact))
        .dates("day", days.keys().map(|(_, day)| *day))
        .ints("events", days.values().copied());
    Query::new(
        "INSERT INTO event_day (workspace_id, contact_id, day, events)
         SELECT $1, r.contact_id, r.day, r.events FROM {r} WHERE true
         ON CONFLICT (workspace_id, contact_id, day)
         DO UPDATE SET events = event_day.events + excluded.events",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Moves the moments at which contacts last did something forward, and tells whose it moved. The caller
/// tells the change log, by a fact of its own or [`Fact::ContactSeen`].
pub(crate) async fn note_activity(
    tx: &Tx<'_>,
    latest: &BTreeMap<ContactId, DateTime<Utc>>,
) -> Result<Vec<ContactId>> {
    let rows = Rows::new()
        .ids("contact_id", latest.keys().copied())
        .times("at", latest.values().copied());
    Ok(Query::new(
        "UPDATE contact_activity SET last_activity_at = r.at FROM {r}
         WHERE contact_activity.workspace_id = $1
           AND contact_activity.contact_id = r.contact_id
           AND contact_activity.last_activity_at < r.at
         RETURNING contact_activity.contact_id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .column(tx.connection())
    .await?)
}

/// The events among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[EventId]) -> Result<Vec<event::Model>> {
    let found: Vec<event::Model> = rows_by_id(ctx.reader(), workspace, ids).await?;
    let mut by_id: HashMap<EventId, event::Model> =
        found.into_iter().map(|event| (event.id, event)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}
