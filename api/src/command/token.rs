//! `enishi token create`: the way back in for an owner who lost every token.

use domain::{
    access::{
        Scope,
        token::{self, NewToken},
    },
    ctx::Ctx,
};
use entity::id::WorkspaceId;
use secrecy::ExposeSecret as _;

use super::{plain, say, workspace_and_actor};

/// What to do with access tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make an access token of the workspace's first owner, which may do everything, and show it; for when
    /// every other is lost
    #[command(after_help = "Example:\n  enishi token create --name \"Found again\"")]
    Create(Create),
}

/// The token to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What it is for, as the list of access tokens shows it
    #[arg(long, value_name = "TEXT", default_value = "Made at the server")]
    name: String,
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = super::workspace_id)]
    workspace: Option<WorkspaceId>,
}

/// Runs the command.
pub async fn run(ctx: &Ctx, command: Command) -> anyhow::Result<()> {
    let Command::Create(create) = command;
    let (_, actor) = workspace_and_actor(ctx, create.workspace).await?;
    let new = NewToken {
        member: None,
        name: create.name,
        scopes: Scope::ALL.to_vec(),
        expires_at: None,
        integration: false,
    };
    let (_, secret) = token::create(ctx, &actor, new).await.map_err(plain)?;
    say(secret.expose_secret());
    Ok(())
}
