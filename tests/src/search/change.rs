//! The index after things change, merge, part and go.

use domain::{
    contact::{
        self, ContactChanges, ProfileChanges, erase,
        identity::{self, Given},
        merge,
    },
    search::{self, Field, Kind},
    store::Query,
};
use entity::kind::IdentityKind;
use uuid::Uuid;

use super::{add, hits, message, names, settle, write};
use crate::support::{World, on_both};

#[test]
fn what_changes_is_found_by_what_it_says_now() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = add(&world, "旧名前", Some("old@customer.example")).await;
        settle(&world).await;
        let changes = ContactChanges {
            name: Some("新名前".to_owned()),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, id, changes).await.unwrap();
        for _ in 0..2 {
            assert_eq!(names(&world, "旧").await, Vec::<String>::new());
            assert_eq!(names(&world, "新").await, ["新名前"]);
            // In two segments, told once.
            assert_eq!(names(&world, "名前").await, ["新名前"]);
            settle(&world).await;
        }
        world
    });
}

#[test]
fn what_is_gone_is_not_found_and_leaves_no_trace() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for n in 0..20 {
            add(&world, &format!("客{n}"), None).await;
        }
        let id = add(&world, "秘密", None).await;
        settle(&world).await;
        let tx = ctx.begin(workspace).await.unwrap();
        search::index::forget(&tx, Kind::Contact, &[id.0])
            .await
            .unwrap();
        for statement in [
            "DELETE FROM contact_activity WHERE contact_id = $1",
            "DELETE FROM contact_health WHERE contact_id = $1",
            "DELETE FROM contact WHERE id = $1",
        ] {
            Query::new(statement)
                .bind(id)
                .execute(tx.connection())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(names(&world, "秘").await, Vec::<String>::new());
        assert_eq!(names(&world, "客").await.len(), 20);
        settle(&world).await;
        assert_eq!(names(&world, "客").await.len(), 20);
        let places: Vec<Vec<u8>> =
            Query::new("SELECT data FROM search_block WHERE block <= -2 AND workspace_id = $1")
                .bind(workspace)
                .column(ctx.reader())
                .await
                .unwrap();
        let id = id.0.as_bytes();
        assert!(!places.is_empty());
        assert!(
            places
                .iter()
                .all(|data| !data.windows(16).any(|bytes| bytes == id))
        );
        world
    });
}

/// What the index holds of places: ids in bytes, waiting and in segments.
async fn places(world: &World) -> Vec<Vec<u8>> {
    let places = "SELECT data FROM search_block WHERE block <= -2 AND workspace_id = $1";
    let mut places: Vec<Vec<u8>> = Query::new(places)
        .bind(world.owner.workspace)
        .column(world.ctx.reader())
        .await
        .unwrap();
    let waiting: Vec<Uuid> = Query::new("SELECT id FROM search_tail WHERE workspace_id = $1")
        .bind(world.owner.workspace)
        .column(world.ctx.reader())
        .await
        .unwrap();
    places.extend(waiting.into_iter().map(|id| id.as_bytes().to_vec()));
    places
}

#[test]
fn erasing_a_person_takes_them_and_what_they_wrote_out_of_the_index() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        add(&world, "客", None).await;
        let mut messages = vec![message(&world, 1, "himitsu@customer.example", None)];
        messages[0].subject = "秘密の件".to_owned();
        messages[0].body = "秘密です".to_owned();
        messages.push(message(&world, 2, "other@customer.example", None));
        write(&world, messages).await;
        for sealed in [false, true] {
            if sealed {
                settle(&world).await;
            }
            assert_eq!(names(&world, "himitsu").await, ["himitsu"]);
            assert_eq!(hits(&world, "秘密", &Kind::ALL).await.len(), 2);
        }
        let mut gone: Vec<Uuid> = Vec::new();
        for (query, kind) in [
            ("himitsu", Kind::Contact),
            ("秘密", Kind::Conversation),
            ("秘密", Kind::Message),
        ] {
            gone.extend(hits(&world, query, &[kind]).await.iter().map(|hit| hit.id));
        }
        assert_eq!(gone.len(), 3);
        let is_there = |places: &[Vec<u8>], id: &Uuid| {
            let is_in = |data: &Vec<u8>| data.windows(16).any(|bytes| bytes == id.as_bytes());
            places.iter().any(is_in)
        };
        let before = places(&world).await;
        assert!(gone.iter().all(|id| is_there(&before, id)));
        // Once more, so that something waits as well.
        let changes = ContactChanges {
            locale: Some(Some("ja".to_owned())),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, gone[0].into(), changes)
            .await
            .unwrap();
        erase::erase(ctx, owner, gone[0].into()).await.unwrap();
        for query in ["himitsu", "秘密"] {
            assert!(hits(&world, query, &Kind::ALL).await.is_empty());
        }
        settle(&world).await;
        let after = places(&world).await;
        assert!(!after.is_empty());
        assert!(!gone.iter().any(|id| is_there(&after, id)));
        assert_eq!(names(&world, "客").await, ["客"]);
        assert_eq!(names(&world, "other").await, ["other"]);
        world
    });
}

#[test]
fn a_contact_is_found_by_its_reading_and_by_the_identities_it_has_now() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = add(&world, "田中 太郎", None).await;
        settle(&world).await;
        let changes = ContactChanges {
            profile: ProfileChanges {
                kana: Some(Some("たなか たろう".to_owned())),
                ..ProfileChanges::default()
            },
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, id, changes).await.unwrap();
        let handle = Given {
            kind: IdentityKind::Handle,
            value: "x:enishi".to_owned(),
        };
        identity::attach(ctx, owner, id, &handle).await.unwrap();
        for sealed in [false, true] {
            if sealed {
                settle(&world).await;
            }
            let found = hits(&world, "ﾀﾅｶﾀﾛｳ", &[Kind::Contact]).await;
            assert_eq!(found.len(), 1, "sealed: {sealed}");
            assert_eq!(found[0].field, Field::Reading);
            assert_eq!(found[0].fragments[0].text, "たなか たろう");
            assert_eq!(names(&world, "x:eni").await, ["田中 太郎"]);
        }
        identity::detach(ctx, owner, id, &handle).await.unwrap();
        assert_eq!(names(&world, "x:eni").await, Vec::<String>::new());
        let who = identity::Identify {
            identities: vec![handle],
            name: Some("名無し".to_owned()),
        };
        identity::identify(ctx, owner, who).await.unwrap();
        assert_eq!(names(&world, "x:eni").await, ["名無し"]);
        world
    });
}

#[test]
fn merged_contacts_are_found_as_one_and_apart_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survivor = add(&world, "田中太郎", Some("taro@work.example")).await;
        let loser = add(&world, "たろう", Some("taro@home.example")).await;
        settle(&world).await;
        let merged = merge::merge(ctx, owner, survivor, loser, "one person").await;
        let merged = merged.unwrap();
        for _ in 0..2 {
            assert_eq!(names(&world, "taro@home").await, ["田中太郎"]);
            assert_eq!(names(&world, "たろう").await, Vec::<String>::new());
            settle(&world).await;
        }
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        for _ in 0..2 {
            assert_eq!(names(&world, "taro@home").await, ["たろう"]);
            assert_eq!(names(&world, "taro@").await, ["たろう", "田中太郎"]);
            settle(&world).await;
        }
        world
    });
}

#[test]
fn rows_that_were_there_before_the_index_are_indexed_in_steps() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for n in 0..5 {
            add(&world, &format!("客{n}"), None).await;
        }
        // As an upgrade finds it.
        Query::new("DELETE FROM search_tail")
            .execute(ctx.db.writer())
            .await
            .unwrap();
        Query::new("INSERT INTO search_backfill (workspace_id, kind) VALUES ($1, 'CONTACT')")
            .bind(workspace)
            .execute(ctx.db.writer())
            .await
            .unwrap();
        assert_eq!(names(&world, "客").await.len(), 0);
        settle(&world).await;
        assert_eq!(names(&world, "客").await.len(), 5);
        world
    });
}

/// Makes the index look as if a build had written it that indexed no triples and runs: documents lack
/// the gram which says that theirs are.
async fn unmark(world: &World) {
    const MARK: u32 = 2_311_511_417;
    let workspace = world.owner.workspace;
    let tx = world.ctx.begin(workspace).await.unwrap();
    let rows = Query::new(
        "SELECT kind, segment_id, block, data FROM search_block WHERE block >= 0 AND workspace_id = $1",
    )
    .bind(workspace)
    .raw(tx.connection())
    .await
    .unwrap();
    let mut unmarked = 0;
    for row in rows {
        let kind: String = row.try_get_by_index(0).unwrap();
        let segment: i64 = row.try_get_by_index(1).unwrap();
        let block: i64 = row.try_get_by_index(2).unwrap();
        let mut data: Vec<u8> = row.try_get_by_index(3).unwrap();
        let mark = data.windows(4).position(|four| four == MARK.to_le_bytes());
        let Some(mark) = mark else { continue };
        // In its place among the others, which are in order.
        data[mark..mark + 4].copy_from_slice(&(MARK + 1).to_le_bytes());
        Query::new(
            "UPDATE search_block SET data = $5
             WHERE workspace_id = $1 AND kind = $2 AND segment_id = $3 AND block = $4",
        )
        .bind(workspace)
        .bind(kind)
        .bind(segment)
        .bind(block)
        .bind(data)
        .execute(tx.connection())
        .await
        .unwrap();
        unmarked += 1;
    }
    tx.commit().await.unwrap();
    assert_eq!(unmarked, 1);
}

#[test]
fn what_an_earlier_build_indexed_is_found_and_indexed_anew() {
    on_both(|world| async move {
        for n in 0..5 {
            add(&world, &format!("person{n}777"), None).await;
        }
        settle(&world).await;
        unmark(&world).await;
        for old in [true, false] {
            assert_eq!(names(&world, "person3777").await, ["person3777"]);
            assert_eq!(names(&world, "777").await.len(), 5);
            assert!(names(&world, "person7773").await.is_empty());
            let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
            assert_eq!(search::upkeep::mark_old(&tx).await.unwrap(), old);
            tx.commit().await.unwrap();
            settle(&world).await;
        }
        world
    });
}
