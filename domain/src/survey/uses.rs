//! What sends a survey: listed for whoever wants to change it, and in the way of archiving it.

use async_graphql::Enum;
use entity::id::{SurveyId, WorkspaceId};

use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    naming::{self, By},
    store::Transaction,
};

/// The kind of thing that sends a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SurveyUseKind")]
pub enum SurveyUseKind {
    /// A rule, by one of its actions.
    Rule,
    /// A playbook, in one of its steps.
    Playbook,
}

impl SurveyUseKind {
    /// What it is called at the beginning of a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Rule => "The rule",
            Self::Playbook => "The playbook",
        }
    }
}

/// One thing that sends a survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyUse {
    /// What kind of thing.
    pub kind: SurveyUseKind,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Everything that sends `survey`.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, survey: SurveyId) -> Result<Vec<SurveyUse>> {
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, survey).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that sends `survey`, as a transaction sees it.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    survey: SurveyId,
) -> Result<Vec<SurveyUse>> {
    let names =
        |reference: &Reference| reference.kind == IdKind::Survey && reference.id == survey.0;
    let found = naming::all(connection, workspace, names).await?;
    let uses = found.into_iter().map(|one| SurveyUse {
        kind: match one.by {
            By::Rule => SurveyUseKind::Rule,
            By::Playbook => SurveyUseKind::Playbook,
        },
        id: one.id,
        name: one.name,
    });
    Ok(uses.collect())
}
