//! Reading runs and what they found.

use entity::{
    id::{Id as _, TagId, TagQualityRunId, WorkspaceId},
    kind::{TagFindingKind, TagFindingSeverity},
    tag_quality_finding, tag_quality_run,
};
use sea_orm::{DatabaseBackend, EntityTrait as _, FromQueryResult};

use super::Finding;
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
};

const NEWEST: Keyset = Keyset {
    order: "tag_quality_run",
    key: None,
    id: "u.id",
    descending: true,
};

const GRAVEST: Keyset = Keyset {
    order: "tag_finding",
    key: Some(Column::Whole("f.severity_rank")),
    id: "f.id",
    descending: false,
};

/// The last run that has finished.
pub async fn latest(ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<tag_quality_run::Model>> {
    Ok(Query::new(
        "SELECT u.* FROM tag_quality_run u
         WHERE u.workspace_id = $1 AND u.finished_at IS NOT NULL ORDER BY u.id DESC LIMIT 1",
    )
    .bind(workspace)
    .one(ctx.reader())
    .await?)
}

/// One run, finished or not.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TagQualityRunId,
) -> Result<Option<tag_quality_run::Model>> {
    Ok(tag_quality_run::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// A page of runs, newest first.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<(String, tag_quality_run::Model)>> {
    let query =
        Query::new("SELECT u.* FROM tag_quality_run u WHERE u.workspace_id = $1").bind(workspace);
    NEWEST
        .list_by_id(ctx, query, page, |row: &tag_quality_run::Model| row.id)
        .await
}

/// Which findings a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Of these kinds.
    pub kinds: Vec<TagFindingKind>,
    /// Of these severities.
    pub severities: Vec<TagFindingSeverity>,
    /// About this tag, among others.
    pub tag: Option<TagId>,
}

/// A page of what a run found, the gravest first.
pub async fn findings(
    ctx: &Ctx,
    workspace: WorkspaceId,
    run: TagQualityRunId,
    filter: &FindingFilter,
    page: &PageRequest,
) -> Result<Page<(String, tag_quality_finding::Model)>> {
    let mut query = Query::new(
        "SELECT f.* FROM tag_quality_finding f WHERE f.workspace_id = $1 AND f.run_id = $2",
    )
    .bind(workspace)
    .bind(run);
    if let Some(tag) = filter.tag {
        let tag = query.arg(tag.to_string());
        let members = match ctx.db.backend() {
            DatabaseBackend::Postgres => "jsonb_array_elements_text(f.tag_ids) AS m(value)",
            _ => "json_each(f.tag_ids) AS m",
        };
        query.push(&format!(
            " AND EXISTS (SELECT 1 FROM {members} WHERE m.value = {tag})"
        ));
    }
    if !filter.kinds.is_empty() {
        query.push(" AND f.kind IN (SELECT k.word FROM {k})");
        let words = filter.kinds.iter().map(|kind| kind.word());
        query = query.rows("k", Rows::new().texts("word", words));
    }
    if !filter.severities.is_empty() {
        query.push(" AND f.severity IN (SELECT s.word FROM {s})");
        let words = filter.severities.iter().map(|severity| severity.word());
        query = query.rows("s", Rows::new().texts("word", words));
    }
    GRAVEST
        .list(ctx, query, page, |row: &tag_quality_finding::Model| {
            (
                Key::Whole {
                    whole: row.severity_rank,
                },
                row.id.uuid(),
            )
        })
        .await
}

/// How many findings of one kind and severity a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Tally {
    /// The kind.
    pub kind: TagFindingKind,
    /// The severity.
    pub severity: TagFindingSeverity,
    /// How many.
    pub findings: i64,
}

/// How many findings of each kind and severity a run has, the gravest first.
pub async fn tally(ctx: &Ctx, workspace: WorkspaceId, run: TagQualityRunId) -> Result<Vec<Tally>> {
    Ok(Query::new(
        "SELECT f.kind, f.severity, COUNT(*) AS findings FROM tag_quality_finding f
         WHERE f.workspace_id = $1 AND f.run_id = $2
         GROUP BY f.severity_rank, f.severity, f.kind ORDER BY f.severity_rank, f.kind",
    )
    .bind(workspace)
    .bind(run)
    .all(ctx.reader())
    .await?)
}

/// What the plan is made of, in a lasting order.
pub(super) async fn for_plan(tx: &Tx<'_>, run: TagQualityRunId) -> Result<Vec<Finding>> {
    let rows: Vec<tag_quality_finding::Model> = Query::new(
        "SELECT f.* FROM tag_quality_finding f WHERE f.workspace_id = $1 AND f.run_id = $2
           AND f.kind IN ('SIMILAR_NAME', 'SAME_MEMBERS') ORDER BY f.id",
    )
    .bind(tx.workspace)
    .bind(run)
    .all(tx.connection())
    .await?;
    rows.into_iter().map(Finding::try_from).collect()
}

impl TryFrom<tag_quality_finding::Model> for Finding {
    type Error = crate::error::Error;

    fn try_from(row: tag_quality_finding::Model) -> Result<Self> {
        Ok(Self {
            kind: row.kind,
            severity: row.severity,
            tags: serde_json::from_value(row.tag_ids)?,
            group: row.group_id,
            evidence: serde_json::from_value(row.evidence)?,
        })
    }
}
