//! Keeping runs: their findings, their plan, and how many of them.

use entity::{
    id::{TagFindingId, TagQualityRunId},
    kind::TagQualityCause,
};
use serde_json::json;

use super::{Finding, Plan, Sample, sample};
use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// Finished runs that are kept.
const KEPT: i64 = 100;
/// Findings of one kind that a run keeps: what stands further down nobody reads.
const MAX_OF_CHECK: usize = 5_000;

/// Begins a run.
pub(super) async fn begin(tx: &Tx<'_>, run: TagQualityRunId, cause: TagQualityCause) -> Result<()> {
    Query::new(
        "INSERT INTO tag_quality_run (workspace_id, id, cause, started_at, plan, found)
         VALUES ($1, $2, $3, $4, $5, 0)",
    )
    .bind(tx.workspace)
    .bind(run)
    .bind(cause.word())
    .bind(tx.now)
    .bind(json!(Plan::default()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Keeps what one check found.
pub(super) async fn keep(
    tx: &Tx<'_>,
    run: TagQualityRunId,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    findings.sort_by_key(|finding| finding.severity);
    findings.truncate(MAX_OF_CHECK);
    let each = || findings.iter();
    let rows = Rows::new()
        .ids("id", each().map(|_| tx.id::<TagFindingId>()))
        .texts("kind", each().map(|one| one.kind.word()))
        .texts("severity", each().map(|one| one.severity.word()))
        .ints("rank", each().map(|one| one.severity as i64))
        .json("tag_ids", each().map(|one| json!(one.tags)))
        .opt_ids("group_id", each().map(|one| one.group))
        .json("evidence", each().map(|one| json!(one.evidence)));
    Query::new(
        "INSERT INTO tag_quality_finding (workspace_id, run_id, id, kind, severity, severity_rank,
                                          tag_ids, group_id, evidence)
         SELECT $1, $2, r.id, r.kind, r.severity, r.rank, r.tag_ids, r.group_id, r.evidence
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(run)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Ends a run: its plan is kept, its sample goes, and so do runs nobody looks back to.
pub(super) async fn finish(
    tx: &Tx<'_>,
    run: TagQualityRunId,
    sample_drawn: &Sample,
    plan: &Plan,
) -> Result<()> {
    sample::clear(tx, run).await?;
    Query::new(
        "UPDATE tag_quality_run SET finished_at = $3, plan = $4, sample = $5,
             found = (SELECT COUNT(*) FROM tag_quality_finding f
                      WHERE f.workspace_id = $1 AND f.run_id = $2)
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(run)
    .bind(tx.now)
    .bind(json!(plan))
    .bind(json!(sample_drawn))
    .execute(tx.connection())
    .await?;
    forget_old(tx, run).await
}

/// Deletes runs that are older than those kept, and what was left of ones that never ended.
async fn forget_old(tx: &Tx<'_>, run: TagQualityRunId) -> Result<()> {
    let oldest: Option<TagQualityRunId> = Query::new(
        "SELECT u.id FROM tag_quality_run u WHERE u.workspace_id = $1
         ORDER BY u.id DESC LIMIT 1 OFFSET $2",
    )
    .bind(tx.workspace)
    .bind(KEPT)
    .scalar(tx.connection())
    .await?;
    let Some(oldest) = oldest.filter(|oldest| *oldest < run) else {
        return Ok(());
    };
    for (table, column) in [
        ("tag_quality_carried", "run_id"),
        ("tag_quality_thing", "run_id"),
        ("tag_quality_finding", "run_id"),
        ("tag_quality_run", "id"),
    ] {
        Query::new(format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND {column} <= $2"
        ))
        .bind(tx.workspace)
        .bind(oldest)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}
