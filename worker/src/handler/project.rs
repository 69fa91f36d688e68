//! Lets projections read on: one for a hint, all that lag behind for a sweep.

use std::{
    collections::HashSet,
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::TimeDelta;
use domain::work::projection::{self, Done, Outcome, Projection};
use entity::id::WorkspaceId;
use futures::{StreamExt as _, stream};
use metrics::{counter, histogram};

use super::Inner;
use crate::watchdog::watch;

/// How long to wait, step by step, for transactions that hold the end of the log back; after the
/// last step the sweep finds it.
const UNSETTLED_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 250, 500];

/// How long a projection reads on in one workspace before others have their turn: as long as a batch
/// takes at most. A workspace has more projections than a worker has places, and each of them would
/// keep one for as long as a backlog lasts.
const TURN: Duration = Duration::from_millis(300);
/// Workspaces a sweep works on at once.
const SWEEP_CONCURRENCY: usize = 4;
/// How long a sweep gives further turns to what has not come to its end, before it does the rest of its work.
const SWEEP_TIME: Duration = Duration::from_secs(30);

impl Inner {
    /// Lets a projection read on for one turn, waiting a little for the end of the log to settle. What
    /// is left has its hint sent again, to come behind other workspaces; says whether that was so.
    pub(super) async fn project(
        self: &Arc<Self>,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
    ) -> anyhow::Result<bool> {
        let mut waits = UNSETTLED_MS.into_iter();
        let begun = Instant::now();
        let in_time = || self.goes_on() && begun.elapsed() < TURN;
        loop {
            match self.read_on(projection, workspace, &in_time).await? {
                Outcome::Unsettled => match waits.next() {
                    Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    None => return Ok(false),
                },
                // Whoever has the claim looks once more before giving it back; a failed batch has
                // its own pause, after which the sweep tries it again.
                Outcome::Idle | Outcome::Busy => return Ok(false),
                Outcome::Paused(pause) => {
                    self.rest(pause, projection, workspace);
                    return Ok(false);
                }
                Outcome::Cut => {
                    self.send(workspace, projection.work());
                    return Ok(true);
                }
            }
            if !self.goes_on() {
                return Ok(false);
            }
        }
    }

    /// Whether a hint need not be heeded: it is sent again when the pause is over.
    pub(super) fn rests(
        &self,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
    ) -> bool {
        self.resting().contains(&(workspace, projection.name()))
    }

    /// Has a projection rest, and sends its hint when the pause is over; one timer is enough, however
    /// many find it pausing.
    fn rest(
        self: &Arc<Self>,
        pause: TimeDelta,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
    ) {
        let who = (workspace, projection.name());
        if !self.resting().insert(who) {
            return;
        }
        let inner = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause.to_std().unwrap_or_default()) => {}
                () = inner.stop.cancelled() => return,
            }
            inner.resting().remove(&who);
            inner.send(workspace, projection.work());
        });
    }

    fn resting(&self) -> MutexGuard<'_, HashSet<(WorkspaceId, &'static str)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_on(
        &self,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
        in_time: &(dyn Fn() -> bool + Sync),
    ) -> anyhow::Result<Outcome> {
        let name = projection.name();
        let count = |done: Done| {
            counter!("enishi_projection_entries_total", "projection" => name)
                .increment(done.entries as u64);
            histogram!("enishi_projection_batch_seconds", "projection" => name)
                .record(done.took.as_secs_f64());
        };
        let run = projection::run_while(&self.ctx, projection, workspace, in_time, &count);
        watch(format!("projection {name} of workspace {workspace}"), run)
            .await
            .with_context(|| format!("run projection {name}"))
    }
}

impl Inner {
    /// Runs every projection that lags behind in any workspace: all of them have a turn, and those that
    /// were cut another, so that a backlog is got through without hints too.
    pub(super) async fn catch_up(self: &Arc<Self>) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.give_turns().await? && self.goes_on() && begun.elapsed() < SWEEP_TIME {}
        Ok(())
    }

    /// Gives everything that lags behind one turn; says whether something was cut.
    async fn give_turns(self: &Arc<Self>) -> anyhow::Result<bool> {
        let projections = domain::projections();
        let behind = projection::behind(&self.ctx, projections)
            .await
            .context("look for projections that lag behind")?;
        let mut tasks = Vec::new();
        for projection in projections {
            for behind in &behind {
                if behind.projection == projection.name() {
                    tasks.push((*projection, behind.workspace));
                }
            }
        }
        let is_cut = AtomicBool::new(false);
        let is_cut = &is_cut;
        stream::iter(tasks)
            .for_each_concurrent(SWEEP_CONCURRENCY, |(projection, workspace)| async move {
                if !self.goes_on() {
                    return;
                }
                match self.project(projection, workspace).await {
                    Ok(false) => {}
                    Ok(true) => is_cut.store(true, Ordering::Relaxed),
                    // It is for the log, and must not keep others from running.
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::error!(workspace.id = %workspace, error, "catching up failed");
                    }
                }
            })
            .await;
        Ok(is_cut.load(Ordering::Relaxed))
    }
}
