//! The addresses of people who were erased: known only by a keyed hash.
//!
//! Without the installation's lasting secret ([`crate::vault::lasting`]) a hash says nothing, not even by
//! trying every address. Whatever would make a contact of such an address, or give it to one, asks here
//! first.

use entity::{id::WorkspaceId, kind::IdentityKind};

use super::handle;
use crate::{
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    vault::Vault,
};

/// The hashes under which an identity may be kept: one for each key they were ever made with, the
/// current one first.
pub(super) fn hashes(
    vault: &Vault,
    workspace: WorkspaceId,
    kind: IdentityKind,
    value: &str,
) -> Vec<Vec<u8>> {
    let text = format!("{workspace} {} {value}", kind.word());
    vault.fingerprints("contact.suppression", text.as_bytes())
}

/// Refuses an identity of somebody who was erased.
pub(super) async fn refuse(
    tx: &Tx<'_>,
    kind: IdentityKind,
    value: &str,
    path: &[&str],
) -> Result<()> {
    if are_suppressed(tx, kind, std::iter::once(value))
        .await?
        .is_empty()
    {
        return Ok(());
    }
    let message = "This person asked to be erased, so nothing is kept of them. It cannot be used.";
    Err(Error::refused(path, UserErrorCode::Erased, message))
}

/// Whether anybody of the workspace was erased. Where nobody was, thousands of hashes need not be made to
/// know that none of them is there.
pub(super) async fn is_anybody(tx: &Tx<'_>) -> Result<bool> {
    let found = Query::new("SELECT 1 FROM suppression s WHERE s.workspace_id = $1 LIMIT 1")
        .bind(tx.workspace)
        .raw(tx.connection())
        .await?;
    Ok(!found.is_empty())
}

/// Those of `values` that belong to somebody who was erased. One statement.
pub(crate) async fn are_suppressed<'v>(
    tx: &Tx<'_>,
    kind: IdentityKind,
    values: impl Iterator<Item = &'v str>,
) -> Result<Vec<&'v str>> {
    let vault = &tx.ctx().vault;
    let mut hashed: Vec<(&str, String)> = Vec::new();
    for value in values {
        // Of whom was erased under a former spelling, the hash is of that.
        let former = handle::former(kind, value);
        for spelling in std::iter::once(value).chain(former.as_deref()) {
            let all = hashes(vault, tx.workspace, kind, spelling);
            hashed.extend(all.iter().map(|hash| (value, hex::encode(hash))));
        }
    }
    if hashed.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<String> = Query::new(
        "SELECT s.hash FROM {r} JOIN suppression s ON s.workspace_id = $1 AND s.hash = r.hash",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new().texts("hash", hashed.iter().map(|(_, hash)| hash.as_str())),
    )
    .column(tx.connection())
    .await?;
    Ok(hashed
        .into_iter()
        .filter(|(_, hash)| found.contains(hash))
        .map(|(value, _)| value)
        .collect())
}
