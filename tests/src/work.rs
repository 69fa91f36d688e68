//! The work core on both databases.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    access::{Scope, token},
    ctx::Ctx,
    error::Error,
    idempotency::{Known, Once},
    inbox::{self, NewInbox},
    operation::{self, Limits},
    store::{Query, Tx},
    work::{
        change::{self, Position},
        due::{self, NewItem},
        projection,
        schedule::{self, Schedule},
    },
};
use entity::{
    id::WorkspaceId,
    kind::{Channel, DueKind, Role},
};
use serde_json::Value;

use crate::{
    access::house::member_of,
    support::{World, on_both},
};

#[test]
fn a_new_workspace_has_an_owner_whose_token_works() {
    on_both(|world| async move {
        assert!(world.owner.scopes.contains(Scope::Administer));
        assert!(
            token::authenticate(&world.ctx, "enishi_nonsense")
                .await
                .unwrap()
                .is_none()
        );
        let end = change::end(world.ctx.reader(), world.owner.workspace)
            .await
            .unwrap();
        assert_eq!(end, Position::default());
        world
    });
}

fn under_a_key(world: &World, key: &str, request: &str) -> Ctx {
    let once = Once::new(&world.owner, key, &[request]);
    Ctx {
        once: Some(Arc::new(once)),
        ..world.ctx.clone()
    }
}

fn an_inbox(name: &str) -> NewInbox {
    NewInbox {
        name: name.to_owned(),
        channel: Channel::Chat,
        address: None,
    }
}

#[test]
fn a_key_that_an_earlier_release_has_stored_as_it_was_given_still_counts() {
    on_both(|world| async move {
        let owner = &world.owner;
        Query::new(
            "INSERT INTO idempotency_key (workspace_id, name, fingerprint, created_at)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(owner.workspace)
        .bind(format!("{} before", owner.member))
        .bind(vec![0_u8; 32])
        .bind(world.ctx.clock.now())
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
        let again = under_a_key(&world, "before", "make");
        let once = again.once.as_ref().unwrap();
        let known = once.look_up(&world.ctx).await;
        assert!(matches!(known, Err(Error::IdempotencyMismatch)));
        let lost = inbox::create(&again, owner, an_inbox("One")).await;
        assert!(matches!(lost, Err(Error::IdempotencyBusy)), "{lost:?}");
        assert!(once.is_lost());
        world
    });
}

#[test]
fn of_two_requests_under_one_key_only_the_first_takes_effect() {
    on_both(|world| async move {
        let owner = &world.owner;
        let (first, second) = (
            under_a_key(&world, "k", "make"),
            under_a_key(&world, "k", "make"),
        );
        inbox::create(&first, owner, an_inbox("One")).await.unwrap();
        let lost = inbox::create(&second, owner, an_inbox("Two")).await;
        assert!(matches!(lost, Err(Error::IdempotencyBusy)), "{lost:?}");
        let mut names: Vec<String> = inbox::list(&world.ctx, owner.workspace)
            .await
            .unwrap()
            .into_iter()
            .map(|inbox| inbox.name)
            .collect();
        names.sort();
        assert_eq!(names, ["Email", "One"]);

        let once = first.once.as_ref().unwrap();
        assert!(once.has_committed());
        assert!(second.once.as_ref().unwrap().is_lost());
        let known = once.look_up(&world.ctx).await.unwrap();
        assert!(matches!(known, Known::Unanswered(_)));
        once.keep(&world.ctx, "answer".to_owned()).await.unwrap();
        let known = once.look_up(&world.ctx).await.unwrap();
        assert_eq!(known, Known::Answered("answer".to_owned()));
        let stored: Option<String> = Query::new("SELECT result FROM idempotency_key")
            .scalar(world.ctx.reader())
            .await
            .unwrap();
        assert!(!stored.unwrap().contains("answer"), "kept as it was shown");

        let name: Option<String> = Query::new("SELECT name FROM idempotency_key")
            .scalar(world.ctx.reader())
            .await
            .unwrap();
        let name = name.unwrap();
        let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hash, "a key may name a person: {name}");

        let other = under_a_key(&world, "k", "something else");
        let mismatch = other.once.as_ref().unwrap().look_up(&world.ctx).await;
        assert!(matches!(mismatch, Err(Error::IdempotencyMismatch)));
        let elsewhere = World::workspace(&world.ctx, "Elsewhere", "elsewhere.example").await;
        let same_key = Once::new(&elsewhere, "k", &["make"]);
        assert_eq!(same_key.look_up(&world.ctx).await.unwrap(), Known::Fresh);
        let colleague = member_of(&world.ctx, owner, Role::Agent).await;
        let same_key = Once::new(&colleague, "k", &["make"]);
        assert_eq!(same_key.look_up(&world.ctx).await.unwrap(), Known::Fresh);
        world
    });
}

/// Looking for work costs by the number of workspaces, never by the length of the log or the queue.
#[test]
fn looking_for_work_stays_cheap_with_a_thousand_workspaces() {
    on_both(|world| async move {
        let (ctx, writer) = (&world.ctx, world.ctx.db.writer());
        for _ in 0..999 {
            Query::new(
                "INSERT INTO workspace (id, name, time_zone, locale, own_addresses, rules_version,
                                        created_at)
                 SELECT $1, name, time_zone, locale, own_addresses, rules_version, created_at
                 FROM workspace LIMIT 1",
            )
            .bind(ctx.id::<WorkspaceId>())
            .execute(writer)
            .await
            .unwrap();
        }
        world.clock.advance(TimeDelta::days(2));
        let mut tx = ctx.begin(world.owner.workspace).await.unwrap();
        let item = NewItem {
            kind: DueKind::Delivery,
            subject: uuid::Uuid::from_u128(1),
            wait: TimeDelta::zero(),
        };
        due::add(ctx, &mut tx, &vec![item; 20_000]).await.unwrap();
        tx.commit().await.unwrap();
        let schedules: Vec<&dyn Schedule> = vec![&Idle];
        schedule::run_due(ctx, &schedules).await.unwrap();
        // Finds every tick over, and remembers it.
        schedule::run_due(ctx, &schedules).await.unwrap();

        // The least of five looks, in an unoptimised build on a machine that runs other tests as well. One that goes
        // through everything in each workspace takes many times as long.
        let mut took = [Duration::MAX; 4];
        for _ in 0..5 {
            let began = Instant::now();
            assert!(!schedule::run_due(ctx, &schedules).await.unwrap());
            took[0] = took[0].min(began.elapsed());
            let began = Instant::now();
            assert_eq!(due::recover(ctx).await.unwrap(), 0);
            took[1] = took[1].min(began.elapsed());
            let began = Instant::now();
            projection::behind(ctx, domain::projections())
                .await
                .unwrap();
            took[2] = took[2].min(began.elapsed());
            let began = Instant::now();
            let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
            assert_eq!(turn.unwrap().steps, 0);
            took[3] = took[3].min(began.elapsed());
        }
        println!("a look over 1,000 workspaces: {took:?}");
        let looks = ["schedules", "due items", "projections", "operations"];
        for (what, took) in looks.into_iter().zip(took) {
            assert!(took < Duration::from_secs(5), "{what}: {took:?}");
        }
        for statement in ["DELETE FROM due_item", "DELETE FROM schedule_tick"] {
            Query::new(statement).execute(writer).await.unwrap();
        }
        world
    });
}

/// Does nothing, once a day.
#[derive(Debug)]
struct Idle;

#[async_trait]
impl Schedule for Idle {
    fn name(&self) -> &'static str {
        "test.idle"
    }

    fn cron(&self) -> &'static str {
        "0 0 2 * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _: &Ctx, _: &mut Tx<'_>, _: Value) -> Result<Option<Value>, Error> {
        Ok(None)
    }
}
