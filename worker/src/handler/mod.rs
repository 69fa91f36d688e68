//! What a worker does for a hint, a sweep and a tick: calls `domain`, waits where that says to wait,
//! and measures.
//!
//! - `project`: lets projections read on.
//! - `turn`: one turn of due items, operations, enrolments, deliveries and mails.
//! - `upkeep`: what is over, what was set aside, what may be forgotten.
//! - `figure`: what the figures are called and mean.
//!
//! Every decision is made in `domain`; here is only when, and how many at once.

mod figure;
mod project;
mod turn;
mod upkeep;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    ctx::Ctx,
    port::{Egress, Hint, Work},
    work::{
        ahead, due,
        retention::{Keep, Retention},
        schedule,
    },
};
use entity::id::WorkspaceId;
use metrics::counter;
use tokio::sync::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::figure::describe;
use crate::runtime::WorkHandler;

/// The longest wait this process remembers; whatever comes later is found by the sweep.
const MAX_TIMER: Duration = Duration::from_mins(1);

/// Does the work of all workspaces, through `domain`.
#[derive(Clone)]
pub struct Handler {
    inner: Arc<Inner>,
}

struct Inner {
    ctx: Ctx,
    egress: Arc<dyn Egress>,
    stop: CancellationToken,
    background: TaskTracker,
    /// Held by the one task that attempts what sweeps find.
    delivering: Arc<Mutex<()>>,
    /// Held by the one task that sends the mails of surveys.
    asking: Arc<Mutex<()>>,
    /// Held by the one task that goes on with the operations sweeps find.
    operating: Arc<Mutex<()>>,
    /// Held by the one task that moves the enrolments on that ticks find.
    playing: Arc<Mutex<()>>,
    /// Held by the one task that has the database look at its tables.
    looking: Arc<Mutex<()>>,
    /// The projections that pause, each with a timer that ends it.
    resting: std::sync::Mutex<HashSet<(WorkspaceId, &'static str)>>,
    pruned_at_ms: AtomicI64,
    retention: Retention,
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl Handler {
    /// A handler that calls out through `egress` and takes on nothing new after `stop`.
    pub fn new(ctx: Ctx, egress: Arc<dyn Egress>, stop: CancellationToken) -> Self {
        Self::keeping(ctx, egress, stop, Keep::default())
    }

    /// Like [`Self::new`], with other times after which things are forgotten.
    pub fn keeping(ctx: Ctx, egress: Arc<dyn Egress>, stop: CancellationToken, keep: Keep) -> Self {
        describe();
        Self {
            inner: Arc::new(Inner {
                ctx,
                egress,
                stop,
                background: TaskTracker::new(),
                delivering: Arc::default(),
                asking: Arc::default(),
                operating: Arc::default(),
                playing: Arc::default(),
                looking: Arc::default(),
                resting: std::sync::Mutex::default(),
                pruned_at_ms: AtomicI64::new(i64::MIN),
                retention: Retention { keep },
            }),
        }
    }

    /// Waits until the calls a sweep has started are written down. To be awaited after the runtime
    /// has ended; takes as long as the longest call.
    pub async fn finish(&self) {
        self.inner.background.close();
        self.inner.background.wait().await;
    }
}

#[async_trait]
impl WorkHandler for Handler {
    async fn work(&self, hint: Hint) -> anyhow::Result<()> {
        if !self.inner.has_key() {
            return Ok(());
        }
        let workspace = WorkspaceId(hint.workspace);
        match hint.work {
            Work::Due => {
                let done = self.inner.do_due(Some(workspace)).await;
                return self.inner.deliver(workspace).await.and(done);
            }
            Work::Survey => {
                self.inner.ask();
                return Ok(());
            }
            Work::Operation => return self.inner.operate(workspace).await,
            Work::Enrolment => return self.inner.play(Some(workspace)).await,
            _ => {}
        }
        let mut result = Ok(());
        for projection in domain::projections() {
            if projection.work() == hint.work && !self.inner.rests(*projection, workspace) {
                // One that fails must not keep another from its hint.
                let done = self.inner.project(*projection, workspace).await;
                result = result.and(done.map(drop));
            }
        }
        result
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        let inner = &self.inner;
        if !inner.has_key() {
            return Ok(());
        }
        ahead::cut_short(&inner.ctx)
            .await
            .context("cut short what lies too far ahead")?;
        let recovered = due::recover(&inner.ctx)
            .await
            .context("recover due items")?;
        counter!("enishi_due_recovered_total").increment(recovered as u64);
        // On its own: a receiver that answers slowly must not keep the projections waiting.
        inner.alone(
            &inner.delivering,
            "sweeping deliveries failed",
            |inner| async move { inner.deliver_everywhere().await },
        );
        inner.ask();
        inner.alone(
            &inner.operating,
            "sweeping operations failed",
            |inner| async move { inner.operate_everywhere().await },
        );
        inner.alone(
            &inner.looking,
            "looking at the tables failed",
            |inner| async move { inner.refresh_statistics().await },
        );
        let done = inner.do_due(None).await;
        // A long schedule may keep the ticks of this worker.
        inner.expire().await?;
        inner.catch_up().await?;
        inner.look_after_quarantine().await?;
        inner.prune().await.and(done)
    }

    async fn tick(&self) -> anyhow::Result<()> {
        let inner = &self.inner;
        if !inner.has_key() {
            return Ok(());
        }
        // On its own: a wave of timers must not keep the schedules waiting.
        inner.alone(
            &inner.playing,
            "moving enrolments on failed",
            |inner| async move { inner.play(None).await },
        );
        inner.expire().await?;
        let goes_on = || inner.goes_on();
        schedule::run_while(&inner.ctx, &inner.schedules(), &goes_on)
            .await
            .context("run schedules")?;
        Ok(())
    }
}

impl Inner {
    /// Whether something new may be begun.
    fn goes_on(&self) -> bool {
        !self.stop.is_cancelled() && self.has_key()
    }

    /// Whether the secret key is the current one. With a former one work would fail, and be set aside in the
    /// end, that others can do.
    fn has_key(&self) -> bool {
        !self.ctx.vault.is_replaced()
    }

    /// Has something done by a task of its own, unless one is at it that holds `place`.
    fn alone<F>(
        self: &Arc<Self>,
        place: &Arc<Mutex<()>>,
        failed: &'static str,
        work: impl FnOnce(Arc<Self>) -> F,
    ) where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let Ok(alone) = place.clone().try_lock_owned() else {
            return;
        };
        let work = work(self.clone());
        self.background.spawn(async move {
            if let Err(error) = work.await {
                tracing::error!(error = format!("{error:#}"), "{failed}");
            }
            drop(alone);
        });
    }

    fn send(&self, workspace: WorkspaceId, work: Work) {
        let workspace = workspace.0;
        self.ctx.hints.send(Hint { workspace, work });
    }

    /// Sends a hint later, if that is soon and this process still lives.
    fn send_after(self: &Arc<Self>, wait: TimeDelta, workspace: WorkspaceId, work: Work) {
        let wait = wait.to_std().unwrap_or_default();
        if wait > MAX_TIMER {
            return;
        }
        let inner = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(wait) => inner.send(workspace, work),
                () = inner.stop.cancelled() => {}
            }
        });
    }
}
