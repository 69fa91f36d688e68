//! Reads what is kept of visits to the web site.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::FromQueryResult;

use super::{
    figures::{Traffic, word},
    session::Visits,
};
use crate::{
    ctx::Ctx,
    error::Result,
    report::{Period, period::Span},
    store::{Query, Rows},
    workspace,
};

/// The days that count as recent: today and the 27 before it.
pub const RECENT_DAYS: u64 = 28;

/// How a contact visits the web site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Who.
    pub contact_id: ContactId,
    /// The day of the first visit, in the workspace's time zone.
    pub first_on: NaiveDate,
    /// The day of the last visit.
    pub last_on: NaiveDate,
    /// How many days had a visit.
    pub days: i64,
    /// All visits.
    pub visits: Visits,
    /// How many of the recent days had a visit.
    pub recent_days: i64,
    /// The visits of the recent days.
    pub recent: Visits,
}

impl Profile {
    /// Whether they came back on another day than the first.
    pub fn is_returning(&self) -> bool {
        self.days > 1
    }
}

#[derive(FromQueryResult)]
struct VisitorRow {
    contact_id: ContactId,
    first_on: NaiveDate,
    last_on: NaiveDate,
    days: i64,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
}

#[derive(FromQueryResult)]
struct RecentRow {
    contact_id: ContactId,
    days: i64,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
}

/// How those of `ids` who ever visited the web site do; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Profile>> {
    let visitors: Vec<VisitorRow> = Query::new(
        "SELECT v.contact_id, v.first_on, v.last_on, v.days, v.sessions, v.pages, v.dwell_seconds
         FROM {r} JOIN web_visitor v ON v.workspace_id = $1 AND v.contact_id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    if visitors.is_empty() {
        return Ok(Vec::new());
    }
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let today = ctx.clock.now().with_timezone(&zone).date_naive();
    let before = today
        .checked_sub_days(Days::new(RECENT_DAYS))
        .unwrap_or(today);
    let recent: Vec<RecentRow> = Query::new(
        "SELECT d.contact_id, COUNT(*) AS days, CAST(SUM(d.sessions) AS bigint) AS sessions,
                CAST(SUM(d.pages) AS bigint) AS pages,
                CAST(SUM(d.dwell_seconds) AS bigint) AS dwell_seconds
         FROM {r} CROSS JOIN web_visit_day AS d
         WHERE d.workspace_id = $1 AND d.contact_id = r.id AND d.day > $2
         GROUP BY d.contact_id",
    )
    .bind(workspace)
    .bind(before)
    .rows(
        "r",
        Rows::new().ids("id", visitors.iter().map(|row| row.contact_id)),
    )
    .all(ctx.reader())
    .await?;
    let recent: BTreeMap<ContactId, (i64, Visits)> = recent
        .into_iter()
        .map(|row| {
            let visits = Visits {
                sessions: row.sessions,
                pages: row.pages,
                dwell_seconds: row.dwell_seconds,
            };
            (row.contact_id, (row.days, visits))
        })
        .collect();
    let each = visitors.into_iter();
    Ok(each.map(|row| row.profile(&recent)).collect())
}

impl VisitorRow {
    fn profile(&self, recent: &BTreeMap<ContactId, (i64, Visits)>) -> Profile {
        let (recent_days, recent) = recent.get(&self.contact_id).copied().unwrap_or_default();
        Profile {
            contact_id: self.contact_id,
            first_on: self.first_on,
            last_on: self.last_on,
            days: self.days,
            visits: Visits {
                sessions: self.sessions,
                pages: self.pages,
                dwell_seconds: self.dwell_seconds,
            },
            recent_days,
            recent,
        }
    }
}

#[derive(FromQueryResult)]
struct TrafficRow {
    first_day: NaiveDate,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
    visitors: i64,
    new_visitors: i64,
}

/// The traffic of the periods that the days from `from` to `to` lie in, in order; none of the future.
pub async fn traffic(
    ctx: &Ctx,
    workspace: WorkspaceId,
    period: Period,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(Span, Traffic)>> {
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let spans = period.spans(from, to, zone, ctx.clock.now())?;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Vec::new());
    };
    let rows: Vec<TrafficRow> = Query::new(
        "SELECT t.first_day, t.sessions, t.pages, t.dwell_seconds, t.visitors, t.new_visitors
         FROM web_traffic t
         WHERE t.workspace_id = $1 AND t.period = $2 AND t.first_day BETWEEN $3 AND $4",
    )
    .bind(workspace)
    .bind(word(period))
    .bind(first.first_day)
    .bind(last.first_day)
    .all(ctx.reader())
    .await?;
    let found: BTreeMap<NaiveDate, Traffic> = rows
        .into_iter()
        .map(|row| {
            let traffic = Traffic {
                visits: Visits {
                    sessions: row.sessions,
                    pages: row.pages,
                    dwell_seconds: row.dwell_seconds,
                },
                visitors: row.visitors,
                new_visitors: row.new_visitors,
            };
            (row.first_day, traffic)
        })
        .collect();
    let each = spans.into_iter();
    Ok(each
        .map(|span| {
            let traffic = found.get(&span.first_day).copied();
            (span, traffic.unwrap_or_default())
        })
        .collect())
}
