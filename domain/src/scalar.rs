//! Scalars of the API that data of this crate is made of.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike as _, NaiveDate};

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
