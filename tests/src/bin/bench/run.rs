//! The measuring of one database: it is made and filled, then the parts are measured one after the
//! other. Reading is in `reading`, what comes in over HTTP in `incoming`.

use std::{
    env,
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
    work::schedule,
    workspace::{self, NewWorkspace},
};
use sea_orm::ConnectionTrait as _;

use crate::{
    KEY, bulk,
    flows::{self, Client},
    open,
    plan::{Part, Plan},
    process::{Program, cpu_us, family_cpu_us, memory_mib},
    report::{count, row, say, table},
    seed,
};

/// The measuring of one database.
pub(super) struct Run {
    pub(super) plan: Plan,
    /// The server, when it is one.
    pub(super) postmaster: Option<u32>,
    pub(super) url: String,
    pub(super) ctx: Ctx,
    pub(super) owner: Actor,
    pub(super) token: String,
    /// The tags that rules put on conversations, the last of them the stopwatch's; none if there are no rules.
    pub(super) tags: Vec<entity::id::TagId>,
    pub(super) inbox: entity::id::InboxId,
}

impl Run {
    /// Makes the database and fills it.
    pub(super) async fn prepare(plan: &Plan, database: &str) -> Result<Self> {
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
        let has_own = matches!(plan.part, Part::Search | Part::Import | Part::Fanout);
        let tags = if has_own {
            Vec::new()
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
            tags,
            inbox,
        })
    }

    pub(super) async fn measure(self) -> Result<()> {
        let only = self.plan.part;
        if only == Part::Bulk {
            return self.bulk().await;
        }
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

    /// Everybody tagged and untagged, by one worker and before anything reads what follows, beside the same
    /// taggings, ranks and timeline entries by plain statements.
    async fn bulk(&self) -> Result<()> {
        let figures = bulk::measure(&self.ctx, &self.owner).await?;
        let floors = match self.postmaster {
            Some(_) => bulk::floors(&self.ctx, &self.owner, &self.url).await?,
            None => Vec::new(),
        };
        table(
            "Tagging by filter",
            &[
                "what",
                "seconds",
                "contacts/s (target 50,000)",
                "the same rows by INSERT ... SELECT, contacts/s",
                "of it",
            ],
        );
        for (what, contacts, seconds) in figures {
            let rate = contacts as f64 / seconds;
            let floor = floors.iter().find(|(of, _)| *of == what);
            let floor = floor.map(|&(_, seconds)| self.plan.contacts as f64 / seconds);
            row(&[
                what.to_owned(),
                format!("{seconds:.2}"),
                count(rate),
                floor.map(count).unwrap_or_default(),
                floor.map_or_else(String::new, |floor| format!("{:.2}", rate / floor)),
            ]);
        }
        self.analyze().await
    }

    pub(super) async fn start_programs(&self) -> Result<(Vec<(&'static str, Program)>, Client)> {
        self.start_programs_with(&[]).await
    }

    /// The same, with further settings.
    pub(super) async fn start_programs_with(
        &self,
        settings: &[(&'static str, String)],
    ) -> Result<(Vec<(&'static str, Program)>, Client)> {
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
        variables.extend_from_slice(settings);
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

    pub(super) async fn answers(&self, http: &reqwest::Client, url: &str) -> Result<()> {
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

    /// Microseconds of processor time so far, of each program and of the database server.
    pub(super) fn used(&self, programs: &[(&str, Program)]) -> Result<Vec<u64>> {
        let programs = programs.iter().map(|(_, program)| cpu_us(program.pid()));
        let database = self.postmaster.map(family_cpu_us);
        programs.chain(database).collect()
    }

    /// Lets PostgreSQL look at what its tables hold.
    pub(super) async fn analyze(&self) -> Result<()> {
        if self.postmaster.is_some() {
            let owner = self.ctx.db.owner();
            owner.execute_unprepared("VACUUM (ANALYZE)").await?;
            owner.execute_unprepared("CHECKPOINT").await?;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it plays the client and calls nobody but the measured server"
)]
fn http_client() -> reqwest::Client {
    reqwest::Client::new()
}

pub(super) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
