//! `enishi backup`: a whole copy of the SQLite file while everything runs, of whichever release its tables
//! are: an upgrade begins with it.

use std::{
    fs::{OpenOptions, remove_file},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

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
    let name = file.to_str().context("the file's name is not UTF-8")?;
    make(&file)?;
    // One read transaction: writers go on meanwhile, and none of what they write is in it by half.
    let written = Query::new("VACUUM INTO $1")
        .bind(name)
        .execute(ctx.reader())
        .await;
    if written.is_err() {
        // Half a copy would be in the way of the next one, or be taken for a whole.
        let _ = remove_file(&file);
    }
    written.with_context(|| format!("writing {}", file.display()))?;
    say(file.display());
    Ok(())
}

/// Makes the file, still empty, as SQLite takes it too: customers' data is for nobody else on the machine.
fn make(file: &Path) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already; name a new file", file.display())
        }
        Err(error) => Err(error).with_context(|| format!("making {}", file.display())),
    }
}
