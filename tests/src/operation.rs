//! Operations on both databases: every step once, whatever happens to whoever does it.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{self, Kind, Limits, NewOperation, OperationFilter, Step},
    page::PageRequest,
    store::{Query, Tx},
    work::{change, due},
};
use entity::{
    id::InboxId,
    kind::{DueKind, OperationKind, OperationState},
    operation::Model,
};
use serde_json::json;

use crate::support::{World, on_both, process::until};

const STEPS: i64 = 7;

/// What a step does besides its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    /// Hangs in the third step after it has written, until it is dropped.
    Hangs,
    Refuses,
    Fails,
}

/// Makes an inbox in each step, under a name that no second step may use again. Counts its steps, and says
/// whether it hangs.
#[derive(Debug)]
struct Inboxes(Mood, AtomicUsize, AtomicBool);

impl Inboxes {
    fn new(mood: Mood) -> Self {
        Self(mood, AtomicUsize::new(0), AtomicBool::new(false))
    }
}

#[async_trait]
impl Kind for Inboxes {
    fn kind(&self) -> OperationKind {
        OperationKind::TagByFilter
    }

    async fn step(&self, _: &Ctx, tx: &mut Tx<'_>, operation: &Model) -> Result<Step> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let n = operation.progress["n"].as_i64().unwrap_or_default();
        Query::new(
            "INSERT INTO inbox (workspace_id, id, name, channel, created_at)
             VALUES ($1, $2, $3, 'CHAT', $4)",
        )
        .bind(tx.workspace)
        .bind(tx.id::<InboxId>())
        .bind(format!("step {n}"))
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
        match self.0 {
            Mood::Works => {}
            Mood::Hangs if n < 2 => {}
            Mood::Hangs => {
                self.2.store(true, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            Mood::Refuses => {
                let message = "The tag is gone.";
                return Err(Error::refused(&[], UserErrorCode::NotFound, message));
            }
            Mood::Fails => return Err(Error::Internal("no".to_owned())),
        }
        Ok(Step {
            progress: json!({ "n": n + 1 }),
            total: Some(STEPS),
            done: 1,
            failed: 0,
            is_last: n + 1 == STEPS,
        })
    }
}

async fn ask(world: &World) -> Model {
    let ctx = &world.ctx;
    let mut tx = ctx.begin(world.owner.workspace).await.unwrap();
    let new = NewOperation {
        kind: OperationKind::TagByFilter,
        request: json!({}),
        total: None,
        dry_run: false,
        origin: world.owner.origin(),
    };
    let asked = operation::start(ctx, &mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    asked
}

async fn now(world: &World, asked: &Model) -> Model {
    let found = operation::find(&world.ctx, world.owner.workspace, asked.id).await;
    found.unwrap().unwrap()
}

/// How many steps have taken effect.
async fn effects(world: &World) -> i64 {
    Query::new("SELECT COUNT(*) FROM inbox WHERE name LIKE 'step %'")
        .scalar(world.ctx.reader())
        .await
        .unwrap()
        .unwrap()
}

async fn run(world: &World, kind: &Inboxes) -> usize {
    let turn = operation::run_due(&world.ctx, &[kind], None, Limits::none()).await;
    turn.unwrap().steps
}

/// A worker that hangs in a step, and dies there.
async fn die(world: &World, hangs: &Inboxes) {
    let stuck = until("the step that hangs", Duration::from_mins(1), async || {
        hangs.2.load(Ordering::SeqCst).then_some(())
    });
    tokio::select! {
        steps = run(world, hangs) => panic!("it ends after {steps} steps"),
        () = stuck => {}
    }
}

#[test]
fn an_operation_is_done_step_by_step_and_tells_how_far_it_is() {
    on_both(|world| async move {
        let asked = ask(&world).await;
        assert_eq!(asked.state, OperationState::Waiting);
        assert_eq!(run(&world, &Inboxes::new(Mood::Works)).await, 7);
        let done = now(&world, &asked).await;
        assert_eq!(done.state, OperationState::Done);
        assert_eq!((done.done, done.total), (STEPS, Some(STEPS)));
        assert!(done.started_at.is_some() && done.finished_at.is_some());
        let log = change::read(
            world.ctx.db.writer(),
            world.owner.workspace,
            change::Position::default(),
            100,
        );
        let told = log.await.unwrap().into_iter().flatten();
        let told = told.filter(|entry| entry.fact.name() == "operation.changed");
        // PostgreSQL may hold the newest back while another test's transaction is open.
        assert!(told.count() <= 8);
        let page = PageRequest::first(10);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for (kind, expected) in [
            (None, 1),
            (Some(OperationKind::TagByFilter), 1),
            (Some(OperationKind::ImportContacts), 0),
        ] {
            let state = Some(OperationState::Done);
            let filter = OperationFilter { state, kind };
            let listed = operation::list(ctx, workspace, filter, &page)
                .await
                .unwrap();
            assert_eq!(listed.rows.len(), expected, "{kind:?}");
        }
        world
    });
}

#[test]
fn a_worker_that_dies_in_a_step_costs_that_step_and_repeats_none() {
    on_both(|world| async move {
        let asked = ask(&world).await;
        let hangs = Inboxes::new(Mood::Hangs);
        die(&world, &hangs).await;
        assert_eq!(hangs.1.load(Ordering::SeqCst), 3);
        let between = now(&world, &asked).await;
        assert_eq!((between.state, between.done), (OperationState::Running, 2));
        // Nobody takes it up while the claim holds.
        assert_eq!(run(&world, &Inboxes::new(Mood::Works)).await, 0);
        world.expire_leases().await;
        assert_eq!(due::recover(&world.ctx).await.unwrap(), 1);
        assert_eq!(run(&world, &Inboxes::new(Mood::Works)).await, 5);
        assert_eq!(effects(&world).await, STEPS);
        assert_eq!(now(&world, &asked).await.state, OperationState::Done);
        world
    });
}

#[test]
fn a_worker_that_wakes_after_its_lease_may_not_go_on() {
    on_both(|world| async move {
        ask(&world).await;
        let ctx = &world.ctx;
        let claim = || due::claim(ctx, DueKind::Operation, None, 1);
        let stale = claim().await.unwrap().remove(0);
        world.expire_leases().await;
        due::recover(ctx).await.unwrap();
        let fresh = claim().await.unwrap().remove(0);
        let tx = ctx.begin(stale.workspace_id).await.unwrap();
        assert!(!due::hold(&tx, &stale).await.unwrap());
        assert!(due::hold(&tx, &fresh).await.unwrap());
        tx.commit().await.unwrap();
        world.expire_leases().await;
        due::recover(ctx).await.unwrap();
        assert_eq!(run(&world, &Inboxes::new(Mood::Works)).await, 7);
        world
    });
}

#[test]
fn a_claim_takes_no_more_than_it_asks_for() {
    on_both(|world| async move {
        // What PostgreSQL believes of a table that was empty when it last looked.
        let look = Query::new("ANALYZE due_item");
        look.execute(world.ctx.db.writer()).await.unwrap();
        for _ in 0..30 {
            ask(&world).await;
        }
        let mut left = 30;
        for limit in [1, 4, 1, 20, 20] {
            let claimed = due::claim(&world.ctx, DueKind::Operation, None, limit).await;
            let taken = limit.min(left);
            assert_eq!(claimed.unwrap().len() as i64, taken);
            left -= taken;
        }
        let done = Query::new("DELETE FROM due_item WHERE state = 'RUNNING'");
        assert_eq!(done.execute(world.ctx.db.writer()).await.unwrap(), 30);
        world
    });
}

#[test]
fn many_workers_share_operations_without_repeating_a_step() {
    on_both(|world| async move {
        for _ in 0..2 {
            // The second finds every name taken, so it fails unless the first was undone.
            ask(&world).await;
            let kind = Inboxes::new(Mood::Works);
            let runs = futures::future::join_all((0..4).map(|_| run(&world, &kind))).await;
            assert_eq!(runs.into_iter().sum::<usize>(), 7);
            assert_eq!(effects(&world).await, STEPS);
            Query::new("DELETE FROM inbox WHERE name LIKE 'step %'")
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
        }
        world
    });
}

#[test]
fn a_cancelled_operation_goes_no_further_and_what_is_done_stays() {
    on_both(|world| async move {
        let asked = ask(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hangs = Inboxes::new(Mood::Hangs);
        die(&world, &hangs).await;
        let cancelled = operation::cancel(ctx, owner, asked.id).await.unwrap();
        assert_eq!(cancelled.state, OperationState::Cancelled);
        let again = operation::cancel(ctx, owner, asked.id).await;
        assert!(matches!(again, Err(Error::Refused(_))));
        world.expire_leases().await;
        due::recover(ctx).await.unwrap();
        assert_eq!(run(&world, &Inboxes::new(Mood::Works)).await, 0);
        assert_eq!(effects(&world).await, 2);
        let ended = now(&world, &asked).await;
        assert_eq!((ended.state, ended.done), (OperationState::Cancelled, 2));
        world
    });
}

#[test]
fn a_refusal_and_repeated_errors_end_an_operation_with_a_reason() {
    on_both(|world| async move {
        let asked = ask(&world).await;
        run(&world, &Inboxes::new(Mood::Refuses)).await;
        let failed = now(&world, &asked).await;
        assert_eq!(failed.state, OperationState::Failed);
        assert_eq!(failed.error.as_deref(), Some("The tag is gone."));

        let asked = ask(&world).await;
        let fails = Inboxes::new(Mood::Fails);
        for _ in 0..5 {
            world.hurry().await;
            run(&world, &fails).await;
        }
        assert_eq!(fails.1.load(Ordering::SeqCst), 5);
        let failed = now(&world, &asked).await;
        assert_eq!(failed.state, OperationState::Failed);
        let told = failed.error.unwrap();
        assert!(!told.contains("no\""), "what went wrong inside is not told");
        assert_eq!(effects(&world).await, 0);
        world
    });
}

#[test]
fn an_operation_that_kills_its_workers_is_set_aside_as_failed() {
    on_both(|world| async move {
        let asked = ask(&world).await;
        for _ in 0..3 {
            due::claim(&world.ctx, DueKind::Operation, None, 1)
                .await
                .unwrap();
            world.expire_leases().await;
            due::recover(&world.ctx).await.unwrap();
        }
        let failed = now(&world, &asked).await;
        assert_eq!(failed.state, OperationState::Failed);
        assert!(failed.error.unwrap().contains("3 times"));
        world
    });
}
