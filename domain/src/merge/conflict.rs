//! What a merge of two things would lose: where both have something of which the survivor can have one.
//! For previews; reads only.

use std::collections::HashMap;

use entity::{
    attribute_value,
    id::{AttributeId, Id as _, TagGroupId, TagId, WorkspaceId},
    kind::AttributeType,
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;
use uuid::Uuid;

use crate::{attribute, ctx::Ctx, error::Result, store::Query, tag::tagging::outlasts};

/// Something of which both have one and the survivor keeps one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What: the name of a column, or `attributes.` and the key of an attribute.
    pub field: String,
    /// What the survivor has and keeps, as text.
    pub kept: String,
    /// What the other one has, as text.
    pub dropped: String,
}

/// Two values of a group of which a thing carries one.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct TagConflict {
    /// The group.
    pub group_id: TagGroupId,
    /// The tag that would go on.
    pub kept_id: TagId,
    /// The tag that would end.
    pub dropped_id: TagId,
}

/// A conflict of two values, if they are two.
pub(crate) fn of<T: Serialize + PartialEq>(
    field: &str,
    kept: Option<&T>,
    dropped: Option<&T>,
) -> Option<Conflict> {
    let (kept, dropped) = kept
        .zip(dropped)
        .filter(|(kept, dropped)| kept != dropped)?;
    Some(Conflict {
        field: field.to_owned(),
        kept: text(kept),
        dropped: text(dropped),
    })
}

/// A value as JSON has it, but a text as it is.
fn text(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The attributes of which both have a value.
pub(crate) async fn attributes(
    ctx: &Ctx,
    workspace: WorkspaceId,
    survivor: Uuid,
    loser: Uuid,
) -> Result<Vec<Conflict>> {
    let values = attribute::load(ctx, workspace, &[survivor, loser]).await?;
    let (stay, go): (Vec<_>, Vec<_>) = values
        .into_iter()
        .partition(|value| value.subject_id == survivor);
    let ids: Vec<AttributeId> = stay.iter().map(|value| value.attribute_id).collect();
    let definitions = attribute::definition::load(ctx, workspace, &ids).await?;
    let goes: HashMap<Uuid, &attribute_value::Model> = go
        .iter()
        .map(|value| (value.attribute_id.uuid(), value))
        .collect();
    let stays: HashMap<Uuid, &attribute_value::Model> = stay
        .iter()
        .map(|value| (value.attribute_id.uuid(), value))
        .collect();
    let mut conflicts: Vec<Conflict> = definitions
        .iter()
        .filter_map(|definition| {
            let id = definition.id.uuid();
            let kept = given(definition.value_type, stays.get(&id)?);
            let dropped = given(definition.value_type, goes.get(&id)?);
            let field = format!("attributes.{}", definition.key);
            of(&field, Some(&kept), Some(&dropped))
        })
        .collect();
    conflicts.sort_unstable_by(|one, other| one.field.cmp(&other.field));
    Ok(conflicts)
}

/// A value of an attribute as people read it.
fn given(kind: AttributeType, value: &attribute_value::Model) -> String {
    match kind {
        AttributeType::Number => value.number.map(|number| number.to_string()),
        AttributeType::Boolean => value.number.map(|number| (number > 0.0).to_string()),
        AttributeType::Date => value.at.map(|at| at.date_naive().to_string()),
        AttributeType::DateTime => value.at.map(|at| at.to_rfc3339()),
        AttributeType::MultiSelect => Some(joined(&value.options)),
        AttributeType::Text | AttributeType::Select | AttributeType::Url => value.text.clone(),
    }
    .unwrap_or_default()
}

fn joined(options: &serde_json::Value) -> String {
    let keys = options.as_array().into_iter().flatten();
    let keys: Vec<&str> = keys.filter_map(serde_json::Value::as_str).collect();
    keys.join(", ")
}

/// The groups of one value of which both carry another. What goes on is as a merge decides.
pub(crate) async fn tags(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    survivor: Uuid,
    loser: Uuid,
) -> Result<Vec<TagConflict>> {
    let wins = outlasts("l", "s");
    Ok(Query::new(format!(
        "SELECT l.single_group_id AS group_id,
                CASE WHEN {wins} THEN l.tag_id ELSE s.tag_id END AS kept_id,
                CASE WHEN {wins} THEN s.tag_id ELSE l.tag_id END AS dropped_id
         FROM tagging l
         JOIN tagging s ON s.workspace_id = $1 AND s.target_id = $2 AND s.removed_at IS NULL
          AND s.single_group_id = l.single_group_id AND s.tag_id <> l.tag_id
         WHERE l.workspace_id = $1 AND l.target_id = $3 AND l.removed_at IS NULL
           AND l.single_group_id IS NOT NULL
         ORDER BY l.single_group_id"
    ))
    .bind(workspace)
    .bind(survivor)
    .bind(loser)
    .all(connection)
    .await?)
}
