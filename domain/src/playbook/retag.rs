//! Playbooks as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use async_trait::async_trait;
use entity::{
    id::{Id as _, TagId, WorkspaceId},
    kind::{PlaybookState, TagKind},
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};
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
    tag::catalogue::{Merged, Referrer, Sought, Use, UseKind, refuse_contradiction},
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
    ) -> Result<()> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let kind = IdKind::of_tag(kind);
        let is_named = |one: &Reference| one.is_tag_of(&sources);
        for found in naming(tx.connection(), tx.workspace, is_named).await? {
            let mut definition = found.definition.clone();
            for pair in merged {
                definition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            let (before, after) = (found.definition.check(), definition.check());
            refuse_contradiction("playbook", &found.name, &before, &after)?;
            let (id, version) = (found.row.playbook_id, found.row.version);
            let was = json!({ "version": version, "definition": found.row.definition });
            let mut active = found.row.into_active_model();
            active.definition = Set(definition.to_stored().map_err(stored)?);
            let row = active.update(tx.connection()).await?;
            record(tx, origin, id);
            let is = json!({ "version": version, "definition": row.definition });
            tx.audit(origin, Record::changed("playbook.update", id, was, is));
        }
        Ok(())
    }
}
