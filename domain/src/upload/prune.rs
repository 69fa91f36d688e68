//! Deleting files that have expired, and what imports noted of each line.

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::id::UploadId;
use serde_json::Value;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
    work::schedule::Schedule,
};

/// Pieces of files, or lines, one step deletes at most.
const STEP: i64 = 2_000;
/// Files one step looks at.
const FILES: i64 = 100;
/// How long what an import said of each line is kept after its end.
const KEEP_LINES: TimeDelta = TimeDelta::days(7);

/// Deletes what has expired, every hour.
#[derive(Debug)]
pub struct UploadPrune;

#[async_trait]
impl Schedule for UploadPrune {
    fn name(&self) -> &'static str {
        "upload.prune"
    }

    fn cron(&self) -> &'static str {
        "0 20 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(6)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let part = progress["part"].as_i64().unwrap_or_default();
        let deleted = match part {
            0 => files(tx).await?,
            1 => rows(tx, "import_key", "key", TimeDelta::zero()).await?,
            2 => rows(tx, "import_line", "record", KEEP_LINES).await?,
            _ => return Ok(None),
        };
        let next = if deleted < STEP { part + 1 } else { part };
        Ok(Some(serde_json::json!({ "part": next })))
    }
}

/// Deletes pieces of expired files, and the files that have none any more; says how much, or [`STEP`]
/// when there may be more. A file that an unfinished
/// import was asked for goes too: the import then ends and says so.
async fn files(tx: &Tx<'_>) -> Result<i64> {
    let expired: Vec<UploadId> = Query::new(
        "SELECT id FROM upload WHERE workspace_id = $1 AND expires_at <= $2 ORDER BY id LIMIT $3",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(FILES)
    .column(tx.connection())
    .await?;
    if expired.is_empty() {
        return Ok(0);
    }
    let ids = || Rows::new().ids("id", expired.iter().copied());
    let pieces = Query::new(
        "DELETE FROM upload_chunk WHERE (workspace_id, upload_id, start) IN (
             SELECT p.workspace_id, p.upload_id, p.start FROM {r}
             JOIN upload_chunk p ON p.workspace_id = $1 AND p.upload_id = r.id LIMIT $2)",
    )
    .bind(tx.workspace)
    .bind(STEP)
    .rows("r", ids())
    .execute(tx.connection())
    .await? as i64;
    if pieces < STEP {
        Query::new("DELETE FROM upload WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})")
            .bind(tx.workspace)
            .rows("r", ids())
            .execute(tx.connection())
            .await?;
    }
    // Small files are few pieces: there may be more of them than one step looked at.
    let is_full = expired.len() as i64 == FILES;
    Ok(if is_full { STEP } else { pieces })
}

/// Deletes rows of imports that ended longer ago than `keep`.
async fn rows(tx: &Tx<'_>, table: &str, key: &str, keep: TimeDelta) -> Result<i64> {
    let deleted = Query::new(format!(
        "DELETE FROM {table} WHERE (workspace_id, operation_id, {key}) IN (
             SELECT k.workspace_id, k.operation_id, k.{key} FROM operation o
             JOIN {table} k ON k.workspace_id = $1 AND k.operation_id = o.id
             WHERE o.workspace_id = $1 AND o.kind IN ({}) AND o.finished_at < $2 LIMIT $3)",
        crate::import::KIND_WORDS
    ))
    .bind(tx.workspace)
    .bind(tx.now - keep)
    .bind(STEP)
    .execute(tx.connection())
    .await?;
    Ok(deleted as i64)
}
