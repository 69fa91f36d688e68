//! Writes days, visitors and traffic as the projection counted them, each in one statement for what is kept
//! and one for what is gone.

use chrono::NaiveDate;
use entity::id::ContactId;

use super::{
    figures::{Days, PeriodKey, Traffic},
    projection::Unit,
    session::Visits,
};
use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// Writes the days that changed; those that have no page view any more are gone.
pub(super) async fn write_days(tx: &Tx<'_>, changed: &[(Unit, Option<Visits>)]) -> Result<()> {
    let (kept, gone): (Vec<&(Unit, Option<Visits>)>, Vec<_>) =
        changed.iter().partition(|(_, visits)| visits.is_some());
    if !kept.is_empty() {
        let visits = || kept.iter().map(|(_, visits)| visits.unwrap_or_default());
        let rows = unit_rows(&kept)
            .ints("sessions", visits().map(|visits| visits.sessions))
            .ints("pages", visits().map(|visits| visits.pages))
            .ints("dwell_seconds", visits().map(|visits| visits.dwell_seconds));
        Query::new(
            "INSERT INTO web_visit_day (workspace_id, contact_id, day, sessions, pages,
                                        dwell_seconds)
             SELECT $1, r.contact_id, r.day, r.sessions, r.pages, r.dwell_seconds
             FROM {r} WHERE true
             ON CONFLICT (workspace_id, contact_id, day) DO UPDATE SET
                 sessions = excluded.sessions, pages = excluded.pages,
                 dwell_seconds = excluded.dwell_seconds",
        )
        .bind(tx.workspace)
        .rows("r", rows)
        .execute(tx.connection())
        .await?;
    }
    if !gone.is_empty() {
        Query::new(
            "DELETE FROM web_visit_day WHERE (workspace_id, contact_id, day)
                 IN (SELECT $1, r.contact_id, r.day FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", unit_rows(&gone))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

fn unit_rows(units: &[&(Unit, Option<Visits>)]) -> Rows {
    Rows::new()
        .ids("contact_id", units.iter().map(|((contact, _), _)| *contact))
        .dates("day", units.iter().map(|((_, day), _)| *day))
}

/// A visitor as all their days make them.
struct Visitor {
    id: ContactId,
    first_on: NaiveDate,
    last_on: NaiveDate,
    days: i64,
    visits: Visits,
}

impl Visitor {
    /// Nobody, without any day.
    fn of(id: ContactId, days: &Days) -> Option<Self> {
        let mut visits = Visits::default();
        for of_day in days.values() {
            visits += *of_day;
        }
        Some(Self {
            id,
            first_on: *days.keys().next()?,
            last_on: *days.keys().next_back()?,
            days: days.len() as i64,
            visits,
        })
    }
}

/// Writes visitors whose days changed; who has none any more is gone.
pub(super) async fn write_visitors(tx: &Tx<'_>, changed: &[(ContactId, Days)]) -> Result<()> {
    let visitors = changed.iter();
    let visitors: Vec<Visitor> = visitors
        .filter_map(|(id, days)| Visitor::of(*id, days))
        .collect();
    if !visitors.is_empty() {
        let each = || visitors.iter();
        let rows = Rows::new()
            .ids("contact_id", each().map(|one| one.id))
            .dates("first_on", each().map(|one| one.first_on))
            .dates("last_on", each().map(|one| one.last_on))
            .ints("days", each().map(|one| one.days))
            .ints("sessions", each().map(|one| one.visits.sessions))
            .ints("pages", each().map(|one| one.visits.pages))
            .ints("dwell_seconds", each().map(|one| one.visits.dwell_seconds));
        Query::new(
            "INSERT INTO web_visitor (workspace_id, contact_id, first_on, last_on, days, sessions,
                                      pages, dwell_seconds)
             SELECT $1, r.contact_id, r.first_on, r.last_on, r.days, r.sessions, r.pages,
                    r.dwell_seconds
             FROM {r} WHERE true
             ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
                 first_on = excluded.first_on, last_on = excluded.last_on, days = excluded.days,
                 sessions = excluded.sessions, pages = excluded.pages,
                 dwell_seconds = excluded.dwell_seconds",
        )
        .bind(tx.workspace)
        .rows("r", rows)
        .execute(tx.connection())
        .await?;
    }
    let gone = changed.iter().filter(|(_, days)| days.is_empty());
    let gone: Vec<ContactId> = gone.map(|(id, _)| *id).collect();
    if !gone.is_empty() {
        Query::new(
            "DELETE FROM web_visitor WHERE workspace_id = $1
               AND contact_id IN (SELECT r.id FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", gone))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Adds to the traffic of periods; one that has no visitor any more is gone.
pub(super) async fn write_traffic(tx: &Tx<'_>, changes: &[(PeriodKey, Traffic)]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let traffic = || changes.iter().map(|(_, traffic)| traffic);
    let rows = period_rows(changes.iter().map(|(key, _)| *key))
        .ints("sessions", traffic().map(|one| one.visits.sessions))
        .ints("pages", traffic().map(|one| one.visits.pages))
        .ints(
            "dwell_seconds",
            traffic().map(|one| one.visits.dwell_seconds),
        )
        .ints("visitors", traffic().map(|one| one.visitors))
        .ints("new_visitors", traffic().map(|one| one.new_visitors));
    Query::new(
        "INSERT INTO web_traffic (workspace_id, period, first_day, sessions, pages, dwell_seconds,
                                  visitors, new_visitors)
         SELECT $1, r.period, r.first_day, r.sessions, r.pages, r.dwell_seconds, r.visitors,
                r.new_visitors
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, period, first_day) DO UPDATE SET
             sessions = web_traffic.sessions + excluded.sessions,
             pages = web_traffic.pages + excluded.pages,
             dwell_seconds = web_traffic.dwell_seconds + excluded.dwell_seconds,
             visitors = web_traffic.visitors + excluded.visitors,
             new_visitors = web_traffic.new_visitors + excluded.new_visitors",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let left = changes.iter().filter(|(_, traffic)| traffic.visitors < 0);
    let left: Vec<PeriodKey> = left.map(|(key, _)| *key).collect();
    if !left.is_empty() {
        Query::new(
            "DELETE FROM web_traffic WHERE visitors = 0 AND (workspace_id, period, first_day)
                 IN (SELECT $1, r.period, r.first_day FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", period_rows(left.into_iter()))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

fn period_rows(keys: impl Iterator<Item = PeriodKey> + Clone) -> Rows {
    Rows::new()
        .texts("period", keys.clone().map(|(word, _)| word))
        .dates("first_day", keys.map(|(_, day)| day))
}
