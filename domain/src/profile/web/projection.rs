//! Keeps visits equal to the sessions of all page views, in whatever order they are told.
//!
//! For each contact's day that a batch names, all its page views are read and counted anew; the
//! difference to what was counted before is added to the traffic of the workspace. So late and
//! repeated events, merges and their undoing leave exactly what counting everything from the start
//! would give. The number of statements is the same whatever the size of a batch.
//!
//! Days are those of the workspace's time zone when they are counted. After a change of the zone they
//! stay as they were until a page view of theirs is told, or their contact is merged or comes apart; at
//! the change the hours between the two zones may count twice or not at all.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Days as Count, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::id::{ContactId, EventId};
use sea_orm::FromQueryResult;

use super::{
    DWELL, PAGE_VIEWED,
    figures::{Days, Delta},
    session::{PageView, Visits},
    write::{write_days, write_traffic, write_visitors},
};
use crate::{
    contact::living,
    ctx::Ctx,
    error::Result,
    port::Work,
    profile::engagement,
    report::period::midnight,
    store::{Query, Rows, Tx},
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
    workspace,
};

/// The projection that keeps `web_visit_day`, `web_visitor` and `web_traffic`.
#[derive(Debug)]
pub struct WebProjection;

/// One contact's day.
pub(super) type Unit = (ContactId, NaiveDate);

#[async_trait]
impl Projection for WebProjection {
    fn name(&self) -> &'static str {
        "web"
    }

    fn work(&self) -> Work {
        Work::Profile
    }

    fn facts(&self) -> &'static [&'static str] {
        &["contact.merged", "contact.unmerged", "event.recorded"]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    /// Whoever views a page often views another: the day is counted once for a burst.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let named = Named::by(entries);
        if named.contacts.is_empty() {
            return Ok(());
        }
        // Before the people, as everybody does who writes it: whoever waits for it holds nobody up.
        engagement::keep::hold(tx).await?;
        // Nobody of them is merged or erased before this is written: whose a page view is stays true, and
        // nothing is left behind of people who are gone.
        living(tx, named.contacts.iter().copied()).await?;
        let zone = workspace::zone_of(tx).await?;
        let units = affected(tx, &named, zone).await?;
        let contacts: BTreeSet<ContactId> = units.iter().map(|(contact, _)| *contact).collect();
        let before = counted(tx, &contacts).await?;
        let current = current(tx, &units, zone).await?;

        let (mut changed, mut visitors, mut delta) = (Vec::new(), Vec::new(), Delta::default());
        let none = Days::new();
        for contact in contacts {
            let before = before.get(&contact).unwrap_or(&none);
            let mut after = before.clone();
            let days = units.range((contact, NaiveDate::MIN)..=(contact, NaiveDate::MAX));
            for unit in days {
                match current.get(unit) {
                    Some(visits) => after.insert(unit.1, *visits),
                    None => after.remove(&unit.1),
                };
                if before.get(&unit.1) != after.get(&unit.1) {
                    changed.push((*unit, after.get(&unit.1).copied()));
                }
            }
            if *before != after {
                delta.change(before, &after);
                visitors.push((contact, after));
            }
        }
        write_days(tx, &changed).await?;
        write_visitors(tx, &visitors).await?;
        write_traffic(tx, &delta.changes()).await?;
        let visitors = visitors.into_iter().map(|(contact, _)| contact);
        let visitors: Vec<ContactId> = visitors.collect();
        engagement::keep::refresh(tx, visitors, zone, tx.now).await?;
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct Viewed {
    contact_id: ContactId,
    occurred_at: DateTime<Utc>,
}

/// What a batch names.
#[derive(Default)]
struct Named {
    /// Events that are page views, or may be.
    events: BTreeSet<EventId>,
    /// Contacts who were merged, or came apart: each pair both ways.
    pairs: BTreeSet<(ContactId, ContactId)>,
    /// Everybody concerned.
    contacts: BTreeSet<ContactId>,
}

impl Named {
    fn by(entries: &[Entry]) -> Self {
        let mut named = Self::default();
        for entry in entries {
            match &entry.fact {
                // Of people who were erased the log does not say what they did.
                Fact::EventRecorded { event_id, name }
                    if name.as_deref().is_none_or(|name| name == PAGE_VIEWED) =>
                {
                    named.events.insert(*event_id);
                    named.contacts.extend(entry.contact);
                }
                Fact::ContactMerged {
                    contact_id,
                    loser_id,
                    ..
                }
                | Fact::ContactUnmerged {
                    contact_id,
                    loser_id,
                    ..
                } => {
                    let (one, other) = (*contact_id, *loser_id);
                    named.pairs.extend([(one, other), (other, one)]);
                    named.contacts.extend([one, other]);
                }
                _ => {}
            }
        }
        named
    }
}

/// The contacts' days that may have to be counted anew.
async fn affected(tx: &Tx<'_>, named: &Named, zone: Tz) -> Result<BTreeSet<Unit>> {
    let mut units = days_of_pairs(tx, &named.pairs).await?;
    for view in viewed(tx, &named.events).await? {
        let day = view.occurred_at.with_timezone(&zone).date_naive();
        units.insert((view.contact_id, day));
    }
    Ok(units)
}

/// Whose the page views are now, and when they were.
async fn viewed(tx: &Tx<'_>, events: &BTreeSet<EventId>) -> Result<Vec<Viewed>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Query::new(
        "SELECT e.contact_id, e.occurred_at FROM {r} CROSS JOIN event AS e
         WHERE e.workspace_id = $1 AND e.id = r.id AND e.name = $2",
    )
    .bind(tx.workspace)
    .bind(PAGE_VIEWED)
    .rows("r", Rows::new().ids("id", events.iter().copied()))
    .all(tx.connection())
    .await?)
}

#[derive(FromQueryResult)]
struct OfPair {
    one: ContactId,
    other: ContactId,
    day: NaiveDate,
}

/// The days of both contacts of each pair, for either: who merged or came apart has the days of the
/// other, or gives them back. With the days beside each: in another time zone than they were counted in,
/// the page views of a day are partly those of the one before or after it.
async fn days_of_pairs(
    tx: &Tx<'_>,
    pairs: &BTreeSet<(ContactId, ContactId)>,
) -> Result<BTreeSet<Unit>> {
    if pairs.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = Rows::new()
        .ids("one", pairs.iter().map(|(one, _)| *one))
        .ids("other", pairs.iter().map(|(_, other)| *other));
    let found: Vec<OfPair> = Query::new(
        "SELECT r.one, r.other, d.day FROM {r} CROSS JOIN web_visit_day AS d
         WHERE d.workspace_id = $1 AND d.contact_id = r.one",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let each = found.into_iter();
    Ok(each
        .flat_map(|row| {
            let days = [row.day.pred_opt(), Some(row.day), row.day.succ_opt()];
            let days = days.into_iter().flatten();
            days.flat_map(move |day| [(row.one, day), (row.other, day)])
        })
        .collect())
}

#[derive(FromQueryResult)]
struct DayRow {
    contact_id: ContactId,
    day: NaiveDate,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
}

/// All days of the contacts, as they are counted.
async fn counted(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<BTreeMap<ContactId, Days>> {
    let rows: Vec<DayRow> = Query::new(
        "SELECT d.contact_id, d.day, d.sessions, d.pages, d.dwell_seconds
         FROM {r} CROSS JOIN web_visit_day AS d
         WHERE d.workspace_id = $1 AND d.contact_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?;
    let mut days: BTreeMap<ContactId, Days> = BTreeMap::new();
    for row in rows {
        let visits = Visits {
            sessions: row.sessions,
            pages: row.pages,
            dwell_seconds: row.dwell_seconds,
        };
        days.entry(row.contact_id)
            .or_default()
            .insert(row.day, visits);
    }
    Ok(days)
}

#[derive(FromQueryResult)]
struct ViewRow {
    contact_id: ContactId,
    day: NaiveDate,
    occurred_at: DateTime<Utc>,
    dwell: Option<String>,
}

/// The contacts' days as their page views tell now; those without any are left out.
async fn current(tx: &Tx<'_>, units: &BTreeSet<Unit>, zone: Tz) -> Result<BTreeMap<Unit, Visits>> {
    if units.is_empty() {
        return Ok(BTreeMap::new());
    }
    let next = |day: NaiveDate| day.checked_add_days(Count::new(1)).unwrap_or(day);
    let rows = Rows::new()
        .ids("contact_id", units.iter().map(|(contact, _)| *contact))
        .dates("day", units.iter().map(|(_, day)| *day))
        .times("since", units.iter().map(|(_, day)| midnight(*day, zone)))
        .times(
            "until",
            units.iter().map(|(_, day)| midnight(next(*day), zone)),
        );
    let found: Vec<ViewRow> = Query::new(format!(
        "SELECT r.contact_id, r.day, e.occurred_at,
                CAST(e.properties ->> '{DWELL}' AS text) AS dwell
         FROM {{r}} CROSS JOIN event AS e
         WHERE e.workspace_id = $1 AND e.contact_id = r.contact_id AND e.name = $2
           AND e.occurred_at >= r.since AND e.occurred_at < r.until"
    ))
    .bind(tx.workspace)
    .bind(PAGE_VIEWED)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let mut views: BTreeMap<Unit, Vec<PageView>> = BTreeMap::new();
    for row in found {
        let dwell = row.dwell.and_then(|text| text.parse().ok());
        let view = PageView {
            at: row.occurred_at,
            dwell_seconds: dwell.filter(|seconds: &f64| seconds.is_finite()),
        };
        views
            .entry((row.contact_id, row.day))
            .or_default()
            .push(view);
    }
    let each = views.into_iter();
    Ok(each
        .map(|(unit, views)| (unit, Visits::of(views)))
        .collect())
}
