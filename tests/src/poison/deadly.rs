//! Entries that end the process of whoever meets them, each in its way: a child process meets them, as often as
//! it takes, while another worker goes on with another workspace.

use std::{
    process::{Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use domain::{
    access::Actor,
    contact::{self, NewContact},
    ctx::Ctx,
    store::Query,
    work::projection::{self, MAX_CRASHES, Outcome},
};
use entity::id::{ContactId, WorkspaceId};
use worker::watchdog::{self, Limits};

use super::{Harm, Marking, check, contacts, go_on, marks_of};
use crate::support::{
    World, on_both,
    process::{said, until},
    runtime::block_on,
};

/// What ends the process.
const DEADLY: [Harm; 4] = [Harm::Aborts, Harm::Spins, Harm::Overflows, Harm::Eats];
/// Tells a child what harm the poison does, the workspace, the poison and the database.
const CHILD: &str = "ENISHI_TEST_POISON";
/// How a child ends that met something else than poison.
const FAILED: i32 = 101;
/// Kilobytes of address space of a child that eats: more than a test program needs, and soon eaten.
const ROOM_KB: u64 = 4 * 1024 * 1024;
/// For how long the other workspace is measured without poison.
const ALONE: Duration = Duration::from_millis(500);
/// How long what is left of the other workspace's work may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// How often each of them; `POISON_ROUNDS` asks for more than a test run has time for.
fn rounds() -> usize {
    let asked = std::env::var("POISON_ROUNDS").ok();
    asked.map_or(1, |asked| asked.parse().expect("POISON_ROUNDS is a number"))
}

/// Uses up the stack.
pub(super) fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    if room[0] == u64::MAX {
        return 0;
    }
    deeper(depth + 1) + room[511]
}

/// Uses up the address space, of which the child has little; nobody writes to what it takes.
pub(super) fn eat() -> ! {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(std::hint::black_box(Vec::with_capacity(1 << 30)));
    }
}

/// The process that [`work_that_ends_its_process_takes_at_most_three_down`] starts.
#[test]
fn a_child_that_meets_poison() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let mut told = told.splitn(4, ' ');
    let mut next = || told.next().expect("four words").to_owned();
    let (harm, workspace, poison, url) = (next(), next(), next(), next());
    let harm = DEADLY.into_iter().find(|one| format!("{one:?}") == harm);
    let marking = Marking::new(poison.parse().expect("an id"), harm.expect("a harm"));
    // A worker has more patience, and looks in the same way.
    let limits = Limits {
        busy: Duration::from_secs(1),
        look_every: Duration::from_millis(100),
        ..Limits::default()
    };
    watchdog::start(limits).expect("a thread");
    block_on(async {
        let ctx = World::ctx_at(&url);
        let workspace = workspace.parse().expect("an id");
        go_on(&ctx, workspace).await;
        watchdog::watch("test", read_on(&ctx, &marking, workspace)).await;
    });
}

/// Works until nothing is left.
async fn read_on(ctx: &Ctx, marking: &Marking, workspace: WorkspaceId) {
    loop {
        let run = projection::run(ctx, marking, workspace).await;
        match run {
            Ok(Outcome::Idle) => return,
            Ok(_) => {}
            // On SQLite the neighbour may be writing for longer than anybody waits.
            Err(error) => println!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Starts a child that works until it is done, or until it dies; how it ended.
async fn end_of_a_child(harm: Harm, told: &str) -> Output {
    let here = std::env::current_exe().expect("this program");
    let mut child = if harm == Harm::Eats {
        let mut shell = tokio::process::Command::new("sh");
        let limited = format!("ulimit -v {ROOM_KB} && exec \"$0\" \"$@\"");
        shell.arg("-c").arg(limited).arg(here);
        shell
    } else {
        tokio::process::Command::new(here)
    };
    let child = child
        .args(["--nocapture", "--exact"])
        .arg("poison::deadly::a_child_that_meets_poison")
        .env(CHILD, told)
        .stdin(Stdio::null())
        .output();
    child.await.expect("a child")
}

/// Starts children until one gets through; how many died.
async fn deaths(harm: Harm, told: &str) -> i64 {
    let mut deaths = 0;
    loop {
        let ended = end_of_a_child(harm, told).await;
        if ended.status.success() {
            return deaths;
        }
        let said = said(&ended);
        assert_ne!(ended.status.code(), Some(FAILED), "{harm:?}: {said}");
        deaths += 1;
        assert!(
            deaths <= MAX_CRASHES + 1,
            "{harm:?}: it goes on crashing: {said}"
        );
    }
}

/// Another workspace, with a worker of its own.
struct Neighbour<'w> {
    world: &'w World,
    owner: Actor,
    marking: Marking,
}

impl<'w> Neighbour<'w> {
    async fn of(world: &'w World, name: &str) -> Self {
        let domain = format!("{}.example", name.to_lowercase());
        Self {
            world,
            owner: World::workspace(&world.ctx, name, &domain).await,
            marking: Marking::new(ContactId(uuid::Uuid::nil()), Harm::None),
        }
    }

    /// Lets contacts come one by one and marks them, until it is `enough`. On SQLite nobody writes while
    /// somebody holds a transaction open, and in the end gives up: that counts as nothing done.
    async fn go_on_until(&self, enough: impl Fn() -> bool) {
        let (ctx, workspace) = (&self.world.ctx, self.owner.workspace);
        while !enough() {
            let new = NewContact {
                name: "Neighbour".to_owned(),
                ..NewContact::default()
            };
            let _ = contact::create(ctx, &self.owner, new).await;
            let _ = projection::run(ctx, &self.marking, workspace).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn marked(&self) -> usize {
        let marked = marks_of(self.world, self.owner.workspace).await;
        assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
        marked.len()
    }

    /// Waits until everybody is marked.
    async fn finish(&self) {
        let (ctx, workspace) = (&self.world.ctx, self.owner.workspace);
        let everybody: Option<i64> =
            Query::new("SELECT COUNT(*) FROM contact WHERE workspace_id = $1")
                .bind(workspace)
                .scalar(ctx.reader())
                .await
                .expect("a count");
        until("the neighbour's entries", LIMIT, async || {
            let _ = projection::run(ctx, &self.marking, workspace).await;
            (self.marked().await as i64 == everybody.unwrap_or_default()).then_some(())
        })
        .await;
    }
}

async fn poisoned(world: &World, harm: Harm, round: usize) {
    let neighbour = Neighbour::of(world, &format!("{harm:?}-{round}")).await;
    let start = Instant::now();
    neighbour.go_on_until(|| start.elapsed() >= ALONE).await;
    let alone = neighbour.marked().await as f64 / start.elapsed().as_secs_f64();

    let ids = contacts(world, 24).await;
    let (workspace, poison) = (world.owner.workspace, ids[13]);
    let told = format!("{harm:?} {workspace} {poison} {}", world.database.url);
    let (before, start) = (neighbour.marked().await, Instant::now());
    let is_over = AtomicBool::new(false);
    let dying = async {
        let deaths = deaths(harm, &told).await;
        is_over.store(true, Ordering::SeqCst);
        deaths
    };
    let (deaths, ()) = tokio::join!(
        dying,
        neighbour.go_on_until(|| is_over.load(Ordering::SeqCst))
    );
    let took = start.elapsed();
    let beside = (neighbour.marked().await - before) as f64 / took.as_secs_f64();
    println!(
        "{harm:?}: set aside after {deaths} deaths, {took:.1?}; the neighbour had {alone:.0} entries a second \
         alone and {beside:.0} beside it"
    );
    assert_eq!(deaths, MAX_CRASHES + 1, "{harm:?}");
    check(world, &ids, poison).await;
    neighbour.finish().await;
    for forgotten in ["DELETE FROM quarantine", "UPDATE contact SET locale = NULL"] {
        let forgotten = Query::new(forgotten).execute(world.ctx.db.writer()).await;
        forgotten.expect("a change");
    }
}

#[test]
fn work_that_ends_its_process_takes_at_most_three_down() {
    on_both(|world| async move {
        for round in 0..rounds() {
            for harm in DEADLY {
                poisoned(&world, harm, round).await;
            }
        }
        world
    });
}
