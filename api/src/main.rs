//! `enishi`: serves the API, does the background work itself when there is no Redis, and has the
//! commands that run beside the database.
//!
//! This is the one place that knows both doors: it reads all settings, puts the parts together and
//! stops them in order.

#![expect(
    clippy::doc_markdown,
    reason = "the comments of the arguments are the text of --help"
)]

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
use clap::{Parser, Subcommand};
use domain::{
    ctx::Ctx,
    locale::Locale,
    port::{Hints, NoHints, RandomIds, SystemClock},
    store::Location,
    work::{epoch, takeover},
};
use futures::FutureExt as _;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use worker::{
    config::Config as SharedConfig,
    egress::guard::Guard,
    figures::Figures,
    hints::MemoryHints,
    queue::{MemoryQueue, Queue},
    runtime, secret_key, start, stop,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the start waits for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections of a command that runs alone.
const COMMAND_CONNECTIONS: u32 = 4;

/// Hints that wait for a slow reader of the log before it must look by itself.
const WAKEUPS: usize = 1024;

/// Enishi (縁): a self-hosted customer-engagement server with a GraphQL API.
///
/// Two ways to run it:
///
///   One process, no configuration: `enishi` keeps everything in ./data (SQLite), serves the API
///   and its explorer on http://localhost:8080/explorer, and does the background work itself. The
///   first start shows the owner's access token.
///
///   Several processes: any number of `enishi` and of `enishi-worker` with the same DATABASE_URL
///   (PostgreSQL), REDIS_URL and ENISHI_SECRET_KEY.
#[derive(Parser)]
#[command(name = "enishi", version, max_term_width = 100, verbatim_doc_comment)]
#[command(after_help = EXAMPLES)]
#[command(after_long_help = LONG_EXAMPLES)]
struct Cli {
    /// Fill the workspace with sample data before serving, if nothing is in it yet
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    shared: worker::config::Args,
    #[command(flatten)]
    server: api::config::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  enishi                                    serve, with everything in ./data
  enishi --demo                             the same, with sample data to look at
  enishi import csv customers.csv --dry-run
  enishi import mbox Mail.mbox --own-address @example.com
  enishi token create                       when every token is lost

Settings that scripts and containers need, as environment variables:
  ENISHI_BIND             where HTTP is served, such as 0.0.0.0:8080
  ENISHI_BOOTSTRAP_TOKEN  the first owner's access token, to be known beforehand
  DATABASE_URL            postgres://user:password@host/name; without it, an SQLite file
  REDIS_URL               redis://host:6379, for several processes
  ENISHI_SECRET_KEY       needed with PostgreSQL: openssl rand -hex 32

All settings: enishi --help";

const LONG_EXAMPLES: &str = "\
Examples:
  enishi                                    serve, with everything in ./data
  enishi --demo                             the same, with sample data to look at
  enishi --bind 0.0.0.0:8080                for other machines too (behind a proxy with TLS)
  enishi import csv customers.csv --dry-run
  enishi import mbox Mail.mbox --own-address @example.com
  enishi workspace list
  enishi token create                       when every token is lost
  DATABASE_URL=postgres://... REDIS_URL=redis://... ENISHI_SECRET_KEY=... enishi

Every setting is an option or an environment variable; the option wins. Secrets are better given as
variables: options show in lists of processes.
On the same address: /graphql, /explorer, /healthz, /readyz, /metrics.";

#[derive(Subcommand)]
enum Command {
    /// Serve the API (what `enishi` alone does)
    #[command(after_help = "Example:\n  enishi serve --demo")]
    Serve {
        /// Fill the workspace with sample data before serving, if nothing is in it yet
        #[arg(long)]
        demo: bool,
    },
    /// Fill an empty workspace with sample data, and end
    #[command(after_help = "Example:\n  enishi demo")]
    Demo(demo::Demo),
    /// Print the GraphQL schema
    #[command(after_help = "Example:\n  enishi schema > schema.graphql")]
    Schema,
    /// Bring the tables up to date, and end; `enishi` also does it at its start
    #[command(
        after_help = "Example:\n  DATABASE_URL=postgres://... ENISHI_SECRET_KEY=... enishi migrate"
    )]
    Migrate,
    /// Look whether the database is whole and its work goes on; fails if a person is needed
    #[command(after_help = "Example:\n  enishi check && echo well")]
    Check,
    /// Write a copy of the SQLite file while everything runs
    #[command(after_help = "Example:\n  enishi backup copy.db")]
    Backup(backup::Backup),
    /// Encrypt again with the secret key what the former one encrypted; safe to run again
    #[command(
        after_help = "Example:\n  ENISHI_SECRET_KEY=... ENISHI_SECRET_KEY_OLD=... enishi reseal"
    )]
    Reseal(reseal::Reseal),
    /// Make and list workspaces
    #[command(subcommand)]
    Workspace(workspace::Command),
    /// Make an access token
    #[command(subcommand)]
    Token(token::Command),
    /// Check the audit log, or print what to keep elsewhere
    #[command(subcommand)]
    Audit(audit::Command),
    /// Bring in tables and mail; safe to run again, what is there is not stored twice
    #[command(subcommand)]
    Import(import::Command),
}

impl Command {
    /// Whether it may write to the change log. What only reads leaves the log as it is: on SQLite it
    /// would go on in a new epoch, under a server that is running.
    fn writes(&self) -> bool {
        !matches!(
            self,
            Self::Audit(_)
                | Self::Backup(_)
                | Self::Check
                | Self::Reseal(_)
                | Self::Schema
                | Self::Workspace(workspace::Command::List)
        )
    }

    /// Whether it is a beginning: it brings the tables about, and on SQLite the file.
    fn makes_tables(&self) -> bool {
        matches!(
            self,
            Self::Demo(_)
                | Self::Migrate
                | Self::Serve { .. }
                | Self::Workspace(workspace::Command::Create(_))
        )
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
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
    let (ctx, location) = context(shared, COMMAND_CONNECTIONS, Arc::new(NoHints))?;
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
    } else {
        command::require_tables(ctx).await?;
    }
    if let Command::Reseal(reseal) = &command {
        reseal::before(ctx, reseal).await?;
    }
    if command.writes() || matches!(command, Command::Reseal(_)) {
        secret_key::require(ctx).await?;
    }
    if command.writes() {
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
) -> anyhow::Result<(Ctx, Location)> {
    let ids = Arc::new(RandomIds);
    if let Location::Sqlite(file) = &shared.database {
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
        vault: Arc::new(shared.keys.open(&*ids)?),
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

async fn serve_all(shared: SharedConfig, server: Config, demo: bool) -> anyhow::Result<()> {
    // First of all, so that a port in use is told before anything is made.
    let listener = listen(&server)?;
    let address = listener.local_addr().context("listening")?;
    let shutdown = CancellationToken::new();
    stop::listen(shutdown.clone())?;
    let figures = Arc::new(Figures::record());
    let metrics: serve::Metrics = Arc::new(move |ctx: Ctx| {
        let figures = figures.clone();
        async move { figures.render(&ctx).await }.boxed()
    });
    let (wakeups, _) = broadcast::channel(WAKEUPS);
    let queue = MemoryQueue::new();
    let redis = shared.redis.clone();
    let mut redis_is_down: Option<Arc<dyn Fn() -> bool + Send + Sync>> = None;
    let hints: Arc<dyn Hints> = match &redis {
        None => Arc::new(MemoryHints::new(queue.clone(), wakeups.clone())),
        Some(redis) => {
            let relay = redis_hints(&redis.url, &redis.prefix).context("REDIS_URL")?;
            let heard = RedisWakeups::start(&redis.url, &redis.prefix, wakeups.clone())
                .context("REDIS_URL")?;
            let sending = relay.clone();
            redis_is_down = Some(Arc::new(move || sending.is_down() || heard.is_down()));
            Arc::new(relay)
        }
    };
    let (egress_allow, mail) = (shared.egress_allow.clone(), shared.mail.clone());
    let (concurrency, keep) = (shared.worker_concurrency, shared.keep);
    // One share for each thread and one for the jobs.
    let share = (shared.database_connections / (server.threads as u32 + 1)).max(2);
    let (ctx, location) = context(shared, share, hints)?;
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
        let when_it_ends = shutdown.clone().drop_guard();
        AbortOnDropHandle::new(tokio::spawn(async move {
            // Serving without the work that follows would look well and not be: stop together.
            let _guard = when_it_ends;
            work.await
        }))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    const WORKSPACE: &str = "workspace_01900000000070008000000000000001";

    fn names_of(command: &clap::Command, names: &mut BTreeSet<String>) {
        let variables = command.get_arguments().filter_map(clap::Arg::get_env);
        names.extend(variables.map(|name| name.to_string_lossy().into_owned()));
        for inner in command.get_subcommands() {
            names_of(inner, names);
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
        worker::config::WorkerArgs::command().debug_assert();
    }

    /// A command and what is inside it, each with the words it is called by.
    fn commands_of(
        command: &clap::Command,
        called: &str,
        found: &mut Vec<(String, clap::Command)>,
    ) {
        for inner in command.get_subcommands() {
            commands_of(inner, &format!("{called} {}", inner.get_name()), found);
        }
        found.push((called.to_owned(), command.clone()));
    }

    #[test]
    fn the_short_help_fits_a_screen_and_names_what_scripts_need() {
        let help = Cli::command().render_help().to_string();
        assert!(help.lines().count() <= 42, "{help}");
        let is_narrow = |line: &str| line.chars().count() <= 100;
        assert!(help.lines().all(is_narrow), "{help}");
        let mut declared = BTreeSet::new();
        names_of(&Cli::command(), &mut declared);
        for name in [
            "ENISHI_BIND",
            "ENISHI_BOOTSTRAP_TOKEN",
            "DATABASE_URL",
            "REDIS_URL",
            "ENISHI_SECRET_KEY",
        ] {
            assert!(declared.contains(name) && help.contains(name), "{name}");
        }
    }

    #[test]
    fn every_setting_is_told_in_one_line_under_a_heading() {
        for command in [Cli::command(), worker::config::WorkerArgs::command()] {
            let settings = command.get_arguments();
            for setting in settings.filter(|arg| arg.get_env().is_some()) {
                let told = setting.get_help().map(ToString::to_string);
                let told = told.unwrap_or_default();
                let is_line = !told.contains('\n') && (1..=90).contains(&told.chars().count());
                assert!(is_line, "{}: {told}", setting.get_id());
                assert!(setting.get_help_heading().is_some(), "{}", setting.get_id());
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let mut found = Vec::new();
        commands_of(&Cli::command(), "enishi", &mut found);
        for (called, command) in found {
            if command.has_subcommands() {
                continue;
            }
            let after = command.get_after_help().map(ToString::to_string);
            assert!(
                after.is_some_and(|after| after.contains(&called)),
                "{called}"
            );
        }
    }

    #[test]
    fn commands_that_only_read_open_no_epoch_of_the_change_log() {
        for (words, writes) in [
            (&["audit", "head"][..], false),
            (&["audit", "verify"], false),
            (&["backup", "copy.db"], false),
            (&["check"], false),
            (&["reseal"], false),
            (&["workspace", "list"], false),
            (&["serve"], true),
            (&["demo"], true),
            (&["demo", "--workspace", WORKSPACE], true),
            (&["migrate"], true),
            (&["token", "create"], true),
            (&["import", "csv", "people.csv"], true),
        ] {
            let cli = Cli::try_parse_from(["enishi"].iter().chain(words));
            let command = cli.unwrap().command.unwrap();
            assert_eq!(command.writes(), writes, "{words:?}");
        }
    }

    #[test]
    fn the_workspace_can_be_chosen_wherever_one_is_worked_in() {
        let whole = [
            "backup", "check", "create", "list", "migrate", "reseal", "schema", "serve",
        ];
        let mut found = Vec::new();
        commands_of(&Cli::command(), "enishi", &mut found);
        for (called, command) in found {
            let is_whole = whole.contains(&command.get_name()) && called != "enishi token create";
            if command.has_subcommands() || is_whole {
                continue;
            }
            let mut arguments = command.get_arguments();
            let chosen = arguments.find(|one| one.get_long() == Some("workspace"));
            let told = chosen
                .and_then(clap::Arg::get_help)
                .map(ToString::to_string);
            assert_eq!(
                told.as_deref(),
                Some("The workspace, when there are several"),
                "{called}"
            );
        }
    }

    #[test]
    fn the_table_of_settings_has_every_setting_and_no_other() {
        let mut declared = BTreeSet::new();
        names_of(&Cli::command(), &mut declared);
        names_of(&worker::config::WorkerArgs::command(), &mut declared);
        let table = include_str!("../../docs/settings.md");
        let documented: BTreeSet<String> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(documented, declared);
    }
}
