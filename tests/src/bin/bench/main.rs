//! Measures how fast the programs are, beside what the database alone can do. `tests/bench` builds
//! everything, starts the servers this needs and runs it.
//!
//! Both halves of every ratio come from the same run: on a shared machine nothing else compares.

mod bulk;
mod floor;
mod flows;
mod import;
mod matcher;
mod process;
mod reads;
mod report;
mod search;
mod seed;
mod segment;

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use domain::{
    access::{Actor, token},
    ctx::Ctx,
    health::nightly::NightlyHealth,
    inbox,
    locale::Locale,
    port::{AnyUrl, NoHints, RandomIds, SystemClock},
    store::{Location, Query},
    vault::Vault,
    work::schedule,
    workspace::{self, NewWorkspace},
};
use entity::id::Id as _;
use flows::Client;
use process::{Program, cpu_us, family_cpu_us, memory_mib};
use reads::{Door, Load};
use report::{count, quantile, row, say, table};
use sea_orm::ConnectionTrait as _;

/// The allocator of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The master key of all measured processes.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What is measured, and how much of it.
#[derive(Debug, Clone)]
struct Plan {
    contacts: u64,
    seconds: u64,
    messages: usize,
    events: usize,
    latencies: usize,
    databases: Vec<&'static str>,
    part: Part,
    folder: PathBuf,
}

/// What of it all is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Everything,
    /// Reading alone.
    Reads,
    /// Only what comes in over HTTP.
    Floods,
    /// Only searches, on contacts and messages of their own.
    Search,
    /// Only segments.
    Segments,
    /// Only imports and exports, of contacts of their own.
    Import,
    /// Only what rules cost, in memory.
    Matcher,
}

impl Part {
    fn named(name: &str) -> Option<Self> {
        match name {
            "reads" => Some(Self::Reads),
            "floods" => Some(Self::Floods),
            "search" => Some(Self::Search),
            "segments" => Some(Self::Segments),
            "import" => Some(Self::Import),
            "matcher" => Some(Self::Matcher),
            _ => None,
        }
    }
}

impl Plan {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut plan = Self {
            contacts: 100_000,
            seconds: 8,
            messages: 60_000,
            events: 60_000,
            latencies: 300,
            databases: vec!["postgres", "sqlite"],
            part: Part::Everything,
            folder: env::temp_dir(),
        };
        while let Some(name) = arguments.next() {
            if let Some(part) = Part::named(&name) {
                plan.part = part;
                continue;
            }
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--contacts" => plan.contacts = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--messages" => plan.messages = value.parse()?,
                "--events" => plan.events = value.parse()?,
                "--latencies" => plan.latencies = value.parse()?,
                "--folder" => plan.folder = value.into(),
                "--only" if value == "postgres" => plan.databases = vec!["postgres"],
                "--only" if value == "sqlite" => plan.databases = vec!["sqlite"],
                _ => bail!("unknown: {name} {value}"),
            }
        }
        if plan.contacts < 1_000 {
            bail!("--contacts: at least 1000");
        }
        Ok(plan)
    }
}

fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "floor") {
        let arguments: Vec<String> = arguments.collect();
        let [_, url, workspace, address] = arguments.as_slice() else {
            bail!("floor needs a database, a workspace and an address");
        };
        return actix_web::rt::System::new().block_on(async {
            let (ctx, location) = open(url)?;
            Ok(floor::serve(ctx, location, workspace.parse()?, address).await?)
        });
    }
    let plan = Plan::read(arguments)?;
    if plan.part == Part::Matcher {
        return matcher::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for database in plan.databases.clone() {
            let run = Run::prepare(&plan, database).await?;
            if plan.part == Part::Search {
                let messages = plan.messages as u64;
                search::run(&run.ctx, &run.owner, plan.contacts, messages).await?;
            } else if plan.part == Part::Segments {
                let place = segment::Place {
                    ctx: &run.ctx,
                    owner: &run.owner,
                    contacts: plan.contacts,
                    postmaster: run.postmaster,
                };
                segment::run(&place).await?;
            } else if plan.part == Part::Import {
                import::run(&run.ctx, &run.owner, plan.contacts).await?;
            } else {
                run.measure().await?;
            }
        }
        Ok(())
    })
}

fn open(url: &str) -> Result<(Ctx, Location)> {
    let location = Location::parse(url)?;
    let ctx = Ctx {
        db: location.open(6, None),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        hints: Arc::new(NoHints),
        reach: Arc::new(AnyUrl),
        vault: Arc::new(Vault::new(KEY.parse()?)),
        once: None,
        public_url: None,
        caller: None,
    };
    Ok((ctx, location))
}

/// The measuring of one database.
struct Run {
    plan: Plan,
    /// The server, when it is one.
    postmaster: Option<u32>,
    url: String,
    ctx: Ctx,
    owner: Actor,
    token: String,
    stopwatch: entity::id::TagId,
    inbox: entity::id::InboxId,
}

impl Run {
    /// Makes the database and fills it.
    async fn prepare(plan: &Plan, database: &str) -> Result<Self> {
        let (url, postmaster) = if database == "postgres" {
            let server = env::var("TEST_DATABASE_URL").context("TEST_DATABASE_URL")?;
            let postmaster = env::var("BENCH_POSTGRES_PID").context("BENCH_POSTGRES_PID")?;
            let (ctx, _) = open(&server)?;
            ctx.db
                .owner()
                .execute_unprepared("CREATE DATABASE enishi_bench")
                .await?;
            let mut url = url::Url::parse(&server)?;
            url.set_path("enishi_bench");
            (url.to_string(), Some(postmaster.parse()?))
        } else {
            (
                format!("sqlite:{}", plan.folder.join("enishi.db").display()),
                None,
            )
        };
        let title = if postmaster.is_some() {
            "PostgreSQL and Redis: `enishi` and `enishi-worker`"
        } else {
            "SQLite: `enishi` alone"
        };
        say(format!("\n## {title}"));
        let (ctx, _) = open(&url)?;
        migration::apply(ctx.db.owner()).await?;
        let new = NewWorkspace {
            name: "Bench".to_owned(),
            time_zone: chrono_tz::UTC,
            locale: Locale::Ja,
            own_addresses: vec!["@bench.example".to_owned()],
            owner_email: "owner@bench.example".to_owned(),
            owner_name: "Owner".to_owned(),
            owner_token: None,
        };
        let created = workspace::create(&ctx, new).await?;
        let token = secrecy::ExposeSecret::expose_secret(&created.owner_token).to_owned();
        let owner = token::authenticate(&ctx, &token)
            .await?
            .context("the token is good")?;
        let start = Instant::now();
        let has_own = matches!(plan.part, Part::Search | Part::Import);
        let stopwatch = if has_own {
            ctx.id()
        } else {
            seed::fill(&ctx, &owner, plan.contacts).await?;
            flows::rules(&ctx, &owner).await?
        };
        if postmaster.is_some() {
            let owner = ctx.db.owner();
            owner.execute_unprepared("VACUUM (ANALYZE)").await?;
        }
        let inbox = inbox::list(&ctx, owner.workspace).await?[0].id;
        if !has_own {
            say(format!(
                "\n{} contacts and 101 rules, filled in {:.1} s.",
                count(plan.contacts as f64),
                start.elapsed().as_secs_f64()
            ));
        }
        Ok(Self {
            plan: plan.clone(),
            postmaster,
            url,
            ctx,
            owner,
            token,
            stopwatch,
            inbox,
        })
    }

    async fn measure(self) -> Result<()> {
        let only = self.plan.part;
        if only == Part::Reads || only == Part::Floods {
            let (programs, client) = self.start_programs().await?;
            flows::settle(&self.ctx, &self.owner, None).await?;
            return if only == Part::Reads {
                self.reads(&programs, &client).await
            } else {
                self.floods(&programs, &client).await
            };
        }
        let (idle, _) = self.start_programs().await?;
        Self::idle(&idle, "after the start")?;
        drop(idle);
        self.nights().await?;
        self.bulk().await?;
        let (programs, client) = self.start_programs().await?;
        flows::settle(&self.ctx, &self.owner, None).await?;
        self.reads(&programs, &client).await?;
        self.pick_ups(&client).await?;
        self.floods(&programs, &client).await?;
        Self::idle(&programs, "at the end")
    }

    /// The health of everybody, twice: all new, then with nothing changed.
    async fn nights(&self) -> Result<()> {
        table("Nightly health", &["night", "seconds", "contacts/s"]);
        let now = self.ctx.clock.now();
        for (night, ago) in [("everybody's score is new", 2), ("nothing has changed", 1)] {
            let (start, tick) = (Instant::now(), now - TimeDelta::minutes(ago));
            schedule::run_tick(&self.ctx, &NightlyHealth, self.owner.workspace, tick).await?;
            let seconds = start.elapsed().as_secs_f64();
            let rate = count(self.plan.contacts as f64 / seconds);
            row(&[night.to_owned(), format!("{seconds:.2}"), rate]);
        }
        self.analyze().await
    }

    /// Everybody tagged and untagged, by one worker and before anything reads what follows.
    async fn bulk(&self) -> Result<()> {
        let figures = bulk::measure(&self.ctx, &self.owner).await?;
        table(
            "Tagging by filter",
            &["what", "seconds", "contacts/s (target 50,000)"],
        );
        for (what, contacts, seconds) in figures {
            let rate = count(contacts as f64 / seconds);
            row(&[what.to_owned(), format!("{seconds:.2}"), rate]);
        }
        Ok(())
    }

    async fn start_programs(&self) -> Result<(Vec<(&'static str, Program)>, Client)> {
        let built = env::current_exe()?;
        let built = built.parent().context("a folder")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut variables = vec![
            ("ENISHI_BIND", address.clone()),
            ("ENISHI_RATE_POINTS", "60000000".to_owned()),
            ("ENISHI_LOG", "warn".to_owned()),
            ("ENISHI_SECRET_KEY", KEY.to_owned()),
            ("ENISHI_DATA_DIR", self.plan.folder.display().to_string()),
            ("DATABASE_URL", self.url.clone()),
        ];
        if self.postmaster.is_some() {
            let redis = env::var("TEST_REDIS_URL").context("TEST_REDIS_URL")?;
            variables.push(("REDIS_URL", redis));
        }
        let mut programs = Vec::new();
        let names: &[_] = if self.postmaster.is_some() {
            &["enishi", "enishi-worker"]
        } else {
            &["enishi"]
        };
        for name in names {
            let log = self.plan.folder.join(format!("{name}.log"));
            programs.push((*name, Program::start(&built.join(name), &log, &variables)?));
        }
        let client = Client {
            http: http_client(),
            address,
            token: self.token.clone(),
        };
        self.answers(&client.http, &format!("http://{}/readyz", client.address))
            .await?;
        Ok((programs, client))
    }

    async fn answers(&self, http: &reqwest::Client, url: &str) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Ok(answer) = http.get(url).send().await
                && answer.status().is_success()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "{url} does not answer; see the logs in {}",
            self.plan.folder.display()
        )
    }

    fn idle(programs: &[(&str, Program)], when: &str) -> Result<()> {
        std::thread::sleep(Duration::from_secs(2));
        table(
            &format!("Memory {when}"),
            &["program", "RSS MiB", "peak MiB"],
        );
        for (name, program) in programs {
            let (now, peak) = memory_mib(program.pid())?;
            row(&[
                (*name).to_owned(),
                format!("{now:.1}"),
                format!("{peak:.1}"),
            ]);
        }
        Ok(())
    }

    async fn reads(&self, programs: &[(&str, Program)], client: &Client) -> Result<()> {
        let columns = [
            "query",
            "req/s",
            "p50 ms",
            "p99 ms",
            "server CPU µs",
            "database CPU µs",
            "statements",
            "without GraphQL req/s",
            "its CPU µs",
            "pgbench req/s",
            "of pgbench",
            "of without GraphQL",
        ];
        let plain = format!("127.0.0.1:{}", free_port()?);
        let log = self.plan.folder.join("floor.log");
        let door = FloorDoor::start(&self.url, &self.owner, &plain, &log)?;
        self.answers(&client.http, &format!("http://{plain}/fixed/0"))
            .await?;
        table(
            &format!("Reading, {} connections", reads::CONNECTIONS),
            &columns,
        );
        let cases = reads::cases(self.ctx.clock.now().date_naive());
        for (index, case) in cases.iter().enumerate() {
            let answer = client.post(case.sample().to_string()).await?;
            tracing::debug!(%answer, "sample");
            if index == 0 {
                let (load, cpu, _) = self.load(case, &Door::Fixed, &plain, door.pid())?;
                let mut cells = vec!["(fixed JSON)".to_owned()];
                cells.extend(figures(load, cpu, None));
                cells.resize(columns.len(), String::new());
                row(&cells);
            }
            let graphql = Door::GraphQl { token: &self.token };
            let pid = programs[0].1.pid();
            // Backends tell their counts once a second: the warm-up must have been told before.
            self.warm_up(case, &graphql, &client.address)?;
            let before = self.commits().await?;
            let (load, cpu, database) = self.load(case, &graphql, &client.address, pid)?;
            let statements = match (before, self.commits().await?) {
                (Some(before), Some(after)) => {
                    format!("{:.1}", (after - before) as f64 / load.requests)
                }
                _ => String::new(),
            };
            self.warm_up(case, &Door::Plain, &plain)?;
            let (without, without_cpu, _) = self.load(case, &Door::Plain, &plain, door.pid())?;
            let floor = match self.postmaster {
                Some(_) => Some(self.pgbench(case)?),
                None => None,
            };
            let mut cells = vec![case.name.to_owned()];
            cells.extend(figures(load, cpu, database));
            cells.push(statements);
            cells.push(count(without.per_s));
            cells.push(format!("{without_cpu:.0}"));
            cells.push(floor.map(count).unwrap_or_default());
            cells.push(floor.map_or_else(String::new, |floor| {
                let target = case
                    .target
                    .map_or_else(String::new, |target| format!(" (target {target})"));
                format!("{:.2}{target}", load.per_s / floor)
            }));
            cells.push(format!("{:.2}", load.per_s / without.per_s));
            row(&cells);
        }
        Ok(())
    }

    fn pgbench(&self, case: &reads::Case) -> Result<f64> {
        let plan = &self.plan;
        let workspace = self.owner.workspace.uuid();
        reads::pgbench(
            case,
            &self.url,
            workspace,
            plan.contacts,
            plan.seconds,
            &plan.folder,
        )
    }

    fn warm_up(&self, case: &reads::Case, door: &Door<'_>, address: &str) -> Result<()> {
        let plan = &self.plan;
        reads::wrk(case, door, address, plan.contacts, 1, &plan.folder).map(drop)
    }

    /// The load; with it the processor time of each request, in microseconds, of the server and of
    /// PostgreSQL.
    fn load(
        &self,
        case: &reads::Case,
        door: &Door<'_>,
        address: &str,
        pid: u32,
    ) -> Result<(Load, f64, Option<f64>)> {
        let plan = &self.plan;
        let database = || self.postmaster.map(family_cpu_us).transpose();
        let (server_before, database_before) = (cpu_us(pid)?, database()?);
        let load = reads::wrk(
            case,
            door,
            address,
            plan.contacts,
            plan.seconds,
            &plan.folder,
        )?;
        let each = |us: u64| us as f64 / load.requests;
        let used = match (database_before, database()?) {
            (Some(before), Some(after)) => Some(each(after - before)),
            _ => None,
        };
        Ok((load, each(cpu_us(pid)? - server_before), used))
    }

    /// Transactions PostgreSQL has committed: outside of transactions, one for each statement.
    async fn commits(&self) -> Result<Option<i64>> {
        if self.postmaster.is_none() {
            return Ok(None);
        }
        // Backends tell their counts once a second.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let commits = Query::new(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
        );
        Ok(commits.scalar(self.ctx.reader()).await?)
    }

    async fn pick_ups(&self, client: &Client) -> Result<()> {
        let times = self.plan.latencies;
        let [asked, answered] = flows::pick_up(
            client,
            self.inbox,
            self.stopwatch,
            times,
            self.ctx.clock.now(),
        )
        .await?;
        table(
            "From a message to its tag at a subscriber",
            &[
                "from",
                "times",
                "p50 ms (target < 20)",
                "p99 ms",
                "highest ms",
            ],
        );
        for (from, values) in [("the request", asked), ("its answer", answered)] {
            let at = |share| format!("{:.1}", quantile(&values, share));
            row(&[
                from.to_owned(),
                times.to_string(),
                at(0.5),
                at(0.99),
                at(1.0),
            ]);
        }
        flows::settle(&self.ctx, &self.owner, None).await
    }

    async fn floods(&self, programs: &[(&str, Program)], client: &Client) -> Result<()> {
        let plan = &self.plan;
        let (ctx, owner) = (&self.ctx, &self.owner);
        let now = ctx.clock.now();
        // A server that has been at work for a while: its tables are not empty, and its plans are
        // made for what is in them.
        let before = flows::message_bodies("before", self.inbox, 5_000, plan.contacts, now);
        flows::flood(ctx, owner, client, before, "rules").await?;
        self.analyze().await?;
        let messages =
            flows::message_bodies("flood", self.inbox, plan.messages, plan.contacts, now);
        let events = flows::email_bodies(plan.events, plan.contacts, now);
        let mut floods = Vec::new();
        for (what, bodies, projection, target) in [
            ("messages, 100 rules", messages, "rules", " (target 10,000)"),
            ("email events", events, "email_metrics", ""),
        ] {
            let used = self.used(programs)?;
            let flood = flows::flood(ctx, owner, client, bodies, projection).await?;
            let each = |(after, before): (u64, u64)| {
                format!("{:.0}", (after - before) as f64 / flood.count as f64)
            };
            let cpu: Vec<String> = self
                .used(programs)?
                .into_iter()
                .zip(used)
                .map(each)
                .collect();
            floods.push((what, flood, target, cpu));
        }
        table(
            "Coming in over HTTP, 4 connections, 500 a request",
            &[
                "what",
                "how many",
                "ingested/s",
                "with their own effects/s",
                "with all effects/s",
                "CPU µs each, of every program and the database",
            ],
        );
        for (what, flood, target, cpu) in floods {
            let rate = |time: Duration| count(flood.count as f64 / time.as_secs_f64());
            row(&[
                what.to_owned(),
                count(flood.count as f64),
                rate(flood.ingested),
                format!("{}{target}", rate(flood.evaluated)),
                rate(flood.settled),
                cpu.join(" + "),
            ]);
        }
        let firings = Query::new("SELECT COUNT(*) FROM rule_firing");
        let firings: Option<i64> = firings.scalar(ctx.reader()).await?;
        say(format!(
            "\n{} firings.",
            count(firings.unwrap_or_default() as f64)
        ));
        Ok(())
    }

    /// Microseconds of processor time so far, of each program and of the database server.
    fn used(&self, programs: &[(&str, Program)]) -> Result<Vec<u64>> {
        let programs = programs.iter().map(|(_, program)| cpu_us(program.pid()));
        let database = self.postmaster.map(family_cpu_us);
        programs.chain(database).collect()
    }

    /// Lets PostgreSQL look at what its tables hold.
    async fn analyze(&self) -> Result<()> {
        if self.postmaster.is_some() {
            let owner = self.ctx.db.owner();
            owner.execute_unprepared("VACUUM (ANALYZE)").await?;
            owner.execute_unprepared("CHECKPOINT").await?;
        }
        Ok(())
    }
}

fn figures(load: Load, cpu: f64, database: Option<f64>) -> [String; 5] {
    [
        count(load.per_s),
        format!("{:.2}", load.p50_ms),
        format!("{:.1}", load.p99_ms),
        format!("{cpu:.0}"),
        database.map_or_else(String::new, |us| format!("{us:.0}")),
    ]
}

#[expect(
    clippy::disallowed_methods,
    reason = "it plays the client and calls nobody but the measured server"
)]
fn http_client() -> reqwest::Client {
    reqwest::Client::new()
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// This program again, as a server without GraphQL.
struct FloorDoor(std::process::Child);

impl FloorDoor {
    fn start(url: &str, owner: &Actor, address: &str, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let child = std::process::Command::new(env::current_exe()?)
            .args(["floor", url, &owner.workspace.to_string(), address])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self(child))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for FloorDoor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
