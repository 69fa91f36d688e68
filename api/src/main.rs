//! `enishi`: serves the API, does the background work itself when there is no Redis, and has the
//! commands that run beside the database.
//!
//! This is the one place that knows both doors: it reads all settings (`cli`), puts the parts together
//! and stops them in order.

#![expect(
    clippy::doc_markdown,
    reason = "the comments of the arguments are the text of --help"
)]

mod cli;

use std::{
    env,
    fs::{DirBuilder, OpenOptions},
    io,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use api::{
    command::{self, audit, backup, check, demo, import, reseal, say, token, workspace},
    config::Config,
    graphql,
    hints::{RedisWakeups, redis_hints},
    serve::{self, Server, alone, first},
};
use cli::{Cli, Command};
use domain::{
    ctx::Ctx,
    locale::Locale,
    port::{Hint, Hints, NoHints, RandomIds, SystemClock},
    store::Location,
    work::{epoch, takeover},
};
use futures::FutureExt as _;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use worker::{
    config::{self, Config as SharedConfig, Redis},
    egress::guard::Guard,
    figures::{Figures, IsDown},
    hints::MemoryHints,
    probe,
    queue::{MemoryQueue, Queue},
    runtime,
    secret_key::{self, Lacking},
    start, stop,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the start waits for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections of a command that runs alone.
const COMMAND_CONNECTIONS: u32 = 4;

/// Hints that wait for a slow reader of the log before it must look by itself.
const WAKEUPS: usize = 1024;

fn main() -> ExitCode {
    let cli: Cli = config::read();
    // Needs no settings at all, so that it works where they are wrong.
    if matches!(cli.command, Some(Command::Schema)) {
        say(graphql::sdl().trim_end());
        return ExitCode::SUCCESS;
    }
    let mut problems = Vec::new();
    let zone = env::var("TZ").ok();
    let shared = cli.shared.check(&mut problems);
    let server = cli.server.check(zone.as_deref(), &mut problems);
    let (Some(shared), Some(server)) = (shared, server) else {
        #[expect(clippy::print_stderr, reason = "logging has not started")]
        for problem in problems {
            eprintln!("enishi: {problem}");
        }
        return ExitCode::from(2);
    };
    shared.log.start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Requests are served on threads of their own; these do the jobs.
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime");
    let command = cli.command.unwrap_or(Command::Serve { demo: cli.demo });
    let outcome = runtime.and_then(|runtime| {
        let outcome = runtime.block_on(run(command, shared, server));
        // A look-up of a name that hangs must not hold up the end.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, shared: SharedConfig, server: Config) -> anyhow::Result<ExitCode> {
    let demo = match command {
        Command::Serve { demo } => demo,
        command => return run_command(command, shared, server).await,
    };
    serve_all(shared, server, demo).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_command(
    command: Command,
    shared: SharedConfig,
    server: Config,
) -> anyhow::Result<ExitCode> {
    if !command.makes_tables() {
        command::require_database(&shared.database)?;
    }
    let needs_key = command.needs_key();
    let (ctx, location) = context(shared, COMMAND_CONNECTIONS, Arc::new(NoHints), needs_key)?;
    let writes = command.writes();
    let outcome = work_on(&ctx, command, &server).await;
    if writes {
        // Also when it was not done to its end: a part may be there.
        location.make_whole().await;
    }
    outcome
}

async fn work_on(ctx: &Ctx, command: Command, server: &Config) -> anyhow::Result<ExitCode> {
    start::wait_for_database(ctx.db.owner(), Some(PATIENCE)).await?;
    if command.makes_tables() {
        migrate(ctx).await?;
    } else if command.needs_tables() {
        command::require_tables(ctx).await?;
    }
    if let Command::Reseal(reseal) = &command {
        reseal::before(ctx, reseal).await?;
        secret_key::require_opening(ctx).await?;
    }
    if command.writes() {
        secret_key::require(ctx).await?;
        open_epoch(ctx).await?;
    }
    match command {
        Command::Workspace(command) => workspace::run(ctx, command).await?,
        Command::Token(command) => token::run(ctx, command).await?,
        Command::Audit(command) => {
            if !audit::run(ctx, command).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Import(command) => {
            if !import::run(ctx, command, system_locale()).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Demo(demo) => {
            // Whoever names a workspace has one.
            if demo.workspace.is_none()
                && let Some(first) = first::ensure(ctx, server, system_locale()).await?
                && let Some(welcome) = first::welcome(&first, server.bind)
            {
                say(welcome);
            }
            demo::fill(ctx, demo.workspace).await?;
        }
        Command::Check => {
            if !check::run(ctx).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Backup(backup) => backup::run(ctx, backup).await?,
        Command::Reseal(_) => reseal::run(ctx).await?,
        Command::Migrate | Command::Serve { .. } | Command::Schema => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The business on connections of the main runtime, and where its database is.
fn context(
    shared: SharedConfig,
    connections: u32,
    hints: Arc<dyn Hints>,
    needs_key: bool,
) -> anyhow::Result<(Ctx, Location)> {
    let ids = Arc::new(RandomIds);
    let mut lacking = if needs_key {
        Lacking::Refuse
    } else {
        Lacking::Ignore
    };
    if let Location::Sqlite(file) = &shared.database {
        // Whatever is in it came after a key.
        if needs_key && file.metadata().map_or(0, |metadata| metadata.len()) == 0 {
            lacking = Lacking::Make;
        }
        let folder = &shared.data_dir;
        // Customers' data lies here: nobody else on the machine reads it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("ENISHI_DATA_DIR: making the folder {}", folder.display()))?;
        make_file(file)
            .with_context(|| format!("DATABASE_URL: making the file {}", file.display()))?;
    }
    let ctx = Ctx {
        db: shared.database.open(connections, None),
        clock: Arc::new(SystemClock),
        vault: Arc::new(shared.keys.open(&*ids, lacking)?),
        ids,
        hints,
        reach: Arc::new(Guard::new(shared.egress_allow.clone())),
        once: None,
        public_url: shared.public_url.map(Arc::new),
        caller: None,
    };
    Ok((ctx, shared.database))
}

/// Makes the database file, if it is not there, for its owner alone, wherever it lies; what SQLite puts
/// beside it is as open as the file itself.
fn make_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn migrate(ctx: &Ctx) -> anyhow::Result<()> {
    migration::apply(ctx.db.owner())
        .await
        .context("bringing the tables up to date")
}

/// Before anything is written: the file or the server may be a restored backup.
async fn open_epoch(ctx: &Ctx) -> anyhow::Result<()> {
    epoch::open(ctx)
        .await
        .context("looking after the change log")?;
    Ok(())
}

/// How the work that follows a change is woken.
struct Wake {
    hints: Arc<dyn Hints>,
    /// Whether Redis is missing at the moment, where there is one.
    redis_is_down: Option<IsDown>,
}

/// Through Redis, or where there is none, `queue` and `wakeups` in this process.
fn wake(
    redis: Option<&Redis>,
    queue: &MemoryQueue,
    wakeups: &broadcast::Sender<Hint>,
) -> anyhow::Result<Wake> {
    let Some(redis) = redis else {
        return Ok(Wake {
            hints: Arc::new(MemoryHints::new(queue.clone(), wakeups.clone())),
            redis_is_down: None,
        });
    };
    let relay = redis_hints(&redis.url, &redis.prefix).context("REDIS_URL")?;
    let heard =
        RedisWakeups::start(&redis.url, &redis.prefix, wakeups.clone()).context("REDIS_URL")?;
    let sending = relay.clone();
    Ok(Wake {
        hints: Arc::new(relay),
        redis_is_down: Some(Arc::new(move || sending.is_down() || heard.is_down())),
    })
}

/// What `/metrics` tells.
fn metrics(figures: Figures, redis_is_down: Option<IsDown>) -> serve::Metrics {
    let figures = Arc::new(match redis_is_down {
        Some(is_down) => figures.with_redis(is_down),
        None => figures,
    });
    Arc::new(move |ctx: Ctx| {
        let figures = figures.clone();
        async move { figures.render(&ctx).await }.boxed()
    })
}

/// Does `work` beside serving, which stops when it ends: serving without the work that follows would look
/// well and not be.
fn beside(
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    serving: &CancellationToken,
) -> AbortOnDropHandle<anyhow::Result<()>> {
    let when_it_ends = serving.clone().drop_guard();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let _guard = when_it_ends;
        work.await
    }))
}

async fn serve_all(shared: SharedConfig, server: Config, demo: bool) -> anyhow::Result<()> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = cli::unknown_settings(names);
    if !unknown.is_empty() {
        tracing::warn!(names = %unknown.join(", "), "these variables are no settings and have no effect");
    }
    // First of all, so that a port in use is told before anything is made.
    let listener = listen(&server)?;
    let address = listener.local_addr().context("listening")?;
    let starting = probe::while_starting(&listener).context("listening")?;
    let shutdown = CancellationToken::new();
    stop::listen(shutdown.clone())?;
    let figures = Figures::record();
    let (wakeups, _) = broadcast::channel(WAKEUPS);
    let queue = MemoryQueue::new();
    let redis = shared.redis.clone();
    let Wake {
        hints,
        redis_is_down,
    } = wake(redis.as_ref(), &queue, &wakeups)?;
    let metrics = metrics(figures, redis_is_down.clone());
    let (egress_allow, mail) = (shared.egress_allow.clone(), shared.mail.clone());
    let (concurrency, keep) = (shared.worker_concurrency, shared.keep);
    // One share for each thread and one for the jobs.
    let share = (shared.database_connections / (server.threads as u32 + 1)).max(2);
    let (ctx, location) = context(shared, share, hints, true)?;
    let held = alone::hold(&location)?;
    tokio::select! {
        outcome = start::wait_for_database(ctx.db.owner(), Some(PATIENCE)) => outcome?,
        () = shutdown.cancelled() => return Ok(()),
    }
    migrate(&ctx).await?;
    secret_key::require(&ctx).await?;
    open_epoch(&ctx).await?;
    if redis.is_none() && matches!(location, Location::Sqlite(_)) {
        takeover::take_over(&ctx)
            .await
            .context("taking up the work of a process that was killed")?;
    }
    let _key = secret_key::watch(ctx.clone());
    let first = first::ensure(&ctx, &server, system_locale()).await?;
    if demo {
        tokio::select! {
            filled = demo::fill(&ctx, None) => if let Err(error) = filled {
                // Another process may be filling it at the same moment; serving goes on either way.
                tracing::warn!("no sample data was filled in, `enishi demo` can do it: {error:#}");
            },
            () = shutdown.cancelled() => {
                location.make_whole().await;
                return Ok(());
            }
        }
    }
    let jobs_shutdown = CancellationToken::new();
    let egress = start::egress(egress_allow, mail, ctx.clock.clone())?;
    let jobs = redis.is_none().then(|| {
        let settings = runtime::Settings {
            concurrency,
            keep,
            ..runtime::Settings::default()
        };
        let work = start::work(
            ctx.clone(),
            egress.clone(),
            Arc::new(queue) as Arc<dyn Queue>,
            settings,
            jobs_shutdown.clone(),
        );
        beside(work, &shutdown)
    });
    if let Some(welcome) = first.and_then(|first| first::welcome(&first, address)) {
        say(welcome);
    }
    tracing::info!(
        %address,
        explorer = first::explorer_url(address),
        jobs = if jobs.is_some() { "in this process" } else { "in enishi-worker" },
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    let server = Server {
        config: server,
        location: location.clone(),
        connections_per_thread: share,
        ctx,
        egress,
        wakeups,
        metrics,
        redis_is_down,
    };
    starting.abort();
    let _ = starting.await;
    serve::serve(server, listener, shutdown).await?;
    jobs_shutdown.cancel();
    if let Some(jobs) = jobs {
        jobs.await.context("the background work crashed")??;
    }
    location.make_whole().await;
    drop(held);
    tracing::info!("stopped");
    Ok(())
}

fn listen(server: &Config) -> anyhow::Result<TcpListener> {
    let address = server.bind;
    TcpListener::bind(address).with_context(|| {
        format!("ENISHI_BIND: cannot listen on {address}; is another program there?")
    })
}

fn system_locale() -> Locale {
    let values = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| env::var(name).ok());
    command::locale_of(values.iter().map(Option::as_deref))
}
