//! How often, and when, a rule may act.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::Case,
    condition::{Context, Moment, Need, path::Path},
    error::{UserError, UserErrorCode},
};

/// The longest cool-down, in minutes: a year.
const MAX_COOL_DOWN_MINUTES: i64 = 366 * 24 * 60;

/// How often the end of quiet hours and the beginning of business are waited for, one after the other: about
/// once for each day of two weeks.
const MAX_WAITS: usize = 14;

/// How often, and when, a rule may act.
#[derive(
    Serialize, Deserialize, SimpleObject, InputObject, Debug, Clone, Default, PartialEq, Eq,
)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "RuleLimits", input_name = "RuleLimitsInput")]
pub struct Limits {
    /// Whether no rule behind this one is asked once it fired on something.
    #[serde(default)]
    #[graphql(default)]
    pub stop_after_match: bool,
    /// For how many minutes after it fired it does not fire again for the same contact; for the same
    /// account where there is no contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down_minutes: Option<i64>,
    /// For each of which it fires once and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_per: Option<OncePer>,
    /// When its notices wait, in the workspace's time zone. They set off when the hours end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether its notices wait outside the business hours of the workspace, until these begin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[graphql(default)]
    pub notify_in_business_hours: bool,
}

/// What a rule fires for at most once.
#[derive(Serialize, Deserialize, Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "RuleOncePer")]
pub enum OncePer {
    /// Each contact.
    Contact,
    /// Each account; each contact that is at none.
    Account,
    /// Each conversation.
    Conversation,
}

/// Hours of the day, from one time to another; over midnight if the end comes first.
#[derive(Serialize, Deserialize, SimpleObject, InputObject, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "QuietHours", input_name = "QuietHoursInput")]
pub struct QuietHours {
    /// The hour they begin, 0 to 23.
    pub from_hour: i64,
    /// The minute they begin, 0 to 59.
    #[serde(default)]
    #[graphql(default)]
    pub from_minute: i64,
    /// The hour they end, 0 to 23.
    pub to_hour: i64,
    /// The minute they end, 0 to 59.
    #[serde(default)]
    #[graphql(default)]
    pub to_minute: i64,
}

impl Limits {
    /// Whether it has to be known when the rule fired before.
    pub(crate) fn remember(&self) -> bool {
        self.cool_down_minutes.is_some() || self.once_per.is_some()
    }

    /// When notices of what happens at `moment` set off, if they have to wait: when neither quiet hours
    /// nor closed doors hold them any more.
    pub(crate) fn notices_from(&self, moment: &Moment) -> Option<DateTime<Utc>> {
        let at = earliest(std::slice::from_ref(self), moment);
        (at > moment.now).then_some(at)
    }

    /// Whether notices wait for some hours.
    pub(crate) fn has_hours(&self) -> bool {
        self.quiet_hours.is_some() || self.notify_in_business_hours
    }

    /// The end of the quiet hours that hold notices at `at`, and from then on the beginning of business;
    /// `at` itself where neither holds them.
    fn after_hold(&self, moment: &Moment, at: DateTime<Utc>) -> DateTime<Utc> {
        let quiet = self.quiet_hours;
        let at = quiet
            .and_then(|hours| hours.until(moment.zone, at))
            .unwrap_or(at);
        let begins = self
            .notify_in_business_hours
            .then(|| moment.hours.begin_after(moment.zone, at));
        begins.flatten().unwrap_or(at)
    }

    /// Whether it limits nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Notes everything wrong with it, of a rule whose trigger brings what is known in `context`.
    pub(crate) fn check(&self, context: Context, refusals: &mut Vec<UserError>) {
        let at = Path::root("limits");
        let needed = match self.once_per {
            Some(OncePer::Conversation) => Need::Conversation,
            Some(OncePer::Contact) => Need::Contact,
            Some(OncePer::Account) | None => Need::Nothing,
        };
        if !context.knows(needed) {
            let message = "The trigger brings none of these, so the rule would fire each time. Choose \
                           another, or leave it out.";
            let at = at.at("oncePer");
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
        if let Some(minutes) = self.cool_down_minutes
            && !(1..=MAX_COOL_DOWN_MINUTES).contains(&minutes)
        {
            let message = "Choose from one minute to a year of minutes, or leave it out.";
            let at = at.at("coolDownMinutes");
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
        if let Some(hours) = self.quiet_hours {
            hours.check(&at.at("quietHours"), refusals);
        }
    }

    /// The thing the cool-down is about.
    pub(crate) fn cools_for(&self, case: &Case) -> Option<Uuid> {
        self.cool_down_minutes?;
        case.contact
            .map(|id| id.0)
            .or(case.account.map(|id| id.0))
            .or(case.conversation.map(|id| id.0))
    }

    /// The thing it fires for once.
    pub(crate) fn once_for(&self, case: &Case) -> Option<Uuid> {
        match self.once_per? {
            OncePer::Contact => case.contact.map(|id| id.0),
            OncePer::Account => {
                let account = case.account.map(|id| id.0);
                account.or(case.contact.map(|id| id.0))
            }
            OncePer::Conversation => case.conversation.map(|id| id.0),
        }
    }

    /// Whether what fired at `last` still cools at `now`.
    pub(crate) fn cools(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.cool_down_minutes
            .is_some_and(|minutes| now < last + TimeDelta::minutes(minutes))
    }
}

/// The earliest moment, that of `moment` or a later one, at which none of `limits` holds notices: neither
/// quiet hours nor closed doors. Limits that leave no time at all in about two weeks hold nothing.
pub(crate) fn earliest(limits: &[Limits], moment: &Moment) -> DateTime<Utc> {
    let mut at = moment.now;
    // Each may end within the hours of another.
    for _ in 0..MAX_WAITS {
        let later = limits
            .iter()
            .fold(at, |at, one| one.after_hold(moment, at).max(at));
        if later == at {
            return at;
        }
        at = later;
    }
    moment.now
}

impl QuietHours {
    /// Notes everything wrong with them.
    pub(crate) fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        for (field, value, most) in [
            ("fromHour", self.from_hour, 23),
            ("fromMinute", self.from_minute, 59),
            ("toHour", self.to_hour, 23),
            ("toMinute", self.to_minute, 59),
        ] {
            if !(0..=most).contains(&value) {
                let message = format!("Choose a number from 0 to {most}.");
                refusals.push(at.at(field).refuse(UserErrorCode::Invalid, message));
            }
        }
        if (self.from_hour, self.from_minute) == (self.to_hour, self.to_minute) {
            let message = "The hours end when they begin. Change one of the two.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    /// When they end, if it is in them at `now`.
    pub fn until(&self, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let time = |hour: i64, minute: i64| {
            NaiveTime::from_hms_opt(u32::try_from(hour).ok()?, u32::try_from(minute).ok()?, 0)
        };
        let from = time(self.from_hour, self.from_minute)?;
        let to = time(self.to_hour, self.to_minute)?;
        let local = now.with_timezone(&zone);
        let (day, at) = (local.date_naive(), local.time());
        let over_midnight = to <= from;
        let quiet = if over_midnight {
            at >= from || at < to
        } else {
            at >= from && at < to
        };
        if !quiet {
            return None;
        }
        let day = if over_midnight && at >= from {
            day.succ_opt()?
        } else {
            day
        };
        // A time the clocks skip is the next quarter there is.
        (0..=12).find_map(|quarters| {
            let end = day.and_time(to) + TimeDelta::minutes(15 * quarters);
            let times = zone.from_local_datetime(&end);
            let first = times.earliest()?;
            // What has passed in an hour that the clocks show twice comes once more.
            let end = if first > now { first } else { times.latest()? };
            Some(end.with_timezone(&Utc))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from_hour: i64, to_hour: i64) -> QuietHours {
        QuietHours {
            from_hour,
            from_minute: 0,
            to_hour,
            to_minute: 0,
        }
    }

    #[track_caller]
    fn check(hours: QuietHours, now: &str, expected: Option<&str>) {
        let until = hours.until(chrono_tz::Asia::Tokyo, now.parse().unwrap());
        let expected = expected.map(|at| at.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(until, expected, "{now}");
    }

    #[test]
    fn notices_wait_until_the_quiet_hours_end_in_the_zone_of_the_workspace() {
        let night = hours(22, 8);
        check(night, "2026-03-01T12:59:59Z", None);
        check(night, "2026-03-01T13:00:00Z", Some("2026-03-01T23:00:00Z"));
        check(night, "2026-03-01T22:59:59Z", Some("2026-03-01T23:00:00Z"));
        check(night, "2026-03-01T23:00:00Z", None);
        let lunch = hours(12, 13);
        check(lunch, "2026-03-01T03:30:00Z", Some("2026-03-01T04:00:00Z"));
        check(lunch, "2026-03-01T04:00:00Z", None);
    }

    #[test]
    fn notices_wait_for_business_and_for_the_end_of_quiet_hours() {
        let from = |limits: &Limits, now: &str| {
            let moment = Moment::usual(now.parse().unwrap(), chrono_tz::Asia::Tokyo);
            limits.notices_from(&moment).map(|at| at.to_rfc3339())
        };
        let business = Limits {
            notify_in_business_hours: true,
            ..Limits::default()
        };
        let both = Limits {
            quiet_hours: Some(hours(8, 11)),
            ..business.clone()
        };
        // Friday evening, Saturday, Monday morning, Monday noon.
        for (now, opens, quiet_ends) in [
            (
                "2026-03-06T10:00:00Z",
                Some("2026-03-09T00:00:00+00:00"),
                Some("2026-03-09T02:00:00+00:00"),
            ),
            (
                "2026-03-07T03:00:00Z",
                Some("2026-03-09T00:00:00+00:00"),
                Some("2026-03-09T02:00:00+00:00"),
            ),
            (
                "2026-03-09T01:00:00Z",
                None,
                Some("2026-03-09T02:00:00+00:00"),
            ),
            ("2026-03-09T03:00:00Z", None, None),
        ] {
            assert_eq!(from(&business, now).as_deref(), opens, "{now}");
            assert_eq!(from(&both, now).as_deref(), quiet_ends, "{now}");
        }
    }

    #[test]
    fn hours_of_several_rules_hold_until_none_of_them_does() {
        let tokyo = chrono_tz::Asia::Tokyo;
        let quiet = |from, to| Limits {
            quiet_hours: Some(hours(from, to)),
            ..Limits::default()
        };
        let business = Limits {
            notify_in_business_hours: true,
            ..Limits::default()
        };
        for (limits, now, expected) in [
            (vec![], "2026-03-06T13:30:00Z", "2026-03-06T13:30:00Z"),
            // Friday at half past ten in the evening, and at noon.
            (
                vec![quiet(22, 7), business.clone()],
                "2026-03-06T13:30:00Z",
                "2026-03-09T00:00:00Z",
            ),
            (
                vec![quiet(22, 7), business.clone()],
                "2026-03-06T03:00:00Z",
                "2026-03-06T03:00:00Z",
            ),
            // The first ends within the second, and that within the third.
            (
                vec![quiet(8, 10), quiet(6, 8), quiet(22, 6)],
                "2026-03-06T13:30:00Z",
                "2026-03-07T01:00:00Z",
            ),
            // They leave no time at all.
            (
                vec![quiet(8, 20), quiet(20, 8)],
                "2026-03-06T13:30:00Z",
                "2026-03-06T13:30:00Z",
            ),
        ] {
            let moment = Moment::usual(now.parse().unwrap(), tokyo);
            let expected: DateTime<Utc> = expected.parse().unwrap();
            assert_eq!(earliest(&limits, &moment), expected, "{now} {limits:?}");
        }
    }

    #[test]
    fn quiet_hours_that_end_in_an_hour_shown_twice_hold_both_times() {
        let night = QuietHours {
            to_minute: 30,
            ..hours(22, 1)
        };
        // On this Sunday the hour from 01:00 comes at 05:00 and at 06:00 UTC.
        let new_york = chrono_tz::America::New_York;
        for (now, expected) in [
            ("2026-11-01T05:15:00Z", Some("2026-11-01T05:30:00Z")),
            ("2026-11-01T05:45:00Z", None),
            ("2026-11-01T06:15:00Z", Some("2026-11-01T06:30:00Z")),
            ("2026-11-01T06:30:00Z", None),
        ] {
            let expected: Option<DateTime<Utc>> = expected.map(|at| at.parse().unwrap());
            let until = night.until(new_york, now.parse().unwrap());
            assert_eq!(until, expected, "{now}");
        }
    }

    #[test]
    fn a_cool_down_ends_to_the_minute() {
        let limits = Limits {
            cool_down_minutes: Some(10),
            ..Limits::default()
        };
        let last: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        assert!(limits.cools(last, last + TimeDelta::seconds(599)));
        assert!(!limits.cools(last, last + TimeDelta::seconds(600)));
    }

    #[test]
    fn limits_without_sense_are_refused_where_they_are() {
        let limits = Limits {
            cool_down_minutes: Some(0),
            quiet_hours: Some(hours(24, 8)),
            ..Limits::default()
        };
        let mut refusals = Vec::new();
        limits.check(Context::Message, &mut refusals);
        let paths: Vec<String> = refusals.iter().map(|one| one.path.join(".")).collect();
        assert_eq!(
            paths,
            ["limits.coolDownMinutes", "limits.quietHours.fromHour"]
        );
    }

    #[test]
    fn once_for_each_of_what_the_trigger_does_not_bring_is_refused() {
        let refused = |once_per, context| {
            let limits = Limits {
                once_per: Some(once_per),
                ..Limits::default()
            };
            let mut refusals = Vec::new();
            limits.check(context, &mut refusals);
            !refusals.is_empty()
        };
        assert!(!refused(OncePer::Conversation, Context::Message));
        assert!(refused(OncePer::Conversation, Context::Contact));
        assert!(!refused(OncePer::Contact, Context::Contact));
        assert!(refused(OncePer::Contact, Context::Account));
        for context in [Context::Message, Context::Contact, Context::Account] {
            assert!(!refused(OncePer::Account, context));
        }
    }
}
