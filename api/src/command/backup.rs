//! `enishi backup`: a whole copy of the SQLite file while everything runs.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use domain::{ctx::Ctx, store::Query};
use sea_orm::DatabaseBackend;

use super::say;

/// Where the copy goes.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The file to write; there must be none yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes one state of the database into a new file.
pub async fn run(ctx: &Ctx, backup: Backup) -> anyhow::Result<()> {
    if ctx.db.backend() == DatabaseBackend::Postgres {
        bail!("this copies the SQLite file; use pg_dump for PostgreSQL, see docs/operations.md");
    }
    let file = backup.file;
    if file.exists() {
        bail!("{} is there already; name a new file", file.display());
    }
    let name = file.to_str().context("the file's name is not UTF-8")?;
    // One read transaction: writers go on meanwhile, and none of what they write is in it by half.
    Query::new("VACUUM INTO $1")
        .bind(name)
        .execute(ctx.reader())
        .await
        .with_context(|| format!("writing {}", file.display()))?;
    say(file.display());
    Ok(())
}
