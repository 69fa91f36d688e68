//! Tagging everything a filter finds, as an operation: what it finds, what a dry run says, what is
//! refused.

use chrono::TimeDelta;
use domain::{
    access::Origin,
    account::{self, AccountFilter, AccountOrder, NewAccount},
    contact::{self, ContactFilter, ContactOrder, NewContact, ProfileChanges},
    conversation::{self, ConversationFilter, NewMessage},
    error::Error,
    inbox,
    page::PageRequest,
    store::Query,
    tag::{
        NewTaggings, TagFilter,
        catalogue::{self, Merge},
        tagging::{self, NewBulk, Which},
    },
    work::{change, due},
};
use entity::{
    id::{ContactId, TagId},
    kind::{Direction, OperationState, TagKind, TagTarget, TaggingEnd},
};

use super::{
    recount::assert_recounted,
    steps::{active, active_tags, finish, history, listed, people, put, single_group, tag},
};
use crate::support::on_both;

#[test]
fn everything_a_filter_finds_is_tagged_and_untagged_and_a_dry_run_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 7).await;
        let top = tag(&world, "Top", None).await;
        let (one, two) = (
            tag(&world, "One", Some(top)).await,
            tag(&world, "Two", Some(top)).await,
        );
        single_group(&world, &[one, two]).await;
        put(&world, who[0], one, None).await;
        put(&world, who[1], two, None).await;
        let everybody = |add: &[TagId], remove: &[TagId]| NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: add.to_vec(),
            remove: remove.to_vec(),
            reason: "campaign".to_owned(),
            expires_at: None,
            imagined: None,
        };
        let asked = tagging::tag_by_filter(ctx, owner, everybody(&[one], &[]), true)
            .await
            .unwrap();
        let dry = finish(&world, &asked).await;
        let counts = serde_json::json!({ "added": 6, "removed": 0, "replaced": 1, "renewed": 0 });
        assert_eq!(dry.progress["counts"], counts);
        assert_eq!((dry.total, dry.done), (Some(7), 7));
        assert!(active(&world, who[2]).await.is_empty());

        // Ids of one moment have no order.
        world.clock.advance(TimeDelta::seconds(1));
        let asked = tagging::tag_by_filter(ctx, owner, everybody(&[one], &[]), false)
            .await
            .unwrap();
        let done = finish(&world, &asked).await;
        assert_eq!((done.state, done.done), (OperationState::Done, 7));
        assert_eq!(done.progress["counts"], counts);
        for &who in &who {
            assert_eq!(active_tags(&world, who).await, [one]);
        }
        let replaced = history(&world, who[1]).await;
        assert_eq!(replaced[0].ended, Some(TaggingEnd::Replaced));
        assert_eq!(replaced[1].added_reason, "campaign");
        assert_recounted(&world).await;
        // None lies before what was written earlier, where nobody who reads the log would find it.
        let hidden = Query::new(
            "SELECT COUNT(*) FROM change WHERE kind = 'tagging.added'
               AND tx < (SELECT MIN(o.tx) FROM change o WHERE o.kind = 'contact.created')",
        );
        let hidden: Option<i64> = hidden.scalar(ctx.db.reader()).await.unwrap();
        assert_eq!(hidden, Some(0));
        // Each has its entry in the log, which decodes like any other.
        let log = Query::new("SELECT data FROM change WHERE kind = 'tagging.added'");
        let log: Vec<serde_json::Value> = log.column(ctx.db.writer()).await.unwrap();
        let facts = log.into_iter().map(serde_json::from_value::<change::Fact>);
        let facts: Vec<_> = facts.collect::<Result<_, _>>().unwrap();
        assert_eq!(facts.len(), 8);

        // A filter on what the operation itself changes.
        let tagged = NewBulk {
            which: Which::Contact(ContactFilter {
                tags: TagFilter {
                    any: vec![top],
                    ..TagFilter::default()
                },
                ..ContactFilter::default()
            }),
            ..everybody(&[], &[one])
        };
        let asked = tagging::tag_by_filter(ctx, owner, tagged, false)
            .await
            .unwrap();
        let done = finish(&world, &asked).await;
        assert_eq!(done.progress["counts"]["removed"], 7);
        assert_recounted(&world).await;

        for (bulk, path) in [
            (everybody(&[], &[]), "addTagIds"),
            (everybody(&[one], &[one]), "removeTagIds"),
            (everybody(&[one, two], &[]), "addTagIds.1"),
            (everybody(&[ctx.id()], &[]), "addTagIds.0"),
        ] {
            let refused = tagging::tag_by_filter(ctx, owner, bulk, false).await;
            let Err(Error::Refused(errors)) = refused else {
                panic!("{path}: {refused:?}");
            };
            assert_eq!(errors[0].path.join("."), path);
        }
        assert_eq!(due::pending(ctx.reader()).await.unwrap(), 0);
        world
    });
}

#[test]
fn a_text_in_the_filter_tags_exactly_what_the_list_of_the_same_filter_has() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for (name, kana, email) in [
            ("Tanaka Hanako", None, "ht@customer.example"),
            ("田中 花子", Some("タナカ ハナコ"), "x1@customer.example"),
            ("Yamada", None, "Tanaka.Hanako@customer.example"),
            ("Tanaka Taro", None, "x2@customer.example"),
        ] {
            let new = NewContact {
                name: name.to_owned(),
                email: Some(email.to_owned()),
                profile: ProfileChanges {
                    kana: kana.map(|kana| Some(kana.to_owned())),
                    ..ProfileChanges::default()
                },
                ..NewContact::default()
            };
            contact::create(ctx, owner, new).await.unwrap();
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        for (text, expected) in [
            ("hanako tanaka", 2),
            ("たなか", 1),
            ("ＴＡＮＡＫＡ", 3),
            ("nobody", 0),
            (" ", 4),
        ] {
            let filter = ContactFilter {
                text: Some(text.to_owned()),
                ..ContactFilter::default()
            };
            let page = PageRequest::first(100);
            let order = ContactOrder::CreatedAsc;
            let listed = contact::list(ctx, owner.workspace, filter.clone(), order, &page).await;
            let listed: Vec<ContactId> = listed.unwrap().rows.iter().map(|(_, c)| c.id).collect();
            assert_eq!(listed.len(), expected, "{text}");
            let tag = tag(&world, &format!("T{text}"), None).await;
            for dry_run in [true, false] {
                let bulk = NewBulk {
                    which: Which::Contact(filter.clone()),
                    add: vec![tag],
                    remove: Vec::new(),
                    reason: String::new(),
                    expires_at: None,
                    imagined: None,
                };
                let asked = tagging::tag_by_filter(ctx, owner, bulk, dry_run).await;
                let done = finish(&world, &asked.unwrap()).await;
                assert_eq!(done.progress["counts"]["added"], expected, "{text}");
                assert_eq!((done.total, done.done), (Some(4), 4), "{text}");
            }
            let tagged = TagFilter {
                any: vec![tag],
                ..TagFilter::default()
            };
            assert_eq!(
                self::listed(&world, tagged).await,
                listed.into_iter().collect(),
                "{text}"
            );
        }
        let long = ContactFilter {
            text: Some("x".repeat(201)),
            ..ContactFilter::default()
        };
        let bulk = NewBulk {
            which: Which::Contact(long),
            add: vec![tag(&world, "Long", None).await],
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let refused = tagging::tag_by_filter(ctx, owner, bulk, false).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors[0].path, ["things", "contacts", "text"]);
        world
    });
}

#[test]
fn a_dry_run_counts_what_a_playbook_set_as_the_run_then_does() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 3).await;
        let tag = tag(&world, "Warm", None).await;
        put(&world, who[0], tag, None).await;
        put(&world, who[1], tag, None).await;
        let book = Origin::Playbook {
            playbook_id: ctx.id(),
            version: 1,
        };
        Query::new("UPDATE tagging SET added_by = $1 WHERE target_id = $2")
            .bind(book.json())
            .bind(who[0])
            .execute(ctx.db.writer())
            .await
            .unwrap();
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: vec![tag],
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        for dry_run in [true, false] {
            let asked = tagging::tag_by_filter(ctx, owner, bulk.clone(), dry_run).await;
            let done = finish(&world, &asked.unwrap()).await;
            assert_eq!(done.progress["counts"]["added"], 2, "dry run: {dry_run}");
            world.clock.advance(TimeDelta::seconds(1));
        }
        world
    });
}

#[test]
fn a_tag_that_was_merged_stands_for_the_other_in_lists_and_in_work_asked_for_before() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 3).await;
        let (vip, gold) = (
            tag(&world, "VIP", None).await,
            tag(&world, "Gold", None).await,
        );
        let told = tag(&world, "Told", None).await;
        put(&world, who[0], gold, None).await;
        put(&world, who[1], vip, None).await;
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter {
                tags: TagFilter {
                    any: vec![gold],
                    ..TagFilter::default()
                },
                ..ContactFilter::default()
            }),
            add: vec![told],
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let asked = tagging::tag_by_filter(ctx, owner, bulk, false).await;
        let merge = Merge {
            sources: vec![gold],
            target: vip,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        let done = finish(&world, &asked.unwrap()).await;
        assert_eq!(done.progress["counts"]["added"], 2);
        let filter = TagFilter {
            any: vec![gold],
            ..TagFilter::default()
        };
        assert_eq!(
            listed(&world, filter).await,
            who[..2].iter().copied().collect()
        );
        let filter = TagFilter {
            all: vec![told],
            none: vec![gold],
            ..TagFilter::default()
        };
        assert!(listed(&world, filter).await.is_empty());
        world
    });
}

#[test]
fn a_dry_run_counts_what_is_replaced_and_not_what_is_taken_off_or_there() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 5).await;
        let (hot, warm, cold) = (
            tag(&world, "Hot", None).await,
            tag(&world, "Warm", None).await,
            tag(&world, "Cold", None).await,
        );
        let other = tag(&world, "Other", None).await;
        single_group(&world, &[hot, warm, cold]).await;
        for (who, tag) in [
            (who[0], hot),
            (who[1], warm),
            (who[2], warm),
            (who[3], cold),
            (who[4], other),
        ] {
            put(&world, who, tag, None).await;
        }
        let bulk = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            // A tag that is named twice is put on once.
            add: vec![hot, hot],
            remove: vec![cold],
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        for dry_run in [true, false] {
            let asked = tagging::tag_by_filter(ctx, owner, bulk.clone(), dry_run).await;
            let done = finish(&world, &asked.unwrap()).await;
            let counts =
                serde_json::json!({ "added": 4, "removed": 1, "replaced": 2, "renewed": 0 });
            assert_eq!(done.progress["counts"], counts, "dry run: {dry_run}");
            world.clock.advance(TimeDelta::seconds(1));
        }
        world
    });
}

#[test]
fn conversations_and_accounts_are_tagged_by_the_texts_their_lists_find_them_by() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = inbox::list(ctx, owner.workspace).await.unwrap()[0].id;
        let message = |n: usize, subject: &str, body: &str| NewMessage {
            external_id: n.to_string(),
            thread_keys: Vec::new(),
            whose: format!("writer{n}@customer.example").into(),
            name: Some(format!("Writer {n}")),
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: subject.to_owned(),
            body: body.to_owned(),
            sent_at: ctx.clock.now(),
        };
        let messages = vec![
            message(1, "ＡＣＭＥ　order", "?"),
            message(2, "?", "about the ORDER of acme"),
            message(3, "order", "?"),
        ];
        conversation::ingest(ctx, owner, inbox, messages)
            .await
            .unwrap();
        for name in ["Acme Order KK", "Other"] {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            account::create(ctx, owner, new).await.unwrap();
        }
        let text = Some("order acme".to_owned());
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let kind = tag(&world, "Kind", None).await;
        for (which, tag, expected) in [
            (
                Which::Conversation(ConversationFilter {
                    text: text.clone(),
                    ..ConversationFilter::default()
                }),
                topic,
                2,
            ),
            (
                Which::Account(AccountFilter {
                    text,
                    ..AccountFilter::default()
                }),
                kind,
                1,
            ),
        ] {
            let bulk = NewBulk {
                which,
                add: vec![tag],
                remove: Vec::new(),
                reason: String::new(),
                expires_at: None,
                imagined: None,
            };
            let asked = tagging::tag_by_filter(ctx, owner, bulk, false).await;
            let done = finish(&world, &asked.unwrap()).await;
            assert_eq!(done.progress["counts"]["added"], expected);
        }
        world
    });
}

#[test]
fn what_a_filter_names_and_is_not_there_is_told_with_its_place() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let there = tag(&world, "There", None).await;
        let refused = async |filter: ContactFilter| {
            let bulk = NewBulk {
                which: Which::Contact(filter),
                add: vec![there],
                remove: Vec::new(),
                reason: String::new(),
                expires_at: None,
                imagined: None,
            };
            match tagging::tag_by_filter(ctx, owner, bulk, false).await {
                Err(Error::Refused(errors)) => errors[0].path.join("."),
                other => panic!("{other:?}"),
            }
        };
        let by_tags = ContactFilter {
            tags: TagFilter {
                none: vec![there, ctx.id()],
                ..TagFilter::default()
            },
            ..ContactFilter::default()
        };
        assert_eq!(refused(by_tags).await, "things.contacts.tags.none.1");
        let by_each = ContactFilter {
            tags: TagFilter {
                any_of_each: vec![vec![there], vec![there, ctx.id()]],
                ..TagFilter::default()
            },
            ..ContactFilter::default()
        };
        assert_eq!(refused(by_each).await, "things.contacts.tags.anyOfEach.1.1");
        let by_account = ContactFilter {
            account: Some(ctx.id()),
            ..ContactFilter::default()
        };
        assert_eq!(refused(by_account).await, "things.contacts.accountId");
        let by_owner = ContactFilter {
            owners: vec![ctx.id()],
            ..ContactFilter::default()
        };
        assert_eq!(refused(by_owner).await, "things.contacts.ownerIds.0");
        world
    });
}

#[test]
fn one_of_each_of_several_lists_is_found_in_every_list_of_things() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 4).await;
        let (it, shop) = (
            tag(&world, "IT", None).await,
            tag(&world, "Shop", None).await,
        );
        let saas = tag(&world, "SaaS", Some(it)).await;
        let (small, large) = (
            tag(&world, "Small", None).await,
            tag(&world, "Large", None).await,
        );
        for (person, tags) in [
            (who[0], vec![saas, small]),
            (who[1], vec![shop, large]),
            (who[2], vec![it, shop]),
            (who[3], vec![small]),
        ] {
            for tag in tags {
                put(&world, person, tag, None).await;
            }
        }
        let each = |lists: &[&[TagId]]| TagFilter {
            any_of_each: lists.iter().map(|list| list.to_vec()).collect(),
            ..TagFilter::default()
        };
        let both = each(&[&[it, shop], &[small, large]]);
        let found = listed(&world, both.clone()).await;
        assert_eq!(found, [who[0], who[1]].into());
        let found = listed(&world, each(&[&[it], &[small, large]])).await;
        assert_eq!(found, [who[0]].into());
        let alone = TagFilter {
            with_descendants: false,
            ..both.clone()
        };
        assert_eq!(listed(&world, alone).await, [who[1]].into());
        // Together with a tag that drives the list.
        let driven = TagFilter {
            all: vec![large],
            ..both.clone()
        };
        assert_eq!(listed(&world, driven).await, [who[1]].into());

        let new = NewAccount {
            name: "Shop and co".to_owned(),
            ..NewAccount::default()
        };
        let company = account::create(ctx, owner, new).await.unwrap().id;
        let new = NewTaggings {
            things: vec![(TagTarget::Account, company.0)],
            tags: vec![shop, small],
            ..NewTaggings::default()
        };
        tagging::tag_things(ctx, owner, new).await.unwrap();
        let filter = AccountFilter {
            tags: both,
            ..AccountFilter::default()
        };
        let page = PageRequest::first(10);
        let order = AccountOrder::NameAsc;
        let found = account::list(ctx, owner.workspace, &filter, order, &page).await;
        assert_eq!(found.unwrap().rows.len(), 1);
        world
    });
}
