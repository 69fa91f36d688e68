//! Forgetting downloads whose time is over.

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::Schedule,
};

/// Forgets them, every hour.
#[derive(Debug)]
pub struct ExportPrune;

#[async_trait]
impl Schedule for ExportPrune {
    fn name(&self) -> &'static str {
        "export.prune"
    }

    fn cron(&self) -> &'static str {
        "0 25 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(6)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, _progress: Value) -> Result<Option<Value>> {
        Query::new("DELETE FROM export WHERE workspace_id = $1 AND expires_at <= $2")
            .bind(tx.workspace)
            .bind(tx.now)
            .execute(tx.connection())
            .await?;
        Ok(None)
    }
}
