//! Values as they are given.

use async_graphql::{ID, InputObject, OneofObject};
use chrono::{DateTime, Utc};
use domain::{
    attribute::{Setting, Value},
    error::Result,
};

use crate::graphql::{id, scalar::Date};

/// A value, in the field named after the attribute's type.
#[derive(OneofObject)]
pub(crate) enum AttributeValueOf {
    /// A line of text, at most 500 characters; of a TEXT.
    Text(String),
    /// A number from -9,007,199,254,740,992 to 9,007,199,254,740,992; of a NUMBER.
    Number(f64),
    /// True or false; of a BOOLEAN.
    Boolean(bool),
    /// A day; of a DATE.
    Date(Date),
    /// A moment; of a `DATE_TIME`.
    DateTime(DateTime<Utc>),
    /// The key of one option; of a SELECT.
    Option(String),
    /// The keys of any number of options; of a `MULTI_SELECT`.
    Options(Vec<String>),
    /// A web address that begins with https:// or http://; of a URL.
    Url(String),
}

impl From<AttributeValueOf> for Value {
    fn from(value: AttributeValueOf) -> Self {
        match value {
            AttributeValueOf::Text(text) => Self::Text(text),
            AttributeValueOf::Number(number) => Self::Number(number),
            AttributeValueOf::Boolean(flag) => Self::Boolean(flag),
            AttributeValueOf::Date(day) => Self::Date(day.0),
            AttributeValueOf::DateTime(at) => Self::DateTime(at),
            AttributeValueOf::Option(key) => Self::Select(key),
            AttributeValueOf::Options(keys) => Self::MultiSelect(keys),
            AttributeValueOf::Url(url) => Self::Url(url),
        }
    }
}

/// A custom attribute and its new value.
#[derive(InputObject)]
pub(crate) struct AttributeValueInput {
    /// The attribute's global id; each at most once.
    attribute_id: ID,
    /// The value; left out or `null`, the value is taken away.
    value: Option<AttributeValueOf>,
}

/// Reads a list of values; `field` is its place in the input.
pub(crate) fn settings(
    values: Option<Vec<AttributeValueInput>>,
    field: &str,
) -> Result<Vec<Setting>> {
    let values = values.unwrap_or_default().into_iter().enumerate();
    values
        .map(|(index, one)| {
            let path = [field, &index.to_string(), "attributeId"];
            Ok(Setting {
                attribute: id::parse(&one.attribute_id, &path)?,
                value: one.value.map(Value::from),
            })
        })
        .collect()
}
