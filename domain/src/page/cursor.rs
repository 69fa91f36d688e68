//! Places in lists: the sort keys of rows, the columns these are of, and the texts that clients keep. Reads no
//! row; what a client sends back is refused unless this release may have written it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::{Error, Result, UserErrorCode},
    store::Query,
};

/// The sort key of a row. What is written is read as what it looks like; a moment looks like a text,
/// and only the list knows that it is one ([`Column`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A whole number, such as an urgency.
    Int(i64),
    /// A number, such as a score.
    Real(f64),
    /// A moment.
    #[serde(skip_deserializing)]
    Time(DateTime<Utc>),
    /// A text, such as a name.
    Text(String),
    /// An id of something else, such as an owner.
    Of {
        /// The id.
        of: Uuid,
    },
    /// A whole number, such as a place.
    Whole {
        /// The number.
        whole: i64,
    },
    /// The id alone is the key.
    Id(()),
}

/// The SQL of a sort key, and what its values are: a cursor that anybody may have made up is only
/// compared with the column when it holds the same.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// As [`Key::Int`].
    Int(&'static str),
    /// As [`Key::Real`].
    Real(&'static str),
    /// As [`Key::Time`].
    Time(&'static str),
    /// As [`Key::Text`].
    Text(&'static str),
    /// As [`Key::Of`].
    Of(&'static str),
    /// As [`Key::Whole`].
    Whole(&'static str),
}

impl Column {
    /// The text of it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Int(sql)
            | Self::Real(sql)
            | Self::Time(sql)
            | Self::Text(sql)
            | Self::Of(sql)
            | Self::Whole(sql) => sql,
        }
    }

    /// Binds what a cursor holds, if it is a value of this column; returns its placeholder.
    pub(super) fn bind(self, key: Key, query: &mut Query) -> Option<String> {
        Some(match (self, key) {
            (Self::Int(_), Key::Int(key)) | (Self::Whole(_), Key::Whole { whole: key }) => {
                query.arg(key)
            }
            (Self::Real(_), Key::Real(key)) => query.arg(key),
            (Self::Real(_), Key::Int(key)) => query.arg(key as f64),
            (Self::Time(_), Key::Time(key)) => query.arg(key),
            (Self::Time(_), Key::Text(key)) => {
                let time = DateTime::parse_from_rfc3339(&key).ok()?;
                query.arg(time.with_timezone(&Utc))
            }
            (Self::Text(_), Key::Text(key)) => query.arg(key),
            (Self::Of(_), Key::Of { of }) => query.arg(of),
            _ => return None,
        })
    }
}

/// A place in a list, between rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which order it belongs to; a cursor of another order is refused.
    pub order: String,
    /// The row's sort key.
    pub key: Key,
    /// The row's id.
    pub id: Uuid,
}

impl Cursor {
    /// The opaque text given to clients.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&(&self.order, &self.key, self.id.as_simple().to_string()));
        URL_SAFE_NO_PAD.encode(json.unwrap_or_default())
    }

    /// Reads the text back; refuses anything this release did not write for `order`. A moment is read
    /// as its text.
    pub fn decode(text: &str, order: &str, argument: &str) -> Result<Self> {
        let refuse = || Self::refused(argument);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let (of, key, id): (String, Key, Uuid) =
            serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        // PostgreSQL holds no such text, so no row has this key.
        let is_text = !matches!(&key, Key::Text(text) if text.contains('\0'));
        if of == order && is_text {
            Ok(Self { order: of, key, id })
        } else {
            Err(refuse())
        }
    }

    pub(super) fn refused(argument: &str) -> Error {
        let message = "This cursor does not belong to this list in this order. Start again \
                       without it.";
        Error::refused(&[argument], UserErrorCode::Invalid, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form_and_belongs_to_one_order() {
        for key in [
            Key::Int(3),
            Key::Real(61.0),
            Key::Real(61.5),
            Key::Text("縁".to_owned()),
            Key::Text("2024-01-01 10:00:00 utc".to_owned()),
            Key::Text("2024-01-01T10:00:00Z".to_owned()),
            Key::Of {
                of: Uuid::from_u128(7),
            },
            Key::Whole { whole: 3 },
            Key::Id(()),
        ] {
            let cursor = Cursor {
                order: "health".to_owned(),
                key,
                id: Uuid::from_u128(5),
            };
            let text = cursor.encode();
            assert_eq!(Cursor::decode(&text, "health", "after").unwrap(), cursor);
            assert!(Cursor::decode(&text, "name", "after").is_err());
        }
        assert!(Cursor::decode("nonsense", "health", "after").is_err());
    }
}
