//! Sealing: the projection that gives entries their numbers and hashes.

use async_trait::async_trait;
use entity::audit_entry::Model;

use super::{chain, write::bytes};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Entry},
        projection::Projection,
    },
};

/// Entries sealed by one statement. At worst each is compared with each.
const BATCH: i64 = 500;

/// Statements of one transaction: a part of a second, or some seconds with a bad plan. A claim lasts for ten, and
/// whoever reads the change log waits for the end of each transaction that writes.
const STATEMENTS: usize = 8;

/// Seals whatever is committed and not sealed yet. One worker holds the projection's claim; one that
/// was paused past its lease finds a newer claim and writes nothing, and the unique number is a
/// second wall: two links behind one entry cannot both be there.
#[derive(Debug)]
pub struct Seal;

#[async_trait]
impl Projection for Seal {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn work(&self) -> Work {
        Work::Audit
    }

    fn facts(&self) -> &'static [&'static str] {
        &["audit.written"]
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        // The facts only say that there is something; committed entries are found by their missing
        // numbers, so none is left behind whatever became of a fact.
        for _ in 0..STATEMENTS {
            if seal(tx).await? < BATCH {
                return Ok(());
            }
        }
        // The rest is for the next transaction, which needs a fact to read.
        if let Some(last) = entries.last() {
            tx.record(Change::new(last.origin, None, last.fact.clone()));
        }
        Ok(())
    }
}

async fn seal(tx: &Tx<'_>) -> Result<i64> {
    let mut head = super::verify::end(tx.connection(), tx.workspace).await?;
    let entries: Vec<Model> = Query::new(
        "SELECT * FROM audit_entry WHERE workspace_id = $1 AND number IS NULL
         ORDER BY id LIMIT $2",
    )
    .bind(tx.workspace)
    .bind(BATCH)
    .all(tx.connection())
    .await?;
    if entries.is_empty() {
        return Ok(0);
    }
    let mut links = Vec::with_capacity(entries.len());
    for entry in &entries {
        head.number += 1;
        head.hash = chain::link(&head.hash, head.number, entry);
        links.push(head);
    }
    let rows = Rows::new()
        .ids("id", entries.iter().map(|entry| entry.id))
        .ints("number", links.iter().map(|link| link.number))
        .texts("hash", links.iter().map(|link| hex::encode(link.hash)));
    // Not `IS NULL`: of what PostgreSQL knows of its rows, all were sealed when it looked. It would take the index
    // of those that are not for an empty one, and compare the whole backlog with every link. SQLite does so too, and
    // PostgreSQL with a plan of the time when the table was small: so only what is among these.
    Query::new(format!(
        "UPDATE audit_entry SET number = r.number, hash = {} FROM {{r}}
         WHERE audit_entry.workspace_id = $1 AND {{these}} AND audit_entry.id = r.id
           AND COALESCE(audit_entry.number, 0) < 1",
        bytes(tx, "r.hash")
    ))
    .bind(tx.workspace)
    .rows("r", rows)
    .among(
        "these",
        "audit_entry.id",
        entries.iter().map(|entry| entry.id.0),
    )
    .execute(tx.connection())
    .await?;
    Ok(entries.len() as i64)
}
