//! Everybody once a day: days grow too old to count even where nothing happens.
//!
//! A night that is caught up later in the day looks at everybody as of then: what they did meanwhile is
//! counted already, and stays so.

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
    store::{Tx, ids_after},
    work::schedule::Schedule,
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

impl Progress {
    fn begin(as_of: DateTime<Utc>) -> Self {
        Self {
            as_of,
            after: Uuid::nil(),
            all: Group::default(),
        }
    }
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
        let day = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive();
        // One that is taken up on another day begins anew: nobody is to be as active as they were then.
        let begun = serde_json::from_value::<Progress>(progress).ok();
        let begun = begun.filter(|begun| day(begun.as_of) == day(tx.now));
        let mut progress = begun.unwrap_or_else(|| Progress::begin(tx.now));
        let ids: Vec<ContactId> = ids_after(tx, "contact", progress.after, STEP).await?;
        let last = ids.last().copied().filter(|_| ids.len() as i64 >= STEP);
        let group = refresh(tx, ids, zone, progress.as_of).await?;
        progress.all.join(&group);
        let Some(last) = last else {
            note(tx, day(progress.as_of), &progress.all).await?;
            return Ok(None);
        };
        progress.after = last.0;
        Ok(Some(json!(progress)))
    }
}
