//! What a contact did: how often, how much, how long ago.

use async_graphql::{Enum, InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use super::words::Named;
use crate::{
    condition::{
        Leaf, Need, Whose, check,
        measure::{Bind, Frag, Holder, MAX_NUMBERS, Measure, Plan, Rows, Source, frag},
        path::Path,
        scalar::Number,
        sentence::{Phrasing, say},
        test::{Ask, NumberTest, Test, check_days},
    },
    error::{UserError, UserErrorCode},
    text,
};

/// How many names one condition may list.
const MAX_NAMES: usize = 50;
/// How many property tests one condition may have.
const MAX_PROPERTY_TESTS: usize = 10;
/// How many values one property test may list.
const MAX_VALUES: usize = 100;
/// Characters of a name, a property or a value.
const MAX_LENGTH: usize = 200;

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
    /// On how many days, in the workspace's time zone as it is ahead of UTC today.
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

/// Which values of a property an event may have; every part given must hold.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash, Default,
)]
#[graphql(input_name = "PropertyTestInput")]
#[serde(rename_all = "camelCase", default)]
pub struct PropertyTest {
    /// The name of the property.
    pub property: String,
    /// Its value as text is one of these, exactly. `true` and `false` stand for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
    /// Its value as text is none of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none_of: Option<Vec<String>>,
    /// It is a number, and this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberTest>,
    /// There is a value (`true`), or there is none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
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
    pub within_days: Option<u32>,
    /// The tests are about the events with the same value of this property: it holds if there is one
    /// value, such as one article, whose events pass all tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_property: Option<String>,
    /// What must hold, all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[graphql(default)]
    pub tests: Vec<EventTest>,
}

/// The part of [`Events`] that the database answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct EventSource {
    names: Vec<String>,
    conditions: Vec<PropertyTest>,
    within_days: Option<u32>,
    counted: Counted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// These, over all events.
    All(Vec<(EventMeasure, Option<String>)>),
    /// How many values of the property pass all tests.
    Same {
        property: String,
        tests: Vec<EventTest>,
    },
}

impl EventSource {
    /// The names of the events it is about; empty for every event.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn timed(&self) -> bool {
        self.within_days.is_some()
            || match &self.counted {
                Counted::All(measures) => measures.iter().any(|(measure, _)| measure.is_an_age()),
                Counted::Same { tests, .. } => tests.iter().any(|test| test.measure.is_an_age()),
            }
    }

    /// The ages of events, in days, at which `test` of it can get another answer.
    pub(crate) fn ages(&self, test: &Test) -> Vec<f64> {
        let mut ages: Vec<f64> = self.within_days.map(f64::from).into_iter().collect();
        let mut of = |measure: EventMeasure, test: &NumberTest| {
            if measure.is_an_age() {
                ages.extend(test.parts().map(|(_, bound)| bound));
            }
        };
        match (&self.counted, test) {
            (Counted::Same { tests, .. }, _) => {
                for test in tests {
                    of(test.measure, &test.is);
                }
            }
            (Counted::All(measures), Test::Numbers(tests)) => {
                for ((measure, _), test) in measures.iter().zip(tests) {
                    of(*measure, test);
                }
            }
            (Counted::All(_), _) => {}
        }
        ages
    }

    pub(crate) fn plan(&self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("event", "x.contact_id");
        if holder == Holder::Account {
            plan.from = "contact k CROSS JOIN event x".to_owned();
            plan.workspace = "k.workspace_id";
            plan.owner = "k.account_id";
            plan.wheres
                .push(" AND x.workspace_id = k.workspace_id AND x.contact_id = k.id");
        }
        plan.rows = Rows::Aggregate;
        if !self.names.is_empty() {
            plan.wheres.push(" AND ");
            let names = self.names.iter().cloned().map(Bind::Text);
            plan.wheres.append(Frag::one_of("x.name", names));
        }
        if let Some(days) = self.within_days {
            let since = Frag::new(" AND x.occurred_at >= ?").with(Bind::DaysAgo(days));
            plan.wheres.append(since);
        }
        for test in &self.conditions {
            test.append(backend, &mut plan.wheres);
        }
        plan.base.push(("at", Frag::new("x.occurred_at")));
        match &self.counted {
            Counted::All(measures) => {
                for (index, (measure, property)) in measures.iter().enumerate() {
                    let column = COLUMNS[index.min(MAX_NUMBERS - 1)];
                    let number =
                        aggregate(backend, *measure, property.as_deref(), column, &mut plan);
                    plan.numbers.push((number, measure.nothing()));
                }
            }
            Counted::Same { property, tests } => {
                plan.base.push(("p", property_text(backend, property)));
                let mut having = Frag::default();
                for (index, test) in tests.iter().enumerate() {
                    let column = COLUMNS[index.min(MAX_NUMBERS - 1)];
                    let number = aggregate(
                        backend,
                        test.measure,
                        test.property.as_deref(),
                        column,
                        &mut plan,
                    );
                    if index > 0 {
                        having.push(" AND ");
                    }
                    test.is.about(&number, &mut having);
                }
                if tests.is_empty() {
                    having.push("COUNT(*) > 0");
                }
                plan.per = Some(having);
                plan.numbers.push((Frag::new("COUNT(*)"), Some(0.0)));
            }
        }
        plan
    }
}

const COLUMNS: [&str; MAX_NUMBERS] = ["a0", "a1", "a2", "a3", "a4", "a5"];

/// The aggregate over `b`; adds the column it needs to `b` under the name `column`.
fn aggregate(
    backend: DatabaseBackend,
    measure: EventMeasure,
    property: Option<&str>,
    column: &'static str,
    plan: &mut Plan,
) -> Frag {
    let property = property.unwrap_or_default();
    match measure {
        EventMeasure::Count => Frag::new("COUNT(*)"),
        EventMeasure::Sum => {
            plan.base.push((column, property_number(backend, property)));
            Frag::new(format!("COALESCE(SUM(b.{column}), 0)"))
        }
        EventMeasure::Distinct => {
            plan.base.push((column, property_text(backend, property)));
            Frag::new(format!("COUNT(DISTINCT b.{column})"))
        }
        EventMeasure::Days => {
            let day = match backend {
                DatabaseBackend::Postgres => Frag::new(
                    "CAST(x.occurred_at AT TIME ZONE 'UTC'
                          + CAST(? AS double precision) * interval '1 second' AS date)",
                ),
                _ => Frag::new("date(x.occurred_at, ? || ' seconds')"),
            };
            plan.base.push((column, day.with(Bind::OffsetSeconds)));
            Frag::new(format!("COUNT(DISTINCT b.{column})"))
        }
        EventMeasure::DaysSinceFirst => frag::days_since(backend, "MIN(b.at)"),
        EventMeasure::DaysSinceLast => frag::days_since(backend, "MAX(b.at)"),
    }
}

impl EventMeasure {
    /// What it is when there are no events.
    fn nothing(self) -> Option<f64> {
        match self {
            Self::DaysSinceFirst | Self::DaysSinceLast => None,
            _ => Some(0.0),
        }
    }

    /// Whether time alone changes it.
    fn is_an_age(self) -> bool {
        matches!(self, Self::DaysSinceFirst | Self::DaysSinceLast)
    }

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

/// The path of a member in an SQLite JSON text.
fn path(property: &str) -> String {
    format!("$.\"{property}\"")
}

/// The value of a property as text; nothing where there is none.
fn property_text(backend: DatabaseBackend, property: &str) -> Frag {
    match backend {
        DatabaseBackend::Postgres => {
            Frag::new("(x.properties ->> CAST(? AS text))").with(Bind::Text(property.to_owned()))
        }
        _ => Frag::new(
            "(CASE json_type(x.properties, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
              ELSE CAST(json_extract(x.properties, ?) AS TEXT) END)",
        )
        .with(Bind::Text(path(property)))
        .with(Bind::Text(path(property))),
    }
}

/// The value of a property that is a number. One so large that sums of it could leave what a database
/// calculates with counts as the largest that cannot.
fn property_number(backend: DatabaseBackend, property: &str) -> Frag {
    match backend {
        DatabaseBackend::Postgres => Frag::new(
            "(CASE WHEN jsonb_typeof(x.properties -> CAST(? AS text)) = 'number'
              THEN CAST(LEAST(GREATEST(CAST(x.properties ->> CAST(? AS text) AS numeric), -1e200), 1e200)
                        AS double precision) END)",
        )
        .with(Bind::Text(property.to_owned()))
        .with(Bind::Text(property.to_owned())),
        _ => Frag::new(
            "(CASE WHEN json_type(x.properties, ?) IN ('integer', 'real')
              THEN MIN(MAX(CAST(json_extract(x.properties, ?) AS REAL), -1e200), 1e200) END)",
        )
        .with(Bind::Text(path(property)))
        .with(Bind::Text(path(property))),
    }
}

impl PropertyTest {
    fn append(&self, backend: DatabaseBackend, wheres: &mut Frag) {
        let text = || property_text(backend, &self.property);
        for (not, values) in [("", &self.any_of), ("NOT ", &self.none_of)] {
            let Some(values) = values else { continue };
            wheres.push(&format!(" AND {not}COALESCE("));
            wheres.append(text());
            wheres.push(" ");
            let listed = values.iter().cloned().map(Bind::Text);
            wheres.append(Frag::one_of("", listed));
            wheres.push(", false)");
        }
        if let Some(test) = &self.number {
            wheres.push(" AND ");
            test.about(&property_number(backend, &self.property), wheres);
        }
        if let Some(wanted) = self.is_set {
            wheres.push(" AND ");
            wheres.append(text());
            wheres.push(if wanted { " IS NOT NULL" } else { " IS NULL" });
        }
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check_name(&self.property, &at.at("property"), refusals);
        let lists = [("anyOf", &self.any_of), ("noneOf", &self.none_of)];
        for (name, values) in lists {
            if let Some(values) = values {
                let at = at.at(name);
                check::list(values, MAX_VALUES, &at, refusals, "value");
                for (index, value) in values.iter().enumerate().take(MAX_VALUES) {
                    check_length(value, &at.nth(index), refusals);
                }
            }
        }
        if let Some(number) = &self.number {
            number.check(f64::NEG_INFINITY, f64::INFINITY, &at.at("number"), refusals);
        }
        let asks = self.any_of.is_some() || self.none_of.is_some() || self.number.is_some();
        if !asks && self.is_set.is_none() {
            let message = "Say what the property must be: anyOf, noneOf, number or isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        if self.is_set == Some(false) && (self.any_of.is_some() || self.number.is_some()) {
            let message = "No value can be that where there is none. Remove isSet.";
            refusals.push(at.at("isSet").refuse(UserErrorCode::Contradictory, message));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.quote(&self.property);
        let mut parts = Vec::new();
        for (wanted, values) in [(true, &self.any_of), (false, &self.none_of)] {
            let Some(values) = values else { continue };
            let quoted: Vec<String> = values.iter().map(|value| phrasing.quote(value)).collect();
            let quoted = phrasing.or(&quoted);
            parts.push(if wanted {
                say!(
                    phrasing,
                    format!("{name}が{quoted}"),
                    format!("{name} is {quoted}"),
                    format!("{name}为{quoted}")
                )
            } else {
                say!(
                    phrasing,
                    format!("{name}が{quoted}以外"),
                    format!("{name} is not {quoted}"),
                    format!("{name}不为{quoted}")
                )
            });
        }
        if let Some(number) = &self.number {
            let number = number.phrase(phrasing);
            parts.push(say!(
                phrasing,
                format!("{name}が{number}"),
                format!("{name} is {number}"),
                format!("{name}{number}")
            ));
        }
        if let Some(wanted) = self.is_set {
            parts.push(phrasing.is_set(&name, wanted));
        }
        phrasing.both(&parts)
    }
}

fn check_length(text: &str, at: &Path, refusals: &mut Vec<UserError>) {
    if check::graphemes(text, MAX_LENGTH + 1) > MAX_LENGTH || text.len() > MAX_LENGTH * 16 {
        let message = format!("Use at most {MAX_LENGTH} characters.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
    } else if text.contains('\0') {
        let message = "Remove the character NUL.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

fn check_name(name: &str, at: &Path, refusals: &mut Vec<UserError>) {
    check_length(name, at, refusals);
    if name.trim().is_empty() {
        refusals.push(at.refuse(UserErrorCode::Required, "Name the property."));
    } else if name.contains(['"', '\\']) || name.chars().any(char::is_control) {
        let message =
            "Properties with quotation marks or backslashes in their names cannot be asked for.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
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
        if !self.names.is_empty() {
            check::list(&self.names, MAX_NAMES, &at.at("names"), refusals, "name");
            for (index, name) in self.names.iter().enumerate().take(MAX_NAMES) {
                let at = at.at("names").nth(index);
                check_length(name, &at, refusals);
                if name.trim().is_empty() {
                    refusals.push(at.refuse(UserErrorCode::Required, "Name the event."));
                } else if !text::is_clean(name) {
                    let message = "Remove the spaces around the name: events are stored without.";
                    refusals.push(at.refuse(UserErrorCode::Invalid, message));
                }
            }
        }
        if !self.conditions.is_empty() {
            let at = at.at("where");
            let max = MAX_PROPERTY_TESTS;
            check::list(&self.conditions, max, &at, refusals, "property test");
            for (index, test) in self.conditions.iter().enumerate().take(max) {
                test.check(&at.nth(index), refusals);
            }
        }
        if let Some(days) = self.within_days {
            check_days(days, &at.at("withinDays"), refusals);
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
            within_days: self.within_days,
            counted,
        };
        let measure = Measure::new(self.holder(), Source::Events(source));
        vec![Ask::new(measure, Test::Numbers(test))]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = self.of.subject(phrasing);
        let names: Vec<String> = self.names.iter().map(|name| phrasing.quote(name)).collect();
        let what = if names.is_empty() {
            say!(phrasing, "何らかの行動", "anything", "任意行为").to_owned()
        } else {
            phrasing.or(&names)
        };
        let conditions: Vec<String> = self
            .conditions
            .iter()
            .map(|test| test.phrase(phrasing))
            .collect();
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            let conditions = phrasing.both(&conditions);
            say!(
                phrasing,
                format!("（{conditions}）"),
                format!(" ({conditions})"),
                format!("（{conditions}）")
            )
        };
        let window = self.within_days.map_or_else(String::new, |days| {
            say!(
                phrasing,
                format!("過去{days}日間に"),
                format!(" in the last {days} days"),
                format!("在最近{days}天内")
            )
        });
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
            format!("{subject}が{window}{same}{what}{conditions}を行った{tests}"),
            format!("{subject} did {what}{conditions}{window}{same}{tests}"),
            format!("{subject}{window}{same}做了{what}{conditions}{tests}")
        )
    }

    fn excludes(&self, other: &crate::condition::Condition) -> bool {
        let crate::condition::Condition::Events(other) = other else {
            return false;
        };
        let same_events = self.of == other.of
            && self.names == other.names
            && self.conditions == other.conditions
            && self.within_days == other.within_days;
        if !same_events || self.same_property.is_some() || other.same_property.is_some() {
            return false;
        }
        let excluded = |test: &EventTest| {
            other.tests.iter().any(|one| {
                one.measure == test.measure
                    && one.property == test.property
                    && one.is.excludes(&test.is)
            })
        };
        self.tests.iter().any(excluded)
    }
}

impl Events {
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
            // Events may be told up to a day ahead.
            (EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast, _) => -1.0,
            // A value of the property has at least one event.
            (EventMeasure::Count | EventMeasure::Days, Some(_)) => 1.0,
            _ => 0.0,
        };
        let greatest = match (test.measure, self.within_days) {
            (EventMeasure::DaysSinceFirst | EventMeasure::DaysSinceLast, Some(days)) => {
                f64::from(days)
            }
            (EventMeasure::Days, Some(days)) => f64::from(days) + 2.0,
            _ => f64::INFINITY,
        };
        test.is.check(least, greatest, &at.at("is"), refusals);
    }
}

impl EventTest {
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let number = self.is.phrase(phrasing);
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

impl NumberTest {
    /// Appends the test of what `number` says.
    pub(crate) fn about(&self, number: &Frag, to: &mut Frag) {
        to.push("(");
        let mut first = true;
        for (sign, bound) in self.parts() {
            if !first {
                to.push(" AND ");
            }
            first = false;
            to.append(number.clone());
            to.append(Frag::new(format!(" {sign} ?")).with(Bind::Number(Number::from(bound))));
        }
        if first {
            to.push("1 = 1");
        }
        to.push(")");
    }
}
