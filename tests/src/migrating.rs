//! Bringing the schema about: one step after the other, and nothing half-done.

use domain::{
    condition::TagMode,
    contact::{self, NewContact},
    operation::{self, Limits},
    rule::{
        self, NewRule,
        definition::always,
        trigger::{ContactEnteredSegment, ContactTagAdded, Trigger},
    },
    segment::{self, NewSegment},
    store::Query,
    tag::{Request, tagging},
    work::{
        change::{self, Position},
        epoch,
    },
};
use entity::{
    id::{ContactId, SegmentId, TagId},
    kind::{SegmentSubject, TagKind},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use crate::support::{
    World,
    database::TestDatabase,
    engine::{contact_has, tag_contact},
    on_both,
    runtime::block_on,
};

async fn tables(connection: &sea_orm::DatabaseConnection) -> i64 {
    let query = Query::new(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    let count: Option<i64> = query.scalar(connection).await.unwrap();
    count.unwrap_or_default()
}

#[test]
fn a_database_of_a_newer_release_is_refused_as_what_it_is() {
    on_both(|world| async move {
        let owner = world.ctx.db.owner();
        let known = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";
        owner.execute_unprepared(known).await.unwrap();
        let applied = migration::apply(owner).await.unwrap_err().to_string();
        let asked = migration::pending(world.ctx.reader()).await.unwrap_err();
        for said in [applied, asked.to_string()] {
            assert!(said.contains("belongs to a newer release"), "{said}");
            assert!(said.contains("m9999_future"), "{said}");
        }
        let unknown = "DELETE FROM seaql_migrations WHERE version = 'm9999_future'";
        owner.execute_unprepared(unknown).await.unwrap();
        world
    });
}

/// A table of a late step is in the way, as after a program that was killed in the middle of one.
#[test]
fn a_step_that_fails_on_sqlite_leaves_none_of_the_others_half_done() {
    block_on(async {
        let database = TestDatabase::sqlite();
        let db = database.location.open(1, None);
        let owner = db.owner();
        let late = "CREATE TABLE survey_invitation (id INTEGER)";
        owner.execute_unprepared(late).await.unwrap();
        let refused = migration::apply(owner).await.unwrap_err();
        assert!(
            refused.to_string().contains("survey_invitation"),
            "{refused}"
        );
        assert_eq!(tables(owner).await, 1, "nothing but what was there");
        let gone = "DROP TABLE survey_invitation";
        owner.execute_unprepared(gone).await.unwrap();
        migration::apply(owner).await.unwrap();
        assert_eq!(migration::pending(owner).await.unwrap(), 0);
        assert!(tables(owner).await > 90);
    });
}

#[test]
fn many_who_start_at_once_on_sqlite_take_turns() {
    block_on(async {
        let database = TestDatabase::sqlite();
        let apply = || async {
            let db = database.location.open(1, None);
            migration::apply(db.owner()).await.unwrap();
        };
        futures::future::join_all((0..4).map(|_| apply())).await;
        let db = database.location.open(1, None);
        assert_eq!(migration::pending(db.owner()).await.unwrap(), 0);
    });
}

async fn person(world: &World, name: &str) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

async fn segment_of(world: &World, tag: TagId) -> SegmentId {
    let new = NewSegment {
        name: "VIPs".to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(contact_has(TagMode::Any, &[tag])),
    };
    let made = segment::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

async fn members(world: &World, id: SegmentId) -> i64 {
    let found = segment::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().unwrap().member_count
}

/// Does everything that follows from what happened.
async fn settle(world: &World) {
    loop {
        world.drain().await;
        let turn = operation::run_due(&world.ctx, domain::operations(), None, Limits::none()).await;
        if turn.unwrap().steps == 0 {
            return;
        }
    }
}

/// As tagging by a filter once left the log.
#[test]
fn entries_that_no_reader_came_to_are_put_in_order_and_nothing_follows_from_them_late() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        if ctx.db.backend() == DatabaseBackend::Postgres {
            return world;
        }
        epoch::open(ctx).await.unwrap();
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let greeted = world.tag(TagKind::Contact, "Greeted", None).await;
        let mut requests = Vec::new();
        for name in ["Aki", "Ben", "Chen"] {
            requests.push(Request::contact(person(&world, name).await, vip));
        }
        let segment = segment_of(&world, vip).await;
        let tagged = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![vip.0],
            direct_only: false,
        });
        let entered = Trigger::ContactEnteredSegment(ContactEnteredSegment {
            segment_ids: vec![segment.0],
        });
        for (name, trigger) in [("Tagged", tagged), ("Entered", entered)] {
            let new = NewRule {
                name: name.to_owned(),
                trigger,
                condition: always(),
                actions: vec![tag_contact(greeted)],
                limits: rule::Limits::default(),
            };
            rule::create(ctx, owner, new).await.unwrap();
        }
        settle(&world).await;
        let tagged = tagging::tag_many(ctx, owner, &requests, "").await;
        tagged.unwrap();
        let hide = "UPDATE change SET tx = 0 WHERE kind = 'tagging.added'";
        ctx.db.owner().execute_unprepared(hide).await.unwrap();
        person(&world, "Dai").await;
        settle(&world).await;
        assert_eq!(members(&world, segment).await, 0, "nobody has heard of it");

        let again = "DELETE FROM seaql_migrations WHERE version LIKE '%_hidden'";
        ctx.db.owner().execute_unprepared(again).await.unwrap();
        migration::apply(ctx.db.owner()).await.unwrap();
        settle(&world).await;
        assert_eq!(members(&world, segment).await, 3);
        let start = Position::default();
        let log = change::read(ctx.reader(), owner.workspace, start, 1_000).await;
        let log = log.unwrap().into_iter().map(Result::unwrap);
        let log: Vec<change::Entry> = log.collect();
        assert!(log.is_sorted_by_key(|entry| entry.position.seq));
        let told = |name| log.iter().filter(|one| one.fact.name() == name).count();
        assert_eq!(told("tagging.added"), 3);
        assert_eq!((told("rule.fired"), told("segment.entered")), (0, 0));
        world
    });
}
