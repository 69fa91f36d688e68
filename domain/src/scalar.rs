//! Scalars of the API that data of this crate is made of.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    Scalar, ScalarType, ServerResult, Value,
    parser::types::Field,
    registry::{MetaType, MetaTypeId, Registry},
};
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

/// A value of an input type as JSON, so that what was read can be given back. The input type itself writes
/// it, so the two cannot differ. The scalar is called like the input type, with `Value` behind it.
#[derive(Debug, Clone)]
pub struct AsInput<T>(pub T);

impl<T: InputType> AsInput<T> {
    /// The value as it is shown: without the fields that are left out.
    pub fn value(&self) -> Value {
        without_nulls(self.0.to_value())
    }
}

#[async_trait::async_trait]
impl<T: InputType> OutputType for AsInput<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Value", T::type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Scalar, |_| MetaType::Scalar {
            name: Self::type_name().into_owned(),
            description: Some(format!(
                "A value of the input type `{}` as JSON: what is read here is taken wherever an input of \
                 that type is asked for, unchanged, as a variable. Fields that are left out are not in it.",
                T::type_name()
            )),
            is_valid: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            specified_by_url: Some("https://www.rfc-editor.org/rfc/rfc8259".to_owned()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }

    async fn resolve(
        &self,
        _context: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(self.value())
    }
}

/// `value` without the fields of its objects that have no value: to leave one out says the same.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(without_nulls).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, value)| *value != Value::Null)
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
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
