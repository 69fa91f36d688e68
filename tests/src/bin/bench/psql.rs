//! The floor of writing: the same rows by plain statements in psql, as a user whom row-level security does
//! not bind.

use std::{process::Command, time::Instant};

use anyhow::{Context as _, Result, bail};

/// Runs a script in one transaction, and answers how many seconds that took, psql's start included, and
/// what it said.
pub(crate) fn psql(url: &str, script: &str) -> Result<(f64, String)> {
    let start = Instant::now();
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c"])
        .arg(script)
        .arg(url)
        .output()
        .context("running psql (Debian: package postgresql-client)")?;
    let seconds = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok((
        seconds,
        String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    ))
}
