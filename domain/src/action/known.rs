//! What can be wrong with an action that only the database knows: whether a value fits its attribute,
//! and whether a text can be said to its target.

use std::collections::{BTreeSet, HashMap};

use entity::{
    attribute_definition,
    id::{Id as _, TargetId},
    kind::{SubjectKind, TargetKind},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::Action;
use crate::{
    attribute::{Value, value},
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
            Action::Notify(action) => {
                let kind = targets.get(&action.target_id).copied();
                if let (Some(kind), Some(text)) = (kind, &action.text)
                    && let Err(mistake) = template::check(text, kind)
                {
                    let at = at.at("text");
                    refusals.push(mistake.user_error(&words(&at)));
                }
            }
            _ => {
                if let Some((of, id, value)) = setting(action)
                    && let Some(definition) = attributes.get(&id).filter(|one| one.subject == of)
                {
                    check_setting(definition, value, &at, &mut refusals);
                }
            }
        }
    }
    Ok(refusals)
}

/// The attribute an action sets, of what kind of thing, and to what.
fn setting(action: &Action) -> Option<(SubjectKind, Uuid, Option<Value>)> {
    match action {
        Action::SetContactAttribute(action) => {
            Some((SubjectKind::Contact, action.attribute_id, action.value()))
        }
        Action::SetAccountAttribute(action) => {
            Some((SubjectKind::Account, action.attribute_id, action.value()))
        }
        Action::SetConversationAttribute(action) => Some((
            SubjectKind::Conversation,
            action.attribute_id,
            action.value(),
        )),
        _ => None,
    }
}

fn check_setting(
    definition: &attribute_definition::Model,
    value: Option<Value>,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
    if definition.archived_at.is_some() {
        let message = "This attribute is archived. Restore it first.";
        let at = at.at("attributeId");
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
    if let Some(value) = value {
        let at = at.at("value");
        refusals.extend(value::check(definition, value, &words(&at)).err());
    }
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
        .filter_map(|(_, action)| setting(action).map(|(_, id, _)| id))
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<attribute_definition::Model> = Query::new(
        "SELECT d.* FROM {r} JOIN attribute_definition d
           ON d.workspace_id = $1 AND d.id = r.id",
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
