//! What the things are called that are named by id.

use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher,
};

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{IdKind, Names, Reference};
use crate::{
    error::Result,
    store::{Query, Rows},
};

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// The names of everything that is named, for sentences. One statement for each kind of thing.
pub async fn names(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<HashMap<Uuid, String>> {
    let mut names = HashMap::new();
    for table in [
        "tag",
        "inbox",
        "notification_target",
        "tag_group",
        "member",
        "account",
        "campaign",
        "attribute_definition",
        "segment",
        "playbook",
        "survey",
        "team",
    ] {
        let ids: HashSet<Uuid> = references
            .iter()
            .filter(|reference| table_of(reference.kind) == table)
            .map(|reference| reference.id)
            .collect();
        if ids.is_empty() {
            continue;
        }
        let found: Vec<Named> = Query::new(format!(
            "SELECT x.id, x.name FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id"
        ))
        .bind(workspace)
        .rows("r", Rows::new().uuids("id", ids))
        .all(connection)
        .await?;
        names.extend(found.into_iter().map(|named| (named.id, named.name)));
    }
    Ok(names)
}

fn table_of(kind: IdKind) -> &'static str {
    match kind {
        IdKind::ContactTag | IdKind::ConversationTag => "tag",
        IdKind::Inbox => "inbox",
        IdKind::NotificationTarget => "notification_target",
        IdKind::TagGroup(_) => "tag_group",
        IdKind::Member => "member",
        IdKind::Account => "account",
        IdKind::Campaign => "campaign",
        IdKind::Attribute(..) => "attribute_definition",
        IdKind::Segment(_) => "segment",
        IdKind::Playbook => "playbook",
        IdKind::Survey => "survey",
        // A key is said as it is.
        IdKind::SurveyKey(_) => "",
        IdKind::Team => "team",
    }
}

impl<S: BuildHasher> Names for HashMap<Uuid, String, S> {
    fn name(&self, _kind: IdKind, id: Uuid) -> Option<String> {
        self.get(&id).cloned()
    }
}
