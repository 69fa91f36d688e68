//! Processes that die at a named point of their work: afterwards everything was done once, and a receiver was
//! called a second time only where the first call's answer was not written down.
//!
//! A child process does a worker's work through ports of its own, which end it without a word where it comes
//! to its point: between the claim, the commit and the wake-up of a projection, and between the claim, the
//! call, the answer and the commit of a delivery. The program itself knows nothing of points.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    ctx::Ctx,
    error::Result,
    notification::deliver::{self, Limits},
    port::{
        Egress, EgressError, Hint, Hints, Ids, OutgoingRequest, OutgoingResponse, SeededIds, Work,
    },
    rule::projection::Rules,
    store::{Query, Tx},
    work::{
        change::Entry,
        due,
        projection::{self, Outcome, Projection},
    },
};
use entity::{
    id::WorkspaceId,
    kind::{DueKind, TagKind},
};
use uuid::Uuid;

use crate::support::{
    World,
    client::Client,
    engine::{notify, tag_contact, words},
    on_both,
    process::{said, until},
    receiver::Receiver,
    runtime::block_on,
};

/// Tells a child its point, its workspace, the receiver and the database.
const CHILD: &str = "ENISHI_TEST_POINT";
/// The signal of a process that ends itself so.
const ABORTED: i32 = 6;
/// How long a worker may take to do what a dead one left behind, on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// The rules' cursor is claimed, and nothing written.
    RulesClaimed,
    /// What the rules do is written, and not committed.
    RulesWritten,
    /// It is committed, and nobody woken.
    RulesCommitted,
    /// There is a delivery, and nobody has claimed it.
    DeliveryWaiting,
    /// It is claimed.
    DeliveryClaimed,
    /// Its target is held, and not called yet.
    DeliveryPrepared,
    /// The receiver has answered.
    DeliveryAnswered,
    /// The answer is about to be written down.
    DeliveryNoting,
    /// It is written down, and nobody woken.
    DeliveryNoted,
}

impl Point {
    const ALL: [Self; 9] = [
        Self::RulesClaimed,
        Self::RulesWritten,
        Self::RulesCommitted,
        Self::DeliveryWaiting,
        Self::DeliveryClaimed,
        Self::DeliveryPrepared,
        Self::DeliveryAnswered,
        Self::DeliveryNoting,
        Self::DeliveryNoted,
    ];

    fn word(self) -> String {
        format!("{self:?}")
    }

    /// How often the receiver hears of the delivery.
    fn calls(self) -> usize {
        match self {
            Self::DeliveryAnswered | Self::DeliveryNoting => 2,
            _ => 1,
        }
    }
}

/// Ids, wake-ups and the way out of a process that dies at its point; of one without a point they are as usual.
struct Doom {
    point: Option<Point>,
    is_answered: AtomicBool,
    ids: SeededIds,
    http: reqwest::Client,
    /// Where every call goes.
    url: String,
}

impl Doom {
    /// Of a process that dies at `point`, if at any.
    fn of(point: Option<Point>, url: String) -> Arc<Self> {
        // The world's own ids are those of seed 1, and no two processes may make the same.
        let seed = point.map_or(100, |point| 101 + point as u64);
        Arc::new(Self {
            point,
            is_answered: AtomicBool::new(false),
            ids: SeededIds::new(seed),
            http: Client::new(SocketAddr::from(([127, 0, 0, 1], 1)), "").http,
            url,
        })
    }

    /// Dies here, if this is the point.
    fn come_to(&self, point: Point) {
        if self.point == Some(point) {
            std::process::abort();
        }
    }

    fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::SeqCst)
    }
}

impl Ids for Doom {
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        // The first row that says what the receiver answered.
        if self.is_answered() {
            self.come_to(Point::DeliveryNoting);
        }
        self.ids.uuid(now)
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.ids.fill(bytes);
    }
}

impl Hints for Doom {
    fn send(&self, _hint: Hint) {
        self.come_to(if self.is_answered() {
            Point::DeliveryNoted
        } else {
            Point::RulesCommitted
        });
    }
}

#[async_trait]
impl Egress for Doom {
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        self.come_to(Point::DeliveryPrepared);
        let mut call = self.http.post(&self.url).body(request.body);
        for (name, value) in &request.headers {
            call = call.header(name.as_str(), value.as_str());
        }
        let answer = call.send().await.expect("an answer");
        self.come_to(Point::DeliveryAnswered);
        self.is_answered.store(true, Ordering::SeqCst);
        Ok(OutgoingResponse {
            status: answer.status().as_u16(),
            retry_after_s: None,
            body: "ok".to_owned(),
            duration_ms: 1,
        })
    }
}

/// The rules, in a process that dies.
struct DoomedRules<'d>(&'d Doom);

impl std::fmt::Debug for DoomedRules<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DoomedRules").finish_non_exhaustive()
    }
}

#[async_trait]
impl Projection for DoomedRules<'_> {
    fn name(&self) -> &'static str {
        Rules.name()
    }

    fn work(&self) -> Work {
        Rules.work()
    }

    fn facts(&self) -> &'static [&'static str] {
        Rules.facts()
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        self.0.come_to(Point::RulesClaimed);
        Rules.apply(ctx, tx, entries).await?;
        self.0.come_to(Point::RulesWritten);
        Ok(())
    }
}

/// Evaluates the rules and makes the calls of a workspace, until it dies.
async fn work(ctx: &Ctx, doom: &Doom, workspace: WorkspaceId) {
    let rules = DoomedRules(doom);
    // Other tests' transactions on the same server may hold the log back for a while.
    let idle = async || {
        let outcome = projection::run(ctx, &rules, workspace).await;
        (outcome.expect("a run") == Outcome::Idle).then_some(())
    };
    until("the rules", LIMIT, idle).await;
    if doom.point == Some(Point::DeliveryClaimed) {
        let claimed = due::claim(ctx, DueKind::Delivery, Some(workspace), 10).await;
        assert_eq!(claimed.expect("claims").len(), 1);
        doom.come_to(Point::DeliveryClaimed);
    }
    let goes_on = || {
        doom.come_to(Point::DeliveryWaiting);
        true
    };
    let limits = Limits {
        items: 10,
        time: LIMIT,
        goes_on: &goes_on,
    };
    let turn = deliver::run_due(ctx, doom, Some(workspace), limits).await;
    panic!("it lives: {turn:?}");
}

/// The process that [`whoever_dies_at_a_point_leaves_nothing_undone_and_nothing_done_twice`] starts.
#[test]
fn a_child_that_dies_at_its_point() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let mut told = told.splitn(4, ' ');
    let mut next = || told.next().expect("four words").to_owned();
    let (point, workspace, receiver, url) = (next(), next(), next(), next());
    let point = Point::ALL.into_iter().find(|one| one.word() == point);
    assert!(point.is_some(), "no such point");
    block_on(async {
        let doom = Doom::of(point, receiver);
        let ctx = Ctx {
            ids: doom.clone(),
            hints: doom.clone(),
            ..World::ctx_at(&url)
        };
        work(&ctx, &doom, workspace.parse().expect("an id")).await;
    });
}

/// Has a process of its own work until it dies at `point`.
async fn die(world: &World, point: Point, url: &str) {
    let (point, workspace) = (point.word(), world.owner.workspace);
    let told = format!("{point} {workspace} {url} {}", world.database.url);
    let child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--nocapture", "--exact"])
        .arg("failpoint::a_child_that_dies_at_its_point")
        .env(CHILD, &told)
        .stdin(Stdio::null())
        .output();
    let ended = child.await.expect("a child");
    let (status, said) = (ended.status, said(&ended));
    assert_eq!(status.signal(), Some(ABORTED), "{point}: {status}\n{said}");
}

/// Does what a dead worker left behind, when its leases have run out.
async fn take_over(world: &World, egress: &Doom) {
    Query::new("UPDATE projection_cursor SET lease_until = $1 WHERE lease_until IS NOT NULL")
        .bind(DateTime::UNIX_EPOCH)
        .execute(world.ctx.db.writer())
        .await
        .expect("an update");
    world.expire_leases().await;
    due::recover(&world.ctx).await.expect("a look");
    world.drain().await;
    until("the deliveries", LIMIT, async || {
        world.hurry().await;
        let turn = deliver::run_due(&world.ctx, egress, None, Limits::items(10)).await;
        turn.expect("a turn");
        (due::pending(world.ctx.reader()).await.expect("a count") == 0).then_some(())
    })
    .await;
}

async fn count(world: &World, what: &str) -> usize {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(world.ctx.reader()).await.expect("a count");
    count.unwrap_or_default() as usize
}

/// Checks that each of the first `messages` had each of its effects once.
async fn check(world: &World, messages: usize) {
    for what in [
        "rule_firing",
        "(SELECT DISTINCT message_id FROM rule_firing) AS f",
        "tagging",
        "(SELECT DISTINCT target_id FROM tagging) AS t",
        "delivery",
        "delivery WHERE state = 'DELIVERED'",
        "due_item WHERE state = 'DONE'",
    ] {
        assert_eq!(count(world, what).await, messages, "{what}");
    }
    assert_eq!(count(world, "quarantine").await, 0);
}

#[test]
fn whoever_dies_at_a_point_leaves_nothing_undone_and_nothing_done_twice() {
    on_both(|world| async move {
        let receiver = Receiver::answering(&[]).await;
        let url = receiver.url("hook");
        let survivor = Doom::of(None, url.clone());
        let tag = world.tag(TagKind::Contact, "Greets", None).await;
        let sales = world.target("sales").await;
        let actions = vec![tag_contact(tag), notify(sales)];
        world.rule("greeting", words(&["hello"]), actions).await;
        for (before, point) in Point::ALL.into_iter().enumerate() {
            world.drain().await;
            world.hurry().await;
            let (id, calls) = (point.word(), receiver.calls().len());
            let email = format!("{}@customer.example", id.to_lowercase());
            world
                .receive(&[(id.as_str(), email.as_str(), "hello")])
                .await;
            die(&world, point, &url).await;
            take_over(&world, &survivor).await;
            check(&world, before + 1).await;
            let calls = &receiver.calls()[calls..];
            assert_eq!(calls.len(), point.calls(), "{id}");
            assert!(!calls[0].key().is_empty(), "{id}");
            assert!(
                calls.iter().all(|call| call.key() == calls[0].key()),
                "{id}: {calls:?}"
            );
        }
        world
    });
}
