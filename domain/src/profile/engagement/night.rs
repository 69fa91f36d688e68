//! Everybody once a day: days grow too old to count even where nothing happens.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::ContactId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Group,
    keep::{note, refresh},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::{self, Schedule},
    workspace,
};

/// Contacts looked at in one transaction.
pub const STEP: i64 = 5_000;

const CRON: &str = "0 45 2 * * *";

/// Ticks at a quarter to three in the night, by the clock of the workspace.
#[derive(Debug)]
pub struct NightlyEngagement;

/// How far the tick got.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    /// The moment everybody is looked at for, the same in every step.
    as_of: DateTime<Utc>,
    /// The last contact that is done.
    after: Uuid,
    /// Those who are done, taken together.
    all: Group,
}

#[async_trait]
impl Schedule for NightlyEngagement {
    fn name(&self) -> &'static str {
        "engagement.nightly"
    }

    fn cron(&self) -> &'static str {
        CRON
    }

    /// Three days, because the night the clocks go forward may have no such time.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let zone = workspace::zone_of(tx).await?;
        let mut progress = match serde_json::from_value(progress) {
            Ok(progress) => progress,
            Err(_) => {
                let since = tx.now - self.lookback();
                let tick = schedule::latest_tick(CRON, zone, since, tx.now)?;
                Progress {
                    as_of: tick.unwrap_or(tx.now),
                    after: Uuid::nil(),
                    all: Group::default(),
                }
            }
        };
        let ids = next(tx, progress.after).await?;
        let last = ids.last().copied().filter(|_| ids.len() as i64 >= STEP);
        let group = refresh(tx, ids, zone, progress.as_of).await?;
        progress.all.join(&group);
        let Some(last) = last else {
            let day = progress.as_of.with_timezone(&zone).date_naive();
            note(tx, day, &progress.all).await?;
            return Ok(None);
        };
        progress.after = last.0;
        Ok(Some(json!(progress)))
    }
}

async fn next(tx: &Tx<'_>, after: Uuid) -> Result<Vec<ContactId>> {
    Ok(Query::new(
        "SELECT id FROM contact WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tx.workspace)
    .bind(after)
    .bind(STEP)
    .column(tx.connection())
    .await?)
}
