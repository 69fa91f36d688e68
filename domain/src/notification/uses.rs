//! What notifies a target: listed for whoever wants to delete one, and in the way of that.

use entity::{
    id::{PlaybookId, RuleId, TargetId, WorkspaceId},
    kind::PlaybookState,
};
use sea_orm::ConnectionTrait;

use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    playbook,
    rule::definition::Definition,
    store::Query,
};

/// The kind of thing that notifies a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "NotificationTargetUseKind")]
pub enum UseKind {
    /// A rule.
    Rule,
    /// A playbook.
    Playbook,
}

impl UseKind {
    fn noun(self) -> &'static str {
        match self {
            Self::Rule => "the rule",
            Self::Playbook => "the playbook",
        }
    }
}

/// One thing that notifies a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What kind of thing.
    pub kind: UseKind,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} “{}”", self.kind.noun(), self.name)
    }
}

/// Everything that notifies `target`, whether it is paused or not.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, target: TargetId) -> Result<Vec<Use>> {
    of(ctx.reader(), workspace, target).await
}

/// Everything that notifies `target`, as a connection sees it: rules in their order, then playbooks.
pub(super) async fn of(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    target: TargetId,
) -> Result<Vec<Use>> {
    let names = |references: Vec<Reference>| {
        let mut references = references.into_iter();
        references.any(|one| one.kind == IdKind::NotificationTarget && one.id == target.0)
    };
    // Only what has the id somewhere in it is read.
    let about = format!("%{}%", target.0);
    let mut uses = Vec::new();
    let rules = Query::new(
        "SELECT u.id, u.name, u.definition FROM rule u
         WHERE u.workspace_id = $1 AND u.deleted_at IS NULL
           AND CAST(u.definition AS text) LIKE $2
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .bind(about.clone())
    .raw(connection)
    .await?;
    for row in &rules {
        let id: RuleId = row.try_get_by_index(0)?;
        // One that cannot be read names nothing.
        let definition = Definition::from_stored(row.try_get_by_index(2)?);
        if definition.is_ok_and(|one| names(one.references())) {
            uses.push(Use {
                kind: UseKind::Rule,
                id: id.to_string(),
                name: row.try_get_by_index(1)?,
            });
        }
    }
    // The versions somebody may still go through.
    let playbooks = Query::new(
        "SELECT p.id, p.name, v.definition FROM playbook p
         JOIN playbook_version v ON v.workspace_id = p.workspace_id AND v.playbook_id = p.id
         WHERE p.workspace_id = $1 AND p.state <> $3 AND CAST(v.definition AS text) LIKE $2
           AND (v.version IN (p.version, p.latest_version) OR EXISTS (
               SELECT 1 FROM enrolment e WHERE e.workspace_id = p.workspace_id
                 AND e.playbook_id = p.id AND e.version = v.version AND e.ended_at IS NULL))
         ORDER BY p.id, v.version DESC",
    )
    .bind(workspace)
    .bind(about)
    .bind(PlaybookState::Archived.word())
    .raw(connection)
    .await?;
    for row in &playbooks {
        let id: PlaybookId = row.try_get_by_index(0)?;
        let id = id.to_string();
        let definition = playbook::Definition::from_stored(row.try_get_by_index(2)?);
        let is_new = uses.iter().all(|one: &Use| one.id != id);
        if is_new && definition.is_ok_and(|one| names(one.references())) {
            uses.push(Use {
                kind: UseKind::Playbook,
                id,
                name: row.try_get_by_index(1)?,
            });
        }
    }
    Ok(uses)
}
