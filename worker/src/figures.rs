//! The figures of a process, for Prometheus: what it counted itself, and how the work stands.
//!
//! How the work stands is read from the database when somebody asks, and not by whoever works: a
//! worker that hangs or is gone would tell that all is well. So every process of an installation
//! tells the same of it, and one of them is enough to watch. What a process tells of itself (its
//! connections, its link to Redis, its key) is of that process alone: watch each.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use domain::{
    ctx::Ctx,
    port::{Clock as _, SystemClock},
    store::{usage, watch_waits},
    work::standing::{self, Standing},
};
use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// How long what the database said is good enough, however often somebody asks.
const FRESH: Duration = Duration::from_secs(5);

/// How long the database may take to say it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often what was measured is put into its buckets. Until then each measurement takes room of its
/// own, and nobody may ever ask for the figures.
const UPKEEP: Duration = Duration::from_secs(5);

/// Bounds of the buckets durations are counted in, in seconds.
const DURATIONS: [f64; 13] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// What a process can tell in figures.
pub struct Figures {
    counted: PrometheusHandle,
    looked: Mutex<Looked>,
    /// Where there is a Redis.
    redis_is_down: Option<IsDown>,
    _upkeep: AbortOnDropHandle<()>,
}

/// Says whether a service is missing at the moment.
pub type IsDown = Arc<dyn Fn() -> bool + Send + Sync>;

/// The last look at the work.
#[derive(Default)]
struct Looked {
    at: Option<Instant>,
    /// The kinds of work that were found set aside: one without any has to go down to 0.
    set_aside: BTreeMap<String, i64>,
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

impl Figures {
    /// Starts counting for the whole process. Call it once, on a tokio runtime, before anything is counted.
    pub fn record() -> Self {
        let durations = Matcher::Suffix("_seconds".to_owned());
        // Histograms can be added up over processes, which summaries cannot. Only an empty list of
        // bounds would be refused.
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(durations, &DURATIONS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let counted = recorder.handle();
        let measured = counted.clone();
        let upkeep = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                sleep(UPKEEP).await;
                measured.run_upkeep();
            }
        }));
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("figures are already being recorded elsewhere");
        }
        describe();
        gauge!("enishi_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let started = SystemClock.now().timestamp_micros();
        gauge!("process_start_time_seconds").set(started as f64 / 1e6);
        watch_waits(|wait| histogram!("enishi_database_wait_seconds").record(wait));
        Self {
            counted,
            looked: Mutex::default(),
            redis_is_down: None,
            _upkeep: upkeep,
        }
    }

    /// Also tells whether Redis is missing.
    #[must_use]
    pub fn with_redis(mut self, is_down: IsDown) -> Self {
        self.redis_is_down = Some(is_down);
        self
    }

    /// All figures in the text form of Prometheus; how the work stands is asked on the connections
    /// of `ctx`.
    pub async fn render(&self, ctx: &Ctx) -> String {
        self.look(ctx).await;
        self.tell_of_itself(ctx);
        self.counted.run_upkeep();
        self.counted.render()
    }

    fn tell_of_itself(&self, ctx: &Ctx) {
        let connections = usage();
        for (state, count) in [("in_use", connections.in_use), ("idle", connections.idle)] {
            gauge!("enishi_database_connections", "state" => state).set(count as f64);
        }
        gauge!("enishi_database_connections_max").set(connections.most as f64);
        gauge!("enishi_database_waiting").set(connections.waiting as f64);
        if let Some(is_down) = &self.redis_is_down {
            gauge!("enishi_redis_up").set(f64::from(!is_down()));
        }
        gauge!("enishi_secret_key_replaced").set(f64::from(ctx.vault.is_replaced()));
    }

    async fn look(&self, ctx: &Ctx) {
        // Whoever asks meanwhile waits, and is told the same.
        let mut looked = self.looked.lock().await;
        if looked.at.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let answer = timeout(PATIENCE, standing::look(ctx)).await;
        looked.at = Some(Instant::now());
        let is_up = matches!(answer, Ok(Ok(_)));
        gauge!("enishi_database_up").set(f64::from(is_up));
        match answer {
            Ok(Ok(standing)) => looked.tell(standing, ctx.clock.now()),
            Ok(Err(error)) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "no figures of the work"
                );
            }
            Err(_) => tracing::debug!("no figures of the work within {PATIENCE:?}"),
        }
    }
}

impl Looked {
    fn tell(&mut self, standing: Standing, now: DateTime<Utc>) {
        let age = |since: DateTime<Utc>| (now - since).as_seconds_f64().max(0.0);
        for projection in domain::projections() {
            let name = projection.name();
            // The first of each is the one that waits longest.
            let mut behind = standing.behind.iter();
            let lag = behind.find(|one| one.projection == name);
            let lag = lag.map_or(0.0, |one| age(one.since));
            gauge!("enishi_projection_lag_seconds", "projection" => name).set(lag);
            let behind = standing.behind.iter();
            let failures = behind
                .filter(|one| one.projection == name)
                .map(|one| one.failures)
                .max();
            gauge!("enishi_projection_failures", "projection" => name)
                .set(failures.unwrap_or_default() as f64);
        }
        for overdue in standing.overdue {
            gauge!("enishi_due_items", "kind" => overdue.work.clone()).set(overdue.items as f64);
            gauge!("enishi_due_oldest_seconds", "kind" => overdue.work)
                .set(overdue.since.map_or(0.0, age));
        }
        for count in self.set_aside.values_mut() {
            *count = 0;
        }
        self.set_aside.extend(standing.set_aside);
        for (work, count) in &self.set_aside {
            gauge!("enishi_quarantine_items", "work" => work.clone()).set(*count as f64);
        }
    }
}

fn describe() {
    describe_gauge!(
        "enishi_build_info",
        "1, with the release of the program as a label"
    );
    describe_gauge!(
        "process_start_time_seconds",
        Unit::Seconds,
        "When the process started, in seconds since 1970"
    );
    describe_gauge!(
        "enishi_database_connections",
        "Connections of this process to the database, by what becomes of them: in_use, or idle"
    );
    describe_gauge!(
        "enishi_database_connections_max",
        "The most connections this process opens"
    );
    describe_gauge!(
        "enishi_database_waiting",
        "Requests and jobs that wait for a connection to the database"
    );
    describe_histogram!(
        "enishi_database_wait_seconds",
        Unit::Seconds,
        "How long requests and jobs waited for a connection to the database, also in vain; 0 where \
         there was one"
    );
    describe_gauge!(
        "enishi_redis_up",
        "1 if Redis answered last, 0 if not; missing where there is none"
    );
    describe_gauge!(
        "enishi_secret_key_replaced",
        "1 if the secret key of this process was replaced by `enishi reseal`, so that it has to be \
         started again with the new one"
    );
    describe_gauge!(
        "enishi_database_up",
        "1 if the database told how the work stands when it was asked last, 0 if it did not: then \
         the figures of the work are old"
    );
    describe_gauge!(
        "enishi_projection_lag_seconds",
        Unit::Seconds,
        "Age of the oldest entry of the change log that a projection has not read in some workspace, \
         whoever is at it; 0 if none"
    );
    describe_gauge!(
        "enishi_projection_failures",
        "Errors in a row of a projection with the one entry it stands at, the most of all workspaces"
    );
    describe_gauge!(
        "enishi_due_items",
        "Items whose time has come and that nobody has taken on, by kind; counted up to 10,000"
    );
    describe_gauge!(
        "enishi_due_oldest_seconds",
        Unit::Seconds,
        "How long the oldest of them could have been done, 0 if there is none"
    );
    describe_gauge!(
        "enishi_quarantine_items",
        "Items set aside after repeated failure and not replayed; counted up to 10,000"
    );
}
