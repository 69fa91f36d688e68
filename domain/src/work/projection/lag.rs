//! What has entries it has not read, over all workspaces.

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{DbErr, FromQueryResult};

use super::Projection;
use crate::{
    ctx::Ctx,
    store::{Query, Rows, dialect},
};

/// A projection that has something to read.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Behind {
    /// Where.
    pub workspace: WorkspaceId,
    /// The projection's stored name.
    pub projection: String,
    /// When the first entry it has not read was written.
    pub since: DateTime<Utc>,
    /// How often in a row it has failed with that entry alone.
    pub failures: i64,
    /// Why it failed last, unless it has got on since.
    pub last_error: Option<String>,
}

/// What of `projections` could be gone on with in any workspace, for the sweep: it has something to
/// read, nobody is at it, and no pause after a failure is on.
pub async fn behind(ctx: &Ctx, projections: &[&dyn Projection]) -> Result<Vec<Behind>, DbErr> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let free = format!(
        "(c.lease_until IS NULL OR c.lease_until < {now})
         AND (c.retry_at IS NULL OR c.retry_at <= {now})"
    );
    unread(ctx, projections, dialect::settled(backend), &free).await
}

/// What of `projections` lags behind in any workspace, for whoever measures: also what a worker is
/// at, what waits after a failure, and what an older transaction keeps from being read.
pub async fn lags(ctx: &Ctx, projections: &[&dyn Projection]) -> Result<Vec<Behind>, DbErr> {
    unread(ctx, projections, "1 = 1", "1 = 1").await
}

/// The projections that have not read some entry that is `readable`, where their cursor `c` passes
/// the test `which`; the one that waits longest first. Looks at one entry of the log for each,
/// however long it is: `CASE` and not `COALESCE`, see [`crate::store::Wall`].
async fn unread(
    ctx: &Ctx,
    projections: &[&dyn Projection],
    readable: &str,
    which: &str,
) -> Result<Vec<Behind>, DbErr> {
    let place = dialect::place(
        ctx.db.backend(),
        "CASE WHEN c.tx IS NULL THEN 0 ELSE c.tx END",
        "CASE WHEN c.seq IS NULL THEN 0 ELSE c.seq END",
    );
    let names = projections.iter().map(|projection| projection.name());
    Query::new(format!(
        "SELECT b.workspace, b.projection, b.since, b.failures, b.last_error FROM (
             SELECT w.id AS workspace, r.name AS projection,
                 CASE WHEN c.failures IS NULL THEN 0 ELSE c.failures END AS failures,
                 c.last_error AS last_error, (
                 SELECT h.at FROM change h WHERE h.workspace_id = w.id
                   AND (h.tx, h.seq) > {place}
                   AND {readable}
                 ORDER BY h.tx, h.seq LIMIT 1) AS since
             FROM workspace w CROSS JOIN {{r}} LEFT JOIN projection_cursor c
               ON c.workspace_id = w.id AND c.projection = r.name
             WHERE {which}) AS b
         WHERE b.since IS NOT NULL ORDER BY b.since"
    ))
    .rows("r", Rows::new().texts("name", names))
    .all(ctx.reader())
    .await
}
