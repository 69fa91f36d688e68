//! What goes with things of any kind in a file: their tags and custom attributes, and the addresses of
//! members.
//!
//! Called by the lists of contacts, accounts and conversations, which say what is their own.

use std::collections::{BTreeSet, HashMap};

use entity::{
    attribute_definition, attribute_value,
    id::{Id as _, MemberId, WorkspaceId},
    kind::{AttributeType, SubjectKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    table::{Column, Rows, columns, moment},
    tags,
};
use crate::{
    access::member,
    attribute::{self, definition},
    ctx::Ctx,
    error::Result,
};

/// The addresses of members.
pub(super) async fn members(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: impl Iterator<Item = MemberId>,
) -> Result<HashMap<MemberId, String>> {
    let ids: Vec<MemberId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let found = member::load(ctx, workspace, &ids).await?;
    Ok(found.into_iter().map(|one| (one.id, one.email)).collect())
}

/// The tags of some things of one kind, and their values of its custom attributes.
pub(super) struct Attached {
    tags: HashMap<Uuid, Vec<Value>>,
    definitions: Vec<attribute_definition::Model>,
    values: HashMap<(Uuid, Uuid), attribute_value::Model>,
}

impl Attached {
    pub(super) async fn load(
        ctx: &Ctx,
        workspace: WorkspaceId,
        subject: SubjectKind,
        ids: &[Uuid],
    ) -> Result<Self> {
        let tags = tags::of_things(ctx, workspace, ids).await?;
        let definitions = definition::list(ctx, workspace, Some(subject)).await?;
        let values = if definitions.is_empty() {
            Vec::new()
        } else {
            attribute::load(ctx, workspace, ids).await?
        };
        let values = values.into_iter();
        Ok(Self {
            tags,
            definitions,
            values: values
                .map(|one| ((one.subject_id, one.attribute_id.uuid()), one))
                .collect(),
        })
    }

    /// A page of rows: the things' own columns, then their tags, then their attributes. Each thing comes
    /// with its id.
    pub(super) fn rows(
        mut self,
        own: &[(&str, &str)],
        things: impl Iterator<Item = (Uuid, Vec<Value>)>,
        next: Option<String>,
    ) -> Rows {
        let rows = things.map(|(id, mut row)| {
            let tags = self.tags.remove(&id).unwrap_or_default();
            row.push(Value::Array(tags));
            row.extend(self.values(id));
            row
        });
        let rows = rows.collect();
        let mut columns = columns(own);
        columns.push(Column {
            key: "tags".to_owned(),
            header: "Tags".to_owned(),
        });
        columns.extend(self.definitions.iter().map(|one| Column {
            key: format!("attributes.{}", one.key),
            header: one.key.clone(),
        }));
        Rows {
            columns,
            rows,
            next,
        }
    }

    fn values(&self, id: Uuid) -> impl Iterator<Item = Value> + '_ {
        self.definitions.iter().map(move |one| {
            let value = self.values.get(&(id, one.id.uuid()));
            value.map_or(Value::Null, |value| shown(one.value_type, value))
        })
    }
}

fn shown(value_type: AttributeType, value: &attribute_value::Model) -> Value {
    match value_type {
        AttributeType::Text | AttributeType::Url | AttributeType::Select => json!(value.text),
        AttributeType::Number => json!(value.number),
        AttributeType::Boolean => json!(value.number.map(|number| number != 0.0)),
        AttributeType::Date => json!(value.at.map(|at| at.date_naive())),
        AttributeType::DateTime => value.at.map_or(Value::Null, moment),
        AttributeType::MultiSelect => value.options.clone(),
    }
}
