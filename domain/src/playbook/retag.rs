//! Playbooks as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, PlaybookId, TagId, WorkspaceId},
    kind::{PlaybookState, TagKind},
    playbook, playbook_version,
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use serde_json::json;

use super::{
    naming::{naming, newest},
    write::{record, stored},
};
use crate::{
    access::Origin,
    audit::Record,
    condition::reference::{IdKind, Reference},
    error::Result,
    store::{Transaction, Tx},
    tag::catalogue::{Merged, Referrer, Replaced, Sought, Use, UseKind, refuse_contradiction},
};

/// The playbooks of a workspace, in the versions that count for whoever asks (`super::naming`).
pub(crate) struct Playbooks;

#[async_trait]
impl Referrer for Playbooks {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        let found = naming(connection, workspace, |one| sought.is_named_by(one)).await?;
        let uses = newest(found).into_iter().map(|found| Use {
            kind: UseKind::Playbook,
            id: found.row.playbook_id.to_string(),
            name: found.name,
            version: found.row.version,
            active: found.state == PlaybookState::Active,
        });
        Ok(uses.collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let kind = IdKind::of_tag(kind);
        let mut replaced = Vec::new();
        let is_named = |one: &Reference| one.is_tag_of(&sources);
        for found in naming(tx.connection(), tx.workspace, is_named).await? {
            let mut definition = found.definition.clone();
            for pair in merged {
                definition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            let (before, after) = (found.definition.check(), definition.check());
            refuse_contradiction("playbook", &found.name, &before, &after)?;
            let after = definition.to_stored().map_err(stored)?;
            replaced.push(Replaced {
                kind: UseKind::Playbook,
                id: found.row.playbook_id.uuid(),
                version: found.row.version,
                before: found.row.definition.clone(),
                after: after.clone(),
            });
            save(tx, origin, found.row, after).await?;
        }
        Ok(replaced)
    }

    fn kind(&self) -> UseKind {
        UseKind::Playbook
    }

    /// Each version is given back by itself. A playbook is left behind too if it has a version since, which was
    /// made of one that the merge had changed.
    async fn give_back(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        since: DateTime<Utc>,
        replaced: &[Replaced],
    ) -> Result<Vec<Use>> {
        let mut versions: BTreeMap<PlaybookId, Vec<&Replaced>> = BTreeMap::new();
        for one in replaced {
            versions.entry(PlaybookId(one.id)).or_default().push(one);
        }
        let mut left = Vec::new();
        for (id, replaced) in versions {
            let book = playbook::Entity::find_by_id((tx.workspace, id))
                .one(tx.connection())
                .await?;
            let Some(book) = book else {
                continue;
            };
            let latest = version(tx, id, book.latest_version).await?;
            let mut is_left = latest.is_some_and(|latest| latest.created_at > since);
            for one in replaced {
                is_left |= !give_version_back(tx, origin, one).await?;
            }
            if is_left && book.state != PlaybookState::Archived {
                left.push(Use {
                    kind: UseKind::Playbook,
                    id: id.to_string(),
                    name: book.name,
                    version: book.latest_version,
                    active: book.state == PlaybookState::Active,
                });
            }
        }
        Ok(left)
    }
}

/// Gives one version back; says whether it still said what the merge had made of it.
async fn give_version_back(tx: &mut Tx<'_>, origin: Origin, replaced: &Replaced) -> Result<bool> {
    let row = version(tx, PlaybookId(replaced.id), replaced.version).await?;
    match row {
        Some(row) if row.definition == replaced.after => {
            save(tx, origin, row, replaced.before.clone()).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

async fn version(
    tx: &Tx<'_>,
    id: PlaybookId,
    version: i64,
) -> Result<Option<playbook_version::Model>> {
    Ok(
        playbook_version::Entity::find_by_id((tx.workspace, id, version))
            .one(tx.connection())
            .await?,
    )
}

/// Saves a version of a playbook as what it says after a merge of tags or its undoing.
async fn save(
    tx: &mut Tx<'_>,
    origin: Origin,
    row: playbook_version::Model,
    definition: serde_json::Value,
) -> Result<()> {
    let (id, version) = (row.playbook_id, row.version);
    let was = json!({ "version": version, "definition": row.definition });
    let mut active = row.into_active_model();
    active.definition = Set(definition);
    let row = active.update(tx.connection()).await?;
    record(tx, origin, id);
    let is = json!({ "version": version, "definition": row.definition });
    tx.audit(origin, Record::changed("playbook.update", id, was, is));
    Ok(())
}
