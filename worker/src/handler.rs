//! What a worker does for a hint, a sweep and a tick: calls `domain`, waits where that says to wait,
//! and measures.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    ctx::Ctx,
    idempotency,
    notification::deliver::{self, Limits, Turn},
    operation,
    port::{Egress, Hint, Work},
    survey::mail,
    work::{
        due,
        projection::{self, Done, Outcome, Projection},
        quarantine, replay,
        retention::{Keep, Retention},
        schedule::{self, Schedule},
    },
};
use entity::id::WorkspaceId;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use tokio::sync::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::runtime::WorkHandler;

/// How long to wait, step by step, for transactions that hold the end of the log back; after the
/// last step the sweep finds it.
const UNSETTLED_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 250, 500];
/// Workspaces a sweep works on at once.
const SWEEP_CONCURRENCY: usize = 4;
/// What one turn of deliveries takes on before other workspaces have theirs.
const TURN_ITEMS: usize = 2_000;
const TURN_TIME: Duration = Duration::from_secs(30);
/// The longest wait this process remembers; whatever comes later is found by the sweep.
const MAX_TIMER: Duration = Duration::from_mins(1);
/// The pause between two clean-ups.
const PRUNE_EVERY: TimeDelta = TimeDelta::minutes(10);

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
    pruned_at_ms: AtomicI64,
    retention: Retention,
    /// How much of each kind of work was set aside at the last sweep.
    set_aside: Mutex<BTreeMap<String, i64>>,
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
                pruned_at_ms: AtomicI64::new(i64::MIN),
                retention: Retention { keep },
                set_aside: Mutex::default(),
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
            if projection.work() == hint.work {
                // One that fails must not keep another from its hint.
                let done = self.inner.project(*projection, workspace).await;
                result = result.and(done);
            }
        }
        result
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        let inner = &self.inner;
        let recovered = due::recover(&inner.ctx)
            .await
            .context("recover due items")?;
        counter!("enishi_due_recovered_total").increment(recovered as u64);
        // On its own: a receiver that answers slowly must not keep the projections waiting.
        if let Ok(alone) = inner.delivering.clone().try_lock_owned() {
            let inner = inner.clone();
            self.inner.background.spawn(async move {
                if let Err(error) = inner.deliver_everywhere().await {
                    tracing::error!(error = format!("{error:#}"), "sweeping deliveries failed");
                }
                drop(alone);
            });
        }
        inner.ask();
        if let Ok(alone) = inner.operating.clone().try_lock_owned() {
            let inner = inner.clone();
            self.inner.background.spawn(async move {
                if let Err(error) = inner.operate_everywhere().await {
                    tracing::error!(error = format!("{error:#}"), "sweeping operations failed");
                }
                drop(alone);
            });
        }
        let done = inner.do_due(None).await;
        // A long schedule may keep the ticks of this worker.
        inner.expire().await?;
        inner.catch_up().await?;
        inner.look_after_quarantine().await?;
        inner.prune().await.and(done)
    }

    async fn tick(&self) -> anyhow::Result<()> {
        // On its own: a wave of timers must not keep the schedules waiting.
        if let Ok(alone) = self.inner.playing.clone().try_lock_owned() {
            let inner = self.inner.clone();
            self.inner.background.spawn(async move {
                if let Err(error) = inner.play(None).await {
                    tracing::error!(error = format!("{error:#}"), "moving enrolments on failed");
                }
                drop(alone);
            });
        }
        self.inner.expire().await?;
        let goes_on = || !self.inner.stop.is_cancelled();
        schedule::run_while(&self.inner.ctx, &self.inner.schedules(), &goes_on)
            .await
            .context("run schedules")?;
        Ok(())
    }
}

impl Inner {
    /// Lets a projection read on, waiting a little for the end of the log to settle.
    async fn project(
        self: &Arc<Self>,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
    ) -> anyhow::Result<()> {
        let mut waits = UNSETTLED_MS.into_iter();
        loop {
            match self.read_on(projection, workspace).await? {
                Outcome::Unsettled => match waits.next() {
                    Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    None => return Ok(()),
                },
                // Whoever has the claim looks once more before giving it back; a failed batch has
                // its own pause, after which the sweep tries it again.
                Outcome::Idle | Outcome::Busy => return Ok(()),
                Outcome::Paused(pause) => {
                    self.send_after(pause, workspace, projection.work());
                    return Ok(());
                }
            }
            if self.stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    async fn read_on(
        &self,
        projection: &'static dyn Projection,
        workspace: WorkspaceId,
    ) -> anyhow::Result<Outcome> {
        let name = projection.name();
        let watch = |done: Done| {
            counter!("enishi_projection_entries_total", "projection" => name)
                .increment(done.entries as u64);
            histogram!("enishi_projection_batch_seconds", "projection" => name)
                .record(done.took.as_secs_f64());
        };
        projection::run_watched(&self.ctx, projection, workspace, &watch)
            .await
            .with_context(|| format!("run projection {name}"))
    }

    /// Does what is due and needs nothing but the database, of one workspace or of all.
    async fn do_due(&self, workspace: Option<WorkspaceId>) -> anyhow::Result<()> {
        let goes_on = || !self.stop.is_cancelled();
        let done = due::run_here(&self.ctx, workspace, &goes_on)
            .await
            .context("do due items")?;
        counter!("enishi_due_attempts_total", "kind" => "here", "result" => "done")
            .increment(done as u64);
        Ok(())
    }

    /// Attempts the deliveries of one workspace that are due.
    async fn deliver(self: &Arc<Self>, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.turn(Some(workspace)).await?.is_cut {
            // The end of the queue again, behind other workspaces.
            self.send(workspace, Work::Due);
        }
        Ok(())
    }

    async fn deliver_everywhere(self: &Arc<Self>) -> anyhow::Result<()> {
        while self.turn(None).await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    /// Has the mails of surveys that are due sent, by a task of its own, unless one is at it: a mail
    /// server that answers slowly must keep neither deliveries nor the other hints waiting. All of
    /// them go to that one server, so one task is enough; what it just missed is found by the sweep.
    fn ask(self: &Arc<Self>) {
        let Ok(alone) = self.asking.clone().try_lock_owned() else {
            return;
        };
        let inner = self.clone();
        self.background.spawn(async move {
            if let Err(error) = inner.ask_everywhere().await {
                tracing::error!(error = format!("{error:#}"), "sending surveys failed");
            }
            drop(alone);
        });
    }

    async fn ask_everywhere(self: &Arc<Self>) -> anyhow::Result<()> {
        while self.asking_turn().await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    async fn asking_turn(self: &Arc<Self>) -> anyhow::Result<mail::Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = Limits {
            items: TURN_ITEMS,
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = mail::run_due(&self.ctx, &*self.egress, None, limits)
            .await
            .context("send mails of surveys")?;
        if turn.claimed > 0 {
            for (result, count) in [("delivered", turn.sent), ("failed", turn.failed)] {
                counter!("enishi_due_attempts_total", "kind" => "survey", "result" => result)
                    .increment(count as u64);
            }
            histogram!("enishi_due_turn_seconds", "kind" => "survey")
                .record(start.elapsed().as_secs_f64());
        }
        for (&workspace, &wait) in &turn.again {
            self.send_after(wait, workspace, Work::Survey);
        }
        Ok(turn)
    }

    /// Ends the taggings whose time is over, and finds the tasks whose time is.
    async fn expire(&self) -> anyhow::Result<()> {
        let goes_on = || !self.stop.is_cancelled();
        let ended = domain::tag::tagging::expire(&self.ctx, &goes_on)
            .await
            .context("end taggings whose time is over")?;
        counter!("enishi_taggings_expired_total").increment(ended as u64);
        domain::task::find_overdue(&self.ctx, &goes_on)
            .await
            .context("find overdue tasks")?;
        Ok(())
    }

    /// Goes on with the operations of one workspace.
    async fn operate(&self, workspace: WorkspaceId) -> anyhow::Result<()> {
        if self.operation_turn(Some(workspace)).await?.is_cut {
            self.send(workspace, Work::Operation);
        }
        Ok(())
    }

    async fn operate_everywhere(&self) -> anyhow::Result<()> {
        while self.operation_turn(None).await?.is_cut && !self.stop.is_cancelled() {}
        Ok(())
    }

    /// Moves enrolments in playbooks on that are due, of one workspace or of all.
    async fn play(self: &Arc<Self>, workspace: Option<WorkspaceId>) -> anyhow::Result<()> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = operation::Limits {
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = domain::playbook::run_due(&self.ctx, workspace, limits)
            .await
            .context("move enrolments on")?;
        if turn.enrolments > 0 {
            counter!("enishi_due_attempts_total", "kind" => "enrolment", "result" => "step")
                .increment(turn.enrolments as u64);
            histogram!("enishi_due_turn_seconds", "kind" => "enrolment")
                .record(start.elapsed().as_secs_f64());
        }
        if let Some(workspace) = workspace.filter(|_| turn.is_cut && goes_on()) {
            // The end of the queue again, behind other workspaces; ticks do so by themselves.
            self.send(workspace, Work::Enrolment);
        }
        Ok(())
    }

    async fn operation_turn(
        &self,
        workspace: Option<WorkspaceId>,
    ) -> anyhow::Result<operation::Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = operation::Limits {
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = operation::run_due(&self.ctx, domain::operations(), workspace, limits)
            .await
            .context("go on with operations")?;
        if turn.steps > 0 {
            counter!("enishi_due_attempts_total", "kind" => "operation", "result" => "step")
                .increment(turn.steps as u64);
            histogram!("enishi_due_turn_seconds", "kind" => "operation")
                .record(start.elapsed().as_secs_f64());
        }
        Ok(turn)
    }

    async fn turn(self: &Arc<Self>, workspace: Option<WorkspaceId>) -> anyhow::Result<Turn> {
        let goes_on = || !self.stop.is_cancelled();
        let limits = Limits {
            items: TURN_ITEMS,
            time: TURN_TIME,
            goes_on: &goes_on,
        };
        let start = Instant::now();
        let turn = deliver::run_due(&self.ctx, &*self.egress, workspace, limits)
            .await
            .context("attempt deliveries")?;
        for (result, count) in [
            ("delivered", turn.delivered),
            ("failed", turn.failed),
            ("postponed", turn.postponed),
        ] {
            counter!("enishi_due_attempts_total", "kind" => "delivery", "result" => result)
                .increment(count as u64);
        }
        if turn.claimed > 0 {
            histogram!("enishi_due_turn_seconds", "kind" => "delivery")
                .record(start.elapsed().as_secs_f64());
        }
        for (&workspace, &wait) in &turn.again {
            self.send_after(wait, workspace, Work::Due);
        }
        Ok(turn)
    }

    /// Runs every projection that lags behind in any workspace.
    async fn catch_up(self: &Arc<Self>) -> anyhow::Result<()> {
        let projections = domain::projections();
        let behind = projection::behind(&self.ctx, projections)
            .await
            .context("look for projections that lag behind")?;
        let now = self.ctx.clock.now();
        let mut lags: BTreeMap<&str, f64> = BTreeMap::new();
        let mut tasks = Vec::new();
        for projection in projections {
            let lag = lags.entry(projection.name()).or_default();
            for behind in &behind {
                if behind.projection == projection.name() {
                    *lag = lag.max((now - behind.since).as_seconds_f64());
                    tasks.push((*projection, behind.workspace));
                }
            }
        }
        for (name, lag) in lags {
            gauge!("enishi_projection_lag_seconds", "projection" => name.to_owned()).set(lag);
        }
        // An error of one projection is for the log; it must not keep others from running.
        stream::iter(tasks)
            .map(Ok)
            .try_for_each_concurrent(SWEEP_CONCURRENCY, |(projection, workspace)| async move {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                if let Err(error) = self.project(projection, workspace).await {
                    let error = format!("{error:#}");
                    tracing::error!(workspace.id = %workspace, error, "catching up failed");
                }
                Ok(())
            })
            .await
    }

    /// Everything that recurs by the clock, with what is this installation's own.
    fn schedules(&self) -> Vec<&dyn Schedule> {
        let mut schedules: Vec<&dyn Schedule> = domain::schedules().to_vec();
        schedules.push(&self.retention);
        schedules
    }

    /// Tries again what somebody wants replayed, and measures what is set aside.
    async fn look_after_quarantine(&self) -> anyhow::Result<()> {
        replay::run_waiting(&self.ctx, &self.schedules())
            .await
            .context("replay what was set aside")?;
        let counts = quarantine::counts(&self.ctx)
            .await
            .context("count what is set aside")?;
        let mut set_aside = self.set_aside.lock().await;
        // What was set aside and is not any more has to go down to 0.
        for count in set_aside.values_mut() {
            *count = 0;
        }
        set_aside.extend(counts);
        for (work, count) in set_aside.iter() {
            gauge!("enishi_quarantine_items", "work" => work.clone()).set(*count as f64);
        }
        Ok(())
    }

    /// Now and then, forgets what need not be remembered any more.
    async fn prune(&self) -> anyhow::Result<()> {
        let now_ms = self.ctx.clock.now().timestamp_millis();
        let before_ms = self.pruned_at_ms.load(Ordering::Relaxed);
        if now_ms < before_ms.saturating_add(PRUNE_EVERY.num_milliseconds()) {
            return Ok(());
        }
        self.pruned_at_ms.store(now_ms, Ordering::Relaxed);
        let pruned = idempotency::prune(&self.ctx).await;
        pruned.context("forget idempotency keys")?;
        Ok(())
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

fn describe() {
    describe_counter!(
        "enishi_projection_entries_total",
        "Entries of the change log that a projection has written the consequences of"
    );
    describe_histogram!(
        "enishi_projection_batch_seconds",
        Unit::Seconds,
        "Time of one batch of a projection, from reading to commit"
    );
    describe_gauge!(
        "enishi_projection_lag_seconds",
        Unit::Seconds,
        "Age of the oldest entry that a projection had not read at the last sweep, 0 if none"
    );
    describe_counter!(
        "enishi_due_attempts_total",
        "Due items handled, by what became of them"
    );
    describe_histogram!(
        "enishi_due_turn_seconds",
        Unit::Seconds,
        "Time of one turn that attempted due items"
    );
    describe_gauge!(
        "enishi_quarantine_items",
        "Items set aside after repeated failure and not replayed, at the last sweep"
    );
    describe_counter!(
        "enishi_taggings_expired_total",
        "Taggings that ended because their time was over"
    );
    describe_counter!(
        "enishi_due_recovered_total",
        "Due items whose worker died and that were taken up again or set aside"
    );
}
