//! `enishi workspace`: making and listing the tenants of an installation.

use chrono_tz::Tz;
use clap::ValueEnum;
use domain::{
    ctx::Ctx,
    locale::Locale,
    workspace::{self, NewWorkspace},
};
use secrecy::ExposeSecret as _;

use super::{plain, say};

/// What to do with workspaces.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a workspace; shows its id, and its owner's access token this one time
    #[command(
        after_help = "Example:\n  enishi workspace create --name Shop --owner-email mei@shop.example --language ja"
    )]
    Create(Create),
    /// Show the workspaces: id, name, time zone, language
    #[command(after_help = "Example:\n  enishi workspace list")]
    List,
}

/// The workspace to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The name shown
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// The first owner's email address
    #[arg(long, value_name = "ADDRESS")]
    owner_email: String,
    /// The first owner's name
    #[arg(long, value_name = "TEXT", default_value = "Owner")]
    owner_name: String,
    /// The time zone its days are counted in, such as Asia/Tokyo
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: Tz,
    /// The language it writes to people in, as in notifications and surveys
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    language: Language,
    /// One of your own email addresses, or @domain for all of a domain: in archives of mail it tells what you
    /// wrote from what customers wrote. May be repeated
    #[arg(long, value_name = "ADDRESS")]
    own_address: Vec<String>,
}

/// A language of the product's own wording.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    Ja,
    En,
    Zh,
}

/// Runs the command.
pub async fn run(ctx: &Ctx, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => make(ctx, create).await,
        Command::List => list(ctx).await,
    }
}

async fn make(ctx: &Ctx, create: Create) -> anyhow::Result<()> {
    let new = NewWorkspace {
        name: create.name,
        time_zone: create.zone,
        locale: match create.language {
            Language::Ja => Locale::Ja,
            Language::En => Locale::En,
            Language::Zh => Locale::Zh,
        },
        own_addresses: create.own_address,
        owner_email: create.owner_email,
        owner_name: create.owner_name,
        owner_token: None,
    };
    let created = workspace::create(ctx, new).await.map_err(plain)?;
    say(created.workspace.id);
    say(created.owner_token.expose_secret());
    Ok(())
}

async fn list(ctx: &Ctx) -> anyhow::Result<()> {
    for workspace in workspace::list(ctx).await? {
        say(format_args!(
            "{}\t{}\t{}\t{}",
            workspace.id, workspace.name, workspace.time_zone, workspace.locale
        ));
    }
    Ok(())
}
