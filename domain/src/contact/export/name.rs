//! What things are called that rows about a person name by their ids.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::{
    AccountId, AttributeId, CampaignId, Id, InboxId, MemberId, PlaybookId, RuleId, SegmentId,
    SurveyId, TagGroupId, TagId, TargetId, TeamId, TrackedLinkId, WorkspaceId,
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    error::Result,
    store::{Query, Rows},
    tag::path,
};

/// The kinds of things that have names: the prefix of their ids, and their table.
const NAMED: &[(&str, &str)] = &[
    (AccountId::PREFIX, "account"),
    (AttributeId::PREFIX, "attribute_definition"),
    (CampaignId::PREFIX, "campaign"),
    (InboxId::PREFIX, "inbox"),
    (MemberId::PREFIX, "member"),
    (PlaybookId::PREFIX, "playbook"),
    (RuleId::PREFIX, "rule"),
    (SegmentId::PREFIX, "segment"),
    (SurveyId::PREFIX, "survey"),
    (TagGroupId::PREFIX, "tag_group"),
    (TagId::PREFIX, "tag"),
    (TargetId::PREFIX, "notification_target"),
    (TeamId::PREFIX, "team"),
    (TrackedLinkId::PREFIX, "tracked_link"),
];

/// An id as the API has it.
pub(super) fn id_text(prefix: &str, id: Uuid) -> String {
    format!("{prefix}_{}", id.as_simple())
}

/// Whether things of this kind have names.
pub(super) fn has_names(prefix: &str) -> bool {
    NAMED.iter().any(|(known, _)| *known == prefix)
}

/// The id in a text that is one of a thing with a name.
pub(super) fn read_id(text: &str) -> Option<(&'static str, Uuid)> {
    let (prefix, digits) = text.split_once('_')?;
    let (prefix, _) = NAMED.iter().find(|(known, _)| *known == prefix)?;
    let id = Uuid::try_parse(digits)
        .ok()
        .filter(|_| digits.len() == 32)?;
    Some((*prefix, id))
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

#[derive(FromQueryResult)]
struct Key {
    id: Uuid,
    key: String,
}

/// A tag on the way to another.
#[derive(FromQueryResult)]
struct OnTheWay {
    tag_id: Uuid,
    name: String,
    group_name: Option<String>,
}

/// The names of things, as far as they were asked for.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, Map<String, Value>>,
    wanted: BTreeMap<&'static str, BTreeSet<Uuid>>,
}

impl Names {
    /// A thing as an object of its id and what is known of its names; those are wanted from now on.
    pub(super) fn thing(&mut self, prefix: &'static str, id: Uuid) -> Value {
        self.wanted.entry(prefix).or_default().insert(id);
        let text = id_text(prefix, id);
        let mut thing = Map::new();
        thing.insert("id".to_owned(), json!(text));
        thing.extend(self.known.get(&text).cloned().unwrap_or_default());
        Value::Object(thing)
    }

    /// Looks everything up that is wanted. A statement for each kind, and two more.
    pub(super) async fn load(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
    ) -> Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        for (prefix, table) in NAMED {
            let Some(ids) = wanted.get(prefix) else {
                continue;
            };
            let named: Vec<Named> = Query::new(format!(
                "SELECT t.id, t.name FROM {{r}} JOIN {table} t ON t.workspace_id = $1 AND t.id = r.id"
            ))
            .bind(workspace)
            .rows("r", rows(ids))
            .all(connection)
            .await?;
            for Named { id, name } in named {
                self.put(prefix, id, "name", json!(name));
            }
        }
        if let Some(ids) = wanted.get(AttributeId::PREFIX) {
            self.load_keys(connection, workspace, ids).await?;
        }
        if let Some(ids) = wanted.get(TagId::PREFIX) {
            self.load_paths(connection, workspace, ids).await?;
        }
        Ok(())
    }

    async fn load_keys(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        ids: &BTreeSet<Uuid>,
    ) -> Result<()> {
        let keys: Vec<Key> = Query::new(
            "SELECT t.id, t.key FROM {r}
             JOIN attribute_definition t ON t.workspace_id = $1 AND t.id = r.id",
        )
        .bind(workspace)
        .rows("r", rows(ids))
        .all(connection)
        .await?;
        for Key { id, key } in keys {
            self.put(AttributeId::PREFIX, id, "key", json!(key));
        }
        Ok(())
    }

    async fn load_paths(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        ids: &BTreeSet<Uuid>,
    ) -> Result<()> {
        let found: Vec<OnTheWay> = Query::new(
            "SELECT l.tag_id, a.name, g.name AS group_name FROM {r}
             JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id
             JOIN tag a ON a.workspace_id = $1 AND a.id = l.ancestor_id
             JOIN tag t ON t.workspace_id = $1 AND t.id = l.tag_id
             LEFT JOIN tag_group g ON g.workspace_id = $1 AND g.id = t.group_id
             ORDER BY l.tag_id, l.distance DESC",
        )
        .bind(workspace)
        .rows("r", rows(ids))
        .all(connection)
        .await?;
        for way in found.chunk_by(|one, other| one.tag_id == other.tag_id) {
            let Some(first) = way.first() else { continue };
            let names: Vec<String> = way.iter().map(|one| one.name.clone()).collect();
            let path = path::shown(first.group_name.as_deref(), &names);
            self.put(TagId::PREFIX, first.tag_id, "path", json!(path));
        }
        Ok(())
    }

    fn put(&mut self, prefix: &str, id: Uuid, key: &str, value: Value) {
        let names = self.known.entry(id_text(prefix, id)).or_default();
        names.insert(key.to_owned(), value);
    }
}

fn rows(ids: &BTreeSet<Uuid>) -> Rows {
    Rows::new().uuids("id", ids.iter().copied())
}
