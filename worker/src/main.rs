//! `enishi-worker`: the background work of an installation with several processes.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use domain::{
    ctx::Ctx,
    port::{Clock as _, Ids as _, RandomIds, SystemClock},
    work::epoch,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use worker::{
    config::{self, WorkerArgs, WorkerConfig},
    egress::guard::Guard,
    figures::{Figures, IsDown},
    hints::redis_hints,
    probe::Probe,
    queue::{RedisQueue, RedisQueueSettings},
    runtime,
    secret_key::{self, Lacking},
    start, stop,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a hint stays with a worker that was killed.
const LEASE: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let config = match config::read::<WorkerArgs>().check() {
        Ok(config) => config,
        Err(problems) => {
            #[expect(clippy::print_stderr, reason = "logging has not started")]
            for problem in problems {
                eprintln!("enishi-worker: {problem}");
            }
            return ExitCode::from(2);
        }
    };
    config.shared.log.start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(run(config)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: WorkerConfig) -> anyhow::Result<()> {
    let WorkerConfig {
        shared,
        redis,
        metrics_bind,
    } = config;
    let shutdown = CancellationToken::new();
    stop::listen(shutdown.clone())?;
    let (ids, clock) = (Arc::new(RandomIds), Arc::new(SystemClock));
    let hints = redis_hints(&redis.url, &redis.prefix).context("REDIS_URL cannot be used")?;
    let name = format!("worker-{}", ids.uuid(clock.now()).simple());
    let queue = RedisQueue::start(RedisQueueSettings {
        url: redis.url,
        prefix: redis.prefix,
        owner: name.clone(),
        lease: LEASE,
    })
    .context("REDIS_URL cannot be used")?;
    let queue = Arc::new(queue);
    let (sending, taking) = (hints.clone(), queue.clone());
    let redis_is_down: IsDown = Arc::new(move || sending.is_down() || taking.is_down());
    let figures = Figures::record().with_redis(redis_is_down.clone());
    let ctx = Ctx {
        db: shared.database.open(shared.database_connections, None),
        hints: Arc::new(hints),
        vault: Arc::new(shared.keys.open(&*ids, Lacking::Refuse)?),
        clock: clock.clone(),
        ids: ids.clone(),
        reach: Arc::new(Guard::new(shared.egress_allow.clone())),
        once: None,
        public_url: shared.public_url.map(Arc::new),
        caller: None,
    };
    let _probe = match metrics_bind {
        Some(address) => {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("ENISHI_METRICS_BIND: listening on {address}"))?;
            let probe = Probe {
                ctx: ctx.clone(),
                redis_is_down,
                figures,
                shutdown: shutdown.clone(),
            };
            Some(tokio_util::task::AbortOnDropHandle::new(tokio::spawn(
                probe.serve(listener),
            )))
        }
        None => None,
    };
    let ready = async {
        start::wait_for_database(ctx.db.owner(), None).await?;
        start::wait_for_migrations(ctx.db.owner()).await
    };
    tokio::select! {
        outcome = ready => outcome?,
        () = shutdown.cancelled() => return Ok(()),
    }
    secret_key::require(&ctx).await?;
    epoch::open(&ctx)
        .await
        .context("looking after the change log")?;
    let _key = secret_key::watch(ctx.clone());
    let settings = runtime::Settings {
        name: name.clone(),
        concurrency: shared.worker_concurrency,
        keep: shared.keep,
        ..runtime::Settings::default()
    };
    let egress = start::egress(shared.egress_allow, shared.mail, clock)?;
    tracing::info!(
        worker.name = name,
        version = env!("CARGO_PKG_VERSION"),
        "worker started"
    );
    start::work(ctx, egress, queue, settings, shutdown).await?;
    tracing::info!(worker.name = name, "worker stopped");
    Ok(())
}
