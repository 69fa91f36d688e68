//! The clock: every day, week or month at a time of day.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::{Happened, Key, TriggerKind, shape};
use crate::{
    condition::{
        Context,
        path::Path,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
};

shape::trigger! {
    /// Looks at every contact at a time of day in the workspace's time zone.
    OnSchedule, RuleScheduleTrigger, RuleScheduleTriggerInput;
    required {
        /// How often.
        every: one Cadence,
        /// The hour of the day, 0 to 23.
        hour: number,
    }
    optional {
        /// The minute of the hour: 0, 15, 30 or 45.
        minute: number,
        /// The day of the week, from 1 for Monday to 7 for Sunday; needed for, and only good with,
        /// `WEEK`.
        weekday: maybe i64,
        /// The day of the month, 1 to 31, or the last one where a month has no such day; needed for,
        /// and only good with, `MONTH`.
        day: maybe i64,
    }
}

/// How often a schedule comes round.
#[derive(
    serde::Serialize, serde::Deserialize, async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "RuleCadence")]
pub enum Cadence {
    /// Every day.
    Day,
    /// Every week.
    Week,
    /// Every month.
    Month,
}

impl OnSchedule {
    /// The latest moment at or before `now` at which it comes round in `zone`. Where the clocks skip
    /// the time of day, it is the first moment after; where they show it twice, the first of both.
    pub fn latest(&self, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = now.with_timezone(&zone).date_naive();
        // A month and a day back there is one, whatever the cadence.
        (0..=32)
            .filter_map(|back| today.checked_sub_days(Days::new(back)))
            .filter(|day| self.is_on(*day))
            .filter_map(|day| self.moment(zone, day))
            .find(|at| *at <= now)
    }

    /// The moments behind `now` at which it comes round in `zone`: those within `span`, or the next if there is
    /// none. Clocks are treated as in [`Self::latest`].
    pub(crate) fn coming(
        &self,
        zone: Tz,
        now: DateTime<Utc>,
        span: TimeDelta,
    ) -> Vec<DateTime<Utc>> {
        let today = now.with_timezone(&zone).date_naive();
        // A month and a day ahead there is one, whatever the cadence.
        let mut moments = (0..=32)
            .filter_map(|ahead| today.checked_add_days(Days::new(ahead)))
            .filter(|day| self.is_on(*day))
            .filter_map(|day| self.moment(zone, day))
            .filter(|at| *at > now);
        let next = moments.next().into_iter();
        next.chain(moments.take_while(|at| *at <= now + span))
            .collect()
    }

    /// How often it comes round in a week, a month being a twelfth of a year.
    pub(crate) fn times_a_week(&self) -> f64 {
        match self.every {
            Cadence::Day => 7.0,
            Cadence::Week => 1.0,
            Cadence::Month => 84.0 / 365.25,
        }
    }

    fn is_on(&self, day: NaiveDate) -> bool {
        match self.every {
            Cadence::Day => true,
            Cadence::Week => self.weekday == Some(i64::from(day.weekday().number_from_monday())),
            Cadence::Month => {
                let wanted = self.day.unwrap_or(1);
                let is_last = day.succ_opt().is_none_or(|next| next.day() == 1);
                i64::from(day.day()) == wanted || is_last && wanted > i64::from(day.day())
            }
        }
    }

    fn moment(&self, zone: Tz, day: NaiveDate) -> Option<DateTime<Utc>> {
        let time = NaiveTime::from_hms_opt(
            u32::try_from(self.hour).ok()?,
            u32::try_from(self.minute).ok()?,
            0,
        )?;
        let wanted = day.and_time(time);
        // Clocks are put forward by three hours at most.
        (0..=12).find_map(|quarters| {
            let at = wanted + TimeDelta::minutes(15 * quarters);
            let found = zone.from_local_datetime(&at).earliest()?;
            Some(found.with_timezone(&Utc))
        })
    }
}

impl TriggerKind for OnSchedule {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut range = |field: &str, value: i64, from: i64, to: i64| {
            if !(from..=to).contains(&value) {
                let message = format!("Choose a number from {from} to {to}.");
                refusals.push(at.at(field).refuse(UserErrorCode::Invalid, message));
            }
        };
        range("hour", self.hour, 0, 23);
        range("minute", self.minute, 0, 45);
        range("weekday", self.weekday.unwrap_or(1), 1, 7);
        range("day", self.day.unwrap_or(1), 1, 31);
        if self.minute % 15 != 0 {
            let message = "Choose the minute 0, 15, 30 or 45.";
            refusals.push(at.at("minute").refuse(UserErrorCode::Invalid, message));
        }
        for (field, given, needed) in [
            (
                "weekday",
                self.weekday.is_some(),
                self.every == Cadence::Week,
            ),
            ("day", self.day.is_some(), self.every == Cadence::Month),
        ] {
            let (code, message) = match (given, needed) {
                (false, true) => (UserErrorCode::Required, "Say on which day."),
                (true, false) => (
                    UserErrorCode::Contradictory,
                    "This day has no meaning here. Leave it out, or choose how often.",
                ),
                _ => continue,
            };
            refusals.push(at.at(field).refuse(code, message));
        }
    }

    shape::naming!();

    fn context(&self) -> Context {
        Context::Contact
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let time = format!("{:02}:{:02}", self.hour, self.minute);
        let weekday = self.weekday.unwrap_or(1).clamp(1, 7) as usize - 1;
        let day = self.day.unwrap_or(1);
        match self.every {
            Cadence::Day => say!(
                phrasing,
                format!("毎日{time}になり"),
                format!("it is {time} on any day"),
                format!("每天{time}")
            ),
            Cadence::Week => {
                let ja = ["月", "火", "水", "木", "金", "土", "日"][weekday];
                let en = [
                    "Monday",
                    "Tuesday",
                    "Wednesday",
                    "Thursday",
                    "Friday",
                    "Saturday",
                    "Sunday",
                ][weekday];
                let zh = ["一", "二", "三", "四", "五", "六", "日"][weekday];
                say!(
                    phrasing,
                    format!("毎週{ja}曜日{time}になり"),
                    format!("it is {time} on a {en}"),
                    format!("每周{zh}{time}")
                )
            }
            Cadence::Month => say!(
                phrasing,
                format!("毎月{day}日{time}になり"),
                format!("it is {time} on day {day} of a month"),
                format!("每月{day}日{time}")
            ),
        }
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn accepts(&self, happened: &Happened<'_>) -> bool {
        matches!(happened, Happened::Tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(every: Cadence, weekday: Option<i64>, day: Option<i64>) -> OnSchedule {
        OnSchedule {
            every,
            hour: 9,
            minute: 30,
            weekday,
            day,
        }
    }

    #[track_caller]
    fn check(schedule: &OnSchedule, zone: Tz, now: &str, expected: &str) {
        let latest = schedule.latest(zone, now.parse().unwrap()).unwrap();
        let expected: DateTime<Utc> = expected.parse().unwrap();
        assert_eq!(latest, expected, "{now}");
    }

    #[test]
    fn it_comes_round_in_the_zone_of_the_workspace() {
        let tokyo = chrono_tz::Asia::Tokyo;
        let daily = schedule(Cadence::Day, None, None);
        check(
            &daily,
            tokyo,
            "2026-03-01T00:30:00Z",
            "2026-03-01T00:30:00Z",
        );
        check(
            &daily,
            tokyo,
            "2026-03-01T00:29:59Z",
            "2026-02-28T00:30:00Z",
        );
        let mondays = schedule(Cadence::Week, Some(1), None);
        check(
            &mondays,
            tokyo,
            "2026-03-05T12:00:00Z",
            "2026-03-02T00:30:00Z",
        );
        let ultimo = schedule(Cadence::Month, None, Some(31));
        check(
            &ultimo,
            tokyo,
            "2026-03-05T12:00:00Z",
            "2026-02-28T00:30:00Z",
        );
        check(
            &ultimo,
            tokyo,
            "2026-03-31T00:30:00Z",
            "2026-03-31T00:30:00Z",
        );
    }

    #[test]
    fn the_times_of_the_coming_week_are_told_and_at_least_the_next() {
        let now: DateTime<Utc> = "2026-01-31T00:30:00Z".parse().unwrap();
        let coming = |schedule: &OnSchedule| -> Vec<String> {
            let moments = schedule.coming(chrono_tz::Asia::Tokyo, now, TimeDelta::weeks(1));
            let days = moments
                .iter()
                .map(|at| at.format("%m-%d %H:%M").to_string());
            days.collect()
        };
        let daily = coming(&schedule(Cadence::Day, None, None));
        assert_eq!((daily.len(), daily[0].as_str()), (7, "02-01 00:30"));
        assert_eq!(daily[6], "02-07 00:30");
        let mondays = coming(&schedule(Cadence::Week, Some(1), None));
        assert_eq!(mondays, ["02-02 00:30"]);
        let ultimo = coming(&schedule(Cadence::Month, None, Some(31)));
        assert_eq!(ultimo, ["02-28 00:30"]);
    }

    #[test]
    fn a_time_the_clocks_skip_is_the_next_there_is() {
        let zone = chrono_tz::Europe::Berlin;
        let at_half_past_two = OnSchedule {
            hour: 2,
            ..schedule(Cadence::Day, None, None)
        };
        check(
            &at_half_past_two,
            zone,
            "2026-03-29T12:00:00Z",
            "2026-03-29T01:00:00Z",
        );
    }
}
