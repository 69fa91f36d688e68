//! A workspace with a large backlog does not delay others: told by the order of what is done. `trickle` also
//! measures.

mod trickle;

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    access::Actor,
    contact::{self, NewContact},
    ctx::Ctx,
    error::Result,
    operation::{self, Kind, Limits, NewOperation, Step},
    port::{ManualClock, Work},
    store::{Query, Tx, dialect},
    tag::{NewTaggings, tagging},
    task::{self, NewTask},
    work::{
        change::Entry,
        due::{self, NewItem},
        projection::{self, Outcome, Projection},
        schedule::{self, Schedule},
    },
};
use entity::{
    id::{Id as _, TagId, WorkspaceId},
    kind::{DueKind, OperationKind, TagKind, TagTarget},
    operation::Model,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::{
    handler::Handler,
    hints::MemoryHints,
    queue::{MemoryQueue, Queue as _},
    runtime::WorkHandler as _,
};

use crate::support::{
    World,
    engine::{Receiver, a_task, tag_contact, words},
    on_both,
};

/// Messages of the workspace with the backlog: several batches, and more than one turn.
const BACKLOG: usize = 3_000;
/// Messages that are brought in at once.
const TOGETHER: usize = 500;
/// Workspaces that have little to do.
const NEIGHBOURS: usize = 3;
/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(5);

/// A workspace in which a rule tags whoever writes that it is urgent.
struct Tenant {
    owner: Actor,
    hot: TagId,
}

/// Makes such a workspace of one that has nothing in it.
async fn settle_in(world: &mut World, owner: Actor) -> Tenant {
    world.owner = owner.clone();
    let hot = world.tag(TagKind::Contact, "Hot", None).await;
    let actions = vec![tag_contact(hot)];
    world.rule("Urgent", words(&["urgent"]), actions).await;
    Tenant { owner, hot }
}

/// Makes neighbours of the workspace there is.
async fn neighbours(world: &mut World, count: usize) -> Vec<Tenant> {
    let mut tenants = Vec::new();
    for number in 0..count {
        let (name, domain) = (
            format!("Neighbour {number}"),
            format!("n{number}.example.com"),
        );
        let owner = World::workspace(&world.ctx, &name, &domain).await;
        tenants.push(settle_in(world, owner).await);
    }
    tenants
}

/// Brings in the messages with these numbers, each from somebody else.
async fn write(world: &mut World, tenant: &Tenant, numbers: Range<usize>) {
    world.owner = tenant.owner.clone();
    let told: Vec<_> = numbers
        .map(|number| (format!("m{number}"), format!("p{number}@customer.example")))
        .collect();
    for some in told.chunks(TOGETHER) {
        let messages: Vec<_> = some
            .iter()
            .map(|(id, email)| (id.as_str(), email.as_str(), "urgent"))
            .collect();
        world.receive(&messages).await;
    }
}

/// How many have been tagged.
async fn tagged(ctx: &Ctx, tenant: &Tenant) -> usize {
    let count: Option<i64> = Query::new("SELECT COUNT(*) FROM tagging WHERE tag_id = $1")
        .bind(tenant.hot)
        .scalar(ctx.reader())
        .await
        .expect("a count");
    count.unwrap_or_default() as usize
}

/// Has hints of the world go to a queue.
fn queue_of(world: &mut World) -> MemoryQueue {
    let queue = MemoryQueue::new();
    let (wakeups, _) = broadcast::channel(8);
    world.ctx.hints = Arc::new(MemoryHints::new(queue.clone(), wakeups));
    queue
}

/// A worker with one place, which does what the queue gives it until `is_done`.
async fn work_one_by_one(
    queue: &MemoryQueue,
    handler: &Handler,
    mut is_done: impl AsyncFnMut() -> bool,
) {
    let stop = CancellationToken::new();
    let done = async {
        while !is_done().await {
            for mut claim in queue.take(1, &stop).await {
                claim.start();
                handler.work(claim.hint()).await.expect("work");
            }
        }
    };
    let done = tokio::time::timeout(LIMIT, done).await;
    done.expect("an end");
}

#[test]
fn messages_of_other_workspaces_are_done_while_one_has_a_backlog() {
    on_both(|mut world| async move {
        let owner = world.owner.clone();
        let busy = settle_in(&mut world, owner).await;
        let others = neighbours(&mut world, NEIGHBOURS).await;
        let queue = queue_of(&mut world);
        write(&mut world, &busy, 0..BACKLOG).await;
        for other in &others {
            write(&mut world, other, 0..1).await;
            world.settle().await;
        }
        let stop = CancellationToken::new();
        let receiver = Arc::new(Receiver::default());
        let handler = Handler::new(world.ctx.clone(), receiver, stop.clone());
        let ctx = &world.ctx;
        work_one_by_one(&queue, &handler, async || {
            for other in &others {
                if tagged(ctx, other).await == 0 {
                    return false;
                }
            }
            true
        })
        .await;
        let done = tagged(ctx, &busy).await;
        assert!(done > 0, "the one with the backlog came first");
        assert!(done < BACKLOG, "others waited until all of it was done");
        // What was cut goes on, without a sweep.
        work_one_by_one(&queue, &handler, async || {
            tagged(ctx, &busy).await == BACKLOG
        })
        .await;
        stop.cancel();
        handler.finish().await;
        world.owner = busy.owner;
        world
    });
}

/// Counts the contacts that are made, two at once.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Projection for Counting {
    fn name(&self) -> &'static str {
        "test.counting"
    }

    fn work(&self) -> Work {
        Work::Changes
    }

    fn facts(&self) -> &'static [&'static str] {
        &["contact.created"]
    }

    fn batch(&self) -> i64 {
        2
    }

    async fn apply(&self, _ctx: &Ctx, _tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        self.0.fetch_add(entries.len(), Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn a_projection_whose_turn_is_over_leaves_the_rest_to_whoever_comes_next() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for _ in 0..5 {
            let new = NewContact {
                name: "Sato".to_owned(),
                ..NewContact::default()
            };
            let made = contact::create(ctx, &world.owner, new).await;
            made.expect("a contact");
        }
        world.settle().await;
        let counting = Counting::default();
        let turn = projection::run_while(ctx, &counting, workspace, &|| false, &|_| {});
        assert_eq!(turn.await.expect("a turn"), Outcome::Cut);
        assert_eq!(counting.0.load(Ordering::SeqCst), 2);
        let free = projection::behind(ctx, &[&counting]).await;
        assert_eq!(free.expect("a look").len(), 1, "its claim is given back");
        let rest = projection::run(ctx, &counting, workspace).await;
        assert_eq!(rest.expect("a run"), Outcome::Idle);
        assert_eq!(counting.0.load(Ordering::SeqCst), 5);
        world
    });
}

/// Makes items that are due now, about things that there are not.
async fn come_due(ctx: &Ctx, kind: DueKind, workspace: WorkspaceId, count: usize) {
    let item = NewItem {
        kind,
        subject: Uuid::from_u128(1),
        wait: TimeDelta::zero(),
    };
    let mut tx = ctx.begin(workspace).await.expect("a transaction");
    let added = due::add(ctx, &mut tx, &vec![item; count]).await;
    added.expect("items");
    tx.commit().await.expect("a commit");
}

#[test]
fn a_claim_in_all_workspaces_gives_each_its_share() {
    on_both(|world| async move {
        let (ctx, busy) = (&world.ctx, world.owner.workspace);
        let first = World::workspace(ctx, "First", "first.example.com").await;
        let second = World::workspace(ctx, "Second", "second.example.com").await;
        come_due(ctx, DueKind::Delivery, busy, 500).await;
        // Of other kinds nothing is due.
        let none = due::claim(ctx, DueKind::SurveyInvitation, None, 60).await;
        assert_eq!(none.expect("a claim").len(), 0);
        come_due(ctx, DueKind::Delivery, first.workspace, 1).await;
        come_due(ctx, DueKind::Delivery, second.workspace, 30).await;
        let places = [busy, first.workspace, second.workspace];
        // A third each; what one has no use for is for the others.
        for expected in [[30, 1, 29], [59, 0, 1], [60, 0, 0]] {
            let claimed = due::claim(ctx, DueKind::Delivery, None, 60).await;
            let claimed = claimed.expect("a claim");
            let counts = places.map(|place| {
                let of = claimed.iter().filter(|item| item.workspace_id == place);
                of.count()
            });
            assert_eq!(counts, expected);
        }
        let writer = ctx.db.writer();
        let done = Query::new("DELETE FROM due_item").execute(writer).await;
        assert_eq!(done.expect("rows"), 531);
        world
    });
}

/// Has the database refuse claims in a workspace; what lets it accept them again.
async fn refuse_claims(ctx: &Ctx, workspace: WorkspaceId) -> &'static str {
    let id = workspace.0;
    let (refuse, accept) = match ctx.db.backend() {
        DatabaseBackend::Postgres => (
            format!(
                "ALTER TABLE due_item ADD CONSTRAINT obstacle
                 CHECK (workspace_id <> '{id}' OR state <> 'RUNNING')"
            ),
            "ALTER TABLE due_item DROP CONSTRAINT obstacle",
        ),
        _ => (
            format!(
                "CREATE TRIGGER obstacle BEFORE UPDATE ON due_item
                 WHEN NEW.workspace_id = X'{}' BEGIN SELECT RAISE(ABORT, 'refused'); END",
                id.simple()
            ),
            "DROP TRIGGER obstacle",
        ),
    };
    let owner = ctx.db.owner();
    owner
        .execute_unprepared(&refuse)
        .await
        .expect("an obstacle");
    accept
}

#[test]
fn what_is_claimed_before_a_claim_in_another_workspace_fails_is_not_left_to_its_lease() {
    on_both(|world| async move {
        let (ctx, busy) = (&world.ctx, world.owner.workspace);
        let other = World::workspace(ctx, "Other", "other.example.com").await;
        come_due(ctx, DueKind::Delivery, busy, 3).await;
        come_due(ctx, DueKind::Delivery, other.workspace, 3).await;
        let earlier = dialect::now_plus(ctx.db.backend(), -60);
        let first = format!("UPDATE due_item SET due_at = {earlier} WHERE workspace_id = $1");
        let first = Query::new(first).bind(busy).execute(ctx.db.writer()).await;
        assert_eq!(first.expect("rows"), 3);
        let accept = refuse_claims(ctx, other.workspace).await;
        let claim = async || due::claim(ctx, DueKind::Delivery, None, 4).await;
        let claimed = claim().await.expect("what was claimed before");
        assert_eq!(claimed.len(), 2);
        assert!(claimed.iter().all(|item| item.workspace_id == busy));
        let owner = ctx.db.owner();
        owner.execute_unprepared(accept).await.expect("no obstacle");
        assert_eq!(claim().await.expect("a claim").len(), 4);
        let writer = ctx.db.writer();
        let done = Query::new("DELETE FROM due_item").execute(writer).await;
        assert_eq!(done.expect("rows"), 6);
        world
    });
}

/// Done in one step; remembers for whom, in order.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<WorkspaceId>>);

#[async_trait]
impl Kind for Noting {
    fn kind(&self) -> OperationKind {
        OperationKind::TagByFilter
    }

    async fn step(&self, _: &Ctx, tx: &mut Tx<'_>, _: &Model) -> Result<Step> {
        self.0.lock().expect("the order").push(tx.workspace);
        Ok(Step {
            progress: json!({}),
            total: Some(1),
            done: 1,
            failed: 0,
            is_last: true,
        })
    }
}

/// Asks for an operation.
async fn ask(ctx: &Ctx, owner: &Actor) {
    let mut tx = ctx.begin(owner.workspace).await.expect("a transaction");
    let new = NewOperation {
        kind: OperationKind::TagByFilter,
        request: json!({}),
        total: None,
        dry_run: false,
        origin: owner.origin(),
    };
    let asked = operation::start(ctx, &mut tx, new).await;
    asked.expect("an operation");
    tx.commit().await.expect("a commit");
}

#[test]
fn operations_of_one_workspace_take_turns_with_those_of_others() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        let other = World::workspace(ctx, "Other", "other.example.com").await;
        for _ in 0..3 {
            ask(ctx, &world.owner).await;
        }
        ask(ctx, &other).await;
        let kind = Noting::default();
        let turn = operation::run_due(ctx, &[&kind], None, Limits::none()).await;
        assert_eq!(turn.expect("a turn").steps, 4);
        let (busy, other) = (world.owner.workspace, other.workspace);
        let order = kind.0.lock().expect("the order").clone();
        assert_eq!(order, [busy, other, busy, busy]);
        world
    });
}

/// Says yes so many times.
fn times(count: usize) -> impl Fn() -> bool + Sync {
    let asked = AtomicUsize::new(0);
    move || asked.fetch_add(1, Ordering::SeqCst) < count
}

#[test]
fn what_is_due_in_one_workspace_is_done_in_turns_that_say_whether_there_is_more() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        come_due(ctx, DueKind::ConversationWake, workspace, 70).await;
        let first = due::run_here(ctx, Some(workspace), &times(1)).await;
        let first = first.expect("a turn");
        assert!(first.is_cut);
        assert!(first.done > 0 && first.done < 70, "one batch: {first:?}");
        let rest = due::run_here(ctx, Some(workspace), &|| true).await;
        let rest = rest.expect("a turn");
        assert_eq!((rest.done, rest.is_cut), (70 - first.done, false));
        world
    });
}

/// How many rows there are of a workspace.
async fn count_in(ctx: &Ctx, what: &str, workspace: WorkspaceId) -> i64 {
    let count: Option<i64> =
        Query::new(format!("SELECT COUNT(*) FROM {what} AND workspace_id = $1"))
            .bind(workspace)
            .scalar(ctx.reader())
            .await
            .expect("a count");
    count.unwrap_or_default()
}

#[test]
fn taggings_of_one_workspace_end_while_another_has_batches_of_them() {
    on_both(|mut world| async move {
        let busy = world.owner.clone();
        let other = World::workspace(&world.ctx, "Other", "other.example.com").await;
        let now = world.ctx.clock.now();
        for (owner, count, hours) in [(&busy, 1_200, 1), (&other, 1, 2)] {
            world.owner = owner.clone();
            let hot = world.tag(TagKind::Contact, "Hot", None).await;
            for some in world.crowd(count).await.chunks(TOGETHER) {
                let things = some.iter().map(|id| (TagTarget::Contact, id.uuid()));
                let new = NewTaggings {
                    things: things.collect(),
                    tags: vec![hot],
                    expires_at: Some(now + TimeDelta::hours(hours)),
                    ..NewTaggings::default()
                };
                let tagged = tagging::tag_things(&world.ctx, owner, new).await;
                assert_eq!(tagged.expect("taggings").added, some.len());
            }
        }
        world.clock.advance(TimeDelta::hours(3));
        let ctx = &world.ctx;
        // A batch of each.
        let ended = tagging::expire(ctx, &times(2)).await;
        assert_eq!(ended.expect("ends"), 1_001);
        let left = "tagging WHERE removed_at IS NULL";
        assert_eq!(count_in(ctx, left, busy.workspace).await, 200);
        assert_eq!(count_in(ctx, left, other.workspace).await, 0);
        let ended = tagging::expire(ctx, &|| true).await;
        assert_eq!(ended.expect("ends"), 200);
        world.owner = busy;
        world
    });
}

#[test]
fn tasks_of_one_workspace_are_overdue_while_another_has_batches_of_them() {
    on_both(|world| async move {
        let (ctx, busy) = (&world.ctx, &world.owner);
        let other = World::workspace(ctx, "Other", "other.example.com").await;
        for (owner, count, hours) in [(busy, 502, 1), (&other, 1, 2)] {
            for _ in 0..count {
                let new = NewTask {
                    due_at: Some(ctx.clock.now() + TimeDelta::hours(hours)),
                    ..a_task("Call")
                };
                task::create(ctx, owner, new).await.expect("a task");
            }
        }
        world.clock.advance(TimeDelta::hours(3));
        // A batch of each.
        let found = task::find_overdue(ctx, &times(2)).await;
        assert_eq!(found.expect("tasks"), 501);
        let left = "task WHERE overdue_at IS NULL";
        assert_eq!(count_in(ctx, left, busy.workspace).await, 2);
        assert_eq!(count_in(ctx, left, other.workspace).await, 0);
        let found = task::find_overdue(ctx, &|| true).await;
        assert_eq!(found.expect("tasks"), 2);
        world
    });
}

/// Every second. Goes on in the busy workspace, where a second passes meanwhile, until others have had
/// their next tick as well.
#[derive(Debug)]
struct EverySecond {
    busy: WorkspaceId,
    clock: Arc<ManualClock>,
    steps: AtomicUsize,
    others: AtomicUsize,
}

#[async_trait]
impl Schedule for EverySecond {
    fn name(&self) -> &'static str {
        "test.second"
    }

    fn cron(&self) -> &'static str {
        "* * * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::minutes(5)
    }

    async fn step(&self, _: &Ctx, tx: &mut Tx<'_>, _: Value) -> Result<Option<Value>> {
        if tx.workspace != self.busy {
            self.others.fetch_add(1, Ordering::SeqCst);
            return Ok(None);
        }
        if self.steps.fetch_add(1, Ordering::SeqCst) == 0 {
            self.clock.advance(TimeDelta::seconds(1));
        }
        if self.others.load(Ordering::SeqCst) > 1 {
            return Ok(None);
        }
        // A step of a night takes a while.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(Some(json!({})))
    }
}

#[test]
fn ticks_come_round_while_one_of_another_workspace_goes_on() {
    on_both(|world| async move {
        let schedule = EverySecond {
            busy: world.owner.workspace,
            clock: world.clock.clone(),
            steps: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
        };
        World::workspace(&world.ctx, "Other", "other.example.com").await;
        world.clock.advance(TimeDelta::seconds(1));
        assert!(
            schedule::run_due(&world.ctx, &[&schedule])
                .await
                .expect("a call")
        );
        assert_eq!(schedule.others.load(Ordering::SeqCst), 2);
        world
    });
}
