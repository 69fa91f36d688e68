//! What can be wrong with an action that only the database knows: whether a value fits its attribute,
//! and whether a text can be said to its target.

use std::collections::{BTreeSet, HashMap};

use entity::{attribute_definition, id::Id as _, id::TargetId, kind::TargetKind};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::Action;
use crate::{
    attribute::value,
    condition::path::Path,
    error::{Result, UserError, UserErrorCode},
    notification::template,
    store::{Query, Rows, Tx},
};

#[derive(FromQueryResult)]
struct Target {
    id: TargetId,
    kind: TargetKind,
}

/// A refusal for each value that does not fit and each text that cannot be said, of actions each with its
/// place in the input. Ids that are not there are found elsewhere.
pub(crate) async fn refused(tx: &Tx<'_>, actions: &[(Path, &Action)]) -> Result<Vec<UserError>> {
    let attributes = attributes(tx, actions).await?;
    let targets = targets(tx, actions).await?;
    let mut refusals = Vec::new();
    for (at, action) in actions {
        let at = at.at(action.name());
        match action {
            Action::SetContactAttribute(action) => {
                let Some(definition) = attributes.get(&action.attribute_id) else {
                    continue;
                };
                if definition.archived_at.is_some() {
                    let message = "This attribute is archived. Restore it first.";
                    let at = at.at("attributeId");
                    refusals.push(at.refuse(UserErrorCode::Invalid, message));
                }
                if let Some(value) = action.value() {
                    let at = at.at("value");
                    refusals.extend(value::check(definition, value, &words(&at)).err());
                }
            }
            Action::Notify(action) => {
                let kind = targets.get(&action.target_id).copied();
                if let (Some(kind), Some(text)) = (kind, &action.text)
                    && let Err(mistake) = template::check(text, kind)
                {
                    let at = at.at("text");
                    refusals.push(mistake.user_error(&words(&at)));
                }
            }
            _ => {}
        }
    }
    Ok(refusals)
}

fn words(at: &Path) -> Vec<&str> {
    at.steps().iter().map(String::as_str).collect()
}

async fn attributes(
    tx: &Tx<'_>,
    actions: &[(Path, &Action)],
) -> Result<HashMap<Uuid, attribute_definition::Model>> {
    let ids: BTreeSet<Uuid> = actions
        .iter()
        .filter_map(|(_, action)| match action {
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

async fn targets(tx: &Tx<'_>, actions: &[(Path, &Action)]) -> Result<HashMap<Uuid, TargetKind>> {
    let ids: BTreeSet<Uuid> = actions
        .iter()
        .filter_map(|(_, action)| match action {
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
