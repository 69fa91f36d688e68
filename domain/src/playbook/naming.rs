//! Which playbooks name something: a tag, a segment, a survey, a target.
//!
//! Asked before such a thing is changed, merged or deleted. What that means is for those who ask.

use entity::{id::WorkspaceId, kind::PlaybookState, playbook, playbook_version};

use super::definition::Definition;
use crate::{
    condition::reference::Reference,
    error::Result,
    store::{Query, Transaction},
};

/// A version of a playbook that names something.
pub(crate) struct Naming {
    /// The playbook's name.
    pub(crate) name: String,
    /// The playbook's state.
    pub(crate) state: PlaybookState,
    /// The version.
    pub(crate) row: playbook_version::Model,
    /// What it says.
    pub(crate) definition: Definition,
}

/// The versions that name any of what `names` says, by playbook, the newest first: of all playbooks of a
/// workspace that are not archived those that somebody may still go through, which are the published
/// one, the newest, and those that contacts are enrolled in. One that cannot be read names nothing.
pub(crate) async fn naming(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Naming>> {
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
        if definition.references().iter().any(&names) {
            naming.push(Naming {
                name: book.name.clone(),
                state: book.state,
                row,
                definition,
            });
        }
    }
    Ok(naming)
}

/// The playbooks among what was found, each by the newest of its versions.
pub(crate) fn newest(found: Vec<Naming>) -> Vec<Naming> {
    let mut newest: Vec<Naming> = Vec::new();
    for one in found {
        if newest
            .last()
            .is_none_or(|last| last.row.playbook_id != one.row.playbook_id)
        {
            newest.push(one);
        }
    }
    newest
}
