//! The change log over time: what is forgotten, which cursors are still good, and what happens when
//! the database is put back or moved.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    action::Action,
    error::Error,
    store::{Query, dialect},
    work::{
        change::{self, Position},
        epoch, floor,
        retention::{Keep, Retention},
        schedule,
    },
};
use entity::{
    id::{TagId, WorkspaceId},
    kind::TagKind,
};
use sea_orm::DatabaseBackend;

use crate::support::{
    World,
    engine::{Receiver, notify, tag_conversation, words},
    on_both,
};

async fn places(world: &World) -> Vec<Position> {
    let reader = world.ctx.reader();
    let read = change::read(reader, world.owner.workspace, Position::default(), 10_000).await;
    let read = read.expect("the log").into_iter();
    read.map(|entry| entry.expect("an entry").position)
        .collect()
}

async fn check(world: &World, cursor: Position) -> Result<(), Error> {
    floor::check_cursor(&world.ctx, world.owner.workspace, cursor).await
}

async fn count(world: &World, table: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {table}"));
    let count = query.scalar(world.ctx.reader()).await;
    count.expect("a count").expect("a row")
}

/// A night in which everything old goes.
async fn night(world: &World, keep: Keep, tick: DateTime<Utc>) {
    let ran =
        schedule::run_tick(&world.ctx, &Retention { keep }, world.owner.workspace, tick).await;
    assert!(ran.expect("a tick"));
}

/// Waits until every entry may be read: other tests' transactions hold the end of the log back.
async fn settle(world: &World) -> Position {
    world.drain().await;
    let written: (i64, i64) = newest(world, world.owner.workspace).await;
    loop {
        let end = change::end(world.ctx.reader(), world.owner.workspace).await;
        let end = end.expect("the end");
        if (end.tx, end.seq) == written {
            return end;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn newest(world: &World, workspace: WorkspaceId) -> (i64, i64) {
    let rows = Query::new(
        "SELECT tx, seq FROM change WHERE workspace_id = $1 ORDER BY tx DESC, seq DESC LIMIT 1",
    )
    .bind(workspace)
    .raw(world.ctx.reader())
    .await
    .expect("the log");
    let row = rows.first().expect("an entry");
    (
        row.try_get_by_index(0).expect("tx"),
        row.try_get_by_index(1).expect("seq"),
    )
}

async fn greetings(world: &World) -> TagId {
    let tag = world.tag(TagKind::Conversation, "Greeting", None).await;
    let actions: Vec<Action> = vec![tag_conversation(tag)];
    world.rule("greeting", words(&["hello"]), actions).await;
    tag
}

#[test]
fn old_entries_that_everybody_has_read_are_forgotten_and_their_cursors_refused() {
    on_both(|world| async move {
        greetings(&world).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        let keep = Keep::default();
        let start = world.ctx.clock.now();
        world.clock.advance(TimeDelta::days(91));
        // Nothing has been read yet, so nothing goes.
        let before = count(&world, "change").await;
        night(&world, keep, start).await;
        assert_eq!(count(&world, "change").await, before);

        settle(&world).await;
        let old = places(&world).await;
        let for_ever = Keep {
            changes: None,
            work: None,
        };
        night(&world, for_ever, start + TimeDelta::seconds(1)).await;
        assert_eq!(places(&world).await, old);

        world
            .receive(&[("2", "taro@customer.example", "hello")])
            .await;
        let end = settle(&world).await;
        // What the projections wrote now is young: only what is 90 days old goes.
        night(&world, keep, start + TimeDelta::seconds(2)).await;
        let kept = places(&world).await;
        assert!(!kept.is_empty() && !kept.contains(&old[0]), "{kept:?}");
        assert_eq!(kept.last(), Some(&end));
        assert!(check(&world, end).await.is_ok());
        for cursor in [Position::default(), old[0]] {
            let refused = check(&world, cursor).await;
            assert!(matches!(refused, Err(Error::CursorExpired)), "{cursor}");
        }
        // The last one forgotten is where reading on leaves no gap.
        let floor = *old
            .iter()
            .filter(|place| **place < kept[0])
            .max()
            .expect("one");
        assert!(check(&world, floor).await.is_ok(), "{floor}");

        world.clock.advance(TimeDelta::days(91));
        night(&world, keep, start + TimeDelta::seconds(3)).await;
        assert_eq!(places(&world).await, [end], "the newest stays");
        assert!(check(&world, end).await.is_ok());
        world
    });
}

#[test]
fn finished_work_and_answers_are_forgotten_in_their_time() {
    on_both(|world| async move {
        let target = world.target("sales").await;
        world
            .rule("greeting", words(&["hello"]), vec![notify(target)])
            .await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        assert_eq!(world.deliver(&Receiver::default()).await.delivered, 1);
        let start = world.ctx.clock.now();
        night(&world, Keep::default(), start).await;
        let (items, ticks) = ("due_item", "schedule_tick");
        let answers = "delivery_attempt WHERE response <> ''";
        for table in [items, ticks, answers] {
            assert_eq!(count(&world, table).await, 1, "{table}");
        }
        // Items are finished by the database's clock.
        Query::new("UPDATE due_item SET finished_at = $1")
            .bind(start)
            .execute(world.ctx.db.writer())
            .await
            .expect("an update");
        world.clock.advance(TimeDelta::days(31));
        night(&world, Keep::default(), start + TimeDelta::days(31)).await;
        assert_eq!(count(&world, items).await, 0);
        assert_eq!(count(&world, ticks).await, 1, "the night itself");
        assert_eq!(count(&world, answers).await, 0);
        assert_eq!(count(&world, "delivery_attempt").await, 1);
        world
    });
}

#[test]
fn a_log_that_was_moved_goes_on_in_a_new_epoch_without_loss_or_repetition() {
    on_both(|world| async move {
        let tag = greetings(&world).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        settle(&world).await;
        // Written, and not read when the backup was made.
        world
            .receive(&[("2", "jiro@customer.example", "hello")])
            .await;
        as_if_restored(&world).await;
        let moved = settle(&world).await;
        assert_eq!(tagged(&world, tag).await, 2, "what had not been read");
        world
            .receive(&[("3", "saburo@customer.example", "hello")])
            .await;
        settle(&world).await;
        assert_eq!(tagged(&world, tag).await, 3);
        assert_eq!(count(&world, "rule_firing").await, 3, "each once");

        let all = places(&world).await;
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all.len() as i64, count(&world, "change").await);
        let after = all.iter().filter(|place| **place > moved).count();
        let workspace = world.owner.workspace;
        let read = change::read(world.ctx.reader(), workspace, moved, 1_000).await;
        assert_eq!(read.expect("the log").len(), after);
        assert!(after > 0);
        assert!(check(&world, moved).await.is_ok());
        assert_eq!(epoch::cursors_ahead(&world.ctx).await.expect("a count"), 0);
        // A place that only the lost part of the former database had.
        let is_sqlite = world.ctx.db.backend() == sea_orm::DatabaseBackend::Sqlite;
        let unknown = Position {
            tx: if is_sqlite { 0 } else { (1 << 48) - 1 },
            seq: moved.seq + 1_000_000,
        };
        let refused = check(&world, unknown).await;
        assert!(matches!(refused, Err(Error::CursorExpired)), "{refused:?}");
        world
    });
}

async fn tagged(world: &World, tag: TagId) -> i64 {
    let query = Query::new("SELECT COUNT(*) FROM tagging WHERE tag_id = $1").bind(tag);
    let count = query.scalar(world.ctx.reader()).await;
    count.expect("a count").expect("a row")
}

/// Makes the stored transaction numbers larger than any this server will come to, and the row that
/// knows where it was written forget it, as `pg_dump` does; opens a new epoch
/// on SQLite, as a start does.
async fn as_if_restored(world: &World) {
    let writer = world.ctx.db.writer();
    if world.ctx.db.backend() == sea_orm::DatabaseBackend::Sqlite {
        epoch::open(&world.ctx).await.expect("an epoch");
        return;
    }
    for statement in [
        "UPDATE change SET tx = tx + 1000000000000",
        "UPDATE projection_cursor SET tx = tx + 1000000000000 WHERE seq > 0",
        "UPDATE log_epoch SET opened_by = '3'",
    ] {
        Query::new(statement)
            .execute(writer)
            .await
            .expect("an update");
    }
}

/// How SQLite goes about a statement, step by step.
async fn plan(world: &World, statement: &str) -> Vec<String> {
    let query = Query::new(format!("EXPLAIN QUERY PLAN {statement}"));
    let query = query.bind(world.owner.workspace).bind(1).bind(2);
    let steps = query.raw(world.ctx.reader()).await.expect("a plan");
    let steps = steps.iter().map(|row| row.try_get("", "detail"));
    steps.collect::<Result<_, _>>().expect("texts")
}

#[test]
fn the_log_is_read_on_from_a_place_without_going_through_what_stands_before() {
    on_both(|world| async move {
        let backend = world.ctx.db.backend();
        if backend == DatabaseBackend::Postgres {
            // Its primary key is the order of the log.
            return world;
        }
        let settled = dialect::settled(backend);
        let behind = |tx: &str, seq: &str| {
            let place = dialect::place(backend, tx, seq);
            format!(
                "SELECT h.at FROM change h WHERE h.workspace_id = $1 AND (h.tx, h.seq) > {place}
                   AND {settled} AND $2 <> $3 ORDER BY h.tx, h.seq LIMIT 1"
            )
        };
        let of_cursors = format!(
            "SELECT ({}) FROM projection_cursor c",
            behind("c.tx", "c.seq")
        );
        for statement in [behind("$2", "$3"), of_cursors] {
            let plan = plan(&world, &statement).await;
            let by_place = "change_place (workspace_id=? AND (tx,rowid)>(?,?))";
            assert!(plan.iter().any(|step| step.contains(by_place)), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP")), "{plan:?}");
        }
        world
    });
}
