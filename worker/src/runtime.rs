//! The worker's life: takes hints through apalis, sweeps, ticks, and ends in good order.
//!
//! What is done for a hint is the [`WorkHandler`]'s business; nothing it does, an error or a panic
//! or waiting for ever, ends the worker. Only what never gives its thread back does, by way of the
//! [`watchdog`](crate::watchdog).

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use apalis::{layers::WorkerBuilderExt, layers::tracing::TraceLayer};
use apalis_core::{
    error::BoxDynError,
    monitor::Monitor,
    task::Task,
    worker::{builder::WorkerBuilder, event::Event},
};
use async_trait::async_trait;
use domain::{port::Hint, work::retention::Keep};
use futures::future::BoxFuture;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument;

use crate::{
    queue::{Claim, HintBackend, Queue},
    watchdog::watch,
};

/// What a worker does. Every call may come more than once, and at the same time in two processes:
/// the database decides who does what.
#[async_trait]
pub trait WorkHandler: Send + Sync + 'static {
    /// Does what waits in the hint's workspace. Only for kinds of work that wake workers.
    async fn work(&self, hint: Hint) -> anyhow::Result<()>;

    /// Looks everywhere for work, hints or none.
    async fn sweep(&self) -> anyhow::Result<()>;

    /// Starts the schedules whose time has come.
    async fn tick(&self) -> anyhow::Result<()>;
}

/// How a worker runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names this worker in the log, and spreads the sweeps of several over time.
    pub name: String,
    /// Hints worked on at once.
    pub concurrency: usize,
    /// The longest one hint may take. What is ended by it is found again by the sweep.
    pub job_timeout: Duration,
    /// The pause between two sweeps, give or take a fifth.
    pub sweep_every: Duration,
    /// The pause between two ticks.
    pub tick_every: Duration,
    /// How long a shutdown waits for running jobs.
    pub shutdown_timeout: Duration,
    /// How long what is kept for.
    pub keep: Keep,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "worker".to_owned(),
            concurrency: 8,
            job_timeout: Duration::from_mins(10),
            sweep_every: Duration::from_secs(5),
            tick_every: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(25),
            keep: Keep::default(),
        }
    }
}

/// Works until `shutdown`, then takes nothing new, waits for what runs, and returns.
pub async fn run(
    queue: Arc<dyn Queue>,
    handler: Arc<dyn WorkHandler>,
    settings: Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let sweeps = Beat {
        job: "sweep",
        every: settings.sweep_every,
        is_jittered: true,
        call: |handler| Box::pin(async move { handler.sweep().await }),
    };
    let ticks = Beat {
        job: "tick",
        every: settings.tick_every,
        is_jittered: false,
        call: |handler| Box::pin(async move { handler.tick().await }),
    };
    let (hints, (), ()) = tokio::join!(
        work_on_hints(queue, handler.clone(), settings.clone(), shutdown.clone()),
        sweeps.run(&handler, &settings, &shutdown),
        ticks.run(&handler, &settings, &shutdown),
    );
    hints
}

async fn work_on_hints(
    queue: Arc<dyn Queue>,
    handler: Arc<dyn WorkHandler>,
    settings: Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let stop = shutdown.clone();
    let (concurrency, job_timeout) = (settings.concurrency, settings.job_timeout);
    Monitor::new()
        .register(move |_restarts| {
            let handler = handler.clone();
            WorkerBuilder::new(settings.name.clone())
                .backend(HintBackend::new(queue.clone(), concurrency, stop.clone()))
                .concurrency(concurrency)
                .layer(TraceLayer::new().make_span_with(span_of_job))
                .build(move |claim: Claim| work_on(claim, handler.clone(), job_timeout))
        })
        .on_event(|worker, event| {
            // Jobs report themselves and never fail towards apalis.
            if let Event::Error(error) = event {
                tracing::error!(worker.name = worker.name(), %error, "worker failed");
            }
        })
        .shutdown_timeout(settings.shutdown_timeout)
        .run_with_signal(async {
            shutdown.cancelled().await;
            Ok(())
        })
        .await
        .context("the worker stopped by itself")
}

fn span_of_job(task: &Task<Claim>) -> tracing::Span {
    tracing::info_span!("job", job.hint = %task.args.hint())
}

/// Runs one job in a task of its own, which spreads jobs over the runtime's threads and confines a
/// panic. The claim moves along, so that the hint stays taken until the job has really ended.
async fn work_on(
    mut claim: Claim,
    handler: Arc<dyn WorkHandler>,
    limit: Duration,
) -> Result<(), BoxDynError> {
    claim.start();
    let hint = claim.hint();
    run_confined(hint.work.word(), limit, async move {
        let result = handler.work(hint).await;
        drop(claim);
        result
    })
    .await;
    Ok(())
}

/// Runs `job` to its end, or ends it at `limit`, and reports how that was; dropping this ends the
/// job too. (apalis's timeout layer would do, but tells nobody which job it ended.)
async fn run_confined(
    name: &'static str,
    limit: Duration,
    job: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) {
    let start = Instant::now();
    let job = watch(name, job).in_current_span();
    let task = AbortOnDropHandle::new(tokio::spawn(job));
    let outcome = tokio::time::timeout(limit, task).await;
    let duration_ms = start.elapsed().as_millis() as u64;
    match outcome {
        Ok(Ok(Ok(()))) => tracing::debug!(job.name = name, duration_ms, "job done"),
        Ok(Ok(Err(error))) => {
            let error = format!("{error:#}");
            tracing::error!(job.name = name, duration_ms, error, "job failed");
        }
        // The panic's own words went through the panic hook already.
        Ok(Err(error)) => tracing::error!(job.name = name, duration_ms, %error, "job panicked"),
        Err(_) => tracing::error!(
            job.name = name,
            duration_ms,
            "job took too long and was ended"
        ),
    }
}

/// Something done over and over, without a hint.
struct Beat {
    job: &'static str,
    every: Duration,
    is_jittered: bool,
    call: fn(Arc<dyn WorkHandler>) -> BoxFuture<'static, anyhow::Result<()>>,
}

impl Beat {
    /// Starts at once, since there may be work from before; the pause runs from end to start, so
    /// that a slow database is not asked more often than it can answer.
    async fn run(
        &self,
        handler: &Arc<dyn WorkHandler>,
        settings: &Settings,
        shutdown: &CancellationToken,
    ) {
        for round in 0_u64.. {
            let call = (self.call)(handler.clone());
            let call = run_confined(self.job, settings.job_timeout, call);
            let out_of_time = async {
                shutdown.cancelled().await;
                tokio::time::sleep(settings.shutdown_timeout).await;
            };
            tokio::select! {
                () = call => {}
                () = out_of_time => return,
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause(&settings.name, round)) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn pause(&self, worker: &str, round: u64) -> Duration {
        if !self.is_jittered {
            return self.every;
        }
        // Spreading workers out needs no randomness, only that their names differ.
        let mut hasher = DefaultHasher::new();
        (worker, round).hash(&mut hasher);
        let share = hasher.finish() as f64 / u64::MAX as f64;
        self.every.mul_f64(0.8 + 0.4 * share)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        queue::MemoryQueue,
        testing::{FAILS, PANICS, Recorder, Running, eventually, hint},
    };

    #[tokio::test]
    async fn a_hint_runs_again_when_it_came_while_it_ran() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::gated());
        let worker = Running::start(queue.clone(), &handler, |_| {});
        queue.push(hint(1));
        eventually("it runs", || handler.started() == 1).await;
        queue.push(hint(1));
        queue.push(hint(1));
        handler.open(10);
        eventually("it runs again", || handler.finished() == 2).await;
        worker.stop().await;
        assert_eq!(handler.finished(), 2);
        assert_eq!(handler.overlaps.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_allowed_and_none_is_left() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::gated());
        for number in 0..100 {
            queue.push(hint(number));
        }
        let worker = Running::start(queue.clone(), &handler, |settings| settings.concurrency = 3);
        for ended in 0..100 {
            let expected = (ended + 3).min(100);
            eventually("the slots fill", || handler.started() == expected).await;
            handler.open(1);
            eventually("one ends", || handler.finished() == ended + 1).await;
        }
        worker.stop().await;
        assert_eq!(handler.started(), 100);
    }

    #[tokio::test]
    async fn neither_a_panic_nor_an_error_ends_the_worker() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::default());
        let worker = Running::start(queue.clone(), &handler, |settings| settings.concurrency = 1);
        for number in [PANICS, FAILS, 1] {
            queue.push(hint(number));
        }
        eventually("the last runs", || handler.runs_of(hint(1)) == 1).await;
        queue.push(hint(PANICS));
        eventually("it may panic again", || handler.runs_of(hint(PANICS)) == 2).await;
        worker.stop().await;
    }

    #[tokio::test]
    async fn a_job_that_runs_for_ever_is_ended() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::gated());
        let worker = Running::start(queue.clone(), &handler, |settings| {
            settings.concurrency = 1;
            settings.job_timeout = Duration::from_millis(20);
        });
        queue.push(hint(1));
        queue.push(hint(2));
        eventually("the second starts", || handler.runs_of(hint(2)) == 1).await;
        worker.stop().await;
        assert_eq!(handler.finished(), 0);
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_running_jobs_and_starts_no_others() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::gated());
        let worker = Running::start(queue.clone(), &handler, |settings| settings.concurrency = 1);
        queue.push(hint(1));
        eventually("it runs", || handler.started() == 1).await;
        worker.shutdown.cancel();
        queue.push(hint(2));
        tokio::task::yield_now().await;
        assert!(!worker.task.is_finished());
        handler.open(10);
        worker.stop().await;
        assert_eq!((handler.started(), handler.finished()), (1, 1));
    }

    #[tokio::test]
    async fn a_shutdown_does_not_wait_for_ever() {
        let queue = MemoryQueue::new();
        let handler = Arc::new(Recorder::gated());
        let worker = Running::start(queue.clone(), &handler, |settings| {
            settings.shutdown_timeout = Duration::from_millis(50);
        });
        queue.push(hint(1));
        eventually("it runs", || handler.started() == 1).await;
        worker.stop().await;
        assert_eq!(handler.finished(), 0);
    }

    #[tokio::test]
    async fn sweeps_and_ticks_come_without_hints() {
        let handler = Arc::new(Recorder::default());
        let worker = Running::start(MemoryQueue::new(), &handler, |settings| {
            settings.sweep_every = Duration::from_millis(5);
            settings.tick_every = Duration::from_millis(5);
        });
        eventually("several of both", || {
            handler.sweeps.load(Ordering::SeqCst) > 2 && handler.ticks.load(Ordering::SeqCst) > 2
        })
        .await;
        worker.stop().await;
    }

    #[test]
    fn sweeps_of_two_workers_drift_apart_within_a_fifth_of_the_pause() {
        let beat = Beat {
            job: "sweep",
            every: Duration::from_secs(5),
            is_jittered: true,
            call: |_| Box::pin(async { Ok(()) }),
        };
        for round in 0..100 {
            let [one, two] = ["one", "two"].map(|name| beat.pause(name, round));
            assert_ne!(one, two);
            for pause in [one, two] {
                assert!((4.0..=6.0).contains(&pause.as_secs_f64()), "{pause:?}");
            }
        }
    }
}
