//! `enishi demo`: sample data for an empty workspace.

use anyhow::Context as _;
use domain::{
    ctx::Ctx,
    demo::{self, Filled},
};
use entity::id::WorkspaceId;

use super::{plain, workspace_and_actor};

/// Which workspace to fill.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = super::workspace_id)]
    pub workspace: Option<WorkspaceId>,
}

/// Fills the workspace asked for, or the only one, and says what became of it.
pub async fn fill(ctx: &Ctx, wanted: Option<WorkspaceId>) -> anyhow::Result<()> {
    let (workspace, actor) = workspace_and_actor(ctx, wanted).await?;
    let filled = demo::fill(ctx, &actor)
        .await
        .map_err(plain)
        .context("filling the workspace with sample data")?;
    let workspace = workspace.id;
    match filled {
        Filled::Now => tracing::info!(%workspace, "sample data is there"),
        Filled::Before => tracing::info!(%workspace, "sample data was there already"),
        Filled::NotEmpty => {
            tracing::info!(%workspace, "there are contacts already; no sample data was added");
        }
        Filled::BrokenOff => tracing::warn!(
            %workspace,
            "filling in sample data was broken off, and only a part is there: to have all of it, \
             stop, delete the data folder or the database, and start with --demo again"
        ),
    }
    Ok(())
}
