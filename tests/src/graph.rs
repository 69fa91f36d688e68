//! Contacts, tags and conversations on both databases.

use chrono::TimeDelta;
use domain::{
    contact::{self, ContactFilter, ContactOrder},
    conversation::{self, ConversationFilter, ConversationOrder, NewMessage, Outcome},
    event::{self, NewEvent},
    inbox,
    page::PageRequest,
    tag::{self, Place, Request, TagFilter, tagging},
};
use entity::kind::{Direction, IdentityKind, TagKind, TagTarget};

use crate::support::{World, engine::contact_of, on_both};

fn message(world: &World, id: &str, email: &str, keys: &[&str], minutes: i64) -> NewMessage {
    NewMessage {
        external_id: id.to_owned(),
        thread_keys: keys.iter().map(|&key| key.to_owned()).collect(),
        whose: email.to_owned().into(),
        name: Some("山田 太郎".to_owned()),
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: "Hello".to_owned(),
        body: "パートナーシップについて".to_owned(),
        sent_at: world.ctx.clock.now() + TimeDelta::minutes(minutes),
    }
}

async fn the_inbox(world: &World) -> entity::id::InboxId {
    inbox::list(&world.ctx, world.owner.workspace)
        .await
        .unwrap()[0]
        .id
}

#[test]
fn messages_brought_twice_are_stored_once_and_threads_hold_together_in_any_order() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let answer = message(&world, "b", "taro@customer.example", &["a"], 5);
        let original = message(&world, "a", "taro@customer.example", &[], 0);
        let first = conversation::ingest(
            &world.ctx,
            &world.owner,
            inbox,
            vec![answer.clone(), answer.clone()],
        )
        .await
        .unwrap();
        assert_eq!(first[0].outcome, Outcome::Created);
        assert_eq!(first[1].outcome, Outcome::Duplicate);
        let second = conversation::ingest(&world.ctx, &world.owner, inbox, vec![original, answer])
            .await
            .unwrap();
        assert_eq!(second[0].outcome, Outcome::Created);
        assert_eq!(second[1].outcome, Outcome::Duplicate);
        assert_eq!(second[1].message, first[0].message);

        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let all = conversation::list(
            ctx,
            workspace,
            &ConversationFilter::default(),
            ConversationOrder::default(),
            &PageRequest::first(10),
        )
        .await
        .unwrap();
        assert_eq!(all.rows.len(), 1);
        let thread = &all.rows[0].1;
        assert_eq!(thread.messages, 2);
        assert_eq!(thread.waiting_since, Some(ctx.clock.now()));
        assert_eq!(
            thread.last_message_at,
            ctx.clock.now() + TimeDelta::minutes(5)
        );
        let contact =
            contact::find_by_identity(ctx, workspace, IdentityKind::Email, "taro@customer.example")
                .await
                .unwrap()
                .unwrap();
        assert_eq!(contact.name, "山田 太郎");
        assert_eq!(contact.last_message_id, first[0].message);
        world
    });
}

#[test]
fn an_answer_from_us_ends_the_wait() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let question = message(&world, "a", "taro@customer.example", &[], 0);
        let mut answer = message(&world, "b", "taro@customer.example", &["a"], 5);
        answer.direction = Direction::Outbound;
        conversation::ingest(&world.ctx, &world.owner, inbox, vec![question, answer])
            .await
            .unwrap();
        let all = conversation::list(
            &world.ctx,
            world.owner.workspace,
            &ConversationFilter::default(),
            ConversationOrder::default(),
            &PageRequest::first(10),
        )
        .await
        .unwrap();
        assert_eq!(all.rows[0].1.waiting_since, None);
        world
    });
}

#[test]
fn one_bad_message_refuses_the_whole_call_and_names_the_field() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let mut bad = message(&world, "b", "nobody", &[], 0);
        bad.subject = "x".repeat(2_000);
        let good = message(&world, "a", "taro@customer.example", &[], 0);
        let error = conversation::ingest(&world.ctx, &world.owner, inbox, vec![good, bad])
            .await
            .unwrap_err();
        let domain::error::Error::Refused(errors) = error else {
            panic!("{error}")
        };
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        assert_eq!(paths, ["messages.1.contactEmail", "messages.1.subject"]);
        let contacts = contact::list(
            &world.ctx,
            world.owner.workspace,
            ContactFilter::default(),
            ContactOrder::default(),
            &PageRequest::first(10),
        )
        .await
        .unwrap();
        assert!(contacts.rows.is_empty());
        world
    });
}

#[test]
fn moments_of_no_year_that_can_be_meant_are_refused_with_their_place() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = the_inbox(&world).await;
        let paths = |error: domain::error::Error| match error {
            domain::error::Error::Refused(errors) => errors
                .iter()
                .map(|error| error.path.join("."))
                .collect::<Vec<_>>(),
            other => panic!("{other}"),
        };
        // What some clients send for "no time", a year before it, and one that is too late still.
        for at in [
            "0001-01-01T00:00:00Z",
            "-0044-03-15T00:00:00Z",
            "1899-12-31T23:59:59Z",
        ] {
            let at: chrono::DateTime<chrono::Utc> = at.parse().unwrap();
            let mut bad = message(&world, "bad", "bad@customer.example", &[], 0);
            bad.sent_at = at;
            let good = message(&world, "good", "good@customer.example", &[], 0);
            let told = conversation::ingest(ctx, owner, inbox, vec![good, bad]).await;
            assert_eq!(paths(told.unwrap_err()), ["messages.1.sentAt"]);
            let event = NewEvent {
                external_id: "1".to_owned(),
                whose: "bad@customer.example".to_owned().into(),
                name: "login".to_owned(),
                properties: serde_json::json!({}),
                occurred_at: at,
            };
            let told = event::ingest(ctx, owner, vec![event]).await;
            assert_eq!(paths(told.unwrap_err()), ["events.0.occurredAt"]);
        }
        let mut old = message(&world, "old", "old@customer.example", &[], 0);
        old.sent_at = "1900-01-01T00:00:00Z".parse().unwrap();
        let told = conversation::ingest(ctx, owner, inbox, vec![old]).await;
        assert!(told.unwrap()[0].message.is_some());
        world
    });
}

#[test]
fn a_tag_counts_for_those_above_it_and_none_of_looks_at_the_whole_set() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let messages = ["a", "b", "c"]
            .map(|name| message(&world, name, &format!("{name}@customer.example"), &[], 0));
        conversation::ingest(&world.ctx, &world.owner, inbox, messages.to_vec())
            .await
            .unwrap();
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(contact_of(&world, &format!("{name}@customer.example")).await);
        }
        ids.sort();
        let top = world.tag(TagKind::Contact, "Customer", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", Some(top)).await;
        let asia = world.tag(TagKind::Contact, "Asia", Some(top)).await;
        let requests = [
            Request::contact(ids[0], vip),
            Request::contact(ids[0], asia),
            Request::contact(ids[1], asia),
        ];
        let made = tagging::tag_many(ctx, &world.owner, &requests, "by hand")
            .await
            .unwrap();
        assert_eq!(made, 3);
        assert_eq!(
            tagging::tag_many(ctx, &world.owner, &requests, "")
                .await
                .unwrap(),
            0
        );

        let listed = async |filter: TagFilter| {
            let filter = ContactFilter {
                tags: filter,
                ..Default::default()
            };
            let order = ContactOrder::HealthDesc;
            let request = PageRequest::first(10);
            let page = contact::list(ctx, workspace, filter, order, &request);
            let mut found: Vec<_> = page
                .await
                .unwrap()
                .rows
                .into_iter()
                .map(|(_, contact)| contact.id)
                .collect();
            found.sort();
            found
        };
        let any = |tags: &[entity::id::TagId]| TagFilter {
            any: tags.to_vec(),
            ..Default::default()
        };
        assert_eq!(listed(any(&[top])).await, ids[..2]);
        assert_eq!(listed(any(&[vip, asia])).await, ids[..2]);
        let not_vip = TagFilter {
            none: vec![vip],
            ..Default::default()
        };
        assert_eq!(listed(not_vip).await, ids[1..]);
        let both = TagFilter {
            all: vec![vip, asia],
            ..Default::default()
        };
        assert_eq!(listed(both).await, ids[..1]);

        let counts = async || {
            let mut counts = tag::catalogue::load_counts(ctx, workspace, &[top, vip, asia])
                .await
                .unwrap();
            let place = |id| [top, vip, asia].iter().position(|tag| *tag == id);
            counts.sort_by_key(|count| place(count.tag_id));
            counts
                .into_iter()
                .filter(|count| count.target == TagTarget::Contact)
                .map(|count| (count.direct, count.total))
                .collect::<Vec<_>>()
        };
        assert_eq!(counts().await, [(0, 2), (1, 1), (2, 2)]);
        tagging::untag_many(ctx, &world.owner, &requests[1..], "mistake")
            .await
            .unwrap();
        assert_eq!(counts().await, [(0, 1), (1, 1), (0, 0)]);
        let history = tagging::history(ctx, workspace, ids[0].0, &PageRequest::first(10))
            .await
            .unwrap();
        assert_eq!(history.rows.len(), 2);
        assert_eq!(
            history
                .rows
                .iter()
                .filter(|(_, t)| t.removed_at.is_some())
                .count(),
            1
        );

        tag::catalogue::move_to(ctx, &world.owner, vip, Place::default(), false)
            .await
            .unwrap();
        assert_eq!(counts().await, [(0, 0), (1, 1), (0, 0)]);
        assert!(listed(any(&[top])).await.is_empty());
        let below = Place {
            parent: Some(asia),
            group: None,
        };
        let cycle = tag::catalogue::move_to(ctx, &world.owner, top, below, false).await;
        assert!(cycle.is_err());
        world
    });
}

#[test]
fn a_page_says_how_many_rows_the_whole_list_has() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let inbox = the_inbox(&world).await;
        let messages: Vec<_> = (0..5)
            .map(|n| {
                let email = format!("p{n}@customer.example");
                message(&world, &format!("m{n}"), &email, &[], n)
            })
            .collect();
        conversation::ingest(ctx, &world.owner, inbox, messages)
            .await
            .unwrap();
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let top = world.tag(TagKind::Contact, "Top", None).await;
        let below = world.tag(TagKind::Contact, "Below", Some(top)).await;
        let everybody = ContactFilter::default();
        let order = ContactOrder::CreatedAsc;
        let request = PageRequest::first(2);
        let page = contact::list(ctx, workspace, everybody.clone(), order, &request)
            .await
            .unwrap();
        let tagged = [
            Request::contact(page.rows[0].1.id, top),
            Request::contact(page.rows[1].1.id, below),
            Request::contact(page.rows[1].1.id, top),
        ];
        tagging::tag_many(ctx, &world.owner, &tagged, "")
            .await
            .unwrap();
        let of = |any: &[entity::id::TagId], none: &[entity::id::TagId]| ContactFilter {
            tags: TagFilter {
                any: any.to_vec(),
                none: none.to_vec(),
                ..Default::default()
            },
            ..Default::default()
        };
        let named = ContactFilter {
            text: Some("p3@".to_owned()),
            ..Default::default()
        };
        for (filter, expected) in [
            (everybody, 5),
            (of(&[top], &[]), 2),
            (of(&[below], &[]), 1),
            (of(&[top], &[below]), 1),
            (of(&[], &[top]), 3),
            (named, 1),
        ] {
            for order in [
                ContactOrder::CreatedDesc,
                ContactOrder::HealthDesc,
                ContactOrder::ActivityAsc,
                ContactOrder::NameAsc,
            ] {
                let first = PageRequest::first(1);
                let page = contact::list(ctx, workspace, filter.clone(), order, &first)
                    .await
                    .unwrap();
                assert_eq!(page.total.count(ctx).await.unwrap(), expected, "{filter:?}");
                let cursor = page.rows[0].0.clone();
                let deeper = PageRequest {
                    after: Some(cursor),
                    ..PageRequest::first(1)
                };
                let page = contact::list(ctx, workspace, filter.clone(), order, &deeper)
                    .await
                    .unwrap();
                assert_eq!(page.total.count(ctx).await.unwrap(), expected, "{filter:?}");
            }
        }
        let theirs = contact::list(
            ctx,
            stranger.workspace,
            of(&[top], &[]),
            order,
            &PageRequest::first(1),
        )
        .await
        .unwrap();
        assert_eq!(theirs.total.count(ctx).await.unwrap(), 0);
        world
    });
}

#[test]
fn pages_go_both_ways_without_repeating_or_missing_a_row() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let messages: Vec<_> = (0..7)
            .map(|n| {
                message(
                    &world,
                    &format!("m{n}"),
                    &format!("p{n}@customer.example"),
                    &[],
                    n,
                )
            })
            .collect();
        conversation::ingest(&world.ctx, &world.owner, inbox, messages)
            .await
            .unwrap();
        for order in [
            ContactOrder::CreatedAsc,
            ContactOrder::HealthDesc,
            ContactOrder::ActivityAsc,
            ContactOrder::NameDesc,
        ] {
            let page = async |request: PageRequest| {
                let filter = ContactFilter::default();
                contact::list(&world.ctx, world.owner.workspace, filter, order, &request)
                    .await
                    .unwrap()
            };
            let whole = page(PageRequest::first(10)).await;
            assert_eq!(whole.rows.len(), 7);
            let first = page(PageRequest::first(3)).await;
            assert!(first.has_next && !first.has_previous);
            let after = Some(first.rows[2].0.clone());
            let second = page(PageRequest {
                after,
                ..PageRequest::first(3)
            })
            .await;
            assert_eq!(second.rows, whole.rows[3..6]);
            let before = Some(second.rows[0].0.clone());
            let back = page(PageRequest {
                before,
                backward: true,
                ..PageRequest::first(2)
            })
            .await;
            assert_eq!(back.rows, whole.rows[1..3]);
            assert!(back.has_next && back.has_previous);
        }
        world
    });
}
