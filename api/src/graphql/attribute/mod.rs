//! Custom attributes and their values over GraphQL.

mod filter;
mod input;
mod mutation;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::attribute::definition;
use entity::{
    attribute_definition, attribute_value,
    kind::{AttributeType, SubjectKind},
};
use uuid::Uuid;

use super::{
    context::{loader, reader},
    error::fault,
    loader::ValuesOf,
    scalar::Date,
};
use crate::boxed;

pub(crate) use filter::{AttributeFilterInput, AttributeOrderInput, TimeRangeInput};
pub(crate) use input::{AttributeValueInput, settings};
pub(crate) use mutation::AttributeMutation;

/// A custom attribute: something a workspace wants to know of its contacts, accounts or
/// conversations.
#[derive(Debug, Clone)]
pub struct Attribute(pub(crate) attribute_definition::Model);

/// A custom attribute: something a workspace wants to know of its contacts, accounts or
/// conversations.
#[Object]
impl Attribute {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What has it.
    fn subject(&self) -> SubjectKind {
        self.0.subject
    }

    /// The name programs use; unique among the attributes of the same kind of thing.
    fn key(&self) -> &str {
        &self.0.key
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it means.
    fn description(&self) -> &str {
        &self.0.description
    }

    /// What it holds.
    fn value_type(&self) -> AttributeType {
        self.0.value_type
    }

    /// The values to choose from, in their order; none unless it is a list.
    fn options(&self) -> Vec<AttributeOption> {
        let options = definition::options(&self.0).into_iter();
        options.map(AttributeOption::from).collect()
    }

    /// Its place among the attributes of the same kind of thing.
    fn position(&self) -> i64 {
        self.0.position
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was archived; an archived attribute keeps its values and takes no new ones.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

/// One of the values to choose from.
#[derive(SimpleObject)]
pub(crate) struct AttributeOption {
    /// The name programs use; unique in the list.
    key: String,
    /// The name shown.
    label: String,
}

impl From<definition::AttributeOption> for AttributeOption {
    fn from(option: definition::AttributeOption) -> Self {
        Self {
            key: option.key,
            label: option.label,
        }
    }
}

/// What a thing has for one custom attribute. The field named after the attribute's type holds the
/// value; the others are nothing.
#[derive(Debug, Clone)]
pub struct AttributeValue {
    definition: attribute_definition::Model,
    row: attribute_value::Model,
}

impl AttributeValue {
    fn only<T>(&self, of: AttributeType, value: Option<T>) -> Option<T> {
        value.filter(|_| self.definition.value_type == of)
    }

    fn chosen(&self, of: AttributeType) -> Option<Vec<AttributeOption>> {
        let keys: Vec<String> =
            serde_json::from_value(self.row.options.clone()).unwrap_or_default();
        let options = definition::options(&self.definition).into_iter();
        let chosen = options
            .filter(|option| keys.contains(&option.key))
            .map(AttributeOption::from)
            .collect();
        self.only(of, Some(chosen))
    }
}

/// What a thing has for one custom attribute. The field named after the attribute's type holds the
/// value; the others are nothing.
#[Object]
impl AttributeValue {
    /// The attribute.
    fn attribute(&self) -> Attribute {
        Attribute(self.definition.clone())
    }

    /// The text, of a TEXT.
    fn text(&self) -> Option<&str> {
        self.only(AttributeType::Text, self.row.text.as_deref())
    }

    /// The number, of a NUMBER.
    fn number(&self) -> Option<f64> {
        self.only(AttributeType::Number, self.row.number)
    }

    /// True or false, of a BOOLEAN.
    fn boolean(&self) -> Option<bool> {
        let flag = self.row.number.map(|number| number > 0.5);
        self.only(AttributeType::Boolean, flag)
    }

    /// The day, of a DATE.
    fn date(&self) -> Option<Date> {
        let day = self.row.at.map(|at| Date(at.date_naive()));
        self.only(AttributeType::Date, day)
    }

    /// The moment, of a `DATE_TIME`.
    fn date_time(&self) -> Option<DateTime<Utc>> {
        self.only(AttributeType::DateTime, self.row.at)
    }

    /// The chosen option, of a SELECT.
    fn option(&self) -> Option<AttributeOption> {
        let mut chosen = self.chosen(AttributeType::Select)?;
        chosen.pop()
    }

    /// The chosen options, of a `MULTI_SELECT`, in the attribute's order.
    fn options(&self) -> Option<Vec<AttributeOption>> {
        self.chosen(AttributeType::MultiSelect)
    }

    /// The address, of a URL.
    fn url(&self) -> Option<&str> {
        self.only(AttributeType::Url, self.row.text.as_deref())
    }

    /// When the value was given.
    fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }
}

/// The values a thing has, in the order of the attributes, each with its attribute; two statements
/// for a whole list of things.
pub(crate) async fn values(context: &Context<'_>, subject: Uuid) -> Result<Vec<AttributeValue>> {
    let loader = loader(context)?;
    let rows = loader
        .load_one(ValuesOf(subject))
        .await?
        .unwrap_or_default();
    let definitions = loader
        .load_many(rows.iter().map(|row| row.attribute_id))
        .await?;
    let mut values: Vec<AttributeValue> = rows
        .into_iter()
        .filter_map(|row| {
            let definition = definitions.get(&row.attribute_id)?.clone();
            Some(AttributeValue { definition, row })
        })
        .collect();
    values.sort_by_key(|value| (value.definition.position, value.definition.id));
    Ok(values)
}

#[derive(Default)]
pub(crate) struct AttributeQuery;

#[Object]
impl AttributeQuery {
    /// One custom attribute; nothing when there is none of this id.
    #[boxed]
    async fn attribute(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The attribute's global id.")] id: ID,
    ) -> Result<Option<Attribute>> {
        reader(context)?;
        let Ok(id) = id.parse::<entity::id::AttributeId>() else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(Attribute))
    }

    /// The workspace's custom attributes, in their order, archived ones included.
    #[boxed]
    async fn attributes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those of this kind of thing.")] subject: Option<SubjectKind>,
    ) -> Result<Vec<Attribute>> {
        let (ctx, actor) = reader(context)?;
        let found = definition::list(ctx, actor.workspace, subject)
            .await
            .map_err(fault)?;
        Ok(found.into_iter().map(Attribute).collect())
    }
}
