//! Going along the chain as it stands in the database.

use std::collections::BTreeSet;

use entity::{
    audit_entry::Model,
    id::{ContactId, WorkspaceId},
};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::chain::{Broken, Check, ERASED, Head, beginning};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::Query,
};

/// Entries read at once.
const BATCH: i64 = 1_000;

/// What going along a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The end of the chain, or the first place where it is broken.
    pub chain: Result<Head, Broken>,
    /// Entries not sealed yet, which the chain does not protect.
    pub unsealed: i64,
}

#[derive(FromQueryResult)]
struct End {
    number: i64,
    hash: Vec<u8>,
}

/// The end of the workspace's chain as it stands there, unchecked.
pub(super) async fn end(connection: &impl ConnectionTrait, workspace: WorkspaceId) -> Result<Head> {
    let end: Option<End> = Query::new(
        "SELECT number, hash FROM audit_entry WHERE workspace_id = $1 AND number IS NOT NULL
         ORDER BY number DESC LIMIT 1",
    )
    .bind(workspace)
    .one(connection)
    .await?;
    let Some(end) = end else {
        return Ok(Head {
            number: 0,
            hash: beginning(workspace),
        });
    };
    let damaged = |_| Error::Internal("the last audit entry has no hash".to_owned());
    Ok(Head {
        number: end.number,
        hash: end.hash.try_into().map_err(damaged)?,
    })
}

/// The end of the workspace's chain: what to keep elsewhere.
pub async fn head(ctx: &Ctx, workspace: WorkspaceId) -> Result<Head> {
    end(ctx.reader(), workspace).await
}

/// Goes along the workspace's chain, and compares it with a head kept elsewhere, if there is one.
/// Reads in batches, all from one state of the database.
pub async fn verify(ctx: &Ctx, workspace: WorkspaceId, kept: Option<Head>) -> Result<Verdict> {
    let snapshot = ctx.db.snapshot().await?;
    let erased: Vec<ContactId> = Query::new(
        "SELECT contact_id FROM audit_entry
         WHERE workspace_id = $1 AND action = $2 AND contact_id IS NOT NULL",
    )
    .bind(workspace)
    .bind(ERASED)
    .column(&snapshot)
    .await?;
    let unsealed: Option<i64> =
        Query::new("SELECT COUNT(*) FROM audit_entry WHERE workspace_id = $1 AND number IS NULL")
            .bind(workspace)
            .scalar(&snapshot)
            .await?;
    let erased: BTreeSet<ContactId> = erased.into_iter().collect();
    let mut check = Check::new(workspace, kept, erased);
    // From before the first number, so that an entry put before it is found as well.
    let mut after = i64::MIN;
    let chain = loop {
        let entries: Vec<Model> = Query::new(
            "SELECT * FROM audit_entry WHERE workspace_id = $1 AND number > $2
             ORDER BY number LIMIT $3",
        )
        .bind(workspace)
        .bind(after)
        .bind(BATCH)
        .all(&snapshot)
        .await?;
        if let Err(broken) = entries.iter().try_for_each(|entry| check.take(entry)) {
            break Err(broken);
        }
        match entries.last().and_then(|entry| entry.number) {
            Some(last) => after = last,
            None => break check.end(),
        }
    };
    snapshot.rollback().await?;
    Ok(Verdict {
        chain,
        unsealed: unsealed.unwrap_or_default(),
    })
}
