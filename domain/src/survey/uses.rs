//! The rules and playbooks that send a survey.
//!
//! The API lists them ([`list`]) for whoever wants to change the survey; `write` asks (`of`) before it
//! archives one.

use entity::id::{SurveyId, WorkspaceId};

use crate::{
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::Result,
    naming::{self, Naming},
    store::Transaction,
};

/// Everything that sends `survey`.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, survey: SurveyId) -> Result<Vec<Naming>> {
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, survey).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that sends `survey`, as a transaction sees it: rules in their order, then playbooks.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    survey: SurveyId,
) -> Result<Vec<Naming>> {
    let names =
        |reference: &Reference| reference.kind == IdKind::Survey && reference.id == survey.0;
    naming::all(connection, workspace, names).await
}
