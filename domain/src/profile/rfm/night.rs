//! Every customer once a day: orders grow too old to count, and the fifths move.
//!
//! First everybody who ever ordered is measured, then the fifths are cut anew, then everybody is scored
//! by them. People first, companies after them.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::CustomerKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Report, column,
    keep::{cut, finish, hold, refresh, rescore},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::{self, Schedule},
    workspace,
};

/// Customers looked at in one transaction.
pub const STEP: i64 = 5_000;

const CRON: &str = "0 30 2 * * *";

/// Ticks at half past two in the night, by the clock of the workspace.
#[derive(Debug)]
pub struct NightlyRfm;

/// What is being done of a kind of customers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Stage {
    /// Their orders are added up.
    Measure,
    /// They are scored.
    Score,
}

/// How far the tick got.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    /// The moment everybody is measured for, the same in every step.
    as_of: DateTime<Utc>,
    kind: CustomerKind,
    stage: Stage,
    /// The last customer that is done.
    after: Uuid,
    /// What was found so far.
    report: Report,
}

impl Progress {
    fn begin(as_of: DateTime<Utc>, kind: CustomerKind) -> Self {
        Self {
            as_of,
            kind,
            stage: Stage::Measure,
            after: Uuid::nil(),
            report: Report::default(),
        }
    }
}

#[async_trait]
impl Schedule for NightlyRfm {
    fn name(&self) -> &'static str {
        "rfm.nightly"
    }

    fn cron(&self) -> &'static str {
        CRON
    }

    /// Three days, because the night the clocks go forward may have no such time.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let progress = match serde_json::from_value(progress) {
            Ok(progress) => progress,
            Err(_) => Progress::begin(self.tick(tx).await?, CustomerKind::Contact),
        };
        let next = match progress.stage {
            Stage::Measure => Some(measure(tx, progress).await?),
            Stage::Score => score(tx, progress).await?,
        };
        Ok(next.map(|next| json!(next)))
    }
}

impl NightlyRfm {
    /// The tick that is being run: the latest one.
    async fn tick(&self, tx: &Tx<'_>) -> Result<DateTime<Utc>> {
        let zone = workspace::zone_of(tx).await?;
        let since = tx.now - self.lookback();
        Ok(schedule::latest_tick(CRON, zone, since, tx.now)?.unwrap_or(tx.now))
    }
}

/// Measures the next customers; after the last, cuts the fifths.
async fn measure(tx: &Tx<'_>, mut progress: Progress) -> Result<Progress> {
    let kind = progress.kind;
    let cuts = hold(tx, kind).await?;
    let ids = next(tx, kind, progress.after).await?;
    let zone = workspace::zone_of(tx).await?;
    let (customers, sales) = refresh(tx, kind, &ids, zone, progress.as_of, &cuts).await?;
    progress.report.customers += customers;
    progress.report.add(&sales);
    match ids.last() {
        Some(last) if ids.len() as i64 >= STEP => progress.after = *last,
        _ => {
            cut(tx, kind).await?;
            progress.stage = Stage::Score;
            progress.after = Uuid::nil();
        }
    }
    Ok(progress)
}

/// Scores the next customers; after the last, goes on with the next kind of customers, if there is one.
async fn score(tx: &Tx<'_>, mut progress: Progress) -> Result<Option<Progress>> {
    let kind = progress.kind;
    let cuts = hold(tx, kind).await?;
    let scored = rescore(tx, kind, progress.after, STEP, &cuts).await?;
    for segment in scored.iter().filter_map(|(_, segment)| *segment) {
        *progress.report.segments.entry(segment).or_default() += 1;
    }
    match scored.last() {
        Some((last, _)) if scored.len() as i64 >= STEP => {
            progress.after = *last;
            Ok(Some(progress))
        }
        _ => {
            finish(tx, kind, progress.as_of, &progress.report).await?;
            Ok(match kind {
                CustomerKind::Contact => {
                    Some(Progress::begin(progress.as_of, CustomerKind::Account))
                }
                CustomerKind::Account => None,
            })
        }
    }
}

/// The next customers after `after`: who ever ordered, and who has a row.
async fn next(tx: &Tx<'_>, kind: CustomerKind, after: Uuid) -> Result<Vec<Uuid>> {
    let column = column(kind);
    Ok(Query::new(format!(
        "SELECT x.id FROM (
             SELECT a.id FROM (
                 SELECT DISTINCT o.{column} AS id FROM sales_order o
                 WHERE o.workspace_id = $1 AND o.{column} > $3 AND o.{column} IS NOT NULL
                 ORDER BY o.{column} LIMIT {STEP}) AS a
             UNION
             SELECT b.id FROM (
                 SELECT t.subject_id AS id FROM rfm t
                 WHERE t.workspace_id = $1 AND t.scope = $2 AND t.subject_id > $3
                 ORDER BY t.subject_id LIMIT {STEP}) AS b) AS x
         ORDER BY x.id LIMIT {STEP}"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(after)
    .column(tx.connection())
    .await?)
}
