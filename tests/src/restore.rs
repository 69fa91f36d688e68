//! Backups made under load and restored elsewhere: nothing that was in them is lost or done twice,
//! and the log goes on above every place that readers have reached.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use domain::{
    ctx::Ctx,
    error::Error,
    store::Query,
    work::{
        change::{self, Position},
        epoch, floor,
    },
};
use entity::kind::TagKind;
use sea_orm::DatabaseBackend;

use crate::support::{
    World,
    cluster::{self, Cluster},
    database::TestDatabase,
    engine::{tag_contact, words},
    runtime::block_on,
};

/// Messages to which one rule answers with a tag.
struct Stage {
    world: World,
    number: usize,
}

impl Stage {
    async fn set(world: World) -> Self {
        let tag = world.tag(TagKind::Contact, "Greeted", None).await;
        world
            .rule("greeting", words(&["hello"]), vec![tag_contact(tag)])
            .await;
        Self { world, number: 0 }
    }

    /// One message from somebody new.
    async fn receive(&mut self) {
        self.number += 1;
        let (id, email) = (
            format!("m{}", self.number),
            format!("c{}@customer.example", self.number),
        );
        self.world.receive(&[(&id, &email, "hello")]).await;
    }

    /// Writes until `done`, and lets the projections follow half of the time.
    async fn go_on_until(&mut self, done: &AtomicBool) {
        while !done.load(Ordering::SeqCst) {
            self.receive().await;
            if self.number.is_multiple_of(2) {
                for projection in domain::projections() {
                    let run = domain::work::projection::run(
                        &self.world.ctx,
                        *projection,
                        self.world.owner.workspace,
                    );
                    run.await.expect("a run");
                }
            }
        }
    }
}

async fn count(ctx: &Ctx, from: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {from}"));
    let count = query.scalar(ctx.reader()).await;
    count.expect("a count").expect("a row")
}

async fn end(world: &World) -> Position {
    let end = change::end(world.ctx.reader(), world.owner.workspace).await;
    end.expect("the end")
}

/// Checks the restored copy: everything in it is followed up once, and new entries come after all
/// places of the `original`, whose end was `seen`.
async fn check(original: &World, copy: World, seen: Position) {
    let ctx = copy.ctx.clone();
    if ctx.db.backend() == DatabaseBackend::Sqlite {
        // As every start does. On PostgreSQL nobody needs to do anything.
        epoch::open(&ctx).await.expect("an epoch");
    }
    copy.drain().await;
    let messages = count(&ctx, "message").await;
    assert!(messages > 0);
    assert_eq!(count(&ctx, "rule_firing").await, messages);
    assert_eq!(count(&ctx, "tagging").await, messages);
    let known = end(&copy).await;
    let mut after = Stage {
        world: copy,
        number: 1_000_000,
    };
    for _ in 0..3 {
        after.receive().await;
    }
    after.world.drain().await;
    assert_eq!(count(&ctx, "rule_firing").await, messages + 3);
    assert_eq!(count(&ctx, "tagging").await, messages + 3);
    assert_eq!(epoch::cursors_ahead(&ctx).await.expect("a count"), 0);

    let workspace = original.owner.workspace;
    let newest = end(&after.world).await;
    assert!(newest > seen, "{newest} is not after {seen}");
    let read = change::read(ctx.reader(), workspace, known, 1_000).await;
    let read: Vec<_> = read.expect("the log");
    let received = read.iter().flatten();
    let received = received.filter(|entry| entry.fact.name() == "message.received");
    assert_eq!(
        received.count(),
        3,
        "a subscription that goes on hears each"
    );
    let good = floor::check_cursor(&ctx, workspace, known).await;
    good.expect("a cursor that is in the log");
    let lost = floor::check_cursor(&ctx, workspace, seen).await;
    assert!(matches!(lost, Err(Error::CursorExpired)), "{lost:?}");
    drop(ctx);
    after.world.end().await;
}

#[test]
fn a_copy_of_the_sqlite_file_made_under_load_goes_on() {
    block_on(async {
        let mut stage = Stage::set(World::new(TestDatabase::sqlite()).await).await;
        for _ in 0..20 {
            stage.receive().await;
        }
        let copied = TestDatabase::sqlite();
        let path = copied
            .url
            .strip_prefix("sqlite:")
            .expect("a file")
            .to_owned();
        let ctx = World::ctx_at(&stage.world.database.url);
        let done = AtomicBool::new(false);
        tokio::join!(stage.go_on_until(&done), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            // What `enishi backup` does.
            let query = Query::new("VACUUM INTO $1").bind(path);
            query.execute(ctx.reader()).await.expect("a copy");
            tokio::time::sleep(Duration::from_millis(100)).await;
            done.store(true, Ordering::SeqCst);
        });
        stage.receive().await;
        stage.world.drain().await;
        let seen = end(&stage.world).await;
        let copy = stage.world.on(copied).await;
        let (whole, dangling): (Option<String>, Vec<String>) = (
            Query::new("PRAGMA integrity_check")
                .scalar(copy.ctx.reader())
                .await
                .expect("a check"),
            Query::new("PRAGMA foreign_key_check")
                .column(copy.ctx.reader())
                .await
                .expect("a check"),
        );
        assert_eq!((whole.as_deref(), dangling.len()), (Some("ok"), 0));
        check(&stage.world, copy, seen).await;
        stage.world.end().await;
    });
}

#[test]
fn a_dump_made_under_load_goes_on_in_a_cluster_whose_transactions_count_lower() {
    block_on(async {
        let Some(database) = TestDatabase::postgres().await else {
            println!("TEST_DATABASE_URL is not set");
            return;
        };
        let Some(other) = Cluster::start().await else {
            println!("there are no PostgreSQL programs here");
            return;
        };
        // The former cluster has seen more transactions than the new one ever will in this test.
        spend_transactions(&database.url, 3_000).await;
        let mut stage = Stage::set(World::new(database).await).await;
        for _ in 0..20 {
            stage.receive().await;
        }
        let copied = TestDatabase::postgres_on(&other.url()).await;
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("enishi.sql");
        let file = file.to_str().expect("a path").to_owned();
        let done = AtomicBool::new(false);
        let url = stage.world.database.url.clone();
        let dump = tokio::task::spawn_blocking({
            let file = file.clone();
            move || {
                cluster::client(
                    "pg_dump",
                    &["--no-privileges", "--dbname", &url, "--file", &file],
                )
            }
        });
        let ((), dumped) = tokio::join!(stage.go_on_until(&done), async {
            let dumped = dump.await.expect("pg_dump");
            done.store(true, Ordering::SeqCst);
            dumped
        });
        if !dumped {
            println!("pg_dump is not here, or too old for the server");
            stage.world.end().await;
            return;
        }
        stage.receive().await;
        stage.world.drain().await;
        let seen = settled_end(&stage.world).await;
        let arguments = [
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--file",
            &file,
            &copied.url,
        ];
        assert!(cluster::client("psql", &arguments), "restoring");
        let copy = stage.world.on(copied).await;
        let now: Option<i64> = Query::new("SELECT pg_current_xact_id()::text::bigint")
            .scalar(copy.ctx.reader())
            .await
            .expect("a number");
        assert!(now.expect("a row") < seen.tx, "{now:?} is not below {seen}");
        check(&stage.world, copy, seen).await;
        stage.world.end().await;
        drop(other);
    });
}

/// Where the log ends, once other tests' transactions let it be read to its end.
async fn settled_end(world: &World) -> Position {
    let newest: Option<i64> = Query::new("SELECT MAX(seq) FROM change")
        .scalar(world.ctx.reader())
        .await
        .expect("a number");
    loop {
        let end = end(world).await;
        if Some(end.seq) == newest {
            return end;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn spend_transactions(url: &str, count: usize) {
    let ctx = World::ctx_at(url);
    Query::new(
        "CREATE PROCEDURE spend(count bigint) LANGUAGE plpgsql AS $$
        BEGIN FOR one IN 1..count LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    )
    .execute(ctx.reader())
    .await
    .expect("a procedure");
    Query::new(format!("CALL spend({count})"))
        .execute(ctx.reader())
        .await
        .expect("transactions");
    Query::new("DROP PROCEDURE spend")
        .execute(ctx.reader())
        .await
        .expect("a drop");
}
