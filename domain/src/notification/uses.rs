//! What notifies a target: listed for whoever wants to delete one, and in the way of that.

use entity::id::{TargetId, WorkspaceId};

use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    naming::{self, By},
    store::Transaction,
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
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, target).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that notifies `target`, as a transaction sees it: rules in their order, then playbooks.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    target: TargetId,
) -> Result<Vec<Use>> {
    let names = |reference: &Reference| {
        reference.kind == IdKind::NotificationTarget && reference.id == target.0
    };
    let found = naming::all(connection, workspace, names).await?;
    let uses = found.into_iter().map(|one| Use {
        kind: match one.by {
            By::Rule => UseKind::Rule,
            By::Playbook => UseKind::Playbook,
        },
        id: one.id,
        name: one.name,
    });
    Ok(uses.collect())
}
