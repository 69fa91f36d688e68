//! Reads the email figures.
//!
//! Everything comes from roll-ups kept at write time; nothing here counts emails or events. A scope
//! of another workspace reads as one without any email.

use std::collections::{BTreeMap, HashMap};

use async_graphql::Enum;
use chrono::{Datelike as _, Days, NaiveDate};
use entity::{
    id::{ContactId, WorkspaceId},
    kind::EmailScope,
};
use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::figures::Figures;
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

/// The days over which a contact's active days are counted: the last one and the 27 before it.
pub const RECENCY_DAYS: u64 = 28;

/// The figures of one day, or of the longer period that begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailDay {
    /// The day, in the workspace's time zone, on which the counted emails were sent.
    pub day: NaiveDate,
    /// What is counted of the emails sent then, whenever it happened.
    pub figures: Figures,
}

/// How long the periods of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailPeriod")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Period {
    /// One day.
    Day,
    /// Seven days from a Monday on.
    Week,
    /// A month of the calendar.
    Month,
}

impl Period {
    /// The first day of the period that `day` is in.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        let back = match self {
            Self::Day => 0,
            Self::Week => u64::from(day.weekday().num_days_from_monday()),
            Self::Month => u64::from(day.day0()),
        };
        day.checked_sub_days(Days::new(back)).unwrap_or(day)
    }
}

/// The figures of the days from `from` to `to`, both included, of each of `scope_ids`: in order, each beside whose it
/// is. Days on which no email was sent are left out.
pub async fn load_daily(
    ctx: &Ctx,
    workspace: WorkspaceId,
    scope: EmailScope,
    scope_ids: &[Uuid],
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(Uuid, EmailDay)>> {
    let columns = Figures::COLUMNS.join(", ");
    let rows = Query::new(format!(
        "SELECT scope_id, day, {columns} FROM email_day
         WHERE workspace_id = $1 AND scope = $2 AND {{wanted}} AND day BETWEEN $3 AND $4
         ORDER BY scope_id, day"
    ))
    .bind(workspace)
    .bind(scope.word())
    .bind(storable(from))
    .bind(storable(to))
    .among("wanted", "scope_id", scope_ids.iter().copied())
    .raw(ctx.reader())
    .await?;
    let days: Result<Vec<(Uuid, EmailDay)>, DbErr> = rows
        .iter()
        .map(|row| {
            let (day, figures) = (row.try_get_by_index(1)?, figures(row, 2)?);
            Ok((row.try_get_by_index(0)?, EmailDay { day, figures }))
        })
        .collect();
    Ok(days?)
}

/// `day`, or the nearest day that both databases can hold and that sorts as text.
fn storable(day: NaiveDate) -> NaiveDate {
    let (first, last) = (
        NaiveDate::from_ymd_opt(1, 1, 1),
        NaiveDate::from_ymd_opt(9999, 12, 31),
    );
    day.clamp(first.unwrap_or(day), last.unwrap_or(day))
}

fn figures(row: &QueryResult, first: usize) -> Result<Figures, DbErr> {
    let mut values = [0; Figures::COLUMNS.len()];
    for (index, value) in values.iter_mut().enumerate() {
        *value = row.try_get_by_index(first + index)?;
    }
    Ok(Figures::from_values(values))
}

/// `days` summed up by longer periods. A period at an end of the range holds only its days within.
pub fn by_period(days: &[EmailDay], period: Period) -> Vec<EmailDay> {
    let mut sums: BTreeMap<NaiveDate, Figures> = BTreeMap::new();
    for day in days {
        *sums.entry(period.start(day.day)).or_default() += day.figures;
    }
    sums.into_iter()
        .map(|(day, figures)| EmailDay { day, figures })
        .collect()
}

/// How regularly a contact reads: on how many of the last 28 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailRecencyTier")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecencyTier {
    /// Active on 12 days or more.
    Daily,
    /// Active on 4 to 11 days.
    Weekly,
    /// Active on 1 to 3 days.
    Monthly,
    /// Not active on any day.
    Lapsed,
}

impl RecencyTier {
    /// The tier that so many distinct active days in 28 amount to.
    pub fn of(active_days: i64) -> Self {
        match active_days {
            12.. => Self::Daily,
            4..=11 => Self::Weekly,
            1..=3 => Self::Monthly,
            _ => Self::Lapsed,
        }
    }
}

/// How regularly a contact reads, and what that is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recency {
    /// The tier.
    pub tier: RecencyTier,
    /// Distinct days of the 28 on which the contact opened, clicked or answered an email.
    pub active_days: i64,
}

#[derive(FromQueryResult)]
struct ActiveDays {
    contact_id: ContactId,
    days: i64,
}

/// The recency of `contacts` over the 28 days that end with `today`, which is included. Every
/// contact asked for is in the answer.
pub async fn recency(
    ctx: &Ctx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    today: NaiveDate,
) -> Result<HashMap<ContactId, Recency>> {
    let today = storable(today);
    let before = today
        .checked_sub_days(Days::new(RECENCY_DAYS))
        .unwrap_or(today);
    let rows: Vec<ActiveDays> = Query::new(
        "SELECT a.contact_id, COUNT(*) AS days FROM {r} CROSS JOIN email_active_day AS a
         WHERE a.workspace_id = $1 AND a.contact_id = r.id AND a.day > $2 AND a.day <= $3
         GROUP BY a.contact_id",
    )
    .bind(workspace)
    .bind(before)
    .bind(today)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(ctx.reader())
    .await?;
    let counted: HashMap<ContactId, i64> = rows
        .into_iter()
        .map(|row| (row.contact_id, row.days))
        .collect();
    Ok(contacts
        .iter()
        .map(|contact| {
            let active_days = counted.get(contact).copied().unwrap_or_default();
            let tier = RecencyTier::of(active_days);
            (*contact, Recency { tier, active_days })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use RecencyTier::{Daily, Lapsed, Monthly, Weekly};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn tiers_are_cut_at_twelve_four_and_one_active_day() {
        let tiers = [0, 1, 3, 4, 11, 12, 28].map(RecencyTier::of);
        assert_eq!(
            tiers,
            [Lapsed, Monthly, Monthly, Weekly, Weekly, Daily, Daily]
        );
    }

    #[test]
    fn periods_begin_on_mondays_and_first_days() {
        let sunday = day("2026-03-01");
        assert_eq!(Period::Day.start(sunday), sunday);
        assert_eq!(Period::Week.start(sunday), day("2026-02-23"));
        assert_eq!(Period::Month.start(day("2026-03-31")), sunday);
        let one = |text| EmailDay {
            day: day(text),
            figures: Figures {
                attempted: 1,
                ..Figures::default()
            },
        };
        let days = ["2026-02-22", "2026-02-23", "2026-03-01"].map(one);
        let weeks = by_period(&days, Period::Week);
        let counts: Vec<_> = weeks.iter().map(|week| week.figures.attempted).collect();
        assert_eq!(counts, [1, 2]);
    }
}
