//! Scalars that the library has without saying what they follow.

use async_graphql::{InputValueResult, Scalar, ScalarType, Value};

pub(crate) use domain::scalar::Date;

/// Any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Json(pub(crate) serde_json::Value);

impl Json {
    /// An object without members.
    pub(crate) fn empty() -> Self {
        Self(serde_json::Value::Object(serde_json::Map::new()))
    }
}

/// Any JSON value.
#[Scalar(
    name = "JSON",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259"
)]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}
