//! Values as the API gives and shows them where they stand in what is stored: actions, conditions.

use async_graphql::{OneofObject, SimpleObject};
use chrono::{DateTime, Utc};

use super::Value;
use crate::scalar::Date;

/// A value, in the field named after the attribute's type.
#[derive(OneofObject, Debug, Clone)]
pub enum AttributeValueOf {
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

impl From<Value> for AttributeValueOf {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Number(number) => Self::Number(number),
            Value::Boolean(flag) => Self::Boolean(flag),
            Value::Date(day) => Self::Date(Date(day)),
            Value::DateTime(at) => Self::DateTime(at),
            Value::Select(key) => Self::Option(key),
            Value::MultiSelect(keys) => Self::Options(keys),
            Value::Url(url) => Self::Url(url),
        }
    }
}

/// A value of a custom attribute that an action sets or a trigger waits for, in the field named after
/// the attribute's type.
#[derive(SimpleObject, Debug, Clone, Default)]
pub struct WantedAttributeValue {
    /// A line of text.
    pub text: Option<String>,
    /// A number.
    pub number: Option<f64>,
    /// True or false.
    pub boolean: Option<bool>,
    /// A day.
    pub date: Option<Date>,
    /// A moment.
    pub date_time: Option<DateTime<Utc>>,
    /// The key of one option.
    pub option: Option<String>,
    /// The keys of options.
    pub options: Option<Vec<String>>,
    /// A web address.
    pub url: Option<String>,
}

impl From<Value> for WantedAttributeValue {
    fn from(value: Value) -> Self {
        let mut shown = Self::default();
        match value {
            Value::Text(text) => shown.text = Some(text),
            Value::Number(number) => shown.number = Some(number),
            Value::Boolean(flag) => shown.boolean = Some(flag),
            Value::Date(day) => shown.date = Some(Date(day)),
            Value::DateTime(at) => shown.date_time = Some(at),
            Value::Select(key) => shown.option = Some(key),
            Value::MultiSelect(keys) => shown.options = Some(keys),
            Value::Url(url) => shown.url = Some(url),
        }
        shown
    }
}
