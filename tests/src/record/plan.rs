//! How SQLite finds what lists ask for: it keeps no statistics, so the words of a statement decide which index leads.

use domain::store::{Query, Rows, dialect};
use sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::support::on_both;

/// What SQLite would do for an `EXPLAIN QUERY PLAN`, step by step.
async fn steps(connection: &impl ConnectionTrait, query: Query) -> Vec<String> {
    let plan = query.raw(connection).await.unwrap();
    let steps = plan.iter().map(|row| row.try_get("", "detail").unwrap());
    steps.collect()
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
            let query = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT 1 FROM {table} t WHERE t.workspace_id = $1 AND {condition}"
            ))
            .bind(world.owner.workspace)
            .bind(world.owner.workspace);
            let steps = steps(connection, query).await;
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
            let query = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {table} t
                 WHERE t.workspace_id = $1 {what} AND t.{time} >= '2026'
                   AND (t.{time}, t.id) < ('2027', x'00')
                 ORDER BY t.{time} DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace);
            let steps = steps(connection, query).await;
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
            let query = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM conversation t
                 WHERE t.workspace_id = $1 AND t.inbox_id = x'00' {behind}
                 ORDER BY t.priority DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace);
            let steps = steps(connection, query).await;
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
            let query = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {table} t
                 WHERE t.workspace_id = $1 AND {of_one} AND {also}
                 ORDER BY t.{order} DESC, t.id DESC LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .bind(world.owner.workspace);
            let steps = steps(connection, query).await;
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
        let query = Query::new(format!(
            "EXPLAIN QUERY PLAN SELECT v.id, v.contact_id FROM {{r}} CROSS JOIN conversation AS v
             WHERE v.workspace_id = $1 AND {of_one} AND v.inbox_id = $2 AND v.status <> 'CLOSED'
             ORDER BY v.last_message_at, v.id"
        ))
        .bind(world.owner.workspace)
        .bind(world.owner.workspace)
        .rows("r", Rows::new().ids("id", [world.owner.workspace]));
        let steps = steps(connection, query).await;
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
            let query = Query::new(format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM {{mine}}
                 JOIN {subject} t ON t.workspace_id = $1 AND t.id = mine.id
                 CROSS JOIN {beside} AS b WHERE b.workspace_id = $1 AND b.{id} = t.id
                   AND (b.{order}, b.{id}) > (0, x'00')
                 ORDER BY b.{order}, b.{id} LIMIT 21"
            ))
            .bind(world.owner.workspace)
            .rows("mine", Rows::new().ids("id", [world.owner.workspace]));
            let steps = steps(connection, query).await;
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
                let query = Query::new(format!(
                    "EXPLAIN QUERY PLAN SELECT t.* FROM {{mine}}
                     JOIN {subject} t ON t.workspace_id = $1 AND t.id = mine.id
                     CROSS JOIN {beside} AS b WHERE b.workspace_id = $1 AND b.{id} = t.id
                       AND {also} AND (+t.{order}, t.id) > ('', x'00')
                     ORDER BY t.{order}, t.id LIMIT 21"
                ))
                .bind(world.owner.workspace)
                .rows("mine", Rows::new().ids("id", [world.owner.workspace]));
                let steps = steps(connection, query).await;
                let found = steps.iter().find(|step| step.contains("SEARCH t "));
                let is_by_id = found.is_some_and(|step| step.contains(" id=?)"));
                assert!(is_by_id, "{subject} {also} {order}: {steps:?}");
            }
        }
        world
    });
}
