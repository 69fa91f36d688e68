//! What the things are called that are named by id.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::BuildHasher,
};

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{IdKind, Names};
use crate::{
    error::Result,
    store::{Query, Rows},
};

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// The names of things by their kinds and ids, for sentences. One statement for each kind of thing.
pub async fn names(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    things: &[(IdKind, Uuid)],
) -> Result<HashMap<Uuid, String>> {
    let mut wanted: BTreeMap<&str, HashSet<Uuid>> = BTreeMap::new();
    for (kind, id) in things {
        wanted.entry(table_of(*kind)).or_default().insert(*id);
    }
    // A key is said as it is.
    wanted.remove("");
    let mut names = HashMap::new();
    for (table, ids) in wanted {
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
        IdKind::SurveyKey(_) => "",
        IdKind::Team => "team",
    }
}

impl<S: BuildHasher> Names for HashMap<Uuid, String, S> {
    fn name(&self, _kind: IdKind, id: Uuid) -> Option<String> {
        self.get(&id).cloned()
    }
}
