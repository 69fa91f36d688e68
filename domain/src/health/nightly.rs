//! Recomputing everybody, once a day: time moves scores even where nothing happens.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::ContactId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    recompute::{Cause, recompute},
    save,
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Tx, ids_after},
    work::schedule::{self, Schedule},
};

/// Contacts evaluated in one transaction: large enough that a statement costs little per contact,
/// small enough that rows are held for well under a second.
pub const STEP: i64 = 5_000;

const CRON: &str = "0 0 2 * * *";
/// The stored name of the run.
pub(super) const NAME: &str = "health.nightly";

/// Ticks at two in the night, by the clock of the workspace.
#[derive(Debug)]
pub struct NightlyHealth;

/// How far the tick got.
#[derive(Serialize, Deserialize)]
struct Progress {
    /// The moment everybody is evaluated for, the same in every step.
    as_of: DateTime<Utc>,
    /// The last contact that is done.
    after: Uuid,
}

#[async_trait]
impl Schedule for NightlyHealth {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cron(&self) -> &'static str {
        CRON
    }

    /// Three days, because the night the clocks go forward may have no two o'clock.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let progress = match serde_json::from_value(progress) {
            Ok(progress) => progress,
            Err(_) => Progress {
                as_of: self.tick(tx).await?,
                after: Uuid::nil(),
            },
        };
        let cause = Cause {
            name: self.name(),
            depth: 0,
            root: None,
        };
        let after = ContactId(progress.after);
        let last = step(tx, after, cause, progress.as_of).await?;
        Ok(last.map(|last| {
            serde_json::json!(Progress {
                as_of: progress.as_of,
                after: last.0,
            })
        }))
    }
}

impl NightlyHealth {
    /// The tick that is being run: the latest one.
    async fn tick(&self, tx: &Tx<'_>) -> Result<DateTime<Utc>> {
        let (_, zone) = save::newest(tx.connection(), tx.workspace).await?;
        let since = tx.now - self.lookback();
        Ok(schedule::latest_tick(CRON, zone, since, tx.now)?.unwrap_or(tx.now))
    }
}

/// Evaluates the next contacts after `after`; returns the last of them when there may be more.
pub(super) async fn step(
    tx: &mut Tx<'_>,
    after: ContactId,
    cause: Cause,
    as_of: DateTime<Utc>,
) -> Result<Option<ContactId>> {
    let ids: Vec<ContactId> = ids_after(tx, "contact", after.0, STEP).await?;
    let contacts: BTreeMap<_, _> = ids.iter().map(|&id| (id, cause)).collect();
    recompute(tx, &contacts, as_of).await?;
    Ok(ids.last().copied().filter(|_| ids.len() as i64 >= STEP))
}
