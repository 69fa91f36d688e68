//! Searching, on both databases, beside a plain reading of everything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    contact::{
        self, ContactChanges, ContactFilter, ContactOrder, NewContact, ProfileChanges, erase,
        identity::{self, Given},
        merge,
    },
    conversation::{self, NewMessage},
    error::Error,
    inbox,
    page::PageRequest,
    search::{self, Field, Hit, Kind, Match, Needle, upkeep},
    store::Query,
};
use entity::{
    id::ContactId,
    kind::{Direction, IdentityKind},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use crate::support::{World, on_both};

fn needle(text: &str) -> Needle {
    let needle = Needle::parse(text, &["query"]).expect("a query");
    needle.expect("something to look for")
}

async fn page(world: &World, text: &str, kinds: &[Kind], page: PageRequest) -> Vec<(String, Hit)> {
    let workspace = world.owner.workspace;
    let found = search::find(&world.ctx, workspace, &needle(text), kinds, &page).await;
    found.expect("a page").rows
}

async fn hits(world: &World, text: &str, kinds: &[Kind]) -> Vec<Hit> {
    let rows = page(world, text, kinds, PageRequest::first(100)).await;
    rows.into_iter().map(|(_, hit)| hit).collect()
}

async fn add(world: &World, name: &str, email: Option<&str>) -> ContactId {
    world.clock.advance(TimeDelta::seconds(1));
    let new = NewContact {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

fn message(world: &World, n: usize, email: &str, name: Option<String>) -> NewMessage {
    NewMessage {
        external_id: n.to_string(),
        thread_keys: Vec::new(),
        email: email.to_owned(),
        name,
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: String::new(),
        body: "?".to_owned(),
        sent_at: world.ctx.clock.now(),
    }
}

async fn write(world: &World, messages: Vec<NewMessage>) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    conversation::ingest(ctx, owner, inboxes[0].id, messages)
        .await
        .unwrap();
}

/// Takes every step there is, down to the last thing that waits.
async fn settle(world: &World) {
    loop {
        let tx = world
            .ctx
            .begin(world.owner.workspace)
            .await
            .expect("a transaction");
        let more = upkeep::step(&tx, 1).await.expect("a step");
        tx.commit().await.expect("a commit");
        if !more {
            return;
        }
    }
}

async fn names(world: &World, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for hit in hits(world, text, &[Kind::Contact]).await {
        let found = contact::find(&world.ctx, world.owner.workspace, hit.id.into()).await;
        names.push(found.expect("a look-up").expect("a contact").name);
    }
    names
}

#[test]
fn substrings_in_any_script_are_found_before_and_after_they_are_indexed() {
    on_both(|world| async move {
        for (name, email) in [
            ("王伟", "wang.wei@qq.com"),
            ("田中 太郎", "tanaka@gmail.com"),
            ("東京商事", "info@tokyo.example"),
            ("ﾀﾅｶ ﾊﾅｺ", "hanako@example.jp"),
            ("Marta O'Brien", "m%o_b@example.com"),
        ] {
            add(&world, name, Some(email)).await;
        }
        for sealed in [false, true] {
            if sealed {
                settle(&world).await;
            }
            for (query, expected) in [
                ("王", &["王伟"][..]),
                ("伟", &["王伟"]),
                ("田中", &["田中 太郎"]),
                ("田中太郎", &["田中 太郎"]),
                ("太郎　田中", &["田中 太郎"]),
                ("京商", &["東京商事"]),
                ("たなか", &["ﾀﾅｶ ﾊﾅｺ"]),
                ("タナカ", &["ﾀﾅｶ ﾊﾅｺ"]),
                ("ＭＡＲＴＡ", &["Marta O'Brien"]),
                ("GMAIL", &["田中 太郎"]),
                ("@qq", &["王伟"]),
                ("o'b", &["Marta O'Brien"]),
                ("%", &["Marta O'Brien"]),
                ("o_", &["Marta O'Brien"]),
                ("王王", &[]),
                ("田中 王", &[]),
            ] {
                assert_eq!(
                    names(&world, query).await,
                    expected,
                    "{query}, sealed: {sealed}"
                );
            }
        }
        world
    });
}

#[test]
fn the_best_come_first_and_the_newest_among_equals() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for name in [
            "Butaro",
            "Yamada Taro",
            "Taro Yamada",
            "Taro",
            "Tarot",
            "Kintaro",
        ] {
            add(&world, name, None).await;
        }
        let new = NewAccount {
            name: "Taro".to_owned(),
            ..NewAccount::default()
        };
        account::create(ctx, owner, new).await.unwrap();
        let message = NewMessage {
            subject: "About Taro".to_owned(),
            body: "Taro".to_owned(),
            ..message(&world, 1, "x@customer.example", None)
        };
        write(&world, vec![message]).await;
        for _ in 0..2 {
            let found = hits(&world, "taro", &Kind::ALL).await;
            let order: Vec<(Kind, Match, Field)> = found
                .iter()
                .map(|hit| (hit.kind, hit.level, hit.field))
                .collect();
            let contact = |level| (Kind::Contact, level, Field::Name);
            assert_eq!(
                order,
                [
                    (Kind::Account, Match::Exact, Field::Name),
                    contact(Match::Exact),
                    contact(Match::Prefix),
                    contact(Match::Prefix),
                    contact(Match::Word),
                    contact(Match::Part),
                    contact(Match::Part),
                    (Kind::Conversation, Match::Word, Field::Subject),
                    (Kind::Message, Match::Part, Field::Body),
                ]
            );
            let expected = [
                "Taro",
                "Tarot",
                "Taro Yamada",
                "Yamada Taro",
                "Kintaro",
                "Butaro",
            ];
            assert_eq!(names(&world, "taro").await, expected);
            settle(&world).await;
        }
        world
    });
}

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
            locale: Some("ja".to_owned()),
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
fn a_list_of_very_many_who_answer_is_read_in_pages_and_counted() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        // Every tenth does not answer; those that do are too many to be told one by one.
        let name = |n: usize| format!("{n:04}{}", if n.is_multiple_of(10) { "別" } else { "客" });
        let everybody: Vec<usize> = (0..4_600).collect();
        for part in everybody.chunks(1_000) {
            let messages = part.iter().map(|&n| {
                let email = format!("c{n}@customer.example");
                message(&world, n, &email, Some(name(n)))
            });
            write(&world, messages.collect()).await;
        }
        settle(&world).await;
        let answering: Vec<String> = everybody
            .into_iter()
            .filter(|n| n % 10 != 0)
            .map(name)
            .collect();
        let filter = ContactFilter {
            text: Some("客".to_owned()),
            ..ContactFilter::default()
        };
        let list = async |page: PageRequest| {
            let order = ContactOrder::NameAsc;
            let found = contact::list(ctx, workspace, filter.clone(), order, &page).await;
            found.unwrap()
        };
        let shown = |rows: &[(String, contact::Contact)]| -> Vec<String> {
            rows.iter().map(|(_, row)| row.name.clone()).collect()
        };
        let first = list(PageRequest::first(100)).await;
        assert_eq!(shown(&first.rows), answering[..100]);
        assert!(first.has_next && !first.has_previous);
        assert_eq!(
            first.total.count(ctx).await.unwrap(),
            answering.len() as i64
        );
        let next = PageRequest {
            after: first.rows.last().map(|(cursor, _)| cursor.clone()),
            ..PageRequest::first(100)
        };
        let second = list(next).await;
        assert_eq!(shown(&second.rows), answering[100..200]);
        let back = PageRequest {
            backward: true,
            before: second.rows.first().map(|(cursor, _)| cursor.clone()),
            ..PageRequest::first(3)
        };
        assert_eq!(shown(&list(back).await.rows), answering[97..100]);
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

#[test]
fn nobody_else_is_found_and_strange_queries_are_only_texts() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        add(&world, "Robert'); DROP TABLE contact;--", None).await;
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let new = NewContact {
            name: "Robert Stranger".to_owned(),
            ..NewContact::default()
        };
        contact::create(ctx, &stranger, new).await.unwrap();
        settle(&world).await;
        assert_eq!(names(&world, "robert").await.len(), 1);
        assert_eq!(names(&world, "'); drop table").await.len(), 1);
        for query in [
            "\"",
            "*",
            "a* OR b",
            "NEAR(a b)",
            "a AND",
            "-a",
            "^a",
            "{",
            "col:a",
            "\\",
            "%%",
            "x\0y",
            "NOT",
            "(",
            "'; DELETE FROM contact;",
            "\u{202e}",
            "\u{feff}",
            "🎉",
            "\u{301}",
        ] {
            assert_eq!(names(&world, query).await, Vec::<String>::new(), "{query}");
        }
        // The cursor of one search is none of another.
        let rows = page(&world, "robert", &Kind::ALL, PageRequest::first(1)).await;
        let after = PageRequest {
            after: Some(rows[0].0.clone()),
            ..PageRequest::first(1)
        };
        let workspace = world.owner.workspace;
        let other = search::find(ctx, workspace, &needle("other"), &Kind::ALL, &after).await;
        assert!(matches!(other, Err(Error::Refused(_))));
        world
    });
}

/// Names and queries out of few characters of several scripts, so that many of them meet.
fn texts() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let name = "[東京田中王ァあｱｶﾞａA a@.ß%1]{1,8}";
    (
        proptest::collection::vec(name, 30..60),
        proptest::collection::vec("[東京田中王アあァガａA@.s%1]{1,4}", 25),
    )
}

#[test]
fn a_search_finds_what_reading_everything_finds_in_pages_in_every_state_of_the_index() {
    on_both(|world| async move {
        let mut runner = TestRunner::new_with_rng(
            Config::default(),
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        let (names, queries) = texts().new_tree(&mut runner).unwrap().current();
        let mut all: BTreeMap<Uuid, String> = BTreeMap::new();
        for (n, name) in names.iter().enumerate() {
            if name.trim().is_empty() {
                continue;
            }
            let id = add(&world, name, None).await;
            all.insert(id.0, name.clone());
            match n % 8 {
                // Many small segments, so that there are merges; some renamed in a later segment.
                3 => settle(&world).await,
                5 => {
                    let changes = ContactChanges {
                        name: Some(format!("{name}王")),
                        ..ContactChanges::default()
                    };
                    contact::update(&world.ctx, &world.owner, id, changes)
                        .await
                        .unwrap();
                    all.insert(id.0, format!("{name}王"));
                }
                _ => {}
            }
        }
        for query in &queries {
            let needle = needle(query);
            let mut expected: Vec<(Match, std::cmp::Reverse<Uuid>)> = all
                .iter()
                .filter_map(|(id, name)| Some((needle.judge_name(name)?, std::cmp::Reverse(*id))))
                .collect();
            // Ids carry the time they were made at.
            expected.sort_unstable();
            let expected: Vec<Uuid> = expected.into_iter().map(|(_, id)| id.0).collect();
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let request = PageRequest {
                    after,
                    ..PageRequest::first(3)
                };
                let rows = page(&world, query, &[Kind::Contact], request).await;
                found.extend(rows.iter().map(|(_, hit)| hit.id));
                match rows.last() {
                    Some((cursor, _)) => after = Some(cursor.clone()),
                    None => break,
                }
            }
            assert_eq!(found, expected, "{query}");
            let filter = ContactFilter {
                text: Some(query.clone()),
                ..ContactFilter::default()
            };
            let everybody = PageRequest::first(100);
            let (ctx, workspace) = (&world.ctx, world.owner.workspace);
            let list = contact::list(ctx, workspace, filter, ContactOrder::NameAsc, &everybody);
            let list = list.await.unwrap().rows;
            let list: BTreeSet<Uuid> = list.iter().map(|(_, row)| row.id.0).collect();
            assert_eq!(list, expected.into_iter().collect(), "{query} in a list");
        }
        world
    });
}
