//! Writes emails and adds to the roll-ups, each in one statement for what is kept and one for what is gone.

use chrono::NaiveDate;
use entity::id::ContactId;
use sea_orm::DbErr;
use serde_json::json;

use super::UnitKey;
use crate::{
    email::figures::{DayKey, Delta, Figures, Unit},
    store::{Query, Rows, Tx},
};

/// Writes emails as their events are folded now.
pub(super) async fn write_units(tx: &Tx<'_>, units: &[(&UnitKey, &Unit)]) -> Result<(), DbErr> {
    let rows = Rows::new()
        .texts("email_key", units.iter().map(|((key, _), _)| key.as_str()))
        .texts(
            "recipient",
            units.iter().map(|((_, address), _)| address.as_str()),
        )
        .ids("contact_id", units.iter().map(|(_, unit)| unit.contact))
        .opt_ids("account_id", units.iter().map(|(_, unit)| unit.account))
        .opt_ids("campaign_id", units.iter().map(|(_, unit)| unit.campaign))
        .dates("day", units.iter().map(|(_, unit)| unit.state.day))
        .json("state", units.iter().map(|(_, unit)| json!(unit.state)));
    Query::new(
        "INSERT INTO email (workspace_id, email_key, recipient, contact_id, account_id, campaign_id,
                            day, state)
         SELECT $1, r.email_key, r.recipient, r.contact_id, r.account_id, r.campaign_id, r.day,
                r.state
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, email_key, recipient) DO UPDATE SET
             contact_id = excluded.contact_id, account_id = excluded.account_id,
             campaign_id = excluded.campaign_id, day = excluded.day, state = excluded.state",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Adds to the figures of days; a day that no email is of any more is gone.
pub(super) async fn write_days(tx: &Tx<'_>, delta: &Delta) -> Result<(), DbErr> {
    if delta.days.is_empty() {
        return Ok(());
    }
    let mut rows = day_rows(delta.days.keys());
    let values: Vec<_> = delta.days.values().map(Figures::values).collect();
    for (index, &column) in Figures::COLUMNS.iter().enumerate() {
        rows = rows.ints(column, values.iter().map(|row| row[index]));
    }
    let columns = Figures::COLUMNS.join(", ");
    let read = join(|column| format!("r.{column}"));
    let added = join(|column| format!("{column} = email_day.{column} + excluded.{column}"));
    Query::new(format!(
        "INSERT INTO email_day (workspace_id, scope, scope_id, day, {columns})
         SELECT $1, r.scope, r.scope_id, r.day, {read} FROM {{r}} WHERE true
         ON CONFLICT (workspace_id, scope, scope_id, day) DO UPDATE SET {added}"
    ))
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    // A day that an email has left may be empty now: as if it had never been.
    let left: Vec<&DayKey> = delta
        .days
        .iter()
        .filter(|(_, figures)| figures.attempted < 0)
        .map(|(key, _)| key)
        .collect();
    if !left.is_empty() {
        Query::new(
            "DELETE FROM email_day WHERE attempted = 0 AND (workspace_id, scope, scope_id, day)
                 IN (SELECT $1, r.scope, r.scope_id, r.day FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", day_rows(left.into_iter()))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

fn day_rows<'k>(keys: impl Iterator<Item = &'k DayKey> + Clone) -> Rows {
    Rows::new()
        .texts("scope", keys.clone().map(|(scope, ..)| scope.word()))
        .uuids("scope_id", keys.clone().map(|(_, id, _)| *id))
        .dates("day", keys.map(|(.., day)| *day))
}

fn join(part: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = Figures::COLUMNS.iter().map(|column| part(column)).collect();
    parts.join(", ")
}

/// Adds to the days on which contacts did something with an email; a day with nothing is gone.
pub(super) async fn write_acts(tx: &Tx<'_>, delta: &Delta) -> Result<(), DbErr> {
    if delta.acts.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
         SELECT $1, r.contact_id, r.day, r.acts FROM {r} WHERE true
         ON CONFLICT (workspace_id, contact_id, day) DO UPDATE SET
             acts = email_active_day.acts + excluded.acts",
    )
    .bind(tx.workspace)
    .rows("r", act_rows(delta.acts.iter()))
    .execute(tx.connection())
    .await?;
    let left: Vec<_> = delta.acts.iter().filter(|(_, acts)| **acts < 0).collect();
    if !left.is_empty() {
        Query::new(
            "DELETE FROM email_active_day WHERE acts = 0 AND (workspace_id, contact_id, day)
                 IN (SELECT $1, r.contact_id, r.day FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", act_rows(left.into_iter()))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

fn act_rows<'a>(acts: impl Iterator<Item = (&'a (ContactId, NaiveDate), &'a i64)> + Clone) -> Rows {
    Rows::new()
        .ids("contact_id", acts.clone().map(|((contact, _), _)| *contact))
        .dates("day", acts.clone().map(|((_, day), _)| *day))
        .ints("acts", acts.map(|(_, acts)| *acts))
}
