//! When a wait is over.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use entity::kind::Weekday;

use super::definition::Wait;

/// The moment a wait that begins at `now` is over, by the clocks of `zone`.
pub(crate) fn end_of_wait(wait: &Wait, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    match wait {
        Wait::For { seconds } => TimeDelta::try_seconds(*seconds)
            .and_then(|time| now.checked_add_signed(time))
            .unwrap_or(now),
        Wait::Until { minute, weekdays } => next_time(*minute, weekdays, now, zone),
    }
}

/// The next moment after `now` at which the clocks of `zone` show `minute` on one of `weekdays`. Where
/// clocks go forward over that time, the first moment after the gap; where they show it twice, the
/// first.
fn next_time(minute: u32, weekdays: &[Weekday], now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minute.min(1439) * 60, 0);
    let time = time.unwrap_or_default();
    let today = now.with_timezone(&zone).date_naive();
    // A week and a day holds every weekday after now.
    for ahead in 0..=8 {
        let Some(day) = today.checked_add_days(Days::new(ahead)) else {
            break;
        };
        if !weekdays.is_empty() && !weekdays.contains(&weekday(day.weekday())) {
            continue;
        }
        let mut local = day.and_time(time);
        let moment = loop {
            if let Some(moment) = zone.from_local_datetime(&local).earliest() {
                break moment.with_timezone(&Utc);
            }
            local += TimeDelta::minutes(1);
        };
        if moment > now {
            return moment;
        }
    }
    now + TimeDelta::days(1)
}

fn weekday(day: chrono::Weekday) -> Weekday {
    match day {
        chrono::Weekday::Mon => Weekday::Monday,
        chrono::Weekday::Tue => Weekday::Tuesday,
        chrono::Weekday::Wed => Weekday::Wednesday,
        chrono::Weekday::Thu => Weekday::Thursday,
        chrono::Weekday::Fri => Weekday::Friday,
        chrono::Weekday::Sat => Weekday::Saturday,
        chrono::Weekday::Sun => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Asia::Tokyo};

    use super::*;

    #[track_caller]
    fn check(minute: u32, weekdays: &[Weekday], now: &str, zone: Tz, expected: &str) {
        let now: DateTime<Utc> = now.parse().unwrap();
        let wait = Wait::Until {
            minute,
            weekdays: weekdays.to_vec(),
        };
        let expected: DateTime<Utc> = expected.parse().unwrap();
        assert_eq!(end_of_wait(&wait, now, zone), expected);
    }

    #[test]
    fn a_time_of_day_is_the_next_one_in_the_workspaces_zone() {
        let nine = 9 * 60;
        // A Sunday noon in Tokyo.
        let now = "2026-03-01T03:00:00Z";
        check(nine, &[], now, Tokyo, "2026-03-02T00:00:00Z");
        check(13 * 60, &[], now, Tokyo, "2026-03-01T04:00:00Z");
        check(12 * 60, &[], now, Tokyo, "2026-03-02T03:00:00Z");
        check(nine, &[Weekday::Friday], now, Tokyo, "2026-03-06T00:00:00Z");
        let sunday = [Weekday::Sunday];
        check(nine, &sunday, now, Tokyo, "2026-03-08T00:00:00Z");
        check(23 * 60 + 59, &sunday, now, Tokyo, "2026-03-01T14:59:00Z");
    }

    #[test]
    fn a_time_the_clocks_leave_out_or_show_twice_comes_once() {
        // In New York there is no half past two on 8 March 2026, and two half past ones on 1 November.
        check(
            150,
            &[],
            "2026-03-08T05:00:00Z",
            New_York,
            "2026-03-08T07:00:00Z",
        );
        check(
            90,
            &[],
            "2026-11-01T04:00:00Z",
            New_York,
            "2026-11-01T05:30:00Z",
        );
        check(
            90,
            &[],
            "2026-11-01T05:30:00Z",
            New_York,
            "2026-11-02T06:30:00Z",
        );
    }

    #[test]
    fn a_duration_is_counted_in_seconds() {
        let now: DateTime<Utc> = "2026-03-01T03:00:00Z".parse().unwrap();
        let wait = Wait::For { seconds: 86_400 };
        let expected: DateTime<Utc> = "2026-03-02T03:00:00Z".parse().unwrap();
        assert_eq!(end_of_wait(&wait, now, Tokyo), expected);
    }
}
