//! Brings the rows of contacts in line with what they did.
//!
//! Whoever writes holds the workspace's row of `engagement_run` first, before any contact, so that nobody
//! writes what was done meanwhile has outdated.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::id::ContactId;
use sea_orm::{ConnectionTrait as _, QueryResult};

use super::{ActiveDays, Channel, Group, columns, measure::measure};
use crate::{
    contact::living,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// Holds the engagement of the workspace until the transaction ends.
pub(crate) async fn hold(tx: &Tx<'_>) -> Result<()> {
    Query::new(
        "INSERT INTO engagement_run (workspace_id) VALUES ($1)
         ON CONFLICT (workspace_id) DO NOTHING",
    )
    .bind(tx.workspace)
    .execute(tx.connection())
    .await?;
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    Query::new(format!(
        "SELECT t.workspace_id FROM engagement_run t WHERE t.workspace_id = $1 {lock}"
    ))
    .bind(tx.workspace)
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Brings the rows of `ids` in line with what they did in the window that ends with the day of `as_of`.
/// Gives those who are there and were not merged away, taken together.
pub(crate) async fn refresh(
    tx: &Tx<'_>,
    ids: impl IntoIterator<Item = ContactId>,
    zone: Tz,
    as_of: DateTime<Utc>,
) -> Result<Group> {
    let ids: BTreeSet<ContactId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(Group::default());
    }
    hold(tx).await?;
    // Nobody of them is merged or erased before this is written.
    let found = living(tx, ids.iter().copied()).await?;
    let people: Vec<ContactId> = ids
        .iter()
        .copied()
        .filter(|id| found.get(id) == Some(id))
        .collect();
    let today = as_of.with_timezone(&zone).date_naive();
    let measured = measure(tx, &people, zone, today).await?;
    let stored = stored(tx, &ids).await?;
    let changed: Vec<(ContactId, ActiveDays)> = measured
        .iter()
        .map(|(id, days)| (*id, *days))
        .filter(|(id, days)| stored.get(id) != Some(days))
        .collect();
    write(tx, &changed).await?;
    let gone = stored.keys().copied();
    forget(tx, gone.filter(|id| !measured.contains_key(id)).collect()).await?;
    let mut group = Group::default();
    for id in &people {
        group.add(measured.get(id).copied().unwrap_or_default());
    }
    Ok(group)
}

async fn stored(tx: &Tx<'_>, ids: &BTreeSet<ContactId>) -> Result<BTreeMap<ContactId, ActiveDays>> {
    let columns = columns().join(", t.");
    let rows = Query::new(format!(
        "SELECT t.contact_id, t.{columns} FROM {{r}} CROSS JOIN engagement AS t
         WHERE t.workspace_id = $1 AND t.contact_id = r.id"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .raw(tx.connection())
    .await?;
    let rows = rows.iter();
    rows.map(|row| Ok((row.try_get_by_index(0)?, active_days(row, 1)?)))
        .collect()
}

/// Reads the columns of days from the place `first` on.
pub(super) fn active_days(row: &QueryResult, first: usize) -> Result<ActiveDays> {
    let mut days = ActiveDays {
        any: row.try_get_by_index(first)?,
        ..ActiveDays::default()
    };
    for channel in Channel::ALL {
        let place = channel.place();
        days.by_channel[place] = row.try_get_by_index(first + 1 + place)?;
    }
    Ok(days)
}

/// Adds the columns of days to a table of rows.
fn day_rows(rows: Rows, days: &[ActiveDays]) -> Rows {
    let rows = rows.ints("active_days", days.iter().map(|days| days.any));
    Channel::ALL.into_iter().fold(rows, |rows, channel| {
        let days = days.iter().map(|days| days.of(channel));
        rows.ints(channel.column(), days)
    })
}

/// What a conflicting row's columns of days become.
fn news() -> String {
    let columns = columns().into_iter();
    let news: Vec<String> = columns
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    news.join(", ")
}

async fn write(tx: &Tx<'_>, changed: &[(ContactId, ActiveDays)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let days: Vec<ActiveDays> = changed.iter().map(|(_, days)| *days).collect();
    let rows = Rows::new().ids("contact_id", changed.iter().map(|(id, _)| *id));
    let (names, given, news) = (columns().join(", "), columns().join(", r."), news());
    Query::new(format!(
        "INSERT INTO engagement (workspace_id, contact_id, {names})
         SELECT $1, r.contact_id, r.{given} FROM {{r}} WHERE true
         ON CONFLICT (workspace_id, contact_id) DO UPDATE SET {news}"
    ))
    .bind(tx.workspace)
    .rows("r", day_rows(rows, &days))
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn forget(tx: &Tx<'_>, ids: Vec<ContactId>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    Query::new(
        "DELETE FROM engagement WHERE workspace_id = $1
           AND contact_id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes how all people of the workspace stand on a day.
pub(super) async fn note(tx: &Tx<'_>, day: NaiveDate, all: &Group) -> Result<()> {
    let rows = Rows::new()
        .dates("day", [day])
        .ints("people", [all.people])
        .ints("engaged", [all.engaged]);
    let (names, given, news) = (columns().join(", "), columns().join(", r."), news());
    Query::new(format!(
        "INSERT INTO engagement_day (workspace_id, day, people, engaged, {names})
         SELECT $1, r.day, r.people, r.engaged, r.{given} FROM {{r}} WHERE true
         ON CONFLICT (workspace_id, day) DO UPDATE SET
             people = excluded.people, engaged = excluded.engaged, {news}"
    ))
    .bind(tx.workspace)
    .rows("r", day_rows(rows, &[all.days]))
    .execute(tx.connection())
    .await?;
    Ok(())
}
