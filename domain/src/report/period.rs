//! Periods of the calendar, in the workspace's time zone.

use async_graphql::Enum;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, UserErrorCode};

/// Periods one report may have.
pub const MAX_PERIODS: usize = 400;

/// How long one period of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "ReportPeriod")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Period {
    /// One day.
    Day,
    /// Seven days from a Monday on.
    Week,
    /// A month of the calendar.
    Month,
    /// Three months, from January, April, July or October on.
    Quarter,
    /// A year of the calendar.
    Year,
}

/// One period: the moments it lies between, and its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub first_day: NaiveDate,
    /// The first moment.
    pub start: DateTime<Utc>,
    /// The first moment after it.
    pub end: DateTime<Utc>,
}

impl Period {
    /// The first day of the period that `day` is in.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        let month = |month0: u32| NaiveDate::from_ymd_opt(day.year(), month0 + 1, 1);
        let start = match self {
            Self::Day => Some(day),
            Self::Week => {
                day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))
            }
            Self::Month => month(day.month0()),
            Self::Quarter => month(day.month0() / 3 * 3),
            Self::Year => month(0),
        };
        start.unwrap_or(day)
    }

    /// The first day of the period after the one that begins with `start`.
    fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Week => start.checked_add_days(Days::new(7)),
            Self::Month => start.checked_add_months(Months::new(1)),
            Self::Quarter => start.checked_add_months(Months::new(3)),
            Self::Year => start.checked_add_months(Months::new(12)),
        }
    }

    /// The periods that the days from `from` to `to`, both included, lie in, without those that begin
    /// after `now`; in order.
    pub fn spans(
        self,
        from: NaiveDate,
        to: NaiveDate,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<Vec<Span>> {
        if from > to {
            let message = "The last day comes before the first.";
            return Err(Error::refused(&["to"], UserErrorCode::Invalid, message));
        }
        let last = to.min(now.with_timezone(&zone).date_naive());
        let mut spans = Vec::new();
        let mut day = self.start(from);
        while day <= last {
            if spans.len() == MAX_PERIODS {
                let message = format!(
                    "These are over {MAX_PERIODS} periods. Ask for longer ones or fewer days."
                );
                return Err(Error::refused(
                    &["from"],
                    UserErrorCode::LimitReached,
                    message,
                ));
            }
            let Some(next) = self.next(day) else { break };
            spans.push(Span {
                first_day: day,
                start: midnight(day, zone),
                end: midnight(next, zone),
            });
            day = next;
        }
        Ok(spans)
    }
}

/// The first moment of `day` in `zone`: where the clocks go forward at midnight, the first that is.
pub(crate) fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let local = day.and_time(chrono::NaiveTime::MIN);
    (0..8)
        .find_map(|quarters| {
            let local = local + TimeDelta::minutes(15 * quarters);
            local.and_local_timezone(zone).earliest()
        })
        .map_or_else(|| local.and_utc(), |moment| moment.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        let starts = |text| {
            [
                Period::Day,
                Period::Week,
                Period::Month,
                Period::Quarter,
                Period::Year,
            ]
            .map(|period| period.start(day(text)).to_string())
        };
        assert_eq!(
            starts("2026-05-31"),
            [
                "2026-05-31",
                "2026-05-25",
                "2026-05-01",
                "2026-04-01",
                "2026-01-01"
            ]
        );
    }

    #[test]
    fn spans_lie_side_by_side_in_the_zone_and_end_with_the_current_one() {
        let spans = Period::Quarter
            .spans(
                day("2025-11-30"),
                day("2027-12-31"),
                Tz::Asia__Tokyo,
                at("2026-03-31T15:30:00Z"),
            )
            .unwrap();
        let firsts: Vec<_> = spans
            .iter()
            .map(|span| span.first_day.to_string())
            .collect();
        // Half past midnight of April 1 in Tokyo.
        assert_eq!(firsts, ["2025-10-01", "2026-01-01", "2026-04-01"]);
        assert_eq!(spans[0].start, at("2025-09-30T15:00:00Z"));
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn a_day_without_midnight_begins_with_its_first_moment() {
        // Clocks in Beirut go from 24:00 to 01:00.
        let moment = midnight(day("2024-03-31"), Tz::Asia__Beirut);
        assert_eq!(moment, at("2024-03-30T22:00:00Z"));
    }

    #[test]
    fn too_many_periods_and_a_reversed_range_are_refused() {
        let now = at("2026-03-31T15:30:00Z");
        let spans = |from, to| Period::Day.spans(day(from), day(to), Tz::UTC, now);
        assert!(spans("2020-01-01", "2026-01-01").is_err());
        assert!(spans("2026-01-02", "2026-01-01").is_err());
        assert!(spans("2026-12-02", "2026-12-05").unwrap().is_empty());
    }
}
