//! Lists of conversations: filters, orders, pages, texts and custom attributes.

use chrono::TimeDelta;
use domain::{
    attribute,
    conversation::{self, Changes, ConversationFilter, ConversationOrder, NewMessage},
    inbox::{self, NewInbox},
    page::PageRequest,
};
use entity::kind::{
    AttributeType, Author, Channel, ConversationStatus, Priority, Role, SubjectKind,
};
use serde_json::json;

use super::steps::{all, of, said, take_in, to, update};
use crate::{
    access::house::{Door, member_of},
    support::{World, on_both},
};

#[test]
fn lists_are_filtered_and_ordered_by_everything_and_paged_without_gaps() {
    on_both(|world| async move {
        let chat = NewInbox {
            name: "Chat".to_owned(),
            channel: Channel::Chat,
            address: None,
        };
        let chat = inbox::create(&world.ctx, &world.owner, chat)
            .await
            .unwrap()
            .id;
        // One moment after the other, so that ids are in the order of making.
        for n in 0..6 {
            take_in(
                &world,
                vec![said(&format!("t{n}"), 1, n * 10, Author::Contact)],
            )
            .await;
            world.clock.advance(TimeDelta::milliseconds(10));
        }
        let in_chat = vec![said("live", 1, 5, Author::Contact)];
        conversation::ingest(&world.ctx, &world.owner, chat, in_chat)
            .await
            .unwrap();
        take_in(&world, vec![said("t0", 2, 100, Author::Member)]).await;
        let agent = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        let id = async |thread: &str| of(&world, thread).await.id;
        let assign = |member| Changes {
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        let urgent = Changes {
            priority: Some(Priority::Urgent),
            watch: vec![agent],
            ..Changes::default()
        };
        update(&world, &[id("t1").await], assign(agent)).await;
        update(&world, &[id("t2").await], assign(world.owner.member)).await;
        update(&world, &[id("t3").await], urgent).await;
        update(&world, &[id("t4").await], to(ConversationStatus::Closed)).await;

        let names = async |filter: ConversationFilter, order| {
            let rows = all(&world, &filter, order).await;
            let names = rows.iter().map(|row| row.subject.replace("About ", ""));
            names.collect::<Vec<_>>().join(" ")
        };
        let recent = ConversationOrder::ActivityDesc;
        let none = ConversationFilter::default;
        let start = crate::support::world::start();
        let at = |minutes| Some(start + TimeDelta::minutes(minutes));
        for (filter, expected) in [
            (none(), "t0 t5 t4 t3 t2 t1 live"),
            (
                ConversationFilter {
                    inbox: Some(chat),
                    ..none()
                },
                "live",
            ),
            (
                ConversationFilter {
                    channels: vec![Channel::Chat],
                    ..none()
                },
                "live",
            ),
            (
                ConversationFilter {
                    channels: vec![Channel::Chat, Channel::Sms],
                    ..none()
                },
                "live",
            ),
            (
                ConversationFilter {
                    statuses: vec![ConversationStatus::Closed],
                    ..none()
                },
                "t4",
            ),
            (
                ConversationFilter {
                    priorities: vec![Priority::Urgent],
                    ..none()
                },
                "t3",
            ),
            (
                ConversationFilter {
                    assignees: vec![agent],
                    ..none()
                },
                "t1",
            ),
            (
                ConversationFilter {
                    unassigned: true,
                    ..none()
                },
                "t0 t5 t4 t3 live",
            ),
            (
                ConversationFilter {
                    assignees: vec![agent],
                    unassigned: true,
                    ..none()
                },
                "t0 t5 t4 t3 t1 live",
            ),
            (
                ConversationFilter {
                    watcher: Some(agent),
                    ..none()
                },
                "t3",
            ),
            (
                ConversationFilter {
                    waiting_since: at(10),
                    ..none()
                },
                "t1 live",
            ),
            (
                ConversationFilter {
                    active_after: at(20),
                    active_before: at(40),
                    ..none()
                },
                "t3 t2",
            ),
            (
                ConversationFilter {
                    text: Some("ABOUT T5".to_owned()),
                    ..none()
                },
                "t5",
            ),
            (
                ConversationFilter {
                    text: Some("live@".to_owned()),
                    ..none()
                },
                "live",
            ),
            (
                ConversationFilter {
                    text: Some("100%".to_owned()),
                    ..none()
                },
                "",
            ),
        ] {
            let said = format!("{filter:?}");
            assert_eq!(names(filter, recent).await, expected, "{said}");
        }
        for (order, expected) in [
            (ConversationOrder::ActivityAsc, "live t1 t2 t3 t4 t5 t0"),
            (ConversationOrder::CreatedAsc, "t0 t1 t2 t3 t4 t5 live"),
            (ConversationOrder::CreatedDesc, "live t5 t4 t3 t2 t1 t0"),
            (ConversationOrder::WaitingLongest, "live t1 t2 t3 t5"),
            (ConversationOrder::PriorityDesc, "t3 live t5 t4 t2 t1 t0"),
        ] {
            assert_eq!(names(none(), order).await, expected, "{order:?}");
        }
        world
    });
}

#[test]
fn what_a_conversation_is_about_and_who_its_contact_is_stand_side_by_side() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let messages = (0..5).map(|n| said(&format!("t{n}"), 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let topic = world
            .tag(entity::kind::TagKind::Conversation, "Billing", None)
            .await;
        let kind = world.tag(entity::kind::TagKind::Contact, "VIP", None).await;
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::default(),
        )
        .await;
        let requests: Vec<_> = rows
            .iter()
            .flat_map(|row| {
                let about = domain::tag::Request::conversation(row.id, topic);
                [about, domain::tag::Request::contact(row.contact_id, kind)]
            })
            .collect();
        domain::tag::tagging::tag_many(&world.ctx, owner, &requests, "")
            .await
            .unwrap();
        let both = "{ conversations { nodes { id taggings { tag { name } }
            contact { name taggings { tag { name } } }
            messages { nodes { author automatic } } } } }";
        let found = door.must(owner, both, json!({})).await;
        let nodes = found["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 5);
        for (node, row) in nodes.iter().zip(&rows) {
            assert_eq!(node["id"], row.id.to_string());
            assert_eq!(node["taggings"], json!([{ "tag": { "name": "Billing" } }]));
            let contact = &node["contact"]["taggings"];
            assert_eq!(*contact, json!([{ "tag": { "name": "VIP" } }]));
            let message = json!([{ "author": "CONTACT", "automatic": false }]);
            assert_eq!(node["messages"]["nodes"], message);
        }
        // The same through edges, and of one conversation through the loaders.
        let edges = "{ conversations { edges { node { taggings { tag { name } }
            contact { taggings { tag { name } } } } } } }";
        let found = door.must(owner, edges, json!({})).await;
        let node = &found["edges"][0]["node"];
        assert_eq!(node["contact"]["taggings"][0]["tag"]["name"], "VIP");
        let one = "query($id: ID!) { conversation(id: $id) { taggings { tag { name } }
            contact { taggings { tag { name } } } } }";
        let found = door
            .must(owner, one, json!({ "id": rows[0].id.to_string() }))
            .await;
        assert_eq!(found["taggings"][0]["tag"]["name"], "Billing");
        assert_eq!(found["contact"]["taggings"][0]["tag"]["name"], "VIP");
        world
    });
}

/// The threads a filter finds, by name.
async fn threads(world: &World, filter: &ConversationFilter) -> Vec<String> {
    let rows = all(world, filter, ConversationOrder::ActivityAsc).await;
    let mut threads: Vec<String> = rows
        .into_iter()
        .map(|row| row.subject.replace("About ", ""))
        .collect();
    threads.sort_unstable();
    threads
}

#[test]
fn a_text_finds_conversations_by_subject_message_and_contact() {
    on_both(|world| async move {
        let mut messages: Vec<NewMessage> = ["apples", "pears", "plums"]
            .iter()
            .zip(0..)
            .map(|(thread, n)| said(thread, 1, n, Author::Contact))
            .collect();
        let mut answer = said("pears", 2, 9, Author::Member);
        answer.body = "パートナーシップのご相談です".to_owned();
        messages.push(answer);
        take_in(&world, messages).await;
        let found = async |text: &str| {
            let filter = ConversationFilter {
                text: Some(text.to_owned()),
                ..ConversationFilter::default()
            };
            threads(&world, &filter).await
        };
        assert_eq!(found("ﾊﾟｰﾄﾅｰ").await, ["pears"], "by a message");
        assert_eq!(found("about PLUM").await, ["plums"], "by the subject");
        assert_eq!(found("apples@customer").await, ["apples"], "by the contact");
        assert_eq!(found("縁").await, ["apples", "pears", "plums"]);
        assert!(found("cherries").await.is_empty());
        world
    });
}

#[test]
fn conversations_are_found_and_ordered_by_a_custom_attribute() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let messages = ["a", "b", "c"].iter().zip(0..);
        let messages = messages.map(|(thread, n)| said(thread, 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let new = attribute::NewAttribute {
            subject: SubjectKind::Conversation,
            key: "seats".to_owned(),
            name: "Seats".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let seats = attribute::definition::create(ctx, owner, new)
            .await
            .unwrap()
            .id;
        for (thread, value) in [("a", 5.0), ("c", 40.0)] {
            let setting = attribute::Setting {
                attribute: seats,
                value: Some(attribute::Value::Number(value)),
            };
            let id = of(&world, thread).await.id;
            attribute::set(ctx, owner, id.into(), &["id"], vec![setting])
                .await
                .unwrap();
        }
        let many = ConversationFilter {
            attributes: vec![attribute::AttributeTest {
                attribute: seats,
                test: attribute::Test::Number {
                    min: Some(10.0),
                    max: None,
                },
            }],
            ..ConversationFilter::default()
        };
        assert_eq!(threads(&world, &many).await, ["c"]);
        for (descending, expected) in [(false, ["a", "c", "b"]), (true, ["c", "a", "b"])] {
            let order = attribute::AttributeOrder {
                attribute: seats,
                descending,
            };
            let mut page = PageRequest::first(1);
            let mut found = Vec::new();
            loop {
                let filter = ConversationFilter::default();
                let rows =
                    conversation::list_by_attribute(ctx, owner.workspace, &filter, order, &page)
                        .await
                        .unwrap();
                page.after = rows.rows.last().map(|(cursor, _)| cursor.clone());
                found.extend(rows.rows.into_iter().map(|(_, row)| row.subject));
                if !rows.has_next {
                    break;
                }
            }
            let expected = expected.map(|thread| format!("About {thread}"));
            assert_eq!(found, expected, "without a value last");
        }
        world
    });
}
