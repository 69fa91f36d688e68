//! What goes on beside the work: ending what is over, trying again what was set aside, forgetting
//! what nobody needs.

use std::sync::atomic::Ordering;

use anyhow::Context as _;
use chrono::TimeDelta;
use domain::{
    idempotency,
    store::statistics,
    work::{replay, schedule::Schedule},
};
use metrics::counter;

use super::Inner;

/// The pause between two clean-ups.
const PRUNE_EVERY: TimeDelta = TimeDelta::minutes(10);

impl Inner {
    /// Ends the taggings whose time is over, and finds the tasks whose time is and the conversations that have
    /// waited for as long as rules wait for.
    pub(super) async fn expire(&self) -> anyhow::Result<()> {
        let goes_on = || self.goes_on();
        let ended = domain::tag::tagging::expire(&self.ctx, &goes_on)
            .await
            .context("end taggings whose time is over")?;
        counter!("enishi_taggings_expired_total").increment(ended as u64);
        domain::task::find_overdue(&self.ctx, &goes_on)
            .await
            .context("find overdue tasks")?;
        domain::rule::wait::find_waited(&self.ctx, &goes_on)
            .await
            .context("find conversations that have waited")?;
        Ok(())
    }

    /// Everything that recurs by the clock, with what is this installation's own.
    pub(super) fn schedules(&self) -> Vec<&dyn Schedule> {
        let mut schedules: Vec<&dyn Schedule> = domain::schedules().to_vec();
        schedules.push(&self.retention);
        schedules
    }

    /// Tries again what somebody wants replayed.
    pub(super) async fn look_after_quarantine(&self) -> anyhow::Result<()> {
        replay::run_waiting(&self.ctx, &self.schedules())
            .await
            .context("replay what was set aside")?;
        Ok(())
    }

    /// Has the database look at tables that have grown out of what it believes of them.
    pub(super) async fn refresh_statistics(&self) -> anyhow::Result<()> {
        let looked_at = statistics::refresh(&self.ctx.db).await;
        let looked_at = looked_at.context("refresh the database's statistics")?;
        counter!("enishi_tables_analyzed_total").increment(looked_at as u64);
        Ok(())
    }

    /// Now and then, forgets what need not be remembered any more.
    pub(super) async fn prune(&self) -> anyhow::Result<()> {
        let now_ms = self.ctx.clock.now().timestamp_millis();
        let before_ms = self.pruned_at_ms.load(Ordering::Relaxed);
        // A clock that was set back has not come to the next one for as long as it was ahead.
        if now_ms.abs_diff(before_ms) < PRUNE_EVERY.num_milliseconds().unsigned_abs() {
            return Ok(());
        }
        self.pruned_at_ms.store(now_ms, Ordering::Relaxed);
        let pruned = idempotency::prune(&self.ctx).await;
        pruned.context("forget idempotency keys")?;
        Ok(())
    }
}
