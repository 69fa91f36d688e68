//! The day of the week and the time of day in the workspace.

use async_graphql::{InputObject, SimpleObject};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use entity::kind::Weekday;
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        Leaf, Need, check,
        facts::Seen,
        matcher::{Part, What},
        moment::Moment,
        path::Path,
        sentence::{Phrasing, say},
        trace::Actual,
    },
    error::{UserError, UserErrorCode},
    workspace::hours::{WEEK, time_of_day as time, weekday},
};

/// Tests the time in the workspace's time zone: of a message when it was sent, of everything else
/// when the condition is judged. As it stands, without any field, it tests for Monday to Friday, 09:00 to
/// 18:00; the hours a workspace has set are tested by `businessHours`.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(name = "TimeOfDayCondition", input_name = "TimeOfDayConditionInput")]
#[serde(rename_all = "camelCase")]
pub struct TimeOfDay {
    /// Within these hours (`true`) or outside of them (`false`).
    #[serde(default = "yes")]
    #[graphql(default = true)]
    pub within: bool,
    /// The days of the week.
    #[serde(default = "workdays")]
    #[graphql(default_with = "workdays()")]
    pub weekdays: Vec<Weekday>,
    /// From this time of day, such as `09:00`.
    #[serde(default = "morning")]
    #[graphql(default_with = "morning()")]
    pub from: String,
    /// Until this time of day, such as `18:00`, which is not included. `00:00` is the end of the day.
    /// A time before `from` is one of the next day.
    #[serde(default = "evening")]
    #[graphql(default_with = "evening()")]
    pub until: String,
}

fn yes() -> bool {
    true
}

fn workdays() -> Vec<Weekday> {
    WEEK[..5].to_vec()
}

fn morning() -> String {
    "09:00".to_owned()
}

fn evening() -> String {
    "18:00".to_owned()
}

impl TimeOfDay {
    /// Whether it holds at a moment.
    pub(crate) fn at(&self, moment: &Moment) -> bool {
        self.at_local(moment.local())
    }

    /// Whether it holds when the clocks of the workspace show this.
    pub(crate) fn at_local(&self, local: NaiveDateTime) -> bool {
        let (Some(from), Some(until)) = (time(&self.from), time(&self.until)) else {
            return false;
        };
        let on = |date: NaiveDate| {
            let day = weekday(date);
            self.weekdays.contains(&day)
        };
        let (date, time) = (local.date(), local.time());
        let inside = if from < until {
            on(date) && time >= from && time < until
        } else {
            let yesterday = date.checked_sub_days(Days::new(1));
            (on(date) && time >= from) || (yesterday.is_some_and(on) && time < until)
        };
        inside == self.within
    }

    /// What the clocks show in a week when it begins to hold or ceases to.
    pub(crate) fn edges(&self) -> Vec<NaiveDateTime> {
        let times = [Some(NaiveTime::MIN), time(&self.from), time(&self.until)];
        // Any week will do.
        let days = NaiveDate::default().iter_days().take(WEEK.len());
        days.flat_map(|day| {
            times
                .into_iter()
                .flatten()
                .map(move |time| day.and_time(time))
        })
        .collect()
    }
}

impl Leaf for TimeOfDay {
    fn need(&self) -> Need {
        Need::Nothing
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.weekdays, 7, &at.at("weekdays"), refusals, "day");
        for (name, text) in [("from", &self.from), ("until", &self.until)] {
            if time(text).is_none() {
                let message = "Give a time of day from 00:00 to 23:59.";
                refusals.push(at.at(name).refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let days: Vec<&str> = self
            .weekdays
            .iter()
            .map(|day| match day {
                Weekday::Monday => say!(phrasing, "月", "Mon", "周一"),
                Weekday::Tuesday => say!(phrasing, "火", "Tue", "周二"),
                Weekday::Wednesday => say!(phrasing, "水", "Wed", "周三"),
                Weekday::Thursday => say!(phrasing, "木", "Thu", "周四"),
                Weekday::Friday => say!(phrasing, "金", "Fri", "周五"),
                Weekday::Saturday => say!(phrasing, "土", "Sat", "周六"),
                Weekday::Sunday => say!(phrasing, "日", "Sun", "周日"),
            })
            .collect();
        let days: Vec<String> = days.into_iter().map(str::to_owned).collect();
        // What is said of every day names none.
        let (ja, en, zh) = if self.weekdays.len() == WEEK.len() {
            (String::new(), String::new(), String::new())
        } else {
            (
                format!("{}曜日の", days.join("・")),
                format!("{} ", phrasing.or(&days)),
                format!("{}的", days.join("、")),
            )
        };
        let (from, until) = (&self.from, &self.until);
        if self.within {
            say!(
                phrasing,
                format!("日時が{ja}{from}から{until}までの間である"),
                format!("it is {en}between {from} and {until}"),
                format!("时间在{zh}{from}至{until}之间")
            )
        } else {
            say!(
                phrasing,
                format!("日時が{ja}{from}から{until}までの間ではない"),
                format!("it is not {en}between {from} and {until}"),
                format!("时间不在{zh}{from}至{until}之间")
            )
        }
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        self.at(&seen.facts.moment)
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        Actual::Values(vec![shown(&seen.facts.moment)])
    }

    fn parts(&self, _seen: &Seen<'_>, found: &mut Vec<Part>) {
        found.push(Part::new(What::Time));
    }

    fn constant(&self, moment: &Moment) -> Option<bool> {
        Some(self.at(moment))
    }

    fn clock(&self) -> Option<&TimeOfDay> {
        Some(self)
    }
}

/// The time as the workspace's clocks show it.
pub(crate) fn shown(moment: &Moment) -> String {
    moment.local().format("%a %Y-%m-%d %H:%M").to_string()
}
