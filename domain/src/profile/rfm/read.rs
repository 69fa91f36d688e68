//! Reads what is kept of customers' purchases.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::WorkspaceId,
    kind::{CustomerKind, RfmSegment},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Report, cut::MIN_CUSTOMERS};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
    workspace,
};

/// What a customer bought in the window, and how that compares.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Rfm {
    /// The contact or account.
    pub subject_id: Uuid,
    /// The day of the last order, in the workspace's time zone.
    pub last_order_on: NaiveDate,
    /// How many orders, whatever their currency.
    pub orders: i64,
    /// The currency of most of them.
    pub currency: String,
    /// What those in that currency come to, in its minor unit.
    pub revenue: i64,
    /// How lately, 1 to 5; nothing while nobody is scored.
    pub recency_score: Option<i64>,
    /// How often, 1 to 5; nothing while nobody is scored.
    pub frequency_score: Option<i64>,
    /// For how much, 1 to 5; nothing while nobody who pays in the currency is scored.
    pub monetary_score: Option<i64>,
    /// What the scores together say.
    pub segment: Option<RfmSegment>,
}

/// What those of `ids` who bought in the window bought, and today, in the workspace's time zone; for
/// loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: CustomerKind,
    ids: &[Uuid],
) -> Result<(Vec<Rfm>, NaiveDate)> {
    let rows = Query::new(
        "SELECT t.subject_id, t.last_order_on, t.orders, t.currency, t.revenue, t.recency_score,
                t.frequency_score, t.monetary_score, t.segment
         FROM {r} JOIN rfm t ON t.workspace_id = $1 AND t.scope = $2 AND t.subject_id = r.id",
    )
    .bind(workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    Ok((rows, ctx.clock.now().with_timezone(&zone).date_naive()))
}

/// Everybody who bought in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The moment they were measured for.
    pub as_of: DateTime<Utc>,
    /// What was found.
    pub report: Report,
}

impl Night {
    /// Whether there were enough customers to score them.
    pub fn is_scored(&self) -> bool {
        self.report.customers >= MIN_CUSTOMERS
    }
}

#[derive(FromQueryResult)]
struct Run {
    as_of: Option<DateTime<Utc>>,
    report: serde_json::Value,
}

/// What the last night found; nothing before the first.
pub async fn last_night(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: CustomerKind,
) -> Result<Option<Night>> {
    let run: Option<Run> = Query::new(
        "SELECT t.as_of, t.report FROM rfm_run t WHERE t.workspace_id = $1 AND t.scope = $2",
    )
    .bind(workspace)
    .bind(kind.word())
    .one(ctx.reader())
    .await?;
    let Some(Run {
        as_of: Some(as_of),
        report,
    }) = run
    else {
        return Ok(None);
    };
    let report = serde_json::from_value(report)?;
    Ok(Some(Night { as_of, report }))
}
