//! What a query finds: in any script, the best first, and nobody else.

use domain::{
    account::{self, NewAccount},
    contact::{self, NewContact},
    conversation::NewMessage,
    error::Error,
    page::PageRequest,
    search::{self, BODY_CHARACTERS, Field, Kind, Match},
};

use super::{add, hits, message, names, needle, page, settle, write};
use crate::support::{World, on_both};

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

#[test]
fn of_a_long_text_the_beginning_is_searched() {
    on_both(|world| async move {
        let email = "a@customer.example";
        let body = format!("{}終点此先", "あ".repeat(BODY_CHARACTERS - 2));
        let long = NewMessage {
            body,
            ..message(&world, 1, email, None)
        };
        write(&world, vec![long]).await;
        for sealed in [false, true] {
            if sealed {
                settle(&world).await;
            }
            for (text, expected) in [("終点", 1), ("此先", 0), ("点此", 0)] {
                let found = hits(&world, text, &[Kind::Message]).await.len();
                assert_eq!(found, expected, "{text}, {sealed}");
            }
        }
        world
    });
}

#[test]
fn a_phone_number_is_found_as_people_of_the_country_write_it() {
    on_both(|world| async move {
        let new = NewContact {
            name: "田中".to_owned(),
            profile: contact::ProfileChanges {
                phone: Some(Some("090-1234-5678".to_owned())),
                ..contact::ProfileChanges::default()
            },
            ..NewContact::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        assert_eq!(made.unwrap().phone.as_deref(), Some("+819012345678"));
        add(&world, "王伟", Some("09012345679@qq.com")).await;
        for sealed in [false, true] {
            if sealed {
                settle(&world).await;
            }
            for query in [
                "090-1234-5678",
                "09012345678",
                "０９０ １２３４ ５６７８",
                "090（1234）5678",
                "+81 90-1234-5678",
                "1234-5678",
                "田中 090-1234",
            ] {
                assert_eq!(
                    names(&world, query).await,
                    ["田中"],
                    "{query}, sealed: {sealed}"
                );
            }
            assert!(names(&world, "090-1234-5670").await.is_empty());
            assert_eq!(names(&world, "09012345679").await, ["王伟"]);
        }
        let hit = &hits(&world, "090-1234-5678", &[Kind::Contact]).await[0];
        let shown = hit
            .fragments
            .iter()
            .find(|one| one.field == Field::Identity);
        assert_eq!(shown.unwrap().text, "+819012345678");
        world
    });
}
