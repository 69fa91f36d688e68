//! The settings of a worker: read once in `main`, checked all at once, typed from there on.
//!
//! `enishi` runs a worker inside itself when there is no Redis, so it takes all of these too and
//! adds what serving needs. Each setting is declared here once, with its environment name, its
//! default and the text of `--help`; `docs/settings.md` has the same list and a test compares them.
//!
//! To add one: a field of [`Args`] (or of [`WorkerArgs`], if `enishi` has no use for it), its check
//! in [`Args::check`], a line in `docs/settings.md`, and its name in `compose.yaml`.

#![expect(
    clippy::doc_markdown,
    reason = "the comments of the fields are the text of --help"
)]

use std::{net::SocketAddr, path::PathBuf};

use chrono::TimeDelta;
use clap::{CommandFactory, FromArgMatches, builder::Resettable};
use domain::{
    store::{Location, LocationError},
    vault::MasterKey,
    work::retention::Keep,
};
use ipnet::IpNet;
use url::Url;

use crate::{logs::LogSettings, mail::MailSettings, secret_key::Keys};

/// Settings of both programs, as they were given. Values stay text until [`Args::check`], so that
/// every problem is told at once and no secret is repeated by the argument parser.
#[derive(clap::Args)]
#[group(id = "shared")]
pub struct Args {
    /// Folder for files of this process: the SQLite database and the secret key it makes
    #[arg(
        long,
        env = "ENISHI_DATA_DIR",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Database")]
    data_dir: PathBuf,

    /// postgres://user:password@host/name or sqlite:/path. Default: enishi.db in the data folder
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Database")]
    database_url: Option<String>,

    /// redis://host:6379, with commas a cluster; needs PostgreSQL. Default: one process does all
    #[arg(long, env = "REDIS_URL", value_name = "URL")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Several processes")]
    redis_url: Option<String>,

    /// First part of every Redis key, for installations that share a Redis
    #[arg(
        long,
        env = "ENISHI_REDIS_PREFIX",
        value_name = "WORD",
        default_value = "enishi"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Several processes")]
    redis_prefix: String,

    /// Encrypts credentials: 64 hexadecimal digits or base64. Needed with PostgreSQL, else made
    #[arg(long, env = "ENISHI_SECRET_KEY", value_name = "KEY")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Secrets")]
    secret_key: Option<String>,

    /// The former secret key, until `enishi reseal` has encrypted everything with the new one
    #[arg(long, env = "ENISHI_SECRET_KEY_OLD", value_name = "KEY")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Secrets")]
    secret_key_old: Option<String>,

    /// Private networks targets may be in: 10.1.0.0/16,fd00::/8. Default: public addresses only
    #[arg(long, env = "ENISHI_EGRESS_ALLOW", value_name = "NETWORKS")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Calls and mail going out")]
    egress_allow: Option<String>,

    /// Where people see this installation; links and surveys begin with it. Default: no links
    #[arg(long, env = "ENISHI_PUBLIC_URL", value_name = "URL")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    public_url: Option<String>,

    /// smtps://user:password@host:465 or smtp://...@host:587?tls=required. Default: no email
    #[arg(long, env = "ENISHI_SMTP_URL", value_name = "URL")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Calls and mail going out")]
    smtp_url: Option<String>,

    /// Whom mail comes from, such as Enishi <enishi@example.com>; needed with ENISHI_SMTP_URL
    #[arg(long, env = "ENISHI_MAIL_FROM", value_name = "ADDRESS")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Calls and mail going out")]
    mail_from: Option<String>,

    /// Most connections this process opens, 4 to 1000, shared out among its threads
    #[arg(
        long,
        env = "ENISHI_DATABASE_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "16"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Database")]
    database_connections: String,

    /// Background jobs done at once in this process, 1 to 256
    #[arg(
        long,
        env = "ENISHI_WORKER_CONCURRENCY",
        value_name = "NUMBER",
        default_value = "4"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Background work")]
    worker_concurrency: String,

    /// Days the change log is kept, as far back as subscriptions go: 1 to 36500, 0 for ever
    #[arg(
        long,
        env = "ENISHI_KEEP_CHANGES_DAYS",
        value_name = "DAYS",
        default_value = "90"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "What is kept")]
    keep_changes_days: String,

    /// Days finished work and receivers' answers are kept: 7 to 36500, 0 for ever
    #[arg(
        long,
        env = "ENISHI_KEEP_WORK_DAYS",
        value_name = "DAYS",
        default_value = "30"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "What is kept")]
    keep_work_days: String,

    /// What is logged: error, warn, info, debug or trace, also per module (info,domain=debug)
    #[arg(
        long,
        env = "ENISHI_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Log lines")]
    log: String,

    /// Form of the log lines on standard error: text or json
    #[arg(
        long,
        env = "ENISHI_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Log lines")]
    log_format: String,
}

/// Settings of both programs, checked.
#[derive(Debug)]
pub struct Config {
    /// Folder for files.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Location,
    /// Redis, if there is one.
    pub redis: Option<Redis>,
    /// Where the secret key comes from.
    pub keys: Keys,
    /// Private networks that may be called.
    pub egress_allow: Vec<IpNet>,
    /// Where people see this installation.
    pub public_url: Option<Url>,
    /// The mail server and the sender, if it sends mail.
    pub mail: Option<MailSettings>,
    /// Most connections to the database.
    pub database_connections: u32,
    /// Background jobs at once.
    pub worker_concurrency: usize,
    /// How long what is kept for.
    pub keep: Keep,
    /// How to log.
    pub log: LogSettings,
}

/// Where wake-ups travel.
#[derive(Clone)]
pub struct Redis {
    /// One URL, or several with commas between them.
    pub url: String,
    /// First part of every key.
    pub prefix: String,
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Args {
    /// Checks every value and adds what is wrong to `problems`, one text each that begins with the
    /// setting's name and never repeats a secret. Gives nothing when it added something.
    pub fn check(self, problems: &mut Vec<String>) -> Option<Config> {
        let before = problems.len();
        let database = database(given(self.database_url.as_ref()), &self.data_dir)
            .map_err(|error| problems.push(format!("DATABASE_URL: {error}")))
            .ok();
        let is_sqlite = matches!(database, Some(Location::Sqlite(_)));
        let url = given(self.redis_url.as_ref());
        if url.is_some() && is_sqlite {
            problems.push(
                "REDIS_URL: Redis connects several processes, which need PostgreSQL (DATABASE_URL). \
                 On SQLite one process does everything: leave REDIS_URL out"
                    .to_owned(),
            );
        }
        if let Some(url) = url {
            check_redis(url, problems);
        }
        let prefix = self.redis_prefix.trim();
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(is_word) {
            problems.push(
                "ENISHI_REDIS_PREFIX: use 1 to 64 letters, digits, and the characters - _ . :"
                    .to_owned(),
            );
        }
        let key = |name: &str, text: Option<&str>, problems: &mut Vec<String>| {
            text?
                .parse::<MasterKey>()
                .map_err(|error| problems.push(format!("{name}: {error}")))
                .ok()
        };
        let current = key(
            "ENISHI_SECRET_KEY",
            given(self.secret_key.as_ref()),
            problems,
        );
        let old = key(
            "ENISHI_SECRET_KEY_OLD",
            given(self.secret_key_old.as_ref()),
            problems,
        );
        if given(self.secret_key.as_ref()).is_none() && database.is_some() && !is_sqlite {
            problems.push(
                "ENISHI_SECRET_KEY: it is needed with PostgreSQL, the same in every process. \
                 Make one with: openssl rand -hex 32"
                    .to_owned(),
            );
        }
        let egress_allow = networks(given(self.egress_allow.as_ref()), problems);
        let public_url = given(self.public_url.as_ref()).and_then(|text| {
            public_url(text)
                .map_err(|problem| problems.push(format!("ENISHI_PUBLIC_URL: {problem}")))
                .ok()
        });
        let mail = MailSettings::check(
            given(self.smtp_url.as_ref()),
            given(self.mail_from.as_ref()),
            problems,
        );
        let connections = number(
            "ENISHI_DATABASE_CONNECTIONS",
            &self.database_connections,
            4..=1000,
            problems,
        );
        let concurrency = number(
            "ENISHI_WORKER_CONCURRENCY",
            &self.worker_concurrency,
            1..=256,
            problems,
        );
        let changes = days(
            "ENISHI_KEEP_CHANGES_DAYS",
            &self.keep_changes_days,
            1,
            problems,
        );
        let work = days("ENISHI_KEEP_WORK_DAYS", &self.keep_work_days, 7, problems);
        let log = LogSettings::parse(&self.log, &self.log_format, problems);
        if problems.len() > before {
            return None;
        }
        Some(Config {
            database: database?,
            redis: url.map(|url| Redis {
                url: url.to_owned(),
                prefix: prefix.to_owned(),
            }),
            keys: Keys {
                current,
                old,
                file: self.data_dir.join("secret.key"),
            },
            data_dir: self.data_dir,
            egress_allow,
            public_url,
            mail,
            database_connections: connections?,
            worker_concurrency: concurrency? as usize,
            keep: Keep {
                changes: term(changes?),
                work: term(work?),
            },
            log: log?,
        })
    }
}

/// Reads the command line, and the environment for what it leaves out; a variable that is set to nothing counts
/// as not set, so that the default holds. Ends the process where that is all it asks for, or it cannot be read.
pub fn read<P: CommandFactory + FromArgMatches>() -> P {
    let command = P::command().mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        let is_nothing = value.is_some_and(|value| value.to_string_lossy().trim().is_empty());
        if is_nothing {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    });
    P::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// The value, if there is one: an option that is set to nothing counts as not set.
fn given(value: Option<&String>) -> Option<&str> {
    value
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

fn database(url: Option<&str>, data_dir: &std::path::Path) -> Result<Location, LocationError> {
    match url {
        Some(url) => Location::parse(url),
        None => Ok(Location::Sqlite(data_dir.join("enishi.db"))),
    }
}

fn check_redis(urls: &str, problems: &mut Vec<String>) {
    for url in urls.split(',').map(str::trim) {
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            let schemes = "it must begin with redis://, or with rediss:// for TLS";
            problems.push(format!("REDIS_URL: {schemes}"));
        } else if redis::Client::open(url).is_err() {
            problems.push(
                "REDIS_URL: it is not of the form redis://user:password@host:port".to_owned(),
            );
        }
    }
}

fn networks(list: Option<&str>, problems: &mut Vec<String>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    let words = list.into_iter().flat_map(|list| list.split(','));
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        match word.parse() {
            Ok(network) => networks.push(network),
            Err(_) => problems.push(format!(
                "ENISHI_EGRESS_ALLOW: {word:?} is not a network such as 10.1.0.0/16"
            )),
        }
    }
    networks
}

fn public_url(text: &str) -> Result<Url, &'static str> {
    let problem = "give an address such as https://enishi.example.com, without user, query or #";
    let url = Url::parse(text).map_err(|_| problem)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain.then_some(url).ok_or(problem)
}

fn number(
    name: &str,
    text: &str,
    range: std::ops::RangeInclusive<u32>,
    problems: &mut Vec<String>,
) -> Option<u32> {
    let number = text
        .trim()
        .parse()
        .ok()
        .filter(|number| range.contains(number));
    if number.is_none() {
        let (from, to) = range.into_inner();
        problems.push(format!("{name}: give a whole number from {from} to {to}"));
    }
    number
}

/// A number of days from `least` on, or 0 for no end.
fn days(name: &str, text: &str, least: i64, problems: &mut Vec<String>) -> Option<i64> {
    let days = text.trim().parse().ok();
    let days = days.filter(|days| *days == 0 || (least..=36_500).contains(days));
    if days.is_none() {
        problems.push(format!(
            "{name}: give a whole number of days from {least} to 36500, or 0 for ever"
        ));
    }
    days
}

fn term(days: i64) -> Option<TimeDelta> {
    (days > 0).then(|| TimeDelta::days(days))
}

/// The background worker of Enishi (縁).
///
/// Does what follows from changes: rules, email figures, health scores, notifications, nightly
/// schedules. Any number of them may run beside any number of `enishi` processes, all with the same
/// DATABASE_URL (PostgreSQL), REDIS_URL and ENISHI_SECRET_KEY. A single `enishi` without Redis
/// needs none: it does the same work itself.
#[derive(clap::Parser)]
#[command(name = "enishi-worker", version, max_term_width = 100)]
#[command(
    after_help = "\
It needs the settings of the `enishi` beside it:
  DATABASE_URL       postgres://user:password@host/name
  REDIS_URL          redis://host:6379
  ENISHI_SECRET_KEY  the same in every process

Example:
  DATABASE_URL=postgres://... REDIS_URL=redis://... ENISHI_SECRET_KEY=... enishi-worker

All settings: enishi-worker --help",
    after_long_help = "\
Example:
  DATABASE_URL=postgres://... REDIS_URL=redis://... ENISHI_SECRET_KEY=... enishi-worker

Every setting is an option or an environment variable; the option wins. Secrets are better given as
variables: options show in lists of processes."
)]
pub struct WorkerArgs {
    #[command(flatten)]
    shared: Args,

    /// Where this worker serves /healthz, /readyz and /metrics: 127.0.0.1:9090. Default: nowhere
    #[arg(long, env = "ENISHI_METRICS_BIND", value_name = "ADDRESS:PORT")]
    #[arg(
        help_heading = "Background work",
        hide_short_help = true,
        hide_env_values = true
    )]
    metrics_bind: Option<String>,
}

/// Settings of a worker process, checked.
#[derive(Debug)]
pub struct WorkerConfig {
    /// What both programs have.
    pub shared: Config,
    /// Redis; a process of its own is woken through nothing else.
    pub redis: Redis,
    /// Where to serve its health and figures.
    pub metrics_bind: Option<SocketAddr>,
}

impl WorkerArgs {
    /// Checks every value; on failure tells all that is wrong.
    pub fn check(self) -> Result<WorkerConfig, Vec<String>> {
        let mut problems = Vec::new();
        let needs = "a worker process needs PostgreSQL and Redis; without them `enishi` alone does \
                     the background work";
        if !given(self.shared.database_url.as_ref()).is_some_and(|url| url.starts_with("postgres"))
        {
            problems.push(format!("DATABASE_URL: give a postgres:// URL; {needs}"));
        }
        if given(self.shared.redis_url.as_ref()).is_none() {
            problems.push(format!("REDIS_URL: give a redis:// URL; {needs}"));
        }
        let metrics_bind = given(self.metrics_bind.as_ref()).and_then(|text| {
            text.parse()
                .map_err(|_| {
                    let example = "give an address and a port, such as 127.0.0.1:9090";
                    problems.push(format!("ENISHI_METRICS_BIND: {example}"));
                })
                .ok()
        });
        // What is missing has been told above, with the reason.
        let mut others = Vec::new();
        let shared = self.shared.check(&mut others);
        if problems.is_empty() {
            problems = others;
        } else {
            let told = |name: &str| problems.iter().any(|problem| problem.starts_with(name));
            let others: Vec<String> = others
                .into_iter()
                .filter(|other| !other.split_once(':').is_some_and(|(name, _)| told(name)))
                .collect();
            problems.extend(others);
        }
        let redis = shared.as_ref().and_then(|shared| shared.redis.clone());
        match (shared, redis) {
            (Some(shared), Some(redis)) if problems.is_empty() => Ok(WorkerConfig {
                shared,
                redis,
                metrics_bind,
            }),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
