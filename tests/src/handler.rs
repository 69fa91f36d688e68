//! The worker's body on both databases: hints, and the sweep that needs none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    port::{Hint, Hints, Work},
    store::{Query, dialect},
    work::{due, projection},
};
use entity::kind::{DueKind, TagKind};
use tokio_util::sync::CancellationToken;
use worker::{handler::Handler, runtime::WorkHandler as _};

use crate::support::{
    World,
    engine::{Receiver, notify, tag_contact, words},
    on_both,
    process::until,
};

async fn greeting(world: &World) {
    let tag = world.tag(TagKind::Contact, "Greets", None).await;
    let sales = world.target("sales").await;
    let actions = vec![tag_contact(tag), notify(sales)];
    world.rule("greeting", words(&["hello"]), actions).await;
    world
        .receive(&[("a", "taro@customer.example", "hello")])
        .await;
}

/// Calls `act` until the receiver was called. Other tests' transactions on the same server may hold
/// the log back for a while.
async fn until_called(receiver: &Receiver, mut act: impl AsyncFnMut()) {
    let called = async {
        while receiver.calls().is_empty() {
            act().await;
        }
    };
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, called).await.expect("a call");
}

#[test]
fn hints_lead_from_a_message_to_its_notification() {
    on_both(|world| async move {
        greeting(&world).await;
        let receiver = Arc::new(Receiver::default());
        let stop = CancellationToken::new();
        let handler = Handler::new(world.ctx.clone(), receiver.clone(), stop);
        let workspace = world.owner.workspace.0;
        until_called(&receiver, async || {
            for work in [Work::Rules, Work::Due] {
                handler.work(Hint { workspace, work }).await.unwrap();
            }
        })
        .await;
        assert_eq!(receiver.calls().len(), 1);
        world
    });
}

#[test]
fn sweeps_find_everything_without_hints_and_take_up_what_dead_workers_left() {
    on_both(|world| async move {
        greeting(&world).await;
        let projections = domain::projections();
        let find = async || projection::behind(&world.ctx, projections).await.unwrap();
        let started = async {
            while find().await.len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_mins(1);
        tokio::time::timeout(limit, started).await.expect("a lag");

        let receiver = Arc::new(Receiver::default());
        let stop = CancellationToken::new();
        let handler = Handler::new(world.ctx.clone(), receiver.clone(), stop.clone());
        world.drain().await;
        assert_eq!(find().await.len(), 0);
        let abandoned = due::claim(&world.ctx, DueKind::Delivery, None, 10).await;
        assert_eq!(abandoned.unwrap().len(), 1);
        world.expire_leases().await;
        until_called(&receiver, async || {
            handler.sweep().await.unwrap();
            handler.finish().await;
        })
        .await;
        handler.tick().await.unwrap();
        assert_eq!(receiver.calls().len(), 1);

        // After the stop nothing new is taken on.
        stop.cancel();
        world
            .receive(&[("b", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        world.hurry().await;
        handler.sweep().await.unwrap();
        handler.finish().await;
        assert_eq!(receiver.calls().len(), 1);
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        world
    });
}

#[test]
fn what_a_clock_that_was_ahead_put_off_is_taken_up_soon_after_it_was_set_back() {
    on_both(|world| async move {
        greeting(&world).await;
        world.drain().await;
        let (ctx, backend) = (&world.ctx, world.ctx.db.backend());
        let held = due::claim(ctx, DueKind::Delivery, None, 10).await.unwrap();
        assert_eq!(held.len(), 1);
        let put_off = [
            ("due_item", "lease_until"),
            ("notification_target", "next_send_at"),
        ];
        let tomorrow = dialect::now_plus(backend, 24 * 3_600);
        for (table, column) in put_off {
            let statement = format!("UPDATE {table} SET {column} = {tomorrow}");
            let done = Query::new(statement).execute(ctx.db.writer()).await;
            assert_eq!(done.unwrap(), 1, "{table}");
        }
        let receiver = Arc::new(Receiver::default());
        let stop = CancellationToken::new();
        let handler = Handler::new(ctx.clone(), receiver.clone(), stop);
        handler.sweep().await.unwrap();
        handler.finish().await;
        let (now, soon) = (dialect::now(backend), dialect::now_plus(backend, 60));
        for (table, column) in put_off {
            // Not less either: who holds it may still be at it.
            let statement = format!(
                "SELECT COUNT(*) FROM {table} WHERE {column} > {now} AND {column} <= {soon}"
            );
            let count: Option<i64> = Query::new(statement).scalar(ctx.reader()).await.unwrap();
            assert_eq!(count, Some(1), "{table}");
        }
        world.expire_leases().await;
        until_called(&receiver, async || {
            world.hurry().await;
            handler.sweep().await.unwrap();
            handler.finish().await;
        })
        .await;
        world
    });
}

#[test]
fn keys_are_forgotten_after_the_clock_was_set_back_too() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        let receiver = Arc::new(Receiver::default());
        let handler = Handler::new(ctx.clone(), receiver, CancellationToken::new());
        world.clock.advance(TimeDelta::days(1));
        handler.sweep().await.unwrap();
        world.clock.advance(-TimeDelta::days(1));
        Query::new(
            "INSERT INTO idempotency_key (workspace_id, name, fingerprint, created_at)
             VALUES ($1, 'old', $2, $3)",
        )
        .bind(world.owner.workspace)
        .bind(vec![0_u8; 32])
        .bind(ctx.clock.now() - TimeDelta::days(2))
        .execute(ctx.db.writer())
        .await
        .unwrap();
        handler.sweep().await.unwrap();
        handler.finish().await;
        let count = Query::new("SELECT COUNT(*) FROM idempotency_key");
        let count: Option<i64> = count.scalar(ctx.reader()).await.unwrap();
        assert_eq!(count, Some(0));
        world
    });
}

/// Counts the hints for the search index.
#[derive(Debug, Default)]
struct Heard(AtomicUsize);

impl Hints for Heard {
    fn send(&self, hint: Hint) {
        if hint.work == Work::Search {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Makes somebody, and waits until that may be read.
async fn make_somebody(world: &World) {
    let new = NewContact {
        name: "Sato".to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact");
    world.settle().await;
}

#[test]
fn what_pauses_heeds_no_hint_until_it_is_woken_once() {
    on_both(|world| async move {
        let mut projections = domain::projections().iter();
        let search = projections.find(|one| one.work() == Work::Search);
        let search = *search.expect("the search index");
        let heard = Arc::new(Heard::default());
        let ctx = Ctx {
            hints: heard.clone(),
            ..world.ctx.clone()
        };
        let stop = CancellationToken::new();
        let handler = Handler::new(ctx, Arc::new(Receiver::default()), stop.clone());
        let hint = Hint {
            workspace: world.owner.workspace.0,
            work: Work::Search,
        };
        let is_behind = async || {
            let lags = projection::lags(&world.ctx, &[search]).await;
            !lags.expect("a look").is_empty()
        };
        // On a machine that stands still meanwhile the pause is over too soon.
        let pausing = async {
            loop {
                make_somebody(&world).await;
                handler.work(hint).await.unwrap();
                let before = heard.0.load(Ordering::SeqCst);
                make_somebody(&world).await;
                for _ in 0..3 {
                    handler.work(hint).await.unwrap();
                }
                if is_behind().await {
                    return before;
                }
            }
        };
        let limit = Duration::from_mins(1);
        let before = tokio::time::timeout(limit, pausing).await;
        let before = before.expect("a hint that is not heeded");
        until("the hint that ends the pause", limit, async || {
            (heard.0.load(Ordering::SeqCst) > before).then_some(())
        })
        .await;
        handler.work(hint).await.unwrap();
        // At once: it pauses again, and is woken from that in a second.
        let woken = heard.0.load(Ordering::SeqCst) - before;
        stop.cancel();
        assert_eq!(woken, 1);
        assert!(!is_behind().await);
        world
    });
}
