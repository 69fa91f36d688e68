//! Where work goes that keeps failing or crashing: out of the way of everything else, visible, and
//! replayable.

use chrono::{DateTime, Utc};
use entity::{
    id::{QuarantineId, WorkspaceId},
    kind::QuarantineState,
    quarantine,
};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::Query,
};

/// Where counting stops.
pub const MAX_COUNTED: i64 = 10_000;

/// Something set aside.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its new id.
    pub id: QuarantineId,
    /// The projection or the kind of due item that could not do it.
    pub work: &'static str,
    /// What was to be done.
    pub item: serde_json::Value,
    /// Why it could not be.
    pub error: String,
}

/// Sets `item` aside, in the transaction that steps over it.
pub(crate) async fn add(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    item: Item,
) -> Result<(), DbErr> {
    tracing::error!(workspace.id = %workspace, work = item.work, error = item.error,
        "set aside after repeated failure");
    Query::new(
        "INSERT INTO quarantine (workspace_id, id, work, item, error, at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(workspace)
    .bind(item.id)
    .bind(item.work)
    .bind(item.item)
    .bind(item.error)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Which items a list has.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Standing so.
    pub state: Option<QuarantineState>,
    /// Of this projection, schedule or kind of due item.
    pub work: Option<String>,
}

const NEWEST: Keyset = Keyset {
    order: "quarantine",
    key: None,
    id: "q.id",
    descending: true,
};

/// A page of what was set aside in the workspace, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &QuarantineFilter,
    page: &PageRequest,
) -> Result<Page<(String, quarantine::Model)>> {
    let mut query =
        Query::new("SELECT q.* FROM quarantine q WHERE q.workspace_id = $1").bind(workspace);
    if let Some(state) = filter.state {
        let state = query.arg(state.word());
        query.push(&format!(" AND q.state = {state}"));
    }
    if let Some(work) = &filter.work {
        let work = query.arg(work.clone());
        query.push(&format!(" AND q.work = {work}"));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &quarantine::Model| row.id)
        .await
}

/// How much is set aside, for whoever measures; counts no further than [`MAX_COUNTED`] in all.
pub async fn counts(ctx: &Ctx) -> Result<Vec<(String, i64)>, DbErr> {
    let rows = Query::new(
        "SELECT work, COUNT(*) FROM
             (SELECT work FROM quarantine WHERE state = 'SET_ASIDE' LIMIT $1) AS q GROUP BY work",
    )
    .bind(MAX_COUNTED)
    .raw(ctx.reader())
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}
