//! Moments, in themselves and seen from now.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        age,
        measure::{Bind, Frag, Sql},
        moment::Moment,
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
    },
    error::{UserError, UserErrorCode},
    text::counted,
};

/// How many days a window may reach back, or ahead: ten years.
pub(crate) const MAX_DAYS: u32 = 3_660;
/// How many minutes one may: thirty days.
const MAX_MINUTES: u32 = 30 * DAY;
/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// What a moment must be; every part given must hold. No moment passes no test but `isSet: false`.
#[derive(
    InputObject,
    SimpleObject,
    Serialize,
    Deserialize,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
)]
#[graphql(input_name = "TimeTestInput")]
#[serde(rename_all = "camelCase", default)]
pub struct TimeTest {
    /// At most so many days ago, counted by the second; up to 3660. A moment to come passes, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_days: Option<Natural>,
    /// More than so many days ago, counted by the second; up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_than_days_ago: Option<Natural>,
    /// At most so many minutes ago; up to 43200. That time alone has passed, segments and playbooks notice
    /// within an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_minutes: Option<Natural>,
    /// More than so many minutes ago; up to 43200. That time alone has passed, segments and playbooks notice
    /// within an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_than_minutes_ago: Option<Natural>,
    /// Now or to come, and less than so many days ahead, counted by the second; up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_next_days: Option<Natural>,
    /// So many days ahead or more, counted by the second; up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_days_ahead: Option<Natural>,
    /// At this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// There is such a moment (`true`) or there is none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
}

impl TimeTest {
    /// At most so many days ago.
    pub fn last_days(days: u32) -> Self {
        Self {
            within_days: Some(days.into()),
            ..Self::default()
        }
    }

    fn parts(&self) -> Vec<(&'static str, Bind)> {
        let days_ago = |days: Natural| Bind::DaysAgo(days.get());
        let minutes_ago = |minutes: Natural| Bind::MinutesAgo(minutes.get());
        let days_ahead = |days: Natural| Bind::DaysAhead(days.get());
        [
            (">=", self.within_days.map(days_ago)),
            ("<", self.more_than_days_ago.map(days_ago)),
            (">=", self.within_minutes.map(minutes_ago)),
            ("<", self.more_than_minutes_ago.map(minutes_ago)),
            (">=", self.within_next_days.map(|_| Bind::Now)),
            ("<", self.within_next_days.map(days_ahead)),
            (">=", self.at_least_days_ahead.map(days_ahead)),
            (">=", self.from.map(Bind::At)),
            ("<", self.until.map(Bind::At)),
        ]
        .into_iter()
        .filter_map(|(sign, bind)| Some((sign, bind?)))
        .collect()
    }

    /// The part of it that counts from now.
    pub(crate) fn in_days(&self) -> Self {
        Self {
            from: None,
            until: None,
            ..*self
        }
    }

    /// The part of it that names moments.
    pub(crate) fn in_moments(&self) -> Self {
        Self {
            within_days: None,
            more_than_days_ago: None,
            within_minutes: None,
            more_than_minutes_ago: None,
            within_next_days: None,
            at_least_days_ahead: None,
            ..*self
        }
    }

    /// The moments from which on it has another answer.
    pub(crate) fn bounds(&self, moment: &Moment) -> Vec<DateTime<Utc>> {
        let bounds = self.parts().into_iter();
        bounds
            .filter_map(|(_, bind)| bound(&bind, moment))
            .collect()
    }

    pub(crate) fn timed(&self) -> bool {
        self.ages().next().is_some()
    }

    /// How old a moment has to become for the answer to be another, in seconds; below zero for one to come.
    pub(crate) fn ages(&self) -> impl Iterator<Item = i64> {
        let days = [self.within_days, self.more_than_days_ago];
        let minutes = [self.within_minutes, self.more_than_minutes_ago];
        let days = days.into_iter().flatten().map(|days| age::days(days.get()));
        let minutes = minutes.into_iter().flatten();
        let ahead = [self.within_next_days, self.at_least_days_ahead];
        let ahead = ahead
            .into_iter()
            .flatten()
            .map(|days| -age::days(days.get()));
        let come = self.within_next_days.map(|_| 0);
        days.chain(minutes.map(|minutes| i64::from(minutes.get()) * 60))
            .chain(ahead)
            .chain(come)
    }

    pub(crate) fn holds(&self, time: Option<&str>, moment: &Moment) -> bool {
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        if self.is_set.is_some_and(|wanted| wanted != time.is_some()) {
            return false;
        }
        self.parts().into_iter().all(|(sign, bind)| {
            let (Some(time), Some(bound)) = (time, bound(&bind, moment)) else {
                return false;
            };
            (time >= bound) == (sign == ">=")
        })
    }

    pub(crate) fn sql(&self, sql: &mut Sql<'_>, column: &str) -> String {
        let mut parts = Vec::new();
        if let Some(wanted) = self.is_set {
            let not = if wanted { "NOT " } else { "" };
            parts.push(format!("{column} IS {not}NULL"));
        }
        for (sign, bind) in self.parts() {
            let frag = Frag::new(format!("{column} {sign} ?")).with(bind);
            parts.push(sql.put(&frag));
        }
        if parts.is_empty() {
            parts.push("1 = 1".to_owned());
        }
        format!("COALESCE(({}), false)", parts.join(" AND "))
    }

    /// What compares `column` with moments, each part with its `AND`.
    pub(crate) fn wheres(&self, column: &str) -> Frag {
        let mut wheres = Frag::default();
        for (sign, bind) in self.parts() {
            wheres.append(Frag::new(format!(" AND {column} {sign} ?")).with(bind));
        }
        wheres
    }

    pub(crate) fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if *self == Self::default() {
            let message = "Say when it must be: withinDays, moreThanDaysAgo, withinMinutes, \
                           moreThanMinutesAgo, withinNextDays, atLeastDaysAhead, from, until or isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        for (name, days) in [
            ("withinDays", self.within_days),
            ("moreThanDaysAgo", self.more_than_days_ago),
            ("withinNextDays", self.within_next_days),
            ("atLeastDaysAhead", self.at_least_days_ahead),
        ] {
            if let Some(days) = days {
                check_days(days.get(), &at.at(name), refusals);
            }
        }
        for (name, minutes) in [
            ("withinMinutes", self.within_minutes),
            ("moreThanMinutesAgo", self.more_than_minutes_ago),
        ] {
            if minutes.is_some_and(|minutes| !(1..=MAX_MINUTES).contains(&minutes.get())) {
                let message = format!("Choose from 1 to {MAX_MINUTES} minutes.");
                refusals.push(at.at(name).refuse(UserErrorCode::Invalid, message));
            }
        }
        let nothing = self.is_set == Some(false) && !self.parts().is_empty();
        if !self.meets(self) || nothing {
            let message = "No moment can be that. Widen the range.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    /// Notes what asks a moment that only ever passes to be one to come.
    pub(crate) fn check_past(&self, at: &Path, refusals: &mut Vec<UserError>) {
        for (name, ahead) in [
            ("withinNextDays", self.within_next_days),
            ("atLeastDaysAhead", self.at_least_days_ahead),
        ] {
            if ahead.is_some() {
                let message = format!("This moment is never one to come. Remove {name}.");
                let at = at.at(name);
                refusals.push(at.refuse(UserErrorCode::Contradictory, message));
            }
        }
    }

    /// Whether one moment may pass both, by what they ask of it. What counts from now is not compared with
    /// moments that are named: nobody knows when it will be asked.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let ((within, more), (other_within, other_more)) = (self.window(), other.window());
        let within = [within, other_within].into_iter().flatten().min();
        let more = [more, other_more].into_iter().flatten().max();
        let from = [self.from, other.from].into_iter().flatten().max();
        let until = [self.until, other.until].into_iter().flatten().min();
        within.zip(more).is_none_or(|(within, more)| within > more)
            && from.zip(until).is_none_or(|(from, until)| from < until)
    }

    /// How many minutes ago it is at most, and more than how many; below zero ahead.
    fn window(&self) -> (Option<i64>, Option<i64>) {
        let days = |days: Natural| i64::from(days.get()) * i64::from(DAY);
        let minutes = |minutes: Natural| i64::from(minutes.get());
        let within = [
            self.within_days.map(days),
            self.within_minutes.map(minutes),
            self.within_next_days.map(|_| 0),
            self.at_least_days_ahead.map(|ahead| -days(ahead)),
        ];
        let more = [
            self.more_than_days_ago.map(days),
            self.more_than_minutes_ago.map(minutes),
            self.within_next_days.map(|ahead| -days(ahead)),
        ];
        (
            within.into_iter().flatten().min(),
            more.into_iter().flatten().max(),
        )
    }

    /// A clause about `subject`.
    pub(crate) fn phrase(&self, phrasing: &Phrasing<'_>, subject: &str) -> String {
        let mut parts = Vec::new();
        if let Some(days) = self.within_days {
            parts.push(say!(
                phrasing,
                format!("{subject}が過去{days}日以内である"),
                format!("{subject} is within the {}", last_days(days.get())),
                format!("{subject}在最近{days}天内")
            ));
        }
        if let Some(days) = self.more_than_days_ago {
            parts.push(say!(
                phrasing,
                format!("{subject}が{days}日より前である"),
                format!("{subject} is more than {} ago", counted(days.get(), "day")),
                format!("{subject}早于{days}天前")
            ));
        }
        if let Some(minutes) = self.within_minutes {
            parts.push(say!(
                phrasing,
                format!("{subject}が過去{minutes}分以内である"),
                format!(
                    "{subject} is within the last {}",
                    counted(minutes.get(), "minute")
                ),
                format!("{subject}在最近{minutes}分钟内")
            ));
        }
        if let Some(minutes) = self.more_than_minutes_ago {
            parts.push(say!(
                phrasing,
                format!("{subject}が{minutes}分より前である"),
                format!(
                    "{subject} is more than {} ago",
                    counted(minutes.get(), "minute")
                ),
                format!("{subject}早于{minutes}分钟前")
            ));
        }
        parts.extend(self.phrase_ahead(phrasing, subject));
        if let Some(from) = self.from.map(|at| phrasing.moment(at)) {
            parts.push(say!(
                phrasing,
                format!("{subject}が{from}以降である"),
                format!("{subject} is {from} or later"),
                format!("{subject}不早于{from}")
            ));
        }
        if let Some(until) = self.until.map(|at| phrasing.moment(at)) {
            parts.push(say!(
                phrasing,
                format!("{subject}が{until}より前である"),
                format!("{subject} is before {until}"),
                format!("{subject}早于{until}")
            ));
        }
        if let Some(wanted) = self.is_set {
            parts.push(phrasing.is_set(subject, wanted));
        }
        phrasing.both(&parts)
    }

    /// The clauses about what is to come.
    fn phrase_ahead(&self, phrasing: &Phrasing<'_>, subject: &str) -> Vec<String> {
        let within = self.within_next_days.map(|days| {
            say!(
                phrasing,
                format!("{subject}が今後{days}日以内である"),
                format!("{subject} is within the {}", next_days(days.get())),
                format!("{subject}在未来{days}天内")
            )
        });
        let ahead = self.at_least_days_ahead.map(|days| {
            say!(
                phrasing,
                format!("{subject}が{days}日以上先である"),
                format!("{subject} is at least {} ahead", counted(days.get(), "day")),
                format!("{subject}至少在{days}天之后")
            )
        });
        [within, ahead].into_iter().flatten().collect()
    }
}

fn next_days(days: u32) -> String {
    match days {
        1 => "next day".to_owned(),
        days => format!("next {days} days"),
    }
}

fn bound(bind: &Bind, moment: &Moment) -> Option<DateTime<Utc>> {
    match bind {
        Bind::DaysAgo(days) => Some(moment.days_ago(*days)),
        Bind::MinutesAgo(minutes) => Some(moment.minutes_ago(*minutes)),
        Bind::DaysAhead(days) => Some(moment.days_ahead(*days)),
        Bind::Now => Some(moment.now),
        Bind::At(at) => Some(*at),
        _ => None,
    }
}

/// Notes a window of no days and one that is too long.
pub(crate) fn check_days(days: u32, at: &Path, refusals: &mut Vec<UserError>) {
    if !(1..=MAX_DAYS).contains(&days) {
        let message = format!("Choose from 1 to {MAX_DAYS} days.");
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn minutes_count_from_now_beside_days() {
        let moment = Moment::usual(DateTime::from_timestamp(1_772_323_200, 0).unwrap(), Tz::UTC);
        let test = |within: Option<u32>, more: Option<u32>| TimeTest {
            within_minutes: within.map(Into::into),
            more_than_minutes_ago: more.map(Into::into),
            ..TimeTest::default()
        };
        let ago = |minutes: u32| moment.minutes_ago(minutes).to_rfc3339();
        for (within, more, minutes, expected) in [
            (Some(30), None, 30, true),
            (Some(30), None, 31, false),
            (None, Some(30), 30, false),
            (None, Some(30), 31, true),
            (Some(60), Some(30), 45, true),
            (Some(60), Some(30), 61, false),
        ] {
            let test = test(within, more);
            assert_eq!(
                test.holds(Some(&ago(minutes)), &moment),
                expected,
                "{test:?}"
            );
            assert!(!test.holds(None, &moment), "{test:?}");
        }
        assert!(test(None, Some(1)).timed());
    }

    #[test]
    fn days_ahead_part_what_is_to_come() {
        let moment = Moment::usual(DateTime::from_timestamp(1_772_323_200, 0).unwrap(), Tz::UTC);
        let within = TimeTest {
            within_next_days: Some(Natural::from(30_u32)),
            ..TimeTest::default()
        };
        let beyond = TimeTest {
            at_least_days_ahead: Some(Natural::from(30_u32)),
            ..TimeTest::default()
        };
        let just = chrono::TimeDelta::seconds(1);
        for (at, is_within, is_beyond) in [
            (moment.now - just, false, false),
            (moment.now, true, false),
            (moment.days_ahead(30) - just, true, false),
            (moment.days_ahead(30), false, true),
        ] {
            let at = at.to_rfc3339();
            assert_eq!(within.holds(Some(&at), &moment), is_within, "{at}");
            assert_eq!(beyond.holds(Some(&at), &moment), is_beyond, "{at}");
        }
        assert!(!within.holds(None, &moment) && !beyond.holds(None, &moment));
        let month = -age::days(30);
        assert_eq!(within.ages().collect::<Vec<_>>(), [month, 0]);
        assert_eq!(beyond.ages().collect::<Vec<_>>(), [month]);
        // Parts that count from now are no moments by themselves.
        assert_eq!(within.in_moments(), TimeTest::default());
        assert_eq!(beyond.in_moments(), TimeTest::default());
    }

    #[test]
    fn windows_ahead_must_leave_something() {
        for (next, ahead, ago, within, expected) in [
            (Some(30_u32), Some(29_u32), None, None, 0),
            (Some(30), Some(30), None, None, 1),
            (Some(30), None, Some(1_u32), None, 1),
            (None, Some(1), Some(1), None, 1),
            (None, Some(1), None, Some(7_u32), 0),
            (Some(0), None, None, None, 2),
            (None, Some(3_661), None, None, 1),
        ] {
            let test = TimeTest {
                within_next_days: next.map(Natural::from),
                at_least_days_ahead: ahead.map(Natural::from),
                more_than_days_ago: ago.map(Natural::from),
                within_days: within.map(Natural::from),
                ..TimeTest::default()
            };
            let mut refusals = Vec::new();
            test.check(&Path::root("time"), &mut refusals);
            assert_eq!(refusals.len(), expected, "{test:?}");
        }
    }

    #[test]
    fn windows_in_minutes_and_days_must_leave_something() {
        let cases = [
            (Some(1_u32), None, Some(1_439_u32), 0),
            (Some(1), None, Some(1_440), 1),
            (Some(1), Some(30_u32), Some(30), 1),
            (None, Some(0), None, 1),
            (None, None, Some(43_201), 1),
        ];
        for (within_days, within_minutes, more_minutes, expected) in cases {
            let test = TimeTest {
                within_days: within_days.map(Natural::from),
                within_minutes: within_minutes.map(Natural::from),
                more_than_minutes_ago: more_minutes.map(Natural::from),
                ..TimeTest::default()
            };
            let mut refusals = Vec::new();
            test.check(&Path::root("waitingSince"), &mut refusals);
            assert_eq!(refusals.len(), expected, "{test:?}");
        }
    }
}
