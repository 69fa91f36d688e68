//! Playbooks as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use async_trait::async_trait;
use entity::{
    id::{Id as _, TagId, WorkspaceId},
    kind::{PlaybookState, TagKind},
    playbook, playbook_version,
};
use sea_orm::{ActiveModelTrait as _, DatabaseTransaction, IntoActiveModel as _, Set};
use serde_json::json;

use super::{
    definition::Definition,
    write::{record, stored},
};
use crate::{
    access::Origin,
    audit::Record,
    condition::reference::IdKind,
    error::Result,
    store::{Query, Tx},
    tag::catalogue::{Merged, Referrer, Use, UseKind},
};

/// All playbooks of a workspace that are not archived, with the versions in use: the published one, the
/// newest, and those that somebody is enrolled in.
pub(crate) struct Playbooks;

struct Naming {
    name: String,
    state: PlaybookState,
    row: playbook_version::Model,
}

#[async_trait]
impl Referrer for Playbooks {
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        tags: &[TagId],
    ) -> Result<Vec<Use>> {
        let mut uses: Vec<Use> = Vec::new();
        for (found, _) in naming(connection, workspace, tags).await? {
            let id = found.row.playbook_id.to_string();
            // The newest of its versions that name one comes first.
            if uses.iter().all(|one| one.id != id) {
                uses.push(Use {
                    kind: UseKind::Playbook,
                    id,
                    name: found.name,
                    version: found.row.version,
                    active: found.state == PlaybookState::Active,
                });
            }
        }
        Ok(uses)
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<()> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let kind = match kind {
            TagKind::Contact => IdKind::ContactTag,
            TagKind::Conversation => IdKind::ConversationTag,
        };
        for (found, mut definition) in naming(tx.connection(), tx.workspace, &sources).await? {
            for pair in merged {
                definition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
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

/// The versions in use that name any of `tags`, by playbook, the newest first. One that cannot be read
/// names nothing.
async fn naming(
    connection: &DatabaseTransaction,
    workspace: WorkspaceId,
    tags: &[TagId],
) -> Result<Vec<(Naming, Definition)>> {
    let books: Vec<playbook::Model> = Query::new(
        "SELECT * FROM playbook WHERE workspace_id = $1 AND state <> 'ARCHIVED' ORDER BY id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let versions: Vec<playbook_version::Model> = Query::new(
        "SELECT v.* FROM playbook p
         JOIN playbook_version v ON v.workspace_id = p.workspace_id AND v.playbook_id = p.id
         WHERE p.workspace_id = $1 AND p.state <> 'ARCHIVED'
           AND (v.version IN (p.version, p.latest_version) OR EXISTS (
               SELECT 1 FROM enrolment e WHERE e.workspace_id = p.workspace_id
                 AND e.playbook_id = p.id AND e.version = v.version AND e.ended_at IS NULL))
         ORDER BY v.playbook_id, v.version DESC",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let mut naming = Vec::new();
    for row in versions {
        let Some(book) = books.iter().find(|book| book.id == row.playbook_id) else {
            continue;
        };
        let definition = match Definition::from_stored(row.definition.clone()) {
            Ok(definition) => definition,
            Err(error) => {
                tracing::error!(playbook.id = %book.id, error = &error as &dyn std::error::Error,
                    "left out a playbook that cannot be read");
                continue;
            }
        };
        let references = definition.references();
        let names_one = references.iter().any(|reference| {
            matches!(reference.kind, IdKind::ContactTag | IdKind::ConversationTag)
                && tags.iter().any(|tag| tag.uuid() == reference.id)
        });
        if names_one {
            let found = Naming {
                name: book.name.clone(),
                state: book.state,
                row,
            };
            naming.push((found, definition));
        }
    }
    Ok(naming)
}
