//! PostGraphile beside `enishi`: `bench peers`.
//!
//! Both answer the same two questions from the same tables, in turns. PostGraphile and the Node.js it needs are
//! installed by npm into the folder of the run; where npm cannot, the part says so and is left out. Whoever it
//! connects as is not bound by row-level security, and it asks for no token: both are to its advantage.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use entity::id::Id as _;

use crate::{
    flows::{self, Client},
    process::{Program, memory_mib},
    psql::psql,
    reads::{self, CONNECTIONS, Case, Door, Load},
    report::{count, row, say, table},
    run::{Run, free_port},
};

/// What npm installs: the newest that was compared, and the Node.js it asks for.
const PACKAGES: [&str; 3] = ["postgraphile@5.1.5", "pg@8.23.1", "node@22"];
const FUNCTIONS: &str = include_str!("peer.sql");
const SERVER: &str = include_str!("peer.mjs");
/// How long PostGraphile may take to read all tables.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a server did under load.
struct Figures {
    load: Load,
    /// Microseconds of processor time for each request.
    server: f64,
    database: f64,
}

/// Measures and reports.
pub(crate) async fn run(run: &Run) -> Result<()> {
    let folder = run.plan.folder.join("peer");
    let Some(node) = install(&folder)? else {
        say("\nPostGraphile is left out: npm could not install it.");
        return Ok(());
    };
    psql(&run.url, FUNCTIONS)?;
    let (programs, client) = run.start_programs().await?;
    flows::settle(&run.ctx, &run.owner, None).await?;
    let (peer, address) = start(run, &folder, &node)?;
    let theirs = Client {
        address,
        ..client.clone()
    };
    table(
        &format!("Beside PostGraphile, {CONNECTIONS} connections"),
        &[
            "query",
            "who",
            "req/s",
            "p50 ms",
            "p99 ms",
            "server CPU µs",
            "database CPU µs",
            "pgbench req/s",
        ],
    );
    let mut compared = Vec::new();
    let cases = reads::cases(run.ctx.clock.now().date_naive());
    for their_case in reads::peer_cases(run.owner.workspace.uuid()) {
        let case = cases.iter().find(|case| case.name == their_case.name);
        let case = case.context("the same question")?;
        answers(&client, case).await?;
        answers(&theirs, &their_case).await?;
        let ours = measure(run, case, &client, programs[0].1.pid())?;
        let other = measure(run, &their_case, &theirs, peer.pid())?;
        let floor = run.pgbench(case)?;
        show(case.name, "Enishi", &ours, Some(floor));
        show(case.name, "PostGraphile", &other, None);
        compared.push((case.name, ours, other));
    }
    compare(&compared);
    let [(_, ours), (_, other)] = [memory_mib(programs[0].1.pid())?, memory_mib(peer.pid())?];
    say(format!(
        "\nMemory at its highest: `enishi` {ours:.0} MiB, PostGraphile {other:.0} MiB, {:.2} of it (target 0.25).",
        ours / other
    ));
    Ok(())
}

/// Installs PostGraphile; answers where its Node.js is, or nothing where that cannot be.
fn install(folder: &Path) -> Result<Option<PathBuf>> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("server.mjs"), SERVER)?;
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(folder)
        .args(PACKAGES)
        .stdout(Stdio::null())
        .status();
    let node = folder.join("node_modules/node/bin/node");
    let is_there = installed.is_ok_and(|status| status.success()) && node.exists();
    Ok(is_there.then_some(node))
}

/// Starts PostGraphile; answers its address too.
fn start(run: &Run, folder: &Path, node: &Path) -> Result<(Program, String)> {
    let port = free_port()?;
    let variables = [
        ("PEER_DATABASE_URL", run.url.clone()),
        ("PEER_PORT", port.to_string()),
        ("NODE_ENV", "production".to_owned()),
        ("GRAPHILE_ENV", "production".to_owned()),
    ];
    let script = folder.join("server.mjs");
    let log = run.plan.folder.join("peer.log");
    let peer = Program::start_with(node, &[script.as_path()], &log, &variables)?;
    Ok((peer, format!("127.0.0.1:{port}")))
}

/// Waits until the question is answered, with something.
async fn answers(client: &Client, case: &Case) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let refused = match client.post(case.sample().to_string()).await {
            Ok(answer) => {
                let mut parts = answer["data"].as_object().into_iter().flatten();
                if parts.any(|(_, part)| !part.is_null()) {
                    return Ok(());
                }
                bail!("{}: there is no answer: {answer}", case.name);
            }
            Err(refused) => refused,
        };
        if Instant::now() > end {
            return Err(refused);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn measure(run: &Run, case: &Case, client: &Client, pid: u32) -> Result<Figures> {
    let door = Door::GraphQl {
        token: &client.token,
    };
    run.warm_up(case, &door, &client.address)?;
    let (load, server, database) = run.load(case, &door, &client.address, pid)?;
    Ok(Figures {
        load,
        server,
        database: database.unwrap_or_default(),
    })
}

fn show(name: &str, who: &str, figures: &Figures, floor: Option<f64>) {
    let load = figures.load;
    row(&[
        name.to_owned(),
        who.to_owned(),
        count(load.per_s),
        format!("{:.2}", load.p50_ms),
        format!("{:.1}", load.p99_ms),
        format!("{:.0}", figures.server),
        format!("{:.0}", figures.database),
        floor.map(count).unwrap_or_default(),
    ]);
}

/// Ours to theirs.
fn compare(compared: &[(&str, Figures, Figures)]) {
    table(
        "To PostGraphile",
        &[
            "query",
            "req/s, times its",
            "server CPU, of its (target 0.2, goal 0.1)",
            "server and database CPU, of its",
            "p99, of its (target 0.5, goal 0.25)",
        ],
    );
    for (name, ours, other) in compared {
        let target = if *name == "list50" {
            "target 10, goal 25"
        } else {
            "target 3, goal 5"
        };
        let all = |figures: &Figures| figures.server + figures.database;
        row(&[
            (*name).to_owned(),
            format!("{:.1} ({target})", ours.load.per_s / other.load.per_s),
            format!("{:.2}", ours.server / other.server),
            format!("{:.2}", all(ours) / all(other)),
            format!("{:.2}", ours.load.p99_ms / other.load.p99_ms),
        ]);
    }
}
