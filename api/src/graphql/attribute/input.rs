//! Values as they are given.

use async_graphql::{ID, InputObject};
use domain::{
    attribute::{AttributeValueOf, Setting, Value},
    error::Result,
};

use crate::graphql::id;

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
