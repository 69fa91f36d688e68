//! Working on conversations, on both databases.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::member,
    attribute,
    conversation::{
        self, Changes, ConversationFilter, ConversationOrder, MAX_UPDATED, NewMessage,
        first_response_s, resolution_s,
    },
    error::{Error, UserErrorCode},
    inbox::{self, InboxChanges, NewInbox},
    page::PageRequest,
    store::Query,
};
use entity::{
    conversation::Model,
    id::{ConversationId, InboxId, MemberId},
    kind::{
        AttributeType, Author, Channel, ConversationStatus, Direction, Priority, Role, SubjectKind,
    },
};
use serde_json::{Value, json};

use crate::{
    access::house::{Door, member_of},
    support::{World, on_both},
};

/// A message of the thread `thread`, sent `minutes` after the clock of the test began.
fn said(thread: &str, n: i64, minutes: i64, author: Author) -> NewMessage {
    NewMessage {
        external_id: format!("{thread} {n}"),
        thread_keys: vec![thread.to_owned()],
        email: format!("{thread}@customer.example"),
        name: None,
        direction: match author {
            Author::Contact => Direction::Inbound,
            Author::Member | Author::Automation => Direction::Outbound,
        },
        author: Some(author),
        automatic: false,
        subject: format!("About {thread}"),
        body: "縁".to_owned(),
        sent_at: crate::support::world::start() + TimeDelta::minutes(minutes),
    }
}

async fn the_inbox(world: &World) -> InboxId {
    let inboxes = inbox::list(&world.ctx, world.owner.workspace)
        .await
        .unwrap();
    let mut inboxes = inboxes.iter();
    let first = inboxes.find(|inbox| inbox.channel == Channel::Email);
    first.unwrap().id
}

async fn take_in(world: &World, messages: Vec<NewMessage>) {
    let inbox = the_inbox(world).await;
    conversation::ingest(&world.ctx, &world.owner, inbox, messages)
        .await
        .unwrap();
}

async fn all(world: &World, filter: &ConversationFilter, order: ConversationOrder) -> Vec<Model> {
    let mut page = PageRequest::first(2);
    let mut rows = Vec::new();
    loop {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let found = conversation::list(ctx, workspace, filter, order, &page)
            .await
            .unwrap();
        let more = found.has_next;
        page.after = found.rows.last().map(|(cursor, _)| cursor.clone());
        rows.extend(found.rows.into_iter().map(|(_, row)| row));
        if !more {
            return rows;
        }
    }
}

async fn of(world: &World, thread: &str) -> Model {
    let rows = all(
        world,
        &ConversationFilter::default(),
        ConversationOrder::default(),
    )
    .await;
    let subject = format!("About {thread}");
    rows.into_iter().find(|row| row.subject == subject).unwrap()
}

async fn update(world: &World, ids: &[ConversationId], changes: Changes) -> Vec<Model> {
    conversation::update(&world.ctx, &world.owner, ids, "ids", &changes)
        .await
        .unwrap()
}

fn to(status: ConversationStatus) -> Changes {
    Changes {
        status: Some(status),
        ..Changes::default()
    }
}

/// What the log says of conversations, in its order.
async fn facts(world: &World) -> Vec<Value> {
    let facts: Vec<Value> = Query::new(
        "SELECT data FROM change WHERE workspace_id = $1 AND kind LIKE 'conversation.%'
         ORDER BY tx, seq",
    )
    .bind(world.owner.workspace)
    .column(world.ctx.reader())
    .await
    .unwrap();
    facts
}

async fn turns(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let facts = facts(world).await;
    let turns = facts
        .iter()
        .filter(|fact| fact["kind"] == "conversation.status_changed");
    turns
        .map(|fact| (text(&fact["from"]), text(&fact["to"])))
        .collect()
}

fn code(result: Result<Vec<Model>, Error>) -> (Vec<String>, UserErrorCode) {
    match result {
        Err(Error::Refused(errors)) => (errors[0].path.clone(), errors[0].code),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_snoozed_conversation_wakes_once_when_its_moment_has_come() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let now = world.ctx.clock.now();
        for hours in [1, 3] {
            let snooze = Changes {
                snoozed_until: Some(now + TimeDelta::hours(hours)),
                ..to(ConversationStatus::Snoozed)
            };
            let rows = update(&world, &[id], snooze).await;
            assert_eq!(rows[0].snoozed_until, Some(now + TimeDelta::hours(hours)));
        }
        // Neither item wakes it early, not even the one made for the first moment.
        for hours in [0, 2] {
            world.clock.advance(TimeDelta::hours(hours));
            world.hurry().await;
            assert_eq!(world.do_due().await, 2, "put back");
            assert_eq!(of(&world, "a").await.status, ConversationStatus::Snoozed);
        }
        world.clock.advance(TimeDelta::hours(1));
        world.hurry().await;
        assert_eq!(world.do_due().await, 2, "two items, one of which wakes");
        let woken = of(&world, "a").await;
        assert_eq!(
            (woken.status, woken.snoozed_until),
            (ConversationStatus::Open, None)
        );
        let expected = [("OPEN", "SNOOZED"), ("SNOOZED", "OPEN")];
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(turns(&world).await, expected);
        world
    });
}

#[test]
fn a_message_of_the_contact_opens_what_sleeps_waits_or_is_closed_and_ours_does_not() {
    on_both(|world| async move {
        let mut minutes = 0;
        take_in(&world, vec![said("a", 0, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let mut expected = Vec::new();
        for status in [
            ConversationStatus::Pending,
            ConversationStatus::Snoozed,
            ConversationStatus::Closed,
        ] {
            let snoozed_until = (status == ConversationStatus::Snoozed)
                .then(|| world.ctx.clock.now() + TimeDelta::days(1));
            let changes = Changes {
                snoozed_until,
                ..to(status)
            };
            update(&world, &[id], changes).await;
            world.clock.advance(TimeDelta::minutes(10));
            minutes += 10;
            take_in(&world, vec![said("a", minutes, minutes, Author::Member)]).await;
            assert_eq!(of(&world, "a").await.status, status, "our own message");
            // One that was sent long ago and comes late says nothing new.
            take_in(
                &world,
                vec![said("a", minutes + 1, -minutes, Author::Contact)],
            )
            .await;
            assert_eq!(of(&world, "a").await.status, status, "a late message");
            take_in(
                &world,
                vec![said("a", minutes + 2, minutes + 2, Author::Contact)],
            )
            .await;
            let opened = of(&world, "a").await;
            assert_eq!(opened.status, ConversationStatus::Open, "{status:?}");
            assert_eq!(opened.snoozed_until, None);
            assert!(opened.waiting_since.is_some());
            expected.push(("OPEN".to_owned(), status.word().to_owned()));
            expected.push((status.word().to_owned(), "OPEN".to_owned()));
        }
        assert_eq!(turns(&world).await, expected);
        assert_eq!(of(&world, "a").await.reopenings, 1);
        world.clock.advance(TimeDelta::days(2));
        world.hurry().await;
        world.do_due().await;
        assert_eq!(
            turns(&world).await,
            expected,
            "the item finds nothing to do"
        );
        world
    });
}

/// A name, what was said when by whom, and the first response, all in minutes.
type Case = (&'static str, &'static [(i64, Author)], Option<i64>);

#[test]
fn answers_and_solutions_are_timed_rightly_in_whatever_order_messages_come() {
    on_both(|world| async move {
        use Author::{Automation, Contact, Member};
        let cases: &[Case] = &[
            ("plain", &[(0, Contact), (7, Member)], Some(7)),
            ("none", &[(0, Contact), (5, Contact)], None),
            ("ours", &[(0, Member), (5, Contact)], None),
            (
                "outreach",
                &[(0, Member), (5, Contact), (9, Member)],
                Some(4),
            ),
            (
                "robot",
                &[(0, Contact), (1, Automation), (8, Member)],
                Some(8),
            ),
            (
                "second",
                &[(0, Contact), (3, Member), (4, Contact), (9, Member)],
                Some(3),
            ),
        ];
        for (name, said_at, minutes) in cases {
            let count = said_at.len();
            // Every rotation, all at once and one by one, forwards and backwards.
            for turn in 0..count {
                for one_by_one in [false, true] {
                    for backwards in [false, true] {
                        let thread = format!("{name}-{turn}-{one_by_one}-{backwards}");
                        let mut messages: Vec<_> = said_at
                            .iter()
                            .zip(0..)
                            .map(|(&(at, author), n)| said(&thread, n, at, author))
                            .collect();
                        messages.rotate_left(turn);
                        if backwards {
                            messages.reverse();
                        }
                        if one_by_one {
                            for message in messages {
                                take_in(&world, vec![message]).await;
                            }
                        } else {
                            take_in(&world, messages).await;
                        }
                        let found = of(&world, &thread).await;
                        let seconds = minutes.map(|minutes| minutes * 60);
                        assert_eq!(first_response_s(&found), seconds, "{thread}");
                    }
                }
            }
        }
        let id = of(&world, "plain-0-false-false").await.id;
        world.clock.advance(TimeDelta::minutes(30));
        let closed = update(&world, &[id], to(ConversationStatus::Closed)).await;
        assert_eq!(resolution_s(&closed[0]), Some(30 * 60));
        // A question asked before comes in late: both times grow.
        let late = said("plain-0-false-false", 99, -10, Author::Contact);
        take_in(&world, vec![late]).await;
        let row = of(&world, "plain-0-false-false").await;
        assert_eq!(row.status, ConversationStatus::Closed);
        assert_eq!(row.waiting_since, None);
        assert_eq!(first_response_s(&row), Some(17 * 60));
        assert_eq!(resolution_s(&row), Some(40 * 60));
        let opened = update(&world, &[id], to(ConversationStatus::Open)).await;
        assert_eq!((resolution_s(&opened[0]), opened[0].reopenings), (None, 1));
        let never = of(&world, "ours-0-false-false").await.id;
        world.clock.advance(TimeDelta::minutes(-60));
        let closed = update(&world, &[never], to(ConversationStatus::Closed)).await;
        assert_eq!(
            resolution_s(&closed[0]),
            None,
            "closed before the contact wrote"
        );
        world
    });
}

#[test]
fn an_automatic_answer_of_the_contacts_program_is_no_question() {
    on_both(|world| async move {
        let mut absent = said("a", 1, 0, Author::Contact);
        absent.automatic = true;
        let messages = vec![
            absent,
            said("a", 2, 5, Author::Contact),
            said("a", 3, 6, Author::Member),
        ];
        take_in(&world, messages).await;
        assert_eq!(first_response_s(&of(&world, "a").await), Some(60));
        world
    });
}

#[test]
fn many_are_changed_at_once_or_none_and_every_difference_is_told() {
    on_both(|world| async move {
        let messages = (0..40).map(|n| said(&format!("t{n}"), 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::CreatedAsc,
        )
        .await;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let agent = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        let changes = Changes {
            priority: Some(Priority::Urgent),
            assignee: Some(Some(agent)),
            watch: vec![world.owner.member, agent, agent],
            ..to(ConversationStatus::Pending)
        };
        let after = update(&world, &ids, changes.clone()).await;
        assert_eq!(after.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
        assert!(after.iter().all(|row| row.assignee_id == Some(agent)));
        assert_eq!(facts(&world).await.len(), 40 * 4);
        update(&world, &ids, changes.clone()).await;
        assert_eq!(facts(&world).await.len(), 40 * 4, "again, nothing changes");
        let told = facts(&world).await;
        let about = ids[3].to_string();
        let mut of_one: Vec<_> = told
            .iter()
            .filter(|fact| fact["conversation_id"] == *about)
            .collect();
        of_one.sort_by_key(|fact| fact["kind"].to_string());
        let mut watchers = [world.owner.member, agent];
        watchers.sort_unstable();
        assert_eq!(
            json!(of_one),
            json!([
                { "kind": "conversation.assigned", "conversation_id": about, "from": null,
                  "to": agent },
                { "kind": "conversation.priority_changed", "conversation_id": about,
                  "from": "NORMAL", "to": "URGENT" },
                { "kind": "conversation.status_changed", "conversation_id": about,
                  "from": "OPEN", "to": "PENDING" },
                { "kind": "conversation.watchers_changed", "conversation_id": about,
                  "added": watchers, "removed": [] },
            ])
        );

        // One id that is not there, and nothing happens to the others.
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut bad = ids.clone();
        bad[7] = ctx.id();
        let open = to(ConversationStatus::Open);
        let refused = conversation::update(ctx, owner, &bad, "ids", &open);
        let path = vec!["ids".to_owned(), "7".to_owned()];
        assert_eq!(code(refused.await), (path, UserErrorCode::NotFound));
        let many = vec![ids[0]; MAX_UPDATED + 1];
        let refused = conversation::update(ctx, owner, &many, "ids", &open);
        assert_eq!(code(refused.await).1, UserErrorCode::LimitReached);
        let pending = ConversationFilter {
            statuses: vec![ConversationStatus::Pending],
            ..ConversationFilter::default()
        };
        assert_eq!(
            all(&world, &pending, ConversationOrder::default())
                .await
                .len(),
            40
        );
        world
    });
}

#[test]
fn a_snooze_without_a_good_moment_and_a_member_who_is_not_here_are_refused() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let now = world.ctx.clock.now();
        let snoozed = |until: Option<DateTime<Utc>>| Changes {
            snoozed_until: until,
            ..to(ConversationStatus::Snoozed)
        };
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let gone = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        member::remove(&world.ctx, &world.owner, gone)
            .await
            .unwrap();
        let assigned = |member: MemberId| Changes {
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        let watched = |member: MemberId| Changes {
            watch: vec![member],
            ..Changes::default()
        };
        for (changes, path, expected) in [
            (snoozed(None), "snoozedUntil", UserErrorCode::Required),
            (snoozed(Some(now)), "snoozedUntil", UserErrorCode::Invalid),
            (
                snoozed(Some(now + TimeDelta::days(400))),
                "snoozedUntil",
                UserErrorCode::LimitReached,
            ),
            (
                Changes {
                    snoozed_until: Some(now + TimeDelta::days(1)),
                    ..Changes::default()
                },
                "snoozedUntil",
                UserErrorCode::Contradictory,
            ),
            (
                assigned(stranger.member),
                "assigneeId",
                UserErrorCode::NotFound,
            ),
            (assigned(gone), "assigneeId", UserErrorCode::NotFound),
            (
                watched(stranger.member),
                "addWatcherIds",
                UserErrorCode::NotFound,
            ),
            (watched(gone), "addWatcherIds", UserErrorCode::NotFound),
        ] {
            let refused =
                conversation::update(&world.ctx, &world.owner, &[id], "id", &changes).await;
            let (at, code) = code(refused);
            assert_eq!((at[0].as_str(), code), (path, expected), "{changes:?}");
        }
        assert_eq!(facts(&world).await, Vec::<Value>::new());
        world
    });
}

#[test]
fn who_is_removed_has_no_conversations_any_more() {
    on_both(|world| async move {
        let messages = (0..3).map(|n| said(&format!("t{n}"), 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::default(),
        )
        .await;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let agent = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        let changes = Changes {
            assignee: Some(Some(agent)),
            watch: vec![agent, world.owner.member],
            ..Changes::default()
        };
        update(&world, &ids, changes).await;
        member::remove(&world.ctx, &world.owner, agent)
            .await
            .unwrap();
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::default(),
        )
        .await;
        assert!(rows.iter().all(|row| row.assignee_id.is_none()));
        let watchers = conversation::load_watchers(&world.ctx, world.owner.workspace, &ids);
        let watchers = watchers.await.unwrap();
        assert_eq!(watchers.len(), 3);
        assert!(
            watchers
                .iter()
                .all(|one| one.member_id == world.owner.member)
        );
        let told = facts(&world).await;
        let taken = told
            .iter()
            .filter(|fact| fact["kind"] == "conversation.assigned" && fact["to"].is_null());
        assert_eq!(taken.count(), 3);
        world
    });
}

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
fn an_archived_inbox_keeps_what_it_has_and_takes_nothing_more() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let inbox = the_inbox(&world).await;
        let archived = inbox::set_archived(ctx, owner, inbox, true).await.unwrap();
        assert!(archived.archived_at.is_some());
        let more = vec![said("a", 2, 1, Author::Contact)];
        let refused = conversation::ingest(ctx, owner, inbox, more.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(of(&world, "a").await.messages, 1);
        inbox::set_archived(ctx, owner, inbox, false).await.unwrap();
        conversation::ingest(ctx, owner, inbox, more).await.unwrap();

        let renamed = InboxChanges {
            name: Some("Support".to_owned()),
            address: Some(Some("support@example.com".to_owned())),
            ..InboxChanges::default()
        };
        let renamed = inbox::update(ctx, owner, inbox, renamed).await.unwrap();
        assert_eq!(renamed.address.as_deref(), Some("support@example.com"));
        let used = InboxChanges {
            channel: Some(Channel::Line),
            ..InboxChanges::default()
        };
        let refused = inbox::update(ctx, owner, inbox, used.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        let new = NewInbox {
            name: "Chat".to_owned(),
            channel: Channel::Chat,
            address: None,
        };
        let unused = inbox::create(ctx, owner, new).await.unwrap().id;
        let moved = inbox::update(ctx, owner, unused, used).await.unwrap();
        assert_eq!(moved.channel, Channel::Line);
        let taken = InboxChanges {
            name: Some("Support".to_owned()),
            ..InboxChanges::default()
        };
        let refused = inbox::update(ctx, owner, unused, taken).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
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
