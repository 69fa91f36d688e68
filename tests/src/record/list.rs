//! What came in, in pages.

use domain::{
    conversation::{self, MessageFilter, NewMessage},
    email::{self, EmailEventFilter},
    event::{self, EventFilter},
    fact::{Filter, ingest::Head},
    page::PageRequest,
    ticket::{self, NewTicket, TicketFilter},
};
use entity::kind::{Author, Channel, Direction, EmailEventKind, TicketPriority, TicketStatus};

use super::{ADA, BOB, ago, contact_of, did, inboxes, mailed, wrote};
use crate::support::{World, on_both};

/// What a list has, walked in pages of one row, after the whole was looked at from its end and counted.
macro_rules! walked {
    ($ctx:expr, $page:ident => $list:expr) => {{
        let mut $page = PageRequest::first(50);
        $page.backward = true;
        let whole = $list.await.unwrap();
        let total = whole.total.count($ctx).await.unwrap();
        let ids = whole.rows.into_iter().map(|(_, row)| row.external_id);
        let whole: Vec<String> = ids.collect();
        let mut $page = PageRequest::first(1);
        let mut found = Vec::new();
        loop {
            let rows = $list.await.unwrap();
            $page.after = rows.rows.last().map(|(cursor, _)| cursor.clone());
            found.extend(rows.rows.into_iter().map(|(_, row)| row.external_id));
            if !rows.has_next {
                break;
            }
        }
        assert_eq!(found, whole);
        assert_eq!(total, found.len() as i64);
        found
    }};
}

#[test]
fn events_and_email_events_of_everybody_are_paged_newest_first() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        did(&world, "e1", "page_viewed", ADA, 180).await;
        did(&world, "e2", "signed_up", BOB, 120).await;
        did(&world, "e3", "page_viewed", BOB, 60).await;
        did(&world, "e4", "trial_begun", ADA, 60).await;
        let ada = contact_of(&world, ADA).await;
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let all = EventFilter::default;
        for (filter, expected) in [
            (all(), vec!["e4", "e3", "e2", "e1"]),
            (
                EventFilter {
                    names: names(&["trial_begun", "page_viewed", "page_viewed"]),
                    ..all()
                },
                vec!["e4", "e3", "e1"],
            ),
            (
                EventFilter {
                    names: names(&["page_viewed", "signed_up"]),
                    from: Some(ago(&world, 120)),
                    until: Some(ago(&world, 60)),
                    ..all()
                },
                vec!["e2"],
            ),
            (
                EventFilter {
                    names: names(&["page_viewed", "signed_up"]),
                    contact: Some(ada),
                    ..all()
                },
                vec!["e1"],
            ),
            (
                EventFilter {
                    names: names(&["nothing"]),
                    ..all()
                },
                vec![],
            ),
            (
                EventFilter {
                    external_ids: names(&["e4", " e1 ", "e1", "nothing"]),
                    ..all()
                },
                vec!["e4", "e1"],
            ),
            (
                EventFilter {
                    external_ids: names(&["e2", "e1"]),
                    names: names(&["page_viewed", "trial_begun"]),
                    ..all()
                },
                vec!["e1"],
            ),
        ] {
            let found = walked!(ctx, page => event::list(ctx, workspace, &filter, &page));
            // Of what happened at one moment, any may come first.
            let sorted = |mut ids: Vec<String>| {
                ids.sort();
                ids
            };
            if filter.from.is_none() && expected.len() > 2 {
                assert_eq!(found.last().unwrap(), expected.last().unwrap());
            }
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(sorted(found), sorted(expected), "{filter:?}");
        }

        mailed(&world, "m1", EmailEventKind::Sent, 50).await;
        mailed(&world, "m2", EmailEventKind::Delivered, 40).await;
        mailed(&world, "m3", EmailEventKind::Opened, 30).await;
        mailed(&world, "m4", EmailEventKind::Opened, 20).await;
        let all = EmailEventFilter::default;
        for (filter, expected) in [
            (all(), vec!["m4", "m3", "m2", "m1"]),
            (
                EmailEventFilter {
                    kinds: vec![EmailEventKind::Opened, EmailEventKind::Sent],
                    ..all()
                },
                vec!["m4", "m3", "m1"],
            ),
            (
                EmailEventFilter {
                    from: Some(ago(&world, 40)),
                    until: Some(ago(&world, 20)),
                    ..all()
                },
                vec!["m3", "m2"],
            ),
            (
                EmailEventFilter {
                    contact: Some(ada),
                    kinds: vec![EmailEventKind::Delivered],
                    ..all()
                },
                vec!["m2"],
            ),
            (
                EmailEventFilter {
                    external_ids: names(&["m4", "m1", "nothing"]),
                    ..all()
                },
                vec!["m4", "m1"],
            ),
        ] {
            let found = walked!(ctx, page => email::list(ctx, workspace, &filter, &page));
            assert_eq!(found, expected, "{filter:?}");
        }
        let stranger = World::workspace(ctx, "Other", "other.example")
            .await
            .workspace;
        let page = PageRequest::first(10);
        let found = event::list(ctx, stranger, &EventFilter::default(), &page).await;
        assert!(found.unwrap().rows.is_empty());
        world
    });
}

#[test]
fn messages_of_all_conversations_are_paged_newest_first() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (mail, chat) = inboxes(&world).await;
        wrote(&world, mail, "a1", ADA, 50).await;
        wrote(&world, chat, "c1", BOB, 35).await;
        wrote(&world, mail, "a2", BOB, 20).await;
        let bob = contact_of(&world, BOB).await;
        let all = MessageFilter::default;
        for (filter, expected) in [
            (all(), vec!["a2", "c1", "a1"]),
            (
                MessageFilter {
                    inboxes: vec![chat, mail, chat],
                    ..all()
                },
                vec!["a2", "c1", "a1"],
            ),
            (
                MessageFilter {
                    inboxes: vec![mail],
                    until: Some(ago(&world, 20)),
                    ..all()
                },
                vec!["a1"],
            ),
            (
                MessageFilter {
                    channels: vec![Channel::Chat, Channel::Sms],
                    ..all()
                },
                vec!["c1"],
            ),
            (
                MessageFilter {
                    channels: vec![Channel::Chat],
                    inboxes: vec![mail],
                    ..all()
                },
                vec![],
            ),
            (
                MessageFilter {
                    contact: Some(bob),
                    inboxes: vec![mail, chat],
                    directions: vec![Direction::Inbound],
                    ..all()
                },
                vec!["a2", "c1"],
            ),
            (
                MessageFilter {
                    directions: vec![Direction::Outbound],
                    ..all()
                },
                vec![],
            ),
        ] {
            let found =
                walked!(ctx, page => conversation::list_messages(ctx, workspace, &filter, &page));
            assert_eq!(found, expected, "{filter:?}");
        }
        world
    });
}

#[test]
fn messages_of_some_authors_are_paged_newest_first() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (mail, _) = inboxes(&world).await;
        let message = |id: &str, author: Author, minutes: i64| NewMessage {
            external_id: id.to_owned(),
            thread_keys: vec!["thread".to_owned()],
            whose: ADA.to_owned().into(),
            name: None,
            direction: if author == Author::Contact {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            author: Some(author),
            automatic: false,
            subject: "Terms".to_owned(),
            body: "?".to_owned(),
            sent_at: ago(&world, minutes),
        };
        let messages = vec![
            message("program", Author::Automation, 50),
            message("contact", Author::Contact, 40),
            message("member", Author::Member, 30),
            message("other", Author::Automation, 20),
        ];
        conversation::ingest(ctx, &world.owner, mail, messages)
            .await
            .unwrap();
        let (member, program) = (Author::Member, Author::Automation);
        let since = Some(ago(&world, 30));
        for (authors, from, expected) in [
            (
                vec![member, program],
                None,
                vec!["other", "member", "program"],
            ),
            (vec![member, program], since, vec!["other", "member"]),
            (vec![program, program], None, vec!["other", "program"]),
            (
                vec![Author::Contact, member],
                None,
                vec!["member", "contact"],
            ),
        ] {
            let filter = MessageFilter {
                authors,
                from,
                ..MessageFilter::default()
            };
            let found =
                walked!(ctx, page => conversation::list_messages(ctx, workspace, &filter, &page));
            assert_eq!(found, expected, "{filter:?}");
        }
        world
    });
}

#[test]
fn tickets_in_some_states_are_paged_newest_first() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let ticket = |id: &str, status, priority, minutes: i64| NewTicket {
            head: Head {
                external_id: id.to_owned(),
                party: crate::fact::email(ADA),
                updated_at: None,
            },
            subject: "Return".to_owned(),
            status,
            priority,
            csat: None,
            opened_at: ago(&world, minutes),
            solved_at: None,
        };
        let tickets = vec![
            ticket("t1", TicketStatus::Open, TicketPriority::Normal, 50),
            ticket("t2", TicketStatus::Solved, TicketPriority::Urgent, 40),
            ticket("t3", TicketStatus::Closed, TicketPriority::Urgent, 30),
            ticket("t4", TicketStatus::Open, TicketPriority::Urgent, 20),
        ];
        ticket::ingest(ctx, &world.owner, tickets).await.unwrap();
        let ada = contact_of(&world, ADA).await;
        let (open, solved) = (TicketStatus::Open, TicketStatus::Solved);
        let urgent = TicketPriority::Urgent;
        for (statuses, priorities, contact, expected) in [
            (vec![open], vec![], None, vec!["t4", "t1"]),
            (
                vec![solved, open, open],
                vec![],
                None,
                vec!["t4", "t2", "t1"],
            ),
            (vec![solved, open], vec![urgent], None, vec!["t4", "t2"]),
            (
                vec![solved, open],
                vec![urgent],
                Some(ada),
                vec!["t4", "t2"],
            ),
            (vec![], vec![urgent], None, vec!["t4", "t3", "t2"]),
        ] {
            let filter = TicketFilter {
                common: Filter {
                    statuses,
                    contact,
                    ..Filter::default()
                },
                priorities,
            };
            let found = walked!(ctx, page => ticket::list(ctx, workspace, &filter, &page));
            assert_eq!(found, expected, "{filter:?}");
        }
        world
    });
}
