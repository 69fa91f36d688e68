//! How long messages wait for their tags, alone and beside another workspace that has a backlog.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::{port::SystemClock, store::Query, work::due};
use tokio_util::sync::CancellationToken;
use worker::{
    handler::Handler,
    queue::MemoryQueue,
    runtime::{self, Settings},
};

use super::{LIMIT, Tenant, neighbours, queue_of, settle_in, tagged, write};
use crate::support::{World, engine::Receiver, on_both, process::until};

/// Messages of the workspace with the backlog in a usual run.
const BACKLOG: usize = 2_000;
/// Others, and how many messages each of them gets in one measurement; in a usual run, and in the long form.
const OTHERS: (usize, usize) = (2, 2);
const MANY_OTHERS: (usize, usize) = (9, 30);
/// How many times as long as alone others may wait, in a run that has the machine for itself.
const WORSE: u32 = 3;

/// How large the backlog is, and whether it is the long form, asked for by `FAIR`, which alone judges times:
/// otherwise other tests want a part of the machine.
fn size() -> (usize, bool) {
    let asked = std::env::var("FAIR").ok();
    asked.map_or((BACKLOG, false), |asked| {
        (asked.parse().expect("FAIR is a number"), true)
    })
}

/// A worker as a program has it, in this one.
struct Running {
    stop: CancellationToken,
    handler: Arc<Handler>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(world: &World, queue: &MemoryQueue) -> Self {
        let stop = CancellationToken::new();
        let receiver = Arc::new(Receiver::default());
        let handler = Arc::new(Handler::new(world.ctx.clone(), receiver, stop.clone()));
        let settings = Settings {
            concurrency: 4,
            ..Settings::default()
        };
        let queue = Arc::new(queue.clone());
        let run = runtime::run(queue, handler.clone(), settings, stop.clone());
        Self {
            stop,
            handler,
            task: tokio::spawn(run),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("a worker").expect("an end");
        self.handler.finish().await;
    }
}

/// How long each of some messages took from before it was sent until its tag was there, the shortest first.
struct Waits(Vec<Duration>);

impl Waits {
    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }

    fn told(&self) -> String {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        format!("{p50:.1?} (p50), {p99:.1?} (p99)")
    }
}

/// Brings messages in, one after another, by turns in each of `others`: those with the numbers from `first` on.
async fn trickle(world: &mut World, others: &[Tenant], first: usize, count: usize) -> Waits {
    let mut waits = Vec::new();
    for number in first..first + count {
        for other in others {
            let sent = Instant::now();
            write(world, other, number..number + 1).await;
            let tag = async {
                while tagged(&world.ctx, other).await <= number {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            let tag = tokio::time::timeout(LIMIT, tag).await;
            tag.expect("the tag of a message");
            waits.push(sent.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    waits.sort();
    Waits(waits)
}

/// Lets the worker come to rest, without what is left of the backlog.
async fn give_up(world: &World, busy: &Tenant) {
    let ctx = &world.ctx;
    Query::new("DELETE FROM change WHERE workspace_id = $1")
        .bind(busy.owner.workspace)
        .execute(ctx.db.writer())
        .await
        .expect("a deletion");
    until("the worker to come to rest", LIMIT, async || {
        (due::pending(ctx.reader()).await.expect("a count") == 0).then_some(())
    })
    .await;
}

/// Measures; what was too slow is noted.
async fn measure(mut world: World, slow: &Mutex<Vec<String>>) -> World {
    let (backlog, is_long) = size();
    let (count, messages) = if is_long { MANY_OTHERS } else { OTHERS };
    // By the clock of the database, or nobody would let rules go first.
    world.ctx.clock = Arc::new(SystemClock);
    let owner = world.owner.clone();
    let busy = settle_in(&mut world, owner).await;
    let others = neighbours(&mut world, count).await;
    let queue = queue_of(&mut world);

    let worker = Running::start(&world, &queue);
    // What a worker finds at its start is not measured.
    trickle(&mut world, &others, 0, 1).await;
    let alone = trickle(&mut world, &others, 1, messages).await;
    worker.end().await;

    write(&mut world, &busy, 0..backlog).await;
    let worker = Running::start(&world, &queue);
    let beside = trickle(&mut world, &others, 1 + messages, messages).await;
    let done = tagged(&world.ctx, &busy).await;
    println!(
        "{backlog} messages of one workspace, {done} of them done by then; those of {count} others waited \
         alone {}, meanwhile {}",
        alone.told(),
        beside.told(),
    );
    if is_long {
        let backend = world.ctx.db.backend();
        let (alone, beside) = (alone.percentile(99), beside.percentile(99));
        let mut slow = slow.lock().expect("the list");
        // Whoever waited beside nothing has shown nothing; the other database has its turn all the same.
        if done >= backlog {
            slow.push(format!(
                "{backend:?}: the backlog was over too soon, give a larger one"
            ));
        }
        if beside > alone * WORSE {
            slow.push(format!("{backend:?}: {beside:.1?} instead of {alone:.1?}"));
        }
    }
    give_up(&world, &busy).await;
    worker.end().await;
    world.owner = busy.owner;
    world
}

#[test]
fn messages_of_nine_workspaces_wait_little_longer_beside_one_that_has_a_backlog() {
    let slow = Mutex::new(Vec::new());
    on_both(|world| measure(world, &slow));
    let slow = slow.into_inner().expect("the list");
    assert!(slow.is_empty(), "others waited too long: {slow:?}");
}
