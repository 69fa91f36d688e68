//! Reading under load, beside a door without GraphQL and beside pgbench.

use std::{env, path::Path, time::Duration};

use anyhow::Result;
use domain::{access::Actor, store::Query};
use entity::id::Id as _;

use crate::{
    flows::Client,
    process::{Program, cpu_us, family_cpu_us},
    reads::{self, Door, Load},
    report::{count, row, table},
    run::{Run, free_port},
};

impl Run {
    pub(super) async fn reads(&self, programs: &[(&str, Program)], client: &Client) -> Result<()> {
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

    pub(super) fn pgbench(&self, case: &reads::Case) -> Result<f64> {
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

    pub(super) fn warm_up(&self, case: &reads::Case, door: &Door<'_>, address: &str) -> Result<()> {
        let plan = &self.plan;
        reads::wrk(case, door, address, plan.contacts, 1, &plan.folder).map(drop)
    }

    /// The load; with it the processor time of each request, in microseconds, of the server and of
    /// PostgreSQL.
    pub(super) fn load(
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
