//! Moments, in themselves and seen from now.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        measure::{Bind, Frag, Sql},
        moment::Moment,
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
    },
    error::{UserError, UserErrorCode},
    text::counted,
};

/// How many days a window may reach back: ten years.
pub(crate) const MAX_DAYS: u32 = 3_660;

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
    /// At most so many days ago, counted by the second; up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_days: Option<Natural>,
    /// More than so many days ago, counted by the second; up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_than_days_ago: Option<Natural>,
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
        [
            (">=", self.within_days.map(days_ago)),
            ("<", self.more_than_days_ago.map(days_ago)),
            (">=", self.from.map(Bind::At)),
            ("<", self.until.map(Bind::At)),
        ]
        .into_iter()
        .filter_map(|(sign, bind)| Some((sign, bind?)))
        .collect()
    }

    /// The part of it that counts in days from now.
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
        self.within_days.is_some() || self.more_than_days_ago.is_some()
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

    pub(crate) fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if *self == Self::default() {
            let message = "Say when it must be: withinDays, moreThanDaysAgo, from, until or isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        for (name, days) in [
            ("withinDays", self.within_days),
            ("moreThanDaysAgo", self.more_than_days_ago),
        ] {
            if let Some(days) = days {
                check_days(days.get(), &at.at(name), refusals);
            }
        }
        let empty_window = match (self.within_days, self.more_than_days_ago) {
            (Some(within), Some(more)) => within <= more,
            _ => false,
        };
        let empty_range = match (self.from, self.until) {
            (Some(from), Some(until)) => from >= until,
            _ => false,
        };
        let nothing = self.is_set == Some(false) && !self.parts().is_empty();
        if empty_window || empty_range || nothing {
            let message = "No moment can be that. Widen the range.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
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
}

fn bound(bind: &Bind, moment: &Moment) -> Option<DateTime<Utc>> {
    match bind {
        Bind::DaysAgo(days) => Some(moment.days_ago(*days)),
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
