//! Filters and orders by custom attributes.

use async_graphql::{ID, InputObject, OneofObject};
use chrono::{DateTime, Utc};
use domain::{
    attribute::{AttributeOrder, AttributeTest, Test},
    error::Result,
    latest::ChangedWithin,
};

use crate::graphql::{few::few, id, scalar::Date};

/// What must hold of the value of one custom attribute.
#[derive(InputObject)]
pub(crate) struct AttributeFilterInput {
    /// The attribute's global id.
    attribute_id: ID,
    /// What must hold. A test of another type than the attribute's finds nothing.
    test: AttributeTestOf,
}

/// What must hold of a value; exactly one.
#[derive(OneofObject)]
pub(crate) enum AttributeTestOf {
    /// Whether there is a value at all.
    IsSet(bool),
    /// The text or address is this one, ignoring case and width.
    Text(String),
    /// The text or address contains this, ignoring case and width.
    TextContains(String),
    /// The number is in this range.
    Number(NumberRangeInput),
    /// It is true, or it is false.
    Boolean(bool),
    /// The day is in this range.
    Date(DateRangeInput),
    /// The moment is in this range.
    DateTime(TimeRangeInput),
    /// At least one of these options is chosen, of a SELECT or a `MULTI_SELECT`; by their keys. An empty
    /// list is refused.
    Options(Vec<String>),
}

/// A range of numbers.
#[derive(InputObject)]
pub(crate) struct NumberRangeInput {
    /// The least number in it.
    min: Option<f64>,
    /// The greatest number in it.
    max: Option<f64>,
}

/// A range of days.
#[derive(InputObject)]
pub(crate) struct DateRangeInput {
    /// The first day in it.
    from: Option<Date>,
    /// The last day in it.
    to: Option<Date>,
}

/// A range of moments.
#[derive(InputObject, Default)]
pub(crate) struct TimeRangeInput {
    /// The first moment in it.
    pub(crate) from: Option<DateTime<Utc>>,
    /// The first moment after it.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl From<TimeRangeInput> for ChangedWithin {
    fn from(range: TimeRangeInput) -> Self {
        Self {
            from: range.from,
            until: range.until,
        }
    }
}

impl AttributeFilterInput {
    /// Reads a list of tests; `field` is its place in the filter.
    pub(crate) fn read_all(list: Option<Vec<Self>>) -> Result<Vec<AttributeTest>> {
        let list = few(list, &["filter", "attributes"])?
            .into_iter()
            .enumerate();
        list.map(|(index, one)| one.read(index)).collect()
    }

    fn read(self, index: usize) -> Result<AttributeTest> {
        let index = index.to_string();
        let path = |field: &'static str| ["filter", "attributes", index.as_str(), field];
        Ok(AttributeTest {
            attribute: id::parse(&self.attribute_id, &path("attributeId"))?,
            test: match self.test {
                AttributeTestOf::IsSet(is_set) => Test::IsSet(is_set),
                AttributeTestOf::Text(text) => Test::Text(text),
                AttributeTestOf::TextContains(text) => Test::TextContains(text),
                AttributeTestOf::Number(range) => Test::Number {
                    min: range.min,
                    max: range.max,
                },
                AttributeTestOf::Boolean(flag) => Test::Boolean(flag),
                AttributeTestOf::Date(range) => Test::Date {
                    from: range.from.map(|day| day.0),
                    to: range.to.map(|day| day.0),
                },
                AttributeTestOf::DateTime(range) => Test::DateTime {
                    from: range.from,
                    until: range.until,
                },
                AttributeTestOf::Options(keys) => Test::Options(few(Some(keys), &path("test"))?),
            },
        })
    }
}

/// An order by a custom attribute. What has no value comes last, whichever way.
#[derive(InputObject)]
pub(crate) struct AttributeOrderInput {
    /// The attribute's global id. A SELECT is ordered by the places of its options, a
    /// `MULTI_SELECT` by how many are chosen.
    attribute_id: ID,
    /// Whether the greatest come first.
    #[graphql(default)]
    descending: bool,
}

impl AttributeOrderInput {
    pub(crate) fn read(self) -> Result<AttributeOrder> {
        Ok(AttributeOrder {
            attribute: id::parse(&self.attribute_id, &["orderByAttribute", "attributeId"])?,
            descending: self.descending,
        })
    }
}
