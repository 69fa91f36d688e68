//! When a workspace is open for business: hours for each day of the week, by the workspace's clocks, and
//! the days on which it is closed all the same.

use async_graphql::{InputObject, SimpleObject};
use chrono::{
    DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _,
    Utc,
};
use chrono_tz::Tz;
use entity::kind::Weekday;
use serde::{Deserialize, Serialize};

use crate::error::{UserError, UserErrorCode};

/// The days in the order of the week.
pub(crate) const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
/// Spans one week may have.
const MAX_SPANS: usize = 28;
/// Holidays that are kept at most: those of many years.
const MAX_HOLIDAYS: usize = 500;
/// Days that are looked at to find when business begins again.
const LOOK_AHEAD: u64 = 400;
/// Days that are looked back over to find when hours of business began to pass: mostly the first are enough.
const LOOK_BACK: [i64; 3] = [10, 70, 700];

/// A span of business hours that comes back every week.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(name = "BusinessSpan", input_name = "BusinessSpanInput")]
#[serde(rename_all = "camelCase")]
pub struct BusinessSpan {
    /// The day on which it begins.
    pub weekday: Weekday,
    /// From this time of day, such as `09:00`.
    pub from: String,
    /// Until this time of day, such as `18:00`, which is not included. `00:00` is the end of the day. A
    /// time before `from` is one of the next day.
    pub until: String,
}

/// When a workspace is open for business. Stored as JSON: fields are added, never renamed.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BusinessHours {
    /// The spans of a week; none where it is never open.
    pub spans: Vec<BusinessSpan>,
    /// The days on which no span begins, in their order.
    #[serde(default)]
    pub holidays: Vec<NaiveDate>,
}

impl Default for BusinessHours {
    /// Monday to Friday from 09:00 to 18:00, which holds until somebody says otherwise.
    fn default() -> Self {
        let span = |&weekday: &Weekday| BusinessSpan {
            weekday,
            from: "09:00".to_owned(),
            until: "18:00".to_owned(),
        };
        Self {
            spans: WEEK[..5].iter().map(span).collect(),
            holidays: Vec::new(),
        }
    }
}

/// The time of day that is written as `09:00`.
pub(crate) fn time_of_day(text: &str) -> Option<NaiveTime> {
    (text.len() == 5)
        .then(|| NaiveTime::parse_from_str(text, "%H:%M").ok())
        .flatten()
}

/// The day of the week of a date.
pub(crate) fn weekday(date: NaiveDate) -> Weekday {
    WEEK[date.weekday().num_days_from_monday() as usize]
}

impl BusinessHours {
    /// As a workspace stores them; the usual ones where it does not.
    pub fn from_stored(stored: Option<serde_json::Value>) -> Self {
        stored
            .and_then(|stored| serde_json::from_value(stored).ok())
            .unwrap_or_default()
    }

    /// Puts them in order and notes everything wrong with them.
    pub(crate) fn check(mut self, errors: &mut Vec<UserError>) -> Self {
        let mut refuse = |path: &[&str], code, message: &str| {
            let path: Vec<&str> = ["businessHours"].iter().chain(path).copied().collect();
            errors.push(UserError::new(&path, code, message.to_owned()));
        };
        if self.spans.len() > MAX_SPANS {
            let message = "A week may have 28 spans. Join those that meet.";
            refuse(&["spans"], UserErrorCode::TooLong, message);
            return self;
        }
        for (place, span) in self.spans.iter().enumerate() {
            let place = place.to_string();
            for (name, text) in [("from", &span.from), ("until", &span.until)] {
                if time_of_day(text).is_none() {
                    let message = "Give a time of day from 00:00 to 23:59.";
                    let path = ["spans", place.as_str(), name];
                    refuse(&path, UserErrorCode::Invalid, message);
                }
            }
            if span.from == span.until && span.from != "00:00" {
                let message = "The span ends when it begins. Change one of the two; from 00:00 until \
                               00:00 is the whole day.";
                let path = ["spans", place.as_str(), "until"];
                refuse(&path, UserErrorCode::Contradictory, message);
            }
        }
        self.holidays.sort_unstable();
        self.holidays.dedup();
        if self.holidays.len() > MAX_HOLIDAYS {
            let message = "500 holidays are kept. Leave out those that have passed.";
            refuse(&["holidays"], UserErrorCode::TooLong, message);
        }
        self
    }

    /// The spans that begin on a day, each with its beginning and its end.
    fn on(&self, date: NaiveDate) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> {
        let is_holiday = self.holidays.binary_search(&date).is_ok();
        let day = weekday(date);
        let spans = self.spans.iter();
        let spans = spans.filter(move |span| !is_holiday && span.weekday == day);
        spans.filter_map(move |span| {
            let (from, until) = (time_of_day(&span.from)?, time_of_day(&span.until)?);
            let last = if until <= from {
                date.checked_add_days(Days::new(1))?
            } else {
                date
            };
            Some((date.and_time(from), last.and_time(until)))
        })
    }

    /// Whether it is open when the workspace's clocks show this.
    pub fn are_at(&self, local: NaiveDateTime) -> bool {
        let today = local.date();
        let days = [today.checked_sub_days(Days::new(1)), Some(today)];
        let mut spans = days.into_iter().flatten().flat_map(|day| self.on(day));
        spans.any(|(from, until)| from <= local && local < until)
    }

    /// When business begins again, if it is closed at `now`; nothing if it never does.
    pub fn begin_after(&self, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone).naive_local();
        if self.are_at(local) {
            return None;
        }
        let days =
            (0..=LOOK_AHEAD).map_while(|ahead| local.date().checked_add_days(Days::new(ahead)));
        days.flat_map(|day| self.on(day).collect::<Vec<_>>())
            .filter_map(|(from, _)| {
                // A time the clocks skip is the next quarter there is.
                (0..=12).find_map(|quarters| {
                    let from = from + TimeDelta::minutes(15 * quarters);
                    let times = zone.from_local_datetime(&from);
                    let first = times.earliest()?;
                    // What has passed in an hour that the clocks show twice comes once more.
                    let next = if first > now { first } else { times.latest()? };
                    Some(next.with_timezone(&Utc))
                })
            })
            .filter(|from| *from > now)
            .min()
    }

    /// The latest moment since which, at `now`, business has gone on for so many minutes in all; nothing if it
    /// has not within the last 700 days. Of an hour that the clocks show twice, business that reaches into it has
    /// both.
    pub fn ago(&self, zone: Tz, now: DateTime<Utc>, minutes: i64) -> Option<DateTime<Utc>> {
        LOOK_BACK.into_iter().find_map(|days| {
            // A span of the day before the first may reach into that.
            let first = now - TimeDelta::days(days);
            let found = self.counted_back(zone, now, minutes, days + 1);
            found.filter(|since| *since >= first)
        })
    }

    /// The same, by the spans that begin on today or one of so many days before.
    fn counted_back(
        &self,
        zone: Tz,
        now: DateTime<Utc>,
        minutes: i64,
        days: i64,
    ) -> Option<DateTime<Utc>> {
        let today = now.with_timezone(&zone).date_naive();
        let days = (0..=days).map_while(|back| today.checked_sub_signed(TimeDelta::days(back)));
        let mut spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = days
            .flat_map(|day| self.on(day).collect::<Vec<_>>())
            .filter_map(|(from, until)| Some((first(zone, from)?, last(zone, until)?)))
            .collect();
        spans.sort_unstable_by_key(|(_, until)| std::cmp::Reverse(*until));
        let (mut edge, mut left) = (now, TimeDelta::minutes(minutes));
        for (from, until) in spans {
            let until = until.min(edge);
            if from >= until {
                continue;
            }
            let open = until - from;
            if open >= left {
                return Some(until - left);
            }
            left -= open;
            edge = from;
        }
        None
    }
}

/// When the clocks show a time first; one that they skip is the next quarter there is.
fn first(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    shown(local, |local| zone.from_local_datetime(&local).earliest())
}

/// When they show it last.
fn last(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    shown(local, |local| zone.from_local_datetime(&local).latest())
}

fn shown(
    local: NaiveDateTime,
    at: impl Fn(NaiveDateTime) -> Option<DateTime<Tz>>,
) -> Option<DateTime<Utc>> {
    let times = (0..=12).find_map(|quarters| at(local + TimeDelta::minutes(15 * quarters)));
    times.map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(weekday: Weekday, from: &str, until: &str) -> BusinessSpan {
        BusinessSpan {
            weekday,
            from: from.to_owned(),
            until: until.to_owned(),
        }
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn the_usual_hours_are_those_of_workdays() {
        let hours = BusinessHours::from_stored(None);
        for (at, open) in [
            ("2026-03-02T08:59:59", false), // A Monday.
            ("2026-03-02T09:00:00", true),
            ("2026-03-02T17:59:59", true),
            ("2026-03-02T18:00:00", false),
            ("2026-03-06T12:00:00", true),
            ("2026-03-07T12:00:00", false),
        ] {
            assert_eq!(hours.are_at(local(at)), open, "{at}");
        }
    }

    #[test]
    fn spans_reach_over_midnight_and_holidays_are_the_day_they_begin() {
        let hours = BusinessHours {
            spans: vec![
                span(Weekday::Friday, "22:00", "02:00"),
                span(Weekday::Saturday, "10:00", "12:00"),
                span(Weekday::Saturday, "13:00", "00:00"),
            ],
            holidays: vec!["2026-03-13".parse().unwrap()],
        };
        for (at, open) in [
            ("2026-03-06T23:00:00", true),
            ("2026-03-07T01:59:00", true),
            ("2026-03-07T02:00:00", false),
            ("2026-03-07T12:30:00", false),
            ("2026-03-07T23:59:00", true),
            ("2026-03-08T00:00:00", false),
            // The Friday is a holiday, and with it the night to Saturday.
            ("2026-03-13T23:00:00", false),
            ("2026-03-14T01:00:00", false),
            ("2026-03-14T10:00:00", true),
        ] {
            assert_eq!(hours.are_at(local(at)), open, "{at}");
        }
    }

    #[test]
    fn business_begins_again_after_weekends_and_holidays() {
        let hours = BusinessHours {
            holidays: vec!["2026-03-09".parse().unwrap()],
            ..BusinessHours::default()
        };
        let tokyo = chrono_tz::Asia::Tokyo;
        let again = |now: &str| hours.begin_after(tokyo, now.parse().unwrap());
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(again("2026-03-06T03:00:00Z"), None, "Friday noon");
        let tuesday = at("2026-03-10T00:00:00Z");
        assert_eq!(again("2026-03-06T09:00:00Z"), tuesday, "Friday evening");
        assert_eq!(again("2026-03-08T23:59:00Z"), tuesday, "Monday morning");
        let never = BusinessHours {
            spans: Vec::new(),
            holidays: Vec::new(),
        };
        assert_eq!(
            never.begin_after(tokyo, "2026-03-08T23:59:00Z".parse().unwrap()),
            None
        );
    }

    #[test]
    fn business_begins_in_both_hours_that_the_clocks_show_twice() {
        let hours = BusinessHours {
            spans: vec![span(Weekday::Sunday, "01:30", "05:00")],
            holidays: Vec::new(),
        };
        // On this Sunday the hour from 01:00 comes at 05:00 and at 06:00 UTC.
        let new_york = chrono_tz::America::New_York;
        for (now, again) in [
            ("2026-11-01T05:15:00Z", Some("2026-11-01T05:30:00Z")),
            ("2026-11-01T05:45:00Z", None),
            ("2026-11-01T06:15:00Z", Some("2026-11-01T06:30:00Z")),
            ("2026-11-01T06:30:00Z", None),
            ("2026-11-01T10:00:00Z", Some("2026-11-08T06:30:00Z")),
        ] {
            let again: Option<DateTime<Utc>> = again.map(|again| again.parse().unwrap());
            let said = hours.begin_after(new_york, now.parse().unwrap());
            assert_eq!(said, again, "{now}");
        }
    }

    #[test]
    fn business_is_counted_back_over_nights_weekends_and_holidays() {
        let hours = BusinessHours {
            holidays: vec!["2026-03-09".parse().unwrap()],
            ..BusinessHours::default()
        };
        let tokyo = chrono_tz::Asia::Tokyo;
        // Business goes on from 00:00 to 09:00 UTC; the 6th is a Friday, the 9th a holiday.
        for (now, minutes, since) in [
            ("2026-03-06T05:00:00Z", 240, "2026-03-06T01:00:00Z"),
            ("2026-03-06T08:00:00Z", 8 * 60, "2026-03-06T00:00:00Z"),
            ("2026-03-06T12:00:00Z", 240, "2026-03-06T05:00:00Z"),
            ("2026-03-10T01:00:00Z", 240, "2026-03-06T06:00:00Z"),
            ("2026-03-10T01:00:00Z", 60, "2026-03-10T00:00:00Z"),
            ("2026-03-10T00:00:00Z", 60, "2026-03-06T08:00:00Z"),
            ("2026-03-06T09:00:00Z", 45 * 60, "2026-03-02T00:00:00Z"),
        ] {
            let said = hours.ago(tokyo, now.parse().unwrap(), minutes);
            assert_eq!(said, Some(since.parse().unwrap()), "{minutes} before {now}");
        }
        let never = BusinessHours {
            spans: Vec::new(),
            holidays: Vec::new(),
        };
        assert_eq!(
            never.ago(tokyo, "2026-03-06T05:00:00Z".parse().unwrap(), 1),
            None
        );
        let seldom = BusinessHours {
            spans: vec![span(Weekday::Monday, "09:00", "10:00")],
            holidays: Vec::new(),
        };
        let since = seldom.ago(tokyo, "2026-03-09T01:00:00Z".parse().unwrap(), 20 * 60);
        assert_eq!(since, Some("2025-10-27T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn hours_that_overlap_are_counted_once() {
        let hours = BusinessHours {
            spans: vec![
                span(Weekday::Monday, "09:00", "12:00"),
                span(Weekday::Monday, "10:00", "11:00"),
                span(Weekday::Monday, "11:00", "15:00"),
                span(Weekday::Sunday, "22:00", "10:00"),
            ],
            holidays: Vec::new(),
        };
        // The 2nd of March is a Monday.
        for (now, minutes, since) in [
            ("2026-03-02T16:00:00Z", 6 * 60, "2026-03-02T09:00:00Z"),
            ("2026-03-02T16:00:00Z", 16 * 60, "2026-03-01T23:00:00Z"),
            ("2026-03-02T11:30:00Z", 90, "2026-03-02T10:00:00Z"),
        ] {
            let said = hours.ago(Tz::UTC, now.parse().unwrap(), minutes);
            assert_eq!(said, Some(since.parse().unwrap()), "{minutes} before {now}");
        }
    }

    #[test]
    fn the_hour_that_the_clocks_skip_is_not_counted() {
        let hours = BusinessHours {
            spans: vec![span(Weekday::Sunday, "00:00", "05:00")],
            holidays: Vec::new(),
        };
        // On this Sunday 02:00 is 03:00: midnight is at 05:00 and five o'clock at 09:00 UTC.
        let new_york = chrono_tz::America::New_York;
        let now = "2026-03-08T12:00:00Z".parse().unwrap();
        let since = hours.ago(new_york, now, 240);
        assert_eq!(since, Some("2026-03-08T05:00:00Z".parse().unwrap()));
    }

    #[test]
    fn hours_without_sense_are_refused_where_they_are() {
        let hours = BusinessHours {
            spans: vec![
                span(Weekday::Monday, "9:00", "24:00"),
                span(Weekday::Monday, "09:00", "09:00"),
                span(Weekday::Sunday, "00:00", "00:00"),
            ],
            holidays: vec!["2026-03-09".parse().unwrap(); 2],
        };
        let mut errors = Vec::new();
        let checked = hours.check(&mut errors);
        assert_eq!(checked.holidays.len(), 1);
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        assert_eq!(
            paths,
            [
                "businessHours.spans.0.from",
                "businessHours.spans.0.until",
                "businessHours.spans.1.until",
            ]
        );
    }

    #[test]
    fn stored_hours_keep_decoding() {
        let stored = serde_json::json!({
            "spans": [{ "weekday": "MONDAY", "from": "09:00", "until": "18:00" }],
            "holidays": ["2026-01-01"],
        });
        let hours: BusinessHours = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::json!(hours), stored);
        let before = serde_json::json!({ "spans": [] });
        let hours: BusinessHours = serde_json::from_value(before).unwrap();
        assert!(hours.holidays.is_empty(), "there were none to be kept");
    }
}
