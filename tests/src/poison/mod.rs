//! Entries no projection can get through: they are found, set aside and replayable, and the rest
//! goes on. And a worker that slept too long writes nothing. What ends its process is in `deadly`, what
//! this release cannot read in `unread`.

mod deadly;
mod unread;

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use chrono::DateTime;
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    error::{Error, Result},
    page::PageRequest,
    port::Work,
    store::{Query, Tx},
    work::{
        change::Entry,
        projection::{self, MAX_CRASHES, MAX_FAILURES, Outcome, Projection},
        quarantine::{self, QuarantineFilter},
        replay,
    },
};
use entity::{
    id::{ContactId, WorkspaceId},
    kind::QuarantineState,
};
use futures::FutureExt as _;
use sea_orm::DbErr;

use crate::support::{World, on_both};

/// What the poisoned entry does to its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Fails,
    Panics,
    Aborts,
    /// Runs for ever, and gives way to nobody.
    Spins,
    /// Calls itself until the stack is used up.
    Overflows,
    /// Takes a gigabyte, and another, until there is none.
    Eats,
    None,
}

/// Marks contacts as they are made, until it meets the poisoned one.
#[derive(Debug)]
struct Marking {
    poison: ContactId,
    harm: Harm,
    batch: i64,
    met: AtomicUsize,
}

impl Marking {
    fn new(poison: ContactId, harm: Harm) -> Self {
        Self {
            poison,
            harm,
            batch: 16,
            met: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Projection for Marking {
    // One that replays know.
    fn name(&self) -> &'static str {
        "test.marking"
    }

    fn work(&self) -> Work {
        Work::Changes
    }

    fn facts(&self) -> &'static [&'static str] {
        &["contact.created"]
    }

    fn batch(&self) -> i64 {
        self.batch
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        for entry in entries {
            let contact = entry.contact.expect("a contact");
            // A locale that no contact has: one letter more for every time.
            Query::new(
                "UPDATE contact SET locale = COALESCE(locale, '') || 'x'
                 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(tx.workspace)
            .bind(contact)
            .execute(tx.connection())
            .await?;
            if contact == self.poison {
                self.met.fetch_add(1, Ordering::SeqCst);
                match self.harm {
                    Harm::Fails => return Err(Error::Internal("it cannot be done".to_owned())),
                    Harm::Panics => panic!("poison"),
                    Harm::Aborts => std::process::abort(),
                    Harm::Spins => loop {
                        std::hint::spin_loop();
                    },
                    Harm::Overflows => {
                        std::hint::black_box(deadly::deeper(0));
                    }
                    Harm::Eats => deadly::eat(),
                    Harm::None => {}
                }
            }
        }
        Ok(())
    }
}

async fn contacts(world: &World, count: usize) -> Vec<ContactId> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let new = NewContact {
            name: format!("Contact {number}"),
            ..NewContact::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        ids.push(made.expect("a contact").id);
    }
    world.settle().await;
    ids
}

/// Ends the pause after a failure and the lease of a worker that died.
async fn go_on(ctx: &Ctx, workspace: WorkspaceId) {
    Query::new(
        "UPDATE projection_cursor SET retry_at = NULL,
             lease_until = CASE WHEN lease_until IS NULL THEN NULL ELSE $2 END
         WHERE workspace_id = $1 AND projection = 'test.marking'",
    )
    .bind(workspace)
    .bind(DateTime::UNIX_EPOCH)
    .execute(ctx.db.writer())
    .await
    .expect("an update");
}

/// Who was marked, and how often.
async fn marks(world: &World) -> Vec<(ContactId, String)> {
    marks_of(world, world.owner.workspace).await
}

async fn marks_of(world: &World, workspace: WorkspaceId) -> Vec<(ContactId, String)> {
    let rows = Query::new(
        "SELECT id, locale FROM contact WHERE workspace_id = $1 AND locale IS NOT NULL ORDER BY id",
    )
    .bind(workspace)
    .raw(world.ctx.reader())
    .await
    .expect("contacts");
    rows.iter()
        .map(|row| {
            (
                row.try_get_by_index(0).expect("an id"),
                row.try_get_by_index(1).expect("a text"),
            )
        })
        .collect()
}

/// Works until nothing is left; says how many times a worker was taken down.
async fn work_on(world: &World, marking: &dyn Projection) -> usize {
    let mut crashes = 0;
    for _ in 0..10_000 {
        go_on(&world.ctx, world.owner.workspace).await;
        let run = projection::run(&world.ctx, marking, world.owner.workspace);
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(outcome) => match outcome.expect("a run") {
                Outcome::Idle => return crashes,
                Outcome::Unsettled => tokio::time::sleep(Duration::from_millis(5)).await,
                Outcome::Busy | Outcome::Paused(_) | Outcome::Cut => {}
            },
            Err(_) => crashes += 1,
        }
    }
    panic!("it never gets through");
}

/// Checks that all but the poison is marked once, and that the poison alone is set aside.
async fn check(world: &World, ids: &[ContactId], poison: ContactId) -> entity::quarantine::Model {
    let marked = marks(world).await;
    let wanted: BTreeSet<_> = ids.iter().filter(|id| **id != poison).copied().collect();
    let found: BTreeSet<_> = marked.iter().map(|(id, _)| *id).collect();
    assert_eq!(found, wanted);
    assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
    let (ctx, page) = (&world.ctx, PageRequest::first(100));
    let filter = QuarantineFilter {
        state: Some(QuarantineState::SetAside),
        work: Some("test.marking".to_owned()),
    };
    let aside = quarantine::list(ctx, world.owner.workspace, &filter, &page).await;
    let mut aside = aside.expect("a list").rows;
    assert_eq!(aside.len(), 1, "{aside:?}");
    let (_, item) = aside.pop().expect("one");
    assert!(
        item.item["fact"]["contact_id"].as_str().is_some(),
        "{item:?}"
    );
    let text = item.item.to_string();
    assert!(
        text.contains(&poison.to_string()) || text.contains(&poison.0.to_string()),
        "{text}"
    );
    item
}

#[test]
fn an_entry_that_always_fails_is_set_aside_alone_and_can_be_replayed() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        let marking = Marking::new(ids[21], Harm::Fails);
        work_on(&world, &marking).await;
        // Among sixteen, eight, four and two at most, then alone.
        let among_others = marking.met.load(Ordering::SeqCst) as i64 - MAX_FAILURES;
        assert!((0..=4).contains(&among_others), "{among_others}");
        let item = check(&world, &ids, ids[21]).await;
        assert_eq!(
            item.error,
            format!("failed {MAX_FAILURES} times: it cannot be done")
        );

        // It was mended meanwhile: tried once more, by a worker.
        let item = claim(&world, item).await;
        let mended = Marking::new(ids[21], Harm::None);
        replay::replay_entry(&world.ctx, &mended, &item)
            .await
            .expect("a replay");
        assert_eq!(marks(&world).await.len(), 40);
        let again = replay::replay_entry(&world.ctx, &mended, &item).await;
        again.expect("an idle replay");
        assert!(marks(&world).await.iter().all(|(_, mark)| mark == "x"));
        world
    });
}

/// What a worker does first with a replay.
async fn claim(world: &World, mut item: entity::quarantine::Model) -> entity::quarantine::Model {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let asked = replay::request(ctx, owner, &[item.id])
        .await
        .expect("a request");
    assert_eq!(asked[0].state, QuarantineState::Replaying);
    Query::new("UPDATE quarantine SET lease_until = $2 WHERE id = $1")
        .bind(item.id)
        .bind(DateTime::from_timestamp(4_000_000_000, 0).expect("a time"))
        .execute(ctx.db.writer())
        .await
        .expect("an update");
    item.state = QuarantineState::Replaying;
    item
}

#[test]
fn a_replay_that_fails_is_back_in_quarantine_with_its_error() {
    on_both(|world| async move {
        let ids = contacts(&world, 3).await;
        let marking = Marking::new(ids[1], Harm::Fails);
        work_on(&world, &marking).await;
        let item = check(&world, &ids, ids[1]).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        replay::request(ctx, owner, &[item.id])
            .await
            .expect("a request");
        // This release has no such projection.
        let tried = replay::run_waiting(ctx, domain::schedules()).await;
        assert_eq!(tried.expect("a turn"), 1);
        let item = check(&world, &ids, ids[1]).await;
        assert!(item.error.contains("test.marking"), "{}", item.error);
        world
    });
}

/// A projection whose every batch fails as long as something is broken that all of them need.
#[derive(Debug)]
struct Broken {
    is_broken: AtomicBool,
    marking: Marking,
}

#[async_trait]
impl Projection for Broken {
    fn name(&self) -> &'static str {
        self.marking.name()
    }

    fn work(&self) -> Work {
        self.marking.work()
    }

    fn facts(&self) -> &'static [&'static str] {
        self.marking.facts()
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(DbErr::Custom("no room".to_owned()).into());
        }
        self.marking.apply(ctx, tx, entries).await
    }
}

/// Lets the projection try a number of times, without the pauses.
async fn try_often(world: &World, projection: &dyn Projection, times: usize) {
    for _ in 0..times {
        go_on(&world.ctx, world.owner.workspace).await;
        let run = projection::run(&world.ctx, projection, world.owner.workspace);
        run.await.expect("a run");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn set_aside(world: &World) -> i64 {
    let count = Query::new("SELECT COUNT(*) FROM quarantine")
        .scalar(world.ctx.reader())
        .await;
    count.expect("a count").expect("a row")
}

async fn failures(world: &World) -> i64 {
    let count = Query::new(
        "SELECT failures FROM projection_cursor
         WHERE projection = 'test.marking' AND last_error = $1",
    )
    .bind("the database refused: Custom Error: no room")
    .scalar(world.ctx.reader())
    .await;
    count.expect("a look").unwrap_or_default()
}

#[test]
fn a_fault_of_all_sets_nothing_aside_and_is_got_over_when_it_is_mended() {
    on_both(|world| async move {
        contacts(&world, 12).await;
        let broken = Broken {
            is_broken: AtomicBool::new(true),
            marking: Marking::new(ContactId(uuid::Uuid::nil()), Harm::None),
        };
        // Other tests' transactions on the same server may hold the log back for a while.
        for _ in 0..1_000 {
            try_often(&world, &broken, 10).await;
            if failures(&world).await > MAX_FAILURES + 5 {
                break;
            }
        }
        assert!(failures(&world).await > MAX_FAILURES + 5, "it has failed");
        assert_eq!(set_aside(&world).await, 0);
        broken.is_broken.store(false, Ordering::SeqCst);
        work_on(&world, &broken).await;
        let marked = marks(&world).await;
        assert_eq!(marked.len(), 12);
        assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
        assert_eq!(set_aside(&world).await, 0);
        world
    });
}

#[test]
fn an_entry_with_none_behind_it_is_kept_until_it_holds_another_up() {
    on_both(|world| async move {
        let mut ids = contacts(&world, 3).await;
        let marking = Marking::new(ids[2], Harm::Fails);
        for _ in 0..1_000 {
            try_often(&world, &marking, 10).await;
            if marking.met.load(Ordering::SeqCst) as i64 > MAX_FAILURES + 5 {
                break;
            }
        }
        assert!(marking.met.load(Ordering::SeqCst) as i64 > MAX_FAILURES + 5);
        assert_eq!(set_aside(&world).await, 0);
        ids.extend(contacts(&world, 1).await);
        work_on(&world, &marking).await;
        check(&world, &ids, ids[2]).await;
        world
    });
}

#[test]
fn an_entry_that_panics_takes_at_most_three_workers_down() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        for (index, poison) in [(0, ids[0]), (21, ids[21]), (39, ids[39])] {
            Query::new("UPDATE contact SET locale = NULL")
                .execute(world.ctx.db.writer())
                .await
                .expect("an update");
            for statement in [
                "DELETE FROM projection_cursor WHERE projection = 'test.marking'",
                "DELETE FROM quarantine",
            ] {
                Query::new(statement)
                    .execute(world.ctx.db.writer())
                    .await
                    .expect("a deletion");
            }
            let marking = Marking::new(poison, Harm::Panics);
            let crashes = work_on(&world, &marking).await as i64;
            assert_eq!(crashes, MAX_CRASHES + 1, "poison at {index}");
            check(&world, &ids, poison).await;
        }
        world
    });
}

/// Sleeps in the middle of its first batch until another worker has done it.
#[derive(Debug)]
struct Sleeping<'w> {
    world: &'w World,
    marking: Marking,
    slept: AtomicUsize,
}

#[async_trait]
impl Projection for Sleeping<'_> {
    fn name(&self) -> &'static str {
        self.marking.name()
    }

    fn work(&self) -> Work {
        self.marking.work()
    }

    fn facts(&self) -> &'static [&'static str] {
        self.marking.facts()
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        if self.slept.fetch_add(1, Ordering::SeqCst) == 0 {
            if ctx.db.backend() == sea_orm::DatabaseBackend::Sqlite {
                // Nobody else can write while this transaction is open: all another worker can have
                // done before it began is to take the claim.
                Query::new("UPDATE projection_cursor SET fence = fence + 1")
                    .execute(tx.connection())
                    .await?;
            } else {
                work_on(self.world, &self.marking).await;
            }
        }
        self.marking.apply(ctx, tx, entries).await
    }
}

#[test]
fn a_worker_that_slept_past_its_lease_writes_nothing() {
    on_both(|world| async move {
        for _ in 0..20 {
            let ids = contacts(&world, 2).await;
            let sleeping = Sleeping {
                world: &world,
                marking: Marking::new(ContactId(uuid::Uuid::nil()), Harm::None),
                slept: AtomicUsize::new(0),
            };
            loop {
                let run = projection::run(&world.ctx, &sleeping, world.owner.workspace).await;
                match run.expect("a run") {
                    Outcome::Idle => break,
                    Outcome::Busy => go_on(&world.ctx, world.owner.workspace).await,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
            assert!(sleeping.slept.load(Ordering::SeqCst) > 0);
            let marked = marks(&world).await;
            assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
            assert!(ids.iter().all(|id| marked.iter().any(|(one, _)| one == id)));
        }
        world
    });
}

/// Has lost its time in the middle of its first batch, and waits until its claim holds again.
#[derive(Debug)]
struct Blocked<'w> {
    world: &'w World,
    marking: Marking,
    waited: AtomicBool,
}

#[async_trait]
impl Projection for Blocked<'_> {
    fn name(&self) -> &'static str {
        self.marking.name()
    }

    fn work(&self) -> Work {
        self.marking.work()
    }

    fn facts(&self) -> &'static [&'static str] {
        self.marking.facts()
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        // On SQLite nobody can take the claim while this transaction is open.
        let is_shared = ctx.db.backend() == sea_orm::DatabaseBackend::Postgres;
        if is_shared && !self.waited.swap(true, Ordering::SeqCst) {
            let (ctx, workspace) = (&self.world.ctx, tx.workspace);
            go_on(ctx, workspace).await;
            let mut looks = 0;
            while !is_claimed(ctx, workspace).await {
                looks += 1;
                assert!(looks < 1_200, "the claim was not renewed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let other = projection::run(ctx, &self.marking, workspace).await;
            assert_eq!(other.expect("a run"), Outcome::Busy);
        }
        self.marking.apply(ctx, tx, entries).await
    }
}

/// Whether somebody has a claim that has not run out.
async fn is_claimed(ctx: &Ctx, workspace: WorkspaceId) -> bool {
    let claims = Query::new(
        "SELECT 1 FROM projection_cursor
         WHERE workspace_id = $1 AND projection = 'test.marking' AND lease_until > $2",
    )
    .bind(workspace)
    .bind(DateTime::UNIX_EPOCH)
    .raw(ctx.reader())
    .await;
    !claims.expect("claims").is_empty()
}

#[test]
fn a_batch_that_waits_longer_than_a_claim_holds_keeps_it() {
    on_both(|world| async move {
        let ids = contacts(&world, 3).await;
        let blocked = Blocked {
            world: &world,
            marking: Marking::new(ContactId(uuid::Uuid::nil()), Harm::None),
            waited: AtomicBool::new(false),
        };
        loop {
            let run = projection::run(&world.ctx, &blocked, world.owner.workspace).await;
            match run.expect("a run") {
                Outcome::Idle => break,
                Outcome::Unsettled => tokio::time::sleep(Duration::from_millis(5)).await,
                other => panic!("{other:?}"),
            }
        }
        let marked = marks(&world).await;
        assert!(marked.iter().all(|(_, mark)| mark == "x"), "{marked:?}");
        assert_eq!(marked.len(), ids.len());
        world
    });
}
