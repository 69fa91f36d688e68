//! What came in, in pages.

use domain::{
    conversation::{self, MessageFilter, NewMessage},
    email::{self, EmailEventFilter},
    event::{self, EventFilter},
    fact::{Filter, ingest::Head},
    page::PageRequest,
    store::{Query, Rows, dialect},
    ticket::{self, NewTicket, TicketFilter},
};
use entity::kind::{Author, Channel, Direction, EmailEventKind, TicketPriority, TicketStatus};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

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

#[test]
fn one_accounts_facts_in_a_state_are_not_looked_for_among_all_in_it() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        for (table, condition, index) in [
            (
                "sales_order",
                "t.account_id = $2 AND t.status = 'PLACED'",
                "sales_order_account",
            ),
            (
                "ticket",
                "t.contact_id = $2 AND t.status = 'OPEN'",
                "ticket_contact",
            ),
            (
                "opportunity",
                "t.account_id = $2 AND t.status = 'WON'",
                "opportunity_account",
            ),
            (
                "message",
                "t.conversation_id = $2 AND t.author = 'MEMBER' AND t.sent_at > '2026'",
                "message_conversation",
            ),
        ] {
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT 1 FROM {table} t WHERE t.workspace_id = $1 AND {condition}"
            ))
            .bind(world.owner.workspace)
            .bind(world.owner.workspace)
            .raw(connection)
            .await
            .unwrap();
            let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
            let steps: Vec<String> = steps.collect();
            assert!(steps[0].contains(index), "{table}: {steps:?}");
        }
        world
    });
}

#[test]
fn a_page_of_what_came_in_is_read_from_an_index_in_its_order() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is: it has the same indexes.
            let names: Vec<String> = Query::new(
                "SELECT DISTINCT indexname::text FROM pg_indexes WHERE indexname IN ('event_occurred',
                    'event_named', 'email_event_kind', 'message_sent', 'message_inbox', 'message_author',
                    'conversation_inbox_priority', 'sales_order_status', 'invoice_status',
                    'ticket_status', 'opportunity_status', 'survey_answer_kind')",
            )
            .column(connection)
            .await
            .unwrap();
            assert_eq!(names.len(), 12);
            return world;
        }
        let listed = |column| dialect::listed(DatabaseBackend::Sqlite, column);
        let paid = format!("AND {} = 'PAID'", listed("t.status"));
        let nps = format!("AND {} = 'NPS'", listed("t.kind"));
        for (table, what, time, index) in [
            ("event", "", "occurred_at", "event_occurred"),
            ("event", "AND t.name = 'a'", "occurred_at", "event_named"),
            (
                "email_event",
                "AND t.kind = 'SENT'",
                "occurred_at",
                "email_event_kind",
            ),
            ("message", "", "sent_at", "message_sent"),
            // All are of one inbox here, so that one of the two is as good as the other.
            ("message", "AND t.inbox_id = x'00'", "sent_at", "message_"),
            (
                "message",
                "AND t.author = 'MEMBER' AND t.author <> 'CONTACT'",
                "sent_at",
                "message_author",
            ),
            (
                "sales_order",
                paid.as_str(),
                "placed_at",
                "sales_order_status",
            ),
            ("invoice", paid.as_str(), "issued_at", "invoice_status"),
            ("ticket", paid.as_str(), "opened_at", "ticket_status"),
            (
                "opportunity",
                paid.as_str(),
                "opened_at",
                "opportunity_status",
            ),
            (
                "survey_answer",
                nps.as_str(),
                "answered_at",
                "survey_answer_kind",
            ),
        ] {
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {table} t
                 WHERE t.workspace_id = $1 {what} AND t.{time} >= '2026'
                   AND (t.{time}, t.id) < ('2027', x'00')
                 ORDER BY t.{time} DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .raw(connection)
            .await
            .unwrap();
            let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
            let steps: Vec<String> = steps.collect();
            assert_eq!(steps.len(), 1, "{table} {what}: {steps:?}");
            assert!(steps[0].contains(index), "{table} {what}: {steps:?}");
        }
        world
    });
}

#[test]
fn conversations_of_an_inbox_are_read_from_an_index_in_the_order_of_priority() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        for behind in ["", "AND (t.priority, t.id) < (2, x'00')"] {
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM conversation t
                 WHERE t.workspace_id = $1 AND t.inbox_id = x'00' {behind}
                 ORDER BY t.priority DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .raw(connection)
            .await
            .unwrap();
            let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
            let steps: Vec<String> = steps.collect();
            assert_eq!(steps.len(), 1, "{behind}: {steps:?}");
            let index = "conversation_inbox_priority (workspace_id=? AND inbox_id=?";
            assert!(steps[0].contains(index), "{behind}: {steps:?}");
        }
        world
    });
}

#[test]
fn what_is_of_one_contact_is_found_by_the_contact_whatever_else_is_asked_and_in_any_order() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        let backend = connection.get_database_backend();
        if backend == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        for (table, also, order) in [
            ("conversation", "t.status = 'OPEN'", "last_message_at"),
            ("conversation", "t.inbox_id = x'00'", "last_message_at"),
            ("conversation", "t.assignee_id = x'00'", "priority"),
            ("conversation", "true", "id"),
            (
                "conversation",
                "t.waiting_since IS NOT NULL",
                "waiting_since",
            ),
            ("message", "t.inbox_id = x'00'", "sent_at"),
            ("event", "t.name = 'a'", "occurred_at"),
            ("event", "t.id >= x'00'", "id"),
            ("email_event", "t.kind = 'SENT'", "occurred_at"),
            ("task", "t.status = 'OPEN'", "sort_at"),
            ("task", "true", "id"),
            (
                "invoice",
                "t.status = 'OPEN' AND t.due_at < '2026'",
                "issued_at",
            ),
            ("delivery", "t.state = 'FAILED'", "id"),
            ("audit_entry", "t.action = 'a'", "id"),
            ("rule_firing", "t.rule_id = x'00'", "id"),
            ("enrolment", "true", "id"),
            ("survey_invitation", "t.survey_id = x'00'", "id"),
        ] {
            let of_one = dialect::few(backend, "t.contact_id IN ($2)");
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {table} t
                 WHERE t.workspace_id = $1 AND {of_one} AND {also}
                 ORDER BY t.{order} DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .bind(world.owner.workspace)
            .raw(connection)
            .await
            .unwrap();
            let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
            let steps: Vec<String> = steps.collect();
            let by_contact = "(workspace_id=? AND contact_id=?";
            assert!(steps[0].contains(by_contact), "{table} {also}: {steps:?}");
        }
        world
    });
}

#[test]
fn chats_of_given_contacts_are_not_looked_for_among_all_of_their_inbox() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        let backend = connection.get_database_backend();
        if backend == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        // As lines of a chat find the conversation they go on in.
        let of_one = dialect::few(backend, "v.contact_id = r.id");
        let plan = Query::new(format!(
            "EXPLAIN QUERY PLAN SELECT v.id, v.contact_id FROM {{r}} CROSS JOIN conversation AS v
             WHERE v.workspace_id = $1 AND {of_one} AND v.inbox_id = $2 AND v.status <> 'CLOSED'
             ORDER BY v.last_message_at, v.id"
        ))
        .bind(world.owner.workspace)
        .bind(world.owner.workspace)
        .rows("r", Rows::new().ids("id", [world.owner.workspace]))
        .raw(connection)
        .await
        .unwrap();
        let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
        let steps: Vec<String> = steps.collect();
        let found = steps.iter().find(|step| step.contains("SEARCH v "));
        let is_by_contact = found.is_some_and(|step| step.contains("contact_id=?"));
        assert!(is_by_contact, "{steps:?}");
        world
    });
}

#[test]
fn given_contacts_and_accounts_are_read_without_those_of_others_in_any_order() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        // As lists put them: what holds the order stands behind a cross join.
        for (subject, beside, id, order) in [
            ("contact", "contact_health", "contact_id", "rank"),
            (
                "contact",
                "contact_activity",
                "contact_id",
                "last_activity_at",
            ),
            ("account", "account_standing", "account_id", "rank"),
            ("account", "account_standing", "account_id", "active_at"),
        ] {
            let plan = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {{mine}}
                 JOIN {subject} t ON t.workspace_id = $1 AND t.id = mine.id
                 CROSS JOIN {beside} AS b WHERE b.workspace_id = $1 AND b.{id} = t.id
                   AND (b.{order}, b.{id}) > (0, x'00')
                 ORDER BY b.{order}, b.{id} LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .rows("mine", Rows::new().ids("id", [world.owner.workspace]))
            .raw(connection)
            .await
            .unwrap();
            let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
            let steps: Vec<String> = steps.collect();
            let at = |what: &str| steps.iter().position(|step| step.contains(what));
            assert!(
                at("SEARCH b ") > at("SEARCH t "),
                "{subject} {order}: {steps:?}"
            );
            assert!(
                at("SEARCH t ") > at("SCAN mine"),
                "{subject} {order}: {steps:?}"
            );
        }
        world
    });
}

#[test]
fn given_contacts_and_accounts_are_looked_up_by_id_behind_a_cursor_too() {
    on_both(|world| async move {
        let connection = world.ctx.reader();
        if connection.get_database_backend() == DatabaseBackend::Postgres {
            // What is planned there depends on how much there is.
            return world;
        }
        // As lists put them: the sign keeps the index of the order from being gone along for each.
        for (subject, beside, id, also) in [
            (
                "contact",
                "contact_activity",
                "contact_id",
                "t.account_id = x'00'",
            ),
            (
                "contact",
                "contact_activity",
                "contact_id",
                "t.stage_rank IN (1, 2)",
            ),
            (
                "account",
                "account_standing",
                "account_id",
                "t.stage_rank IN (1, 2)",
            ),
        ] {
            for order in ["name_key", "stage_rank"] {
                let plan = Query::new(format!(
                    "EXPLAIN QUERY PLAN SELECT t.* FROM {{mine}}
                     JOIN {subject} t ON t.workspace_id = $1 AND t.id = mine.id
                     CROSS JOIN {beside} AS b WHERE b.workspace_id = $1 AND b.{id} = t.id
                       AND {also} AND (+t.{order}, t.id) > ('', x'00')
                     ORDER BY t.{order}, t.id LIMIT 21"
                ))
                .bind(world.owner.workspace)
                .rows("mine", Rows::new().ids("id", [world.owner.workspace]))
                .raw(connection)
                .await
                .unwrap();
                let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
                let steps: Vec<String> = steps.collect();
                let found = steps.iter().find(|step| step.contains("SEARCH t "));
                let is_by_id = found.is_some_and(|step| step.contains(" id=?)"));
                assert!(is_by_id, "{subject} {also} {order}: {steps:?}");
            }
        }
        world
    });
}
