//! What a contact did: how often, how much, how long ago.
//!
//! `property` tests what an event has with it, `follow` what came after it; `source` is what the database
//! is asked.

mod follow;
mod property;
mod source;

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::{
    property::{check_length, check_name},
    source::Counted,
};
use crate::{
    condition::{
        Leaf, Need, Whose, check,
        leaf::words::Named,
        measure::{Holder, MAX_NUMBERS, Measure, Source},
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
        test::{Ask, NumberTest, Test, check_days},
    },
    error::{UserError, UserErrorCode},
    text,
};

pub use follow::FollowUp;
pub use property::PropertyTest;
pub(crate) use property::{check_all, contradiction, phrase_all, text_of};
pub(crate) use source::EventSource;

/// How many names one condition may list.
const MAX_NAMES: usize = 50;

/// What is counted over events.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "EventMeasure")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventMeasure {
    /// How many events.
    Count,
    /// The sum of a property that is a number; values that are no numbers count as nothing.
    Sum,
    /// How many different values of a property.
    Distinct,
    /// On how many days, by what the clocks of the workspace's time zone showed at each event.
    Days,
    /// Days since the first event, with their fraction. Nothing when there is no event.
    DaysSinceFirst,
    /// Days since the last event, with their fraction. Nothing when there is no event, so that
    /// nobody who never did it passes.
    DaysSinceLast,
}

/// What a count over events must be.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[graphql(input_name = "EventTestInput")]
#[serde(rename_all = "camelCase")]
pub struct EventTest {
    /// What is counted.
    pub measure: EventMeasure,
    /// The property, for `SUM` and `DISTINCT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// What it must be.
    pub is: NumberTest,
}

/// Tests what the contact did: of the events of some names and properties within a window, counts,
/// sums and days. Without tests, one event is enough.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash, Default,
)]
#[graphql(name = "EventsCondition", input_name = "EventsConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct Events {
    /// Whose events: the contact's, or those of all contacts of the account together.
    #[graphql(default)]
    pub of: Whose,
    /// The names of the events, up to 50; empty for every event.
    #[graphql(default)]
    pub names: Vec<String>,
    /// What their properties must be; all of these must hold.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    #[graphql(name = "where", default)]
    pub conditions: Vec<PropertyTest>,
    /// Only events of the last so many days, up to 3660.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_days: Option<Natural>,
    /// Only events of this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Only events before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Only events after which the same contact did something else within some days, or did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<FollowUp>,
    /// The tests are about the events with the same value of this property: it holds if there is one
    /// value, such as one article, whose events pass all tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_property: Option<String>,
    /// What must hold, all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[graphql(default)]
    pub tests: Vec<EventTest>,
}

impl EventMeasure {
    fn of_property(self) -> bool {
        matches!(self, Self::Sum | Self::Distinct)
    }

    fn label(self) -> Named {
        match self {
            Self::Count => ["回数", "count", "次数"],
            Self::Sum => ["合計", "sum", "总和"],
            Self::Distinct => ["種類数", "number of different values", "不同值的数量"],
            Self::Days => ["日数", "number of days", "天数"],
            Self::DaysSinceFirst => ["初回からの日数", "days since the first", "距首次的天数"],
            Self::DaysSinceLast => ["最後からの日数", "days since the last", "距最近一次的天数"],
        }
    }
}

impl Events {
    fn holder(&self) -> Holder {
        self.of.holder()
    }
}

impl Leaf for Events {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check_names(&self.names, &at.at("names"), refusals);
        check_all(&self.conditions, &at.at("where"), refusals);
        if let Some(days) = self.within_days {
            check_days(days.get(), &at.at("withinDays"), refusals);
        }
        if self
            .from
            .zip(self.until)
            .is_some_and(|(from, until)| from >= until)
        {
            let message = "The period ends before it begins. Change one of the two.";
            refusals.push(at.at("until").refuse(UserErrorCode::Contradictory, message));
        }
        if let Some(follow) = &self.followed_by {
            follow.check(self.within_days, &at.at("followedBy"), refusals);
        }
        if let Some(property) = &self.same_property {
            check_name(property, &at.at("sameProperty"), refusals);
        }
        if !self.tests.is_empty() {
            let at = at.at("tests");
            check::list(&self.tests, MAX_NUMBERS, &at, refusals, "test");
            for (index, test) in self.tests.iter().enumerate().take(MAX_NUMBERS) {
                self.check_test(test, &at.nth(index), refusals);
            }
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let (counted, test) = match &self.same_property {
            Some(property) => (
                Counted::Same {
                    property: property.clone(),
                    tests: self.tests.clone(),
                },
                vec![NumberTest::min(1.0)],
            ),
            None if self.tests.is_empty() => (
                Counted::All(vec![(EventMeasure::Count, None)]),
                vec![NumberTest::min(1.0)],
            ),
            None => (
                Counted::All(
                    self.tests
                        .iter()
                        .map(|test| (test.measure, test.property.clone()))
                        .collect(),
                ),
                self.tests.iter().map(|test| test.is).collect(),
            ),
        };
        let source = EventSource {
            names: self.names.clone(),
            conditions: self.conditions.clone(),
            within_days: self.within_days.map(Natural::get),
            from: self.from,
            until: self.until,
            followed_by: self.followed_by.clone(),
            counted,
        };
        let measure = Measure::new(self.holder(), Source::Events(source));
        vec![Ask::new(measure, Test::Numbers(test))]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = self.subject(phrasing);
        let what = what(phrasing, &self.names, &self.conditions);
        let window = self.window(phrasing);
        let same = self
            .same_property
            .as_ref()
            .map_or_else(String::new, |property| {
                let property = phrasing.quote(property);
                say!(
                    phrasing,
                    format!("同じ{property}について"),
                    format!(" with the same {property}"),
                    format!("针对同一{property}")
                )
            });
        let (ending, follow) = match &self.followed_by {
            Some(follow) => ("行い", follow.phrase(phrasing, self.of)),
            None => ("行った", String::new()),
        };
        let tests: Vec<String> = self
            .tests
            .iter()
            .map(|test| test.phrase(phrasing))
            .collect();
        let tests = if tests.is_empty() {
            String::new()
        } else {
            let tests = phrasing.both(&tests);
            say!(
                phrasing,
                format!("（{tests}）"),
                format!(": {tests}"),
                format!("（{tests}）")
            )
        };
        say!(
            phrasing,
            format!("{subject}が{window}{same}{what}を{ending}{follow}{tests}"),
            format!("{subject} did {what}{window}{same}{follow}{tests}"),
            format!("{subject}{window}{same}做了{what}{follow}{tests}")
        )
    }
}

impl Events {
    /// Who did it. A sequence at an account is one person's, but all of their sequences are counted.
    fn subject(&self, phrasing: &Phrasing<'_>) -> &'static str {
        if self.of == Whose::Contact || self.followed_by.is_none() {
            self.of.subject(phrasing)
        } else if self.tests.is_empty() {
            say!(
                phrasing,
                "会社の誰か",
                "somebody at the account",
                "公司的某人"
            )
        } else {
            say!(phrasing, "会社の人", "people at the account", "公司的人")
        }
    }

    /// When the events happened, with what joins it to the rest of the sentence.
    fn window(&self, phrasing: &Phrasing<'_>) -> String {
        let days = self.within_days.map_or_else(String::new, |days| {
            say!(
                phrasing,
                format!("過去{days}日間に"),
                format!(" in the {}", last_days(days.get())),
                format!("在最近{days}天内")
            )
        });
        let shown = |at| phrasing.moment(at);
        let period = match (self.from.map(shown), self.until.map(shown)) {
            (Some(from), Some(until)) => say!(
                phrasing,
                format!("{from}から{until}までの間に"),
                format!(" between {from} and {until}"),
                format!("在{from}至{until}之间")
            ),
            (Some(from), None) => say!(
                phrasing,
                format!("{from}以降に"),
                format!(" since {from}"),
                format!("自{from}起")
            ),
            (None, Some(until)) => say!(
                phrasing,
                format!("{until}より前に"),
                format!(" before {until}"),
                format!("在{until}之前")
            ),
            (None, None) => String::new(),
        };
        days + &period
    }

    fn check_test(&self, test: &EventTest, at: &Path, refusals: &mut Vec<UserError>) {
        match (&test.property, test.measure.of_property()) {
            (None, true) => {
                let message = "Name the property that is counted.";
                refusals.push(at.at("property").refuse(UserErrorCode::Required, message));
            }
            (Some(_), false) => {
                let message = "Only SUM and DISTINCT are about a property. Remove it.";
                refusals.push(at.at("property").refuse(UserErrorCode::Invalid, message));
            }
            (Some(property), true) => check_name(property, &at.at("property"), refusals),
            (None, false) => {}
        }
        let least = match (test.measure, &self.same_property) {
            (EventMeasure::Sum, _) => f64::NEG_INFINITY,
            (EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast, _) => self.youngest(),
            // A value of the property has at least one event.
            (EventMeasure::Count | EventMeasure::Days, Some(_)) => 1.0,
            _ => 0.0,
        };
        let window = self
            .within_days
            .map_or(f64::INFINITY, |days| f64::from(days.get()));
        let greatest = match test.measure {
            EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast => window,
            // A day at either end may be in the window by a part.
            EventMeasure::Days => window.min(self.period_days()) + 2.0,
            EventMeasure::Count | EventMeasure::Sum | EventMeasure::Distinct => f64::INFINITY,
        };
        let at = at.at("is");
        match test.measure {
            EventMeasure::Count | EventMeasure::Distinct | EventMeasure::Days => {
                test.is.check_count(least, greatest, &at, refusals);
            }
            EventMeasure::Sum | EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast => {
                test.is.check(least, greatest, &at, refusals);
            }
        }
    }
}

impl Events {
    /// How old, in days, an event is at least that can count.
    fn youngest(&self) -> f64 {
        match &self.followed_by {
            Some(follow) if !follow.happened => f64::from(follow.within_days.get()),
            // Events may be told up to a day ahead.
            _ => -1.0,
        }
    }

    /// How many days lie between `from` and `until`.
    fn period_days(&self) -> f64 {
        match self.from.zip(self.until) {
            Some((from, until)) => (until - from).num_days() as f64,
            None => f64::INFINITY,
        }
    }
}

/// The events themselves in a sentence: their names, and what their properties are.
fn what(phrasing: &Phrasing<'_>, names: &[String], tests: &[PropertyTest]) -> String {
    let names: Vec<String> = names.iter().map(|name| phrasing.quote(name)).collect();
    let names = if names.is_empty() {
        say!(phrasing, "何らかの行動", "something", "某项行为").to_owned()
    } else {
        phrasing.or(&names)
    };
    names + &phrase_all(phrasing, tests)
}

/// Notes names that no event has.
fn check_names(names: &[String], at: &Path, refusals: &mut Vec<UserError>) {
    if names.is_empty() {
        return;
    }
    check::list(names, MAX_NAMES, at, refusals, "name");
    for (index, name) in names.iter().enumerate().take(MAX_NAMES) {
        let at = at.nth(index);
        check_length(name, &at, refusals);
        if name.trim().is_empty() {
            refusals.push(at.refuse(UserErrorCode::Required, "Name the event."));
        } else if !text::is_clean(name) {
            let message = "Remove the spaces around the name: events are stored without.";
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
    }
}

impl EventTest {
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let number = match self.measure {
            EventMeasure::Count => self.is.phrase_in(phrasing, ["回", "", "次"]),
            EventMeasure::Sum => self.is.phrase(phrasing),
            EventMeasure::Distinct => self.is.phrase_in(phrasing, ["種類", "", "种"]),
            EventMeasure::Days | EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast => {
                self.is.phrase_in(phrasing, ["日", "", "天"])
            }
        };
        let [ja, en, zh] = self.measure.label();
        match &self.property {
            Some(property) => {
                let property = phrasing.quote(property);
                say!(
                    phrasing,
                    format!("{property}の{ja}が{number}"),
                    format!("the {en} of {property} is {number}"),
                    format!("{property}的{zh}{number}")
                )
            }
            None => say!(
                phrasing,
                format!("{ja}が{number}"),
                format!("the {en} is {number}"),
                format!("{zh}{number}")
            ),
        }
    }
}
