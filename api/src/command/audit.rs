//! `enishi audit`: checking the chain of the audit log, and printing what to keep elsewhere.

use domain::{
    audit::{self, Head},
    ctx::Ctx,
    text::counted,
};
use entity::id::WorkspaceId;

use super::{plain, say, workspace_and_actor};

/// What to do with the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Go along the chain and report the first place where it is broken, and then fail; of all
    /// workspaces, if neither one nor a head is given
    #[command(after_help = "Example:\n  enishi audit verify --head \"$(cat head)\"")]
    Verify(Verify),
    /// Print the end of the chain, to be kept where nobody who can write to the database can:
    /// without it, entries cut off the end leave no trace
    #[command(after_help = "Example:\n  enishi audit head > head")]
    Head(Of),
}

/// Which chain to check, and against what.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = super::workspace_id)]
    workspace: Option<WorkspaceId>,
    /// What `enishi audit head` printed before: everything up to there must still be there
    #[arg(long, value_name = "HEAD")]
    head: Option<Head>,
}

/// Whose chain.
#[derive(Debug, clap::Args)]
pub struct Of {
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = super::workspace_id)]
    workspace: Option<WorkspaceId>,
}

/// Runs the command; says whether everything is in order.
pub async fn run(ctx: &Ctx, command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Verify(command) => verify(ctx, command).await,
        Command::Head(command) => {
            let (workspace, _) = workspace_and_actor(ctx, command.workspace).await?;
            say(audit::head(ctx, workspace.id).await.map_err(plain)?);
            Ok(true)
        }
    }
}

async fn verify(ctx: &Ctx, command: Verify) -> anyhow::Result<bool> {
    let workspaces = domain::workspace::list(ctx).await?;
    if workspaces.len() > 1 && command.workspace.is_none() && command.head.is_none() {
        let mut is_good = true;
        for workspace in workspaces {
            say(format_args!(
                "workspace {} ({})",
                workspace.id, workspace.name
            ));
            is_good &= verify_one(ctx, workspace.id, None).await?;
        }
        return Ok(is_good);
    }
    let (workspace, _) = workspace_and_actor(ctx, command.workspace).await?;
    verify_one(ctx, workspace.id, command.head).await
}

async fn verify_one(ctx: &Ctx, workspace: WorkspaceId, head: Option<Head>) -> anyhow::Result<bool> {
    let verdict = audit::verify(ctx, workspace, head).await.map_err(plain)?;
    if verdict.unsealed > 0 {
        say(format_args!(
            "not sealed yet, so not protected by the chain: {}",
            counted(verdict.unsealed, "entry")
        ));
    }
    match verdict.chain {
        Ok(end) => {
            say(format_args!(
                "good: {}, head {end}",
                counted(end.number, "entry")
            ));
            if head.is_none() {
                say("without --head, entries cut off the end would not show");
            }
            Ok(true)
        }
        Err(broken) => {
            say(format_args!("broken: {broken}"));
            Ok(false)
        }
    }
}
