//! Scalars of the API that data of this crate is made of.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};

/// A day of the calendar without a time zone, such as `2026-03-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A day of the calendar without a time zone, such as `2026-03-01`.
#[Scalar(
    name = "Date",
    specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html"
)]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) if text.len() == 10 => {
                let day: NaiveDate = text.parse()?;
                // Years of other lengths have a sign and lack a zero elsewhere.
                if !(1..=9999).contains(&day.year()) {
                    return Err(InputValueError::custom("Give a year from 0001 to 9999"));
                }
                Ok(Self(day))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// What is wrong with `at` as the moment of something that has happened, if anything is. Some clients
/// send the first moment of the year 1 for "no time".
pub(crate) fn not_past(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<&'static str> {
    if at > now + TimeDelta::days(1) {
        return Some("This moment lies in the future.");
    }
    let is_known = (1900..=9999).contains(&at.year());
    (!is_known).then_some("Give a moment between the years 1900 and 9999.")
}
