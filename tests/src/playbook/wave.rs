//! Thousands of timers, and a hundred deliveries, that come due in the same second, and what comes meanwhile.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use domain::{
    notification::send_test,
    operation::Limits,
    playbook,
    rule::projection::Rules,
    store::Query,
    work::{
        due,
        projection::{self, Outcome},
    },
};
use entity::{
    id::{DueItemId, PlaybookId},
    kind::DueKind,
};
use serde_json::json;

use super::{Stage, wait_days};
use crate::support::{
    World,
    engine::{Receiver, tag_contact, words},
    on_both,
    process::until,
};

/// How many timers there are in a usual run.
const TIMERS: usize = 5_000;
/// Targets that deliveries go to: one each in a usual run, as many times more as there are more timers. A target
/// takes one a second.
const TARGETS: usize = 100;
/// How long something else may wait while a wave goes through, in a run that has the machine for itself.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(5);

/// How many timers there are, and whether it is the long form, asked for by `WAVE`, which alone judges times:
/// otherwise other tests want a part of the machine.
fn size() -> (usize, bool) {
    let asked = std::env::var("WAVE").ok();
    asked.map_or((TIMERS, false), |asked| {
        (asked.parse().expect("WAVE is a number"), true)
    })
}

/// How long each of some things took.
struct Waits(Vec<Duration>);

impl Waits {
    fn told(&mut self) -> String {
        self.0.sort();
        let longest = self.0.last().copied().unwrap_or_default();
        let (count, p99) = (self.0.len(), self.p99());
        format!("{count} waited {p99:.1?} (p99), {longest:.1?} at most")
    }

    fn p99(&self) -> Duration {
        let place = (self.0.len() * 99).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// Has a rule put the tag `hot` on whoever writes that it is urgent.
async fn listen(stage: &Stage) {
    let actions = vec![tag_contact(stage.hot)];
    stage
        .world
        .rule("Urgent", words(&["urgent"]), actions)
        .await;
}

/// Brings messages in, one after another, until `is_over`; how long each took until its tag was there.
async fn messages(stage: &Stage, is_over: &AtomicBool) -> Waits {
    let (world, mut waits) = (&stage.world, Vec::new());
    while !is_over.load(Ordering::SeqCst) {
        let number = waits.len();
        let id = format!("urgent-{number}");
        let email = format!("{id}@customer.example");
        let sent = Instant::now();
        world
            .receive(&[(id.as_str(), email.as_str(), "urgent")])
            .await;
        let tag = async {
            while tagged(stage).await <= number {
                let run = projection::run(&world.ctx, &Rules, world.owner.workspace).await;
                if run.expect("a run") != Outcome::Idle {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        };
        let tag = tokio::time::timeout(LIMIT, tag).await;
        tag.expect("the tag of a message");
        waits.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Waits(waits)
}

/// How many are hot.
async fn tagged(stage: &Stage) -> usize {
    let count: Option<i64> = Query::new("SELECT COUNT(*) FROM tagging WHERE tag_id = $1")
        .bind(stage.hot)
        .scalar(stage.world.ctx.reader())
        .await
        .expect("a count");
    count.unwrap_or_default() as usize
}

#[test]
fn a_wave_of_timers_all_run_once_and_nothing_else_waits() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [
            { "id": "rest", "kind": wait_days(1) },
            { "id": "act", "kind": { "actions": [{ "createTask": { "title": "Call" } }] } },
            { "id": "more", "kind": wait_days(1) },
            { "id": "end", "kind": "end" },
        ] });
        let book = stage.book("Wave", &told).await;
        let (count, is_long) = size();
        listen(&stage).await;
        let people = stage.world.crowd(count).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        for some in people.chunks(playbook::MAX_AT_ONCE) {
            let enrolled = playbook::enrol_contacts(ctx, owner, book.id, some).await;
            assert_eq!(enrolled.unwrap().made.len(), some.len());
        }
        stage.play().await;
        assert_eq!(stage.tally(book.id, 1, "rest").await.here, count as i64);
        stage.world.clock.advance(TimeDelta::days(1));
        // Other work of the same database goes on beside the wave.
        let (start, is_over) = (Instant::now(), AtomicBool::new(false));
        let wave = async {
            let turn = stage.play().await;
            is_over.store(true, Ordering::SeqCst);
            turn
        };
        let other = async {
            let mut longest = Duration::ZERO;
            let mut rounds = 0;
            while stage.tally(book.id, 1, "more").await.here < count as i64 {
                let asked = Instant::now();
                let tx = ctx.begin(owner.workspace).await.unwrap();
                let id: DueItemId = tx.id();
                Query::new(
                    "INSERT INTO due_item (workspace_id, id, kind, subject_id, due_at, state, fence,
                         failures, crashes, created_at)
                     VALUES ($1, $2, $3, $2, $4, 'DONE', 0, 0, 0, $4)",
                )
                .bind(tx.workspace)
                .bind(id)
                .bind(DueKind::ConversationWake.word())
                .bind(tx.now)
                .execute(tx.connection())
                .await
                .unwrap();
                tx.commit().await.unwrap();
                longest = longest.max(asked.elapsed());
                rounds += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (longest, rounds)
        };
        let (turn, (longest, rounds), mut tags) =
            tokio::join!(wave, other, messages(&stage, &is_over));
        let took = start.elapsed();
        assert_eq!(turn.enrolments, count);
        assert!(rounds > 0);
        println!(
            "{count} timers in {:.1} s, {:.0} a second; another write waited {:.0} ms at most of \
             {rounds}; tags of messages: {}",
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64(),
            longest.as_secs_f64() * 1e3,
            tags.told(),
        );
        if is_long {
            assert!(longest < LONGEST_WAIT, "another write waited {longest:?}");
            let p99 = tags.p99();
            assert!(p99 <= LONGEST_WAIT, "tags of messages waited {p99:?}");
        }
        let tasks: Option<i64> = Query::new("SELECT COUNT(DISTINCT contact_id) FROM task")
            .scalar(ctx.reader())
            .await
            .unwrap();
        assert_eq!(tasks, Some(count as i64));
        let tasks: Option<i64> = Query::new("SELECT COUNT(*) FROM task")
            .scalar(ctx.reader())
            .await
            .unwrap();
        assert_eq!(tasks, Some(count as i64));
        let act = stage.tally(book.id, 1, "act").await;
        assert_eq!((act.here, act.passed), (0, count as i64));
        stage.world
    });
}

#[test]
fn a_wave_of_deliveries_all_go_out_once_and_rules_go_on() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (timers, is_long) = size();
        let each = (timers / TIMERS).max(1);
        let count = TARGETS * each;
        listen(&stage).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        for number in 0..TARGETS {
            let target = stage.world.target(&format!("t{number}")).await;
            for _ in 0..each {
                send_test(ctx, owner, target).await.unwrap();
            }
        }
        let receiver = Receiver::default();
        let (start, is_over) = (Instant::now(), AtomicBool::new(false));
        let wave = async {
            until("the deliveries", LIMIT * each as u32, async || {
                while stage.world.deliver(&receiver).await.claimed > 0 {}
                (due::pending(ctx.reader()).await.unwrap() == 0).then_some(())
            })
            .await;
            is_over.store(true, Ordering::SeqCst);
        };
        let ((), mut tags) = tokio::join!(wave, messages(&stage, &is_over));
        let took = start.elapsed();
        println!(
            "{count} deliveries in {took:.1?}; tags of messages: {}",
            tags.told()
        );
        if is_long {
            let p99 = tags.p99();
            assert!(p99 <= LONGEST_WAIT, "tags of messages waited {p99:?}");
        }
        let ids = receiver.delivery_ids();
        let once: BTreeSet<&String> = ids.iter().collect();
        assert_eq!((ids.len(), once.len()), (count, count));
        stage.world
    });
}

/// Has so many people wait for a day in a playbook of the workspace that the stage is in.
async fn wait_in(stage: &Stage, count: usize) -> PlaybookId {
    let told = json!({ "steps": [
        { "id": "rest", "kind": wait_days(1) },
        { "id": "act", "kind": { "actions": [{ "createTask": { "title": "Call" } }] } },
        { "id": "end", "kind": "end" },
    ] });
    let book = stage.book("Wave", &told).await;
    let people = stage.world.crowd(count).await;
    for some in people.chunks(playbook::MAX_AT_ONCE) {
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let enrolled = playbook::enrol_contacts(ctx, owner, book.id, some).await;
        assert_eq!(enrolled.unwrap().made.len(), some.len());
    }
    stage.play().await;
    assert_eq!(stage.tally(book.id, 1, "rest").await.here, count as i64);
    book.id
}

#[test]
fn timers_of_one_workspace_run_while_another_has_batches_of_them() {
    on_both(|world| async move {
        let mut stage = Stage::new(world).await;
        let busy = stage.world.owner.clone();
        let wave = wait_in(&stage, 900).await;
        let other = World::workspace(&stage.world.ctx, "Other", "other.example.com").await;
        stage.world.owner = other;
        let lone = wait_in(&stage, 1).await;
        stage.world.clock.advance(TimeDelta::days(1));
        // A batch of each.
        let asked = AtomicUsize::new(0);
        let limits = Limits {
            time: Duration::MAX,
            goes_on: &|| asked.fetch_add(1, Ordering::SeqCst) < 2,
        };
        let turn = playbook::run_due(&stage.world.ctx, None, limits).await;
        assert!(turn.unwrap().is_cut);
        assert_eq!(stage.tally(lone, 1, "rest").await.here, 0);
        stage.world.owner = busy;
        assert_eq!(stage.tally(wave, 1, "rest").await.here, 500);
        stage.play().await;
        assert_eq!(stage.tally(wave, 1, "rest").await.here, 0);
        stage.world
    });
}
