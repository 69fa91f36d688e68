//! Whether a contact is doing better or worse than some time ago, and when that was last looked at.

use async_graphql::SimpleObject;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::FromQueryResult;

use super::{nightly::NAME, points::Points};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

/// By how many points a score rose; negative if it fell. Nothing where the score is unknown, or was.
#[derive(Debug, Clone, Copy, Default, PartialEq, SimpleObject)]
#[graphql(name = "HealthTrend")]
pub struct Trend {
    /// In the last 7 days.
    pub in7_days: Option<f64>,
    /// In the last 30 days.
    pub in30_days: Option<f64>,
    /// In the last 90 days.
    pub in90_days: Option<f64>,
}

#[derive(FromQueryResult)]
struct Row {
    contact_id: ContactId,
    score: Option<f64>,
    week: Option<f64>,
    month: Option<f64>,
    quarter: Option<f64>,
}

impl Row {
    fn trend(&self) -> Trend {
        let since = |then: Option<f64>| {
            let (now, then) = self.score.zip(then)?;
            Some((Points::from_f64(now) - Points::from_f64(then)).as_f64())
        };
        Trend {
            in7_days: since(self.week),
            in30_days: since(self.month),
            in90_days: since(self.quarter),
        }
    }
}

/// The trends of the contacts among `ids`, in no particular order; for loaders. Each score of the past is
/// one step into the history, and the same that conditions compare with.
pub async fn load_trends(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<(ContactId, Trend)>> {
    let now = ctx.clock.now();
    let then = |moment: &str| {
        format!(
            "(SELECT y.score FROM health_history AS y
              WHERE y.workspace_id = $1 AND y.contact_id = h.contact_id AND y.as_of <= {moment}
              ORDER BY y.as_of DESC, y.id DESC LIMIT 1)"
        )
    };
    let rows: Vec<Row> = Query::new(format!(
        "SELECT h.contact_id, h.score, {} AS week, {} AS month, {} AS quarter
         FROM {{r}} CROSS JOIN contact_health AS h
         WHERE h.workspace_id = $1 AND h.contact_id = r.contact_id",
        then("$2"),
        then("$3"),
        then("$4"),
    ))
    .bind(workspace)
    .bind(now - TimeDelta::days(7))
    .bind(now - TimeDelta::days(30))
    .bind(now - TimeDelta::days(90))
    .rows("r", Rows::new().ids("contact_id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    let rows = rows.iter();
    Ok(rows.map(|row| (row.contact_id, row.trend())).collect())
}

/// The moment for which everybody was last computed. Rows say only when a contact's values changed:
/// writing each of them every night would be most of the night's work.
pub async fn last_night(ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<DateTime<Utc>>> {
    Ok(Query::new(
        "SELECT tick_at FROM schedule_tick
         WHERE workspace_id = $1 AND schedule = $2 AND state = 'DONE'
         ORDER BY tick_at DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(NAME)
    .scalar(ctx.reader())
    .await?)
}
