//! Whether the things that are named by id exist, before what names them is saved.

use std::collections::{HashMap, HashSet};

use entity::{id::WorkspaceId, kind::TagKind};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{IdKind, Reference};
use crate::{
    error::{Result, UserError, UserErrorCode},
    store::{Query, Rows},
};

/// A refusal for each reference to something the workspace does not have, or that cannot be used
/// there. The number of statements does not depend on the number of references.
pub async fn unknown(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<Vec<UserError>> {
    let tags = load_tags(connection, workspace, references).await?;
    let inboxes = load_ids(connection, workspace, references, IdKind::Inbox, "inbox").await?;
    let target = IdKind::NotificationTarget;
    let targets = load_ids(
        connection,
        workspace,
        references,
        target,
        "notification_target",
    )
    .await?;
    let refused = references.iter().filter_map(|reference| {
        let exists = match reference.kind {
            IdKind::ContactTag => return check_tag(reference, &tags, TagKind::Contact),
            IdKind::ConversationTag => return check_tag(reference, &tags, TagKind::Conversation),
            IdKind::Inbox => inboxes.contains(&reference.id),
            IdKind::NotificationTarget => targets.contains(&reference.id),
        };
        (!exists).then(|| reference.not_found())
    });
    Ok(refused.collect())
}

#[derive(FromQueryResult)]
struct TagFacts {
    id: Uuid,
    kind: TagKind,
    archived: bool,
}

fn check_tag(
    reference: &Reference,
    tags: &HashMap<Uuid, TagFacts>,
    needed: TagKind,
) -> Option<UserError> {
    let refuse = |code, message: &str| {
        Some(UserError {
            path: reference.path.clone(),
            code,
            message: message.to_owned(),
        })
    };
    let puts_it_on = reference.path.first().is_some_and(|step| step == "actions");
    match tags.get(&reference.id) {
        None => Some(reference.not_found()),
        Some(tag) if tag.kind != needed => refuse(
            UserErrorCode::KindMismatch,
            match needed {
                TagKind::Contact => "This is a tag for conversations. Choose one for contacts.",
                TagKind::Conversation => {
                    "This is a tag for contacts. Choose one for conversations."
                }
            },
        ),
        Some(tag) if tag.archived && puts_it_on => refuse(
            UserErrorCode::Invalid,
            "This tag is archived. Restore it first.",
        ),
        Some(_) => None,
    }
}

async fn load_tags(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<HashMap<Uuid, TagFacts>> {
    let ids: HashSet<Uuid> = references
        .iter()
        .filter(|reference| matches!(reference.kind, IdKind::ContactTag | IdKind::ConversationTag))
        .map(|reference| reference.id)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tags: Vec<TagFacts> = Query::new(
        "SELECT t.id, t.kind, t.archived_at IS NOT NULL AS archived FROM {r}
         JOIN tag t ON t.workspace_id = $1 AND t.id = r.id AND t.deleted_at IS NULL",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(connection)
    .await?;
    Ok(tags.into_iter().map(|tag| (tag.id, tag)).collect())
}

/// Which of the ids of `kind` there are in `table`.
async fn load_ids(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
    kind: IdKind,
    table: &'static str,
) -> Result<HashSet<Uuid>> {
    let ids: HashSet<Uuid> = references
        .iter()
        .filter(|reference| reference.kind == kind)
        .map(|reference| reference.id)
        .collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id"
    ))
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .column(connection)
    .await?;
    Ok(found.into_iter().collect())
}
