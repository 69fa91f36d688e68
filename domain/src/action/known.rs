//! What can be wrong with an action that only the database knows: whether a value fits its attribute,
//! and whether a text can be said to its target.

use std::collections::{BTreeSet, HashMap};

use entity::{attribute_definition, id::Id as _, id::TargetId, kind::TargetKind};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::Action;
use crate::{
    attribute::value,
    error::{Result, UserError, UserErrorCode},
    notification::template,
    store::{Query, Rows, Tx},
};

#[derive(FromQueryResult)]
struct Target {
    id: TargetId,
    kind: TargetKind,
}

/// A refusal for each value that does not fit and each text that cannot be said, of the actions that
/// stand in the list `field` of the input. Ids that are not there are found elsewhere.
pub async fn refused(tx: &Tx<'_>, actions: &[Action], field: &str) -> Result<Vec<UserError>> {
    let attributes = attributes(tx, actions).await?;
    let targets = targets(tx, actions).await?;
    let mut refusals = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        let index = index.to_string();
        let path = [field, index.as_str(), action.name()];
        match action {
            Action::SetContactAttribute(action) => {
                let Some(definition) = attributes.get(&action.attribute_id) else {
                    continue;
                };
                if definition.archived_at.is_some() {
                    let path = [path.as_slice(), &["attributeId"]].concat();
                    let message = "This attribute is archived. Restore it first.";
                    refusals.push(UserError::new(&path, UserErrorCode::Invalid, message));
                }
                if let Some(value) = action.value() {
                    let path = [path.as_slice(), &["value"]].concat();
                    refusals.extend(value::check(definition, value, &path).err());
                }
            }
            Action::Notify(action) => {
                let kind = targets.get(&action.target_id).copied();
                if let (Some(kind), Some(text)) = (kind, &action.text)
                    && let Err(mistake) = template::check(text, kind)
                {
                    let path = [path.as_slice(), &["text"]].concat();
                    refusals.push(mistake.user_error(&path));
                }
            }
            _ => {}
        }
    }
    Ok(refusals)
}

async fn attributes(
    tx: &Tx<'_>,
    actions: &[Action],
) -> Result<HashMap<Uuid, attribute_definition::Model>> {
    let ids: BTreeSet<Uuid> = actions
        .iter()
        .filter_map(|action| match action {
            Action::SetContactAttribute(action) => Some(action.attribute_id),
            _ => None,
        })
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<attribute_definition::Model> = Query::new(
        "SELECT d.* FROM {r} JOIN attribute_definition d
           ON d.workspace_id = $1 AND d.id = r.id AND d.subject = 'CONTACT'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|one| (one.id.uuid(), one)).collect())
}

async fn targets(tx: &Tx<'_>, actions: &[Action]) -> Result<HashMap<Uuid, TargetKind>> {
    let ids: BTreeSet<Uuid> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Notify(action) => action.text.as_ref().map(|_| action.target_id),
            _ => None,
        })
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Target> = Query::new(
        "SELECT n.id, n.kind FROM {r} JOIN notification_target n
           ON n.workspace_id = $1 AND n.id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(tx.connection())
    .await?;
    let found = found.into_iter();
    Ok(found.map(|one| (one.id.uuid(), one.kind)).collect())
}
