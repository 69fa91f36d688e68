//! Measures how fast the programs are, beside what the database alone can do. `tests/bench` builds
//! everything, starts the servers this needs and runs it.
//!
//! Both halves of every ratio come from the same run: on a shared machine nothing else compares.

mod behaviour;
mod bulk;
mod executor;
mod fanout;
mod floor;
mod flows;
mod import;
mod incoming;
mod matcher;
mod peers;
mod plan;
mod process;
mod psql;
mod reading;
mod reads;
mod report;
mod run;
mod search;
mod seed;
mod segment;
mod wave;

use std::{env, sync::Arc};

use anyhow::{Result, bail};
use domain::{
    ctx::Ctx,
    port::{AnyUrl, NoHints, RandomIds, SystemClock},
    store::Location,
    vault::Vault,
};
use plan::{Part, Plan};
use run::Run;

/// The allocator of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What `tests/bench --help` says too.
const HELP: &str = include_str!("help.txt");

/// The master key of all measured processes.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|one| one == "-h" || one == "--help") {
        report::say(HELP.trim_end());
        return Ok(());
    }
    if arguments.first().is_some_and(|first| first == "floor") {
        let [_, url, workspace, address] = arguments.as_slice() else {
            bail!("floor needs a database, a workspace and an address");
        };
        return actix_web::rt::System::new().block_on(async {
            let (ctx, location) = open(url)?;
            Ok(floor::serve(ctx, location, workspace.parse()?, address).await?)
        });
    }
    if arguments.first().is_some_and(|first| first == "bare") {
        let [_, address, subscribers] = arguments.as_slice() else {
            bail!("bare needs an address and a count of subscribers");
        };
        return fanout::bare::serve(address, subscribers.parse()?);
    }
    let plan = Plan::read(arguments.into_iter())?;
    match plan.part {
        Part::Matcher => return matcher::run(),
        Part::Executor => return executor::run(),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for database in plan.databases.clone() {
            let run = Run::prepare(&plan, database).await?;
            match plan.part {
                Part::Behaviour => behaviour::run(&run).await?,
                Part::Wave => wave::run(&run).await?,
                Part::Peers => peers::run(&run).await?,
                Part::Fanout => fanout::run(&run).await?,
                Part::Search => {
                    let messages = plan.messages as u64;
                    search::run(&run.ctx, &run.owner, plan.contacts, messages).await?;
                }
                Part::Segments => {
                    let place = segment::Place {
                        ctx: &run.ctx,
                        owner: &run.owner,
                        contacts: plan.contacts,
                        postmaster: run.postmaster,
                    };
                    segment::run(&place).await?;
                }
                Part::Import => import::run(&run.ctx, &run.owner, plan.contacts).await?,
                _ => run.measure().await?,
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
