//! What `enishi` does besides serving: one file per command, its arguments and its body.
//!
//! Each runs beside the database with the rights of who may read it, acts as the workspace's first
//! owner, and ends. Results go to standard output, progress and problems to standard error.

pub mod audit;
pub mod backup;
pub mod check;
pub mod demo;
pub mod import;
mod language;
mod output;
pub mod reseal;
pub mod token;
pub mod workspace;

use anyhow::{Context as _, bail};
use domain::{
    access::{self, Actor},
    ctx::Ctx,
    error::Error,
    store::Location,
};
use entity::{id::WorkspaceId, workspace as workspace_entity};

pub use language::locale_of;
pub use output::say;

/// Refuses to go on where there is no SQLite file, before the folder, the file and a key are made for it: more
/// likely the folder is another.
pub fn require_database(location: &Location) -> anyhow::Result<()> {
    if let Location::Sqlite(path) = location
        && !path.exists()
    {
        bail!(
            "there is no database at {}: name its folder with ENISHI_DATA_DIR or --data-dir \
             (`enishi` makes a new one)",
            path.display()
        );
    }
    Ok(())
}

/// Refuses to go on where the tables are not those of this release.
pub async fn require_tables(ctx: &Ctx) -> anyhow::Result<()> {
    let pending = migration::pending(ctx.reader())
        .await
        .context("reading the database")?;
    if pending > 0 {
        bail!("the tables are not there yet, or of an older release: run `enishi migrate` first");
    }
    Ok(())
}

/// The workspace asked for, or the only one, and who acts in it.
pub async fn workspace_and_actor(
    ctx: &Ctx,
    wanted: Option<WorkspaceId>,
) -> anyhow::Result<(workspace_entity::Model, Actor)> {
    let mut workspaces = domain::workspace::list(ctx).await?;
    if let Some(id) = wanted {
        workspaces.retain(|workspace| workspace.id == id);
    }
    let workspace = match (workspaces.pop(), workspaces.is_empty(), wanted) {
        (Some(workspace), true, _) => workspace,
        (None, _, Some(id)) => bail!("there is no workspace {id}; see `enishi workspace list`"),
        (None, _, None) => {
            bail!("there is no workspace yet: start `enishi` once, or `enishi workspace create`")
        }
        _ => bail!(
            "there are several workspaces: choose one with --workspace; see `enishi workspace list`"
        ),
    };
    let actor = access::operator(ctx, workspace.id)
        .await?
        .context("the workspace has no owner")?;
    Ok((workspace, actor))
}

/// A use case's failure as a person at a terminal reads it.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(errors) => {
            let texts: Vec<String> = errors
                .into_iter()
                .map(|error| format!("{}: {}", error.path.join("."), error.message))
                .collect();
            anyhow::anyhow!(texts.join("\n"))
        }
        other => anyhow::Error::new(other),
    }
}

/// Reads `workspace_...`.
fn workspace_id(text: &str) -> Result<WorkspaceId, String> {
    text.parse().map_err(|error| format!("{error}"))
}
