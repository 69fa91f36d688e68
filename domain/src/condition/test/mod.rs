//! What must hold of a value: a number, a text or a time. The same test in memory, in SQL and in a sentence.
//!
//! Called by the leaves of conditions, which say what the value is (a `Measure`). It never reads one itself.

mod number;
mod text;
mod time;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::time::check_days;
pub use self::{number::NumberTest, text::TextTest, time::TimeTest};
use super::{
    measure::{Bind, Columns, Frag, Loaded, Measure, Sql},
    moment::Moment,
};

/// How many elements of a list must be there.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[graphql(name = "ConditionMode")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// At least one of them.
    #[default]
    Any,
    /// Every one of them.
    All,
    /// None of them.
    None,
}

/// One question about a value, of those that must all be answered with yes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) measure: Measure,
    pub(crate) test: Test,
}

/// A word or an id that a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Element {
    Word(String),
    Id(Uuid),
}

impl Element {
    fn text(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Id(id) => id.as_simple().to_string(),
        }
    }

    pub(crate) fn bind(&self) -> Bind {
        match self {
            Self::Word(word) => Bind::Text(word.clone()),
            Self::Id(id) => Bind::Id(*id),
        }
    }
}

/// What must hold of a loaded value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// Each number passes its test.
    Numbers(Vec<NumberTest>),
    /// The first number passes one of the tests.
    AnyNumber(Vec<NumberTest>),
    /// The text passes.
    Text(TextTest),
    /// The time passes.
    Time(TimeTest),
    /// The value is one of these.
    OneOf(Vec<Element>),
    /// There is a value, or there is none.
    IsSet(bool),
    /// The set has so many of these.
    Has { mode: Mode, of: Vec<Element> },
    /// The set has nothing in it, or something.
    Empty(bool),
}

impl Ask {
    pub(crate) fn new(measure: Measure, test: Test) -> Self {
        Self { measure, test }
    }

    /// Whether it can get another answer by time passing alone.
    pub(crate) fn timed(&self) -> bool {
        self.measure.timed() || matches!(&self.test, Test::Time(test) if test.timed())
    }
}

impl Test {
    /// The only texts that pass, if it lists those that may.
    pub(crate) fn listed(&self) -> Option<Vec<String>> {
        match self {
            Self::OneOf(elements) => Some(elements.iter().map(Element::text).collect()),
            Self::Text(test) => test.listed(),
            _ => None,
        }
    }

    /// Whether it holds of a value.
    pub(crate) fn holds(&self, value: &Loaded, moment: &Moment) -> bool {
        match self {
            Self::Numbers(tests) => tests.iter().enumerate().all(|(index, test)| {
                let number = value.numbers.get(index).copied().flatten();
                number.is_some_and(|number| test.holds(number))
            }),
            Self::AnyNumber(tests) => {
                let number = value.numbers.first().copied().flatten();
                number.is_some_and(|number| tests.iter().any(|test| test.holds(number)))
            }
            Self::Text(test) => test.holds(value.text.as_deref()),
            Self::Time(test) => test.holds(value.text.as_deref(), moment),
            Self::OneOf(elements) => {
                let text = value.text.as_deref();
                text.is_some_and(|text| elements.iter().any(|element| element.text() == text))
            }
            Self::IsSet(wanted) => value.text.is_some() == *wanted,
            Self::Has { mode, of } => {
                let present: Vec<&str> = value.elements().collect();
                let has = |element: &Element| present.contains(&element.text().as_str());
                match mode {
                    Mode::Any => of.iter().any(has),
                    Mode::All => of.iter().all(has),
                    Mode::None => !of.iter().any(has),
                }
            }
            Self::Empty(wanted) => value.elements().next().is_none() == *wanted,
        }
    }

    /// The same as SQL over the columns of the measure; two-valued.
    pub(crate) fn sql(&self, sql: &mut Sql<'_>, columns: &Columns) -> String {
        match self {
            Self::Numbers(tests) => {
                let tests = tests.iter().zip(&columns.numbers);
                let tests: Vec<String> = tests
                    .map(|(test, column)| sql.put(&test.frag(column)))
                    .collect();
                certain(&tests.join(" AND "))
            }
            Self::AnyNumber(tests) => {
                let column = columns.numbers.first().map_or("NULL", String::as_str);
                let tests = tests.iter();
                let tests: Vec<String> = tests
                    .map(|test| format!("({})", sql.put(&test.frag(column))))
                    .collect();
                certain(&tests.join(" OR "))
            }
            Self::Text(test) => test.sql(sql, &columns.text),
            Self::Time(test) => test.sql(sql, &columns.text),
            Self::OneOf(elements) => {
                let listed = elements.iter().map(Element::bind);
                certain(&sql.put(&Frag::one_of(&columns.text, listed)))
            }
            Self::IsSet(wanted) => {
                let not = if *wanted { "NOT " } else { "" };
                format!("({} IS {not}NULL)", columns.text)
            }
            Self::Has { mode, of } => {
                let listed = Frag::one_of(&columns.text, of.iter().map(Element::bind));
                let listed = sql.put(&listed);
                let count = format!(
                    "COUNT(DISTINCT CASE WHEN {listed} THEN {} END)",
                    columns.text
                );
                match mode {
                    Mode::Any => format!("({count} > 0)"),
                    Mode::All => format!("({count} = {})", of.len()),
                    Mode::None => format!("({count} = 0)"),
                }
            }
            Self::Empty(true) => "(COUNT(*) = 0)".to_owned(),
            Self::Empty(false) => "(COUNT(*) > 0)".to_owned(),
        }
    }
}

/// False where the database does not know.
fn certain(expression: &str) -> String {
    format!("COALESCE(({expression}), false)")
}
