//! What a value may be, and how it is stored.
//!
//! Every value has a sort key: a text whose order is the order of the values, whatever their type,
//! so that one index serves sorting and ranges over all attributes. Its first letter tells the type,
//! so that a test of one type never finds values of another.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};
use entity::{attribute_definition::Model, kind::AttributeType};
use serde::{Deserialize, Serialize};

use super::definition::{AttributeOption, options};
use crate::{
    error::{UserError, UserErrorCode},
    text,
};

/// Characters a text value has at most.
pub const MAX_TEXT: usize = 500;
/// The largest number a value may be, and with a minus the smallest: beyond it, whole numbers are
/// no longer exact.
pub const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// A value, as it was given. Stored as JSON in actions and triggers: variants are added, never
/// renamed.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// A line of text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A day.
    Date(NaiveDate),
    /// A moment.
    DateTime(DateTime<Utc>),
    /// The key of one option.
    Select(String),
    /// The keys of some options.
    MultiSelect(Vec<String>),
    /// A web address.
    Url(String),
}

/// A value, as it is stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stored {
    pub(crate) sort_key: String,
    pub(crate) text: Option<String>,
    pub(crate) number: Option<f64>,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) options: Vec<String>,
}

/// As a person reads it in a sentence.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Select(text) | Self::Url(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(flag) => write!(f, "{flag}"),
            Self::Date(day) => write!(f, "{day}"),
            Self::DateTime(at) => write!(f, "{}", at.to_rfc3339()),
            Self::MultiSelect(keys) => f.write_str(&keys.join(", ")),
        }
    }
}

impl Value {
    fn field(&self) -> (&'static str, AttributeType) {
        match self {
            Self::Text(_) => ("text", AttributeType::Text),
            Self::Number(_) => ("number", AttributeType::Number),
            Self::Boolean(_) => ("boolean", AttributeType::Boolean),
            Self::Date(_) => ("date", AttributeType::Date),
            Self::DateTime(_) => ("dateTime", AttributeType::DateTime),
            Self::Select(_) => ("option", AttributeType::Select),
            Self::MultiSelect(_) => ("options", AttributeType::MultiSelect),
            Self::Url(_) => ("url", AttributeType::Url),
        }
    }
}

/// The value as it is stored, or why it does not fit; `path` is where the value stands.
pub(crate) fn check(definition: &Model, value: Value, path: &[&str]) -> Result<Stored, UserError> {
    let (field, given) = value.field();
    let path = [path, &[field]].concat();
    let refuse = |message: String| UserError::new(&path, UserErrorCode::Invalid, message);
    if given != definition.value_type {
        let message = format!(
            "The attribute {} holds {}, not {}.",
            definition.key,
            definition.value_type.word(),
            given.word()
        );
        return Err(UserError::new(&path, UserErrorCode::KindMismatch, message));
    }
    Ok(match value {
        Value::Text(raw) => {
            let text = text::name(&raw, &path, MAX_TEXT)?;
            Stored {
                sort_key: text_sort_key(&text),
                text: Some(text),
                ..Stored::default()
            }
        }
        Value::Url(raw) => {
            let url = check_url(&raw).map_err(|message| refuse(message.to_owned()))?;
            Stored {
                sort_key: text_sort_key(&url),
                text: Some(url),
                ..Stored::default()
            }
        }
        Value::Number(number) => {
            if !number.is_finite() || number.abs() > MAX_NUMBER {
                return Err(refuse(format!(
                    "Give a number from -{MAX_NUMBER} to {MAX_NUMBER}."
                )));
            }
            // Minus zero is zero.
            let number = number + 0.0;
            Stored {
                sort_key: number_sort_key(number),
                number: Some(number),
                ..Stored::default()
            }
        }
        Value::Boolean(flag) => Stored {
            sort_key: flag_sort_key(flag),
            number: Some(f64::from(u8::from(flag))),
            ..Stored::default()
        },
        Value::Date(day) => moment(dated(day.and_time(NaiveTime::MIN).and_utc(), &path)?),
        Value::DateTime(at) => moment(dated(at, &path)?),
        Value::Select(key) => {
            let all = options(definition);
            let position = option_position(&all, &key).ok_or_else(|| refuse(known(&all)))?;
            Stored {
                sort_key: option_sort_key(position),
                text: Some(key.clone()),
                options: vec![key],
                ..Stored::default()
            }
        }
        Value::MultiSelect(keys) => {
            let all = options(definition);
            if let Some((_, message)) = unknown_option(&all, &keys) {
                return Err(refuse(message));
            }
            // In the order of the definition, each once.
            let chosen: Vec<String> = all
                .into_iter()
                .map(|option| option.key)
                .filter(|key| keys.contains(key))
                .collect();
            Stored {
                sort_key: format!("m{:04x}", chosen.len()),
                options: chosen,
                ..Stored::default()
            }
        }
    })
}

/// A moment in a year that has four digits: databases hold no others.
fn dated(at: DateTime<Utc>, path: &[&str]) -> Result<DateTime<Utc>, UserError> {
    if (1..=9999).contains(&at.year()) {
        return Ok(at);
    }
    let message = "Give a year from 1 to 9999.";
    Err(UserError::new(path, UserErrorCode::Invalid, message))
}

fn moment(at: DateTime<Utc>) -> Stored {
    Stored {
        sort_key: time_sort_key(at),
        at: Some(at),
        ..Stored::default()
    }
}

fn known(options: &[AttributeOption]) -> String {
    let keys: Vec<&str> = options.iter().map(|option| option.key.as_str()).collect();
    format!("The options are: {}.", keys.join(", "))
}

/// The place of the first of some keys that no option has, with what to say about it.
pub(crate) fn unknown_option(
    options: &[AttributeOption],
    keys: &[String],
) -> Option<(usize, String)> {
    let (place, unknown) = keys
        .iter()
        .enumerate()
        .find(|(_, key)| option_position(options, key).is_none())?;
    let unknown = text::printable(unknown);
    let message = format!("There is no option {unknown}. {}", known(options));
    Some((place, message))
}

fn check_url(raw: &str) -> Result<String, &'static str> {
    let url =
        url::Url::parse(raw.trim()).map_err(|_| "Give an address such as https://example.com/.")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("Give an address that begins with https:// or http://.");
    }
    let text = url.to_string();
    if text.len() > 2_000 {
        return Err("Give an address of at most 2,000 characters.");
    }
    Ok(text)
}

/// Reads a web address, for fields that are one.
pub(crate) fn web_address(raw: &str, path: &[&str]) -> Result<String, UserError> {
    check_url(raw).map_err(|message| UserError::new(path, UserErrorCode::Invalid, message))
}

/// The place of an option.
pub(crate) fn option_position(options: &[AttributeOption], key: &str) -> Option<usize> {
    options.iter().position(|option| option.key == key)
}

pub(crate) fn option_sort_key(position: usize) -> String {
    format!("s{position:04x}")
}

pub(crate) fn text_sort_key(text: &str) -> String {
    format!("t{}", text::name_key(text))
}

pub(crate) fn flag_sort_key(flag: bool) -> String {
    format!("b{}", u8::from(flag))
}

/// Numbers as 16 hexadecimal digits in their order: the bits of a float sort by themselves once the
/// sign is turned round and negative numbers are taken from the other end.
pub(crate) fn number_sort_key(number: f64) -> String {
    let bits = (number + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    format!("n{ordered:016x}")
}

/// Moments in their order, to the microsecond.
pub(crate) fn time_sort_key(at: DateTime<Utc>) -> String {
    let micros = at.timestamp_micros();
    format!("d{:016x}", (micros as u64) ^ (1 << 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(value_type: AttributeType) -> Model {
        let option = |key: &str| AttributeOption {
            key: key.to_owned(),
            label: key.to_uppercase(),
        };
        Model {
            workspace_id: uuid::Uuid::nil().into(),
            id: uuid::Uuid::nil().into(),
            subject: entity::kind::SubjectKind::Contact,
            key: "plan".to_owned(),
            name: "Plan".to_owned(),
            description: String::new(),
            value_type,
            options: serde_json::json!([option("free"), option("pro")]),
            position: 0,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            archived_at: None,
        }
    }

    #[test]
    fn sort_keys_sort_as_their_values_do() {
        let numbers = [-MAX_NUMBER, -1.5, -0.25, 0.0, 1e-9, 2.0, 10.0, MAX_NUMBER];
        assert!(numbers.map(number_sort_key).is_sorted());
        assert_eq!(number_sort_key(-0.0), number_sort_key(0.0));
        let times = [-5, 0, 1_700_000_000]
            .map(|seconds| time_sort_key(DateTime::from_timestamp(seconds, 0).unwrap()));
        assert!(times.is_sorted());
        assert_eq!(text_sort_key("ＶＩＰ"), text_sort_key("vip"));
    }

    #[test]
    fn a_value_fits_its_type_or_says_why_not() {
        use AttributeType as T;
        for (value_type, value, refused) in [
            (T::Text, Value::Text("gold".to_owned()), None),
            (
                T::Text,
                Value::Text("縁".repeat(501)),
                Some(UserErrorCode::TooLong),
            ),
            (
                T::Text,
                Value::Text(" ".to_owned()),
                Some(UserErrorCode::Required),
            ),
            (
                T::Text,
                Value::Number(1.0),
                Some(UserErrorCode::KindMismatch),
            ),
            (T::Number, Value::Number(-2.5), None),
            (
                T::Number,
                Value::Number(f64::NAN),
                Some(UserErrorCode::Invalid),
            ),
            (
                T::Number,
                Value::Number(1e300),
                Some(UserErrorCode::Invalid),
            ),
            (
                T::Date,
                Value::Date(NaiveDate::from_ymd_opt(-9999, 1, 1).unwrap()),
                Some(UserErrorCode::Invalid),
            ),
            (
                T::DateTime,
                Value::DateTime(DateTime::<Utc>::MAX_UTC),
                Some(UserErrorCode::Invalid),
            ),
            (T::Boolean, Value::Boolean(true), None),
            (T::Select, Value::Select("pro".to_owned()), None),
            (
                T::Select,
                Value::Select("gold".to_owned()),
                Some(UserErrorCode::Invalid),
            ),
            (
                T::MultiSelect,
                Value::MultiSelect(vec!["pro".to_owned(), "free".to_owned()]),
                None,
            ),
            (
                T::MultiSelect,
                Value::MultiSelect(vec!["x".to_owned()]),
                Some(UserErrorCode::Invalid),
            ),
            (T::Url, Value::Url("https://example.com".to_owned()), None),
            (
                T::Url,
                Value::Url("javascript:alert(1)".to_owned()),
                Some(UserErrorCode::Invalid),
            ),
            (
                T::Url,
                Value::Url("example".to_owned()),
                Some(UserErrorCode::Invalid),
            ),
        ] {
            let result = check(&definition(value_type), value.clone(), &["value"]);
            assert_eq!(result.err().map(|error| error.code), refused, "{value:?}");
        }
        let both = Value::MultiSelect(vec!["pro".to_owned(), "free".to_owned()]);
        let stored = check(&definition(T::MultiSelect), both, &[]).unwrap();
        assert_eq!(stored.options, ["free", "pro"]);
    }
}
