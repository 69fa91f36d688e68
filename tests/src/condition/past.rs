//! What the people did before the test begins: events, scores, emails, orders, answers,
//! subscriptions and attributes, written as rows. What a leaf asks about has to happen to somebody
//! here, and not to everybody.

use domain::store::Rows;
use serde_json::{Value, json};

use super::people::{People, id};

impl People {
    pub(super) async fn fill(&self) {
        // Who, what, with what, how many days ago.
        let mut events: Vec<(&str, &str, Value, i64)> = Vec::new();
        for n in 0..4 {
            events.push((
                "aki",
                "article_read",
                json!({"article": "a", "minutes": 6}),
                n + 1,
            ));
            events.push((
                "ben",
                "article_read",
                json!({"article": "a", "minutes": 1.5}),
                n + 1,
            ));
            let scattered = json!({"article": format!("x{n}"), "minutes": 60, "paid": n == 0});
            events.push(("chen", "article_read", scattered, n + 1));
            events.push((
                "eri",
                "article_read",
                json!({"article": "a", "minutes": "6"}),
                n + 1,
            ));
        }
        events.push(("ben", "trial_started", json!({}), 1));
        for n in 0..6 {
            events.push(("dai", "purchase", json!({"product": "tea"}), 100 + n));
            events.push(("chen", "purchase", json!({"product": "tea"}), 10 + n));
        }
        events.push(("田中", "group_joined", json!({}), 70));
        let rows = Rows::new()
            .uuids("id", (0..events.len()).map(|n| id(n as u128)))
            .ids("contact_id", events.iter().map(|event| self.ids[event.0]))
            .texts("name", events.iter().map(|event| event.1))
            .json("properties", events.iter().map(|event| event.2.clone()))
            .times("at", events.iter().map(|event| self.days_ago(event.3)));
        self.run(
            "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                occurred_at, created_at)
             SELECT $1, r.id, r.contact_id, 'e' || CAST(r.at AS text) || r.name || CAST(r.contact_id AS text),
                    r.name, r.properties, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let scores = [
            ("aki", 80.0, "HEALTHY"),
            ("ben", 30.0, "AT_RISK"),
            ("chen", 55.5, "NEUTRAL"),
        ];
        let rows = Rows::new()
            .ids("id", scores.iter().map(|score| self.ids[score.0]))
            .reals("score", scores.iter().map(|score| score.1))
            .texts("band", scores.iter().map(|score| score.2));
        self.run(
            "UPDATE contact_health SET score = r.score, band = r.band, as_of = $2 FROM {r}
             WHERE contact_health.workspace_id = $1 AND contact_health.contact_id = r.id",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids("contact_id", [self.ids["aki"], self.ids["ben"]])
            .uuids("id", [id(900), id(901)])
            .reals("score", [50.0, 60.0])
            .times("at", [self.days_ago(40), self.days_ago(10)]);
        self.run(
            "INSERT INTO health_history (workspace_id, contact_id, as_of, id, model_version, score,
                                         band, coverage, inputs, cause)
             SELECT $1, r.contact_id, r.at, r.id, 1, r.score, 'NEUTRAL', 1, '{}', 'test'
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let mails = [("aki", 10, 8, 5), ("ben", 10, 1, 0), ("dai", 3, 0, 0)];
        // Answers, hard bounces, complaints, and wishes for no more.
        let ends = [[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 1]];
        let days = mails.map(|_| self.days_ago(3).date_naive());
        let rows = Rows::new()
            .ids("id", mails.iter().map(|mail| self.ids[mail.0]))
            .dates("day", days)
            .ints("sent", mails.iter().map(|mail| mail.1))
            .ints("opened", mails.iter().map(|mail| mail.2))
            .ints("clicked", mails.iter().map(|mail| mail.3))
            .ints("replied", ends.map(|end| end[0]))
            .ints("bounced", ends.map(|end| end[1]))
            .ints("complained", ends.map(|end| end[2]))
            .ints("unsubscribed", ends.map(|end| end[3]));
        self.run(
            "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
                human_openers, openers, human_clickers, clickers, replied, hard_bounced, soft_bounced,
                blocked, complained, unsubscribed, human_opens, machine_opens, human_clicks,
                machine_clicks, timed_replies, reply_seconds)
             SELECT $1, 'CONTACT', r.id, r.day, r.sent, r.sent, r.opened, r.opened, r.clicked,
                    r.clicked, r.replied, r.bounced, 0, 0, r.complained, r.unsubscribed, 0, 0, 0, 0, 0, 0
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let days: Vec<_> = (1..6).map(|n| self.days_ago(n).date_naive()).collect();
        let rows = Rows::new()
            .ids("id", days.iter().map(|_| self.ids["aki"]))
            .dates("day", days.iter().copied());
        self.run(
            "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
             SELECT $1, r.id, r.day, 2 FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let orders = [
            ("aki", "PAID", 12_000, 20),
            ("aki", "PAID", 8_000, 200),
            ("ben", "CANCELLED", 500, 5),
        ];
        let rows = Rows::new()
            .uuids("id", (0..orders.len()).map(|n| id(2_000 + n as u128)))
            .ids("contact_id", orders.iter().map(|order| self.ids[order.0]))
            .texts("status", orders.iter().map(|order| order.1))
            .ints("amount", orders.iter().map(|order| order.2))
            .times("at", orders.iter().map(|order| self.days_ago(order.3)));
        self.run(
            "INSERT INTO sales_order (workspace_id, id, external_id, contact_id, account_told, digest,
                status, amount, currency, placed_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, false, '', r.status, r.amount, 'JPY',
                    r.at, r.at, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let answers = [
            ("aki", "NPS", 9, 30),
            ("ben", "NPS", 10, 60),
            ("ben", "NPS", 3, 2),
            ("chen", "CSAT", 5, 1),
        ];
        let rows = Rows::new()
            .uuids("id", (0..answers.len()).map(|n| id(3_000 + n as u128)))
            .ids(
                "contact_id",
                answers.iter().map(|answer| self.ids[answer.0]),
            )
            .texts("kind", answers.iter().map(|answer| answer.1))
            .ints("score", answers.iter().map(|answer| answer.2))
            .times("at", answers.iter().map(|answer| self.days_ago(answer.3)));
        self.run(
            "INSERT INTO survey_answer (workspace_id, id, external_id, contact_id, account_told,
                digest, survey_key, kind, score, answered_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, false, '', 'q1', r.kind, r.score, r.at,
                    r.at, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids("contact_id", [self.ids["aki"], self.ids["dai"]])
            .texts("state", ["SUBSCRIBED", "UNSUBSCRIBED"]);
        self.run(
            "INSERT INTO subscription (workspace_id, contact_id, channel, topic, state, source, reason,
                                       changed_at, changed_by)
             SELECT $1, r.contact_id, 'EMAIL', '*', r.state, 'MEMBER', '', $2, '{}' FROM {r}
             WHERE true",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids(
                "attribute_id",
                [self.plan, self.plan, self.seats, self.seats],
            )
            .ids(
                "contact_id",
                ["aki", "ben", "aki", "dai"].map(|name| self.ids[name]),
            )
            .opt_reals("number", [None, None, Some(5.0), Some(50.0)])
            .json(
                "options",
                [json!(["a"]), json!(["b"]), json!([]), json!([])],
            );
        self.run(
            "INSERT INTO attribute_value (workspace_id, attribute_id, subject_id, sort_key, number,
                                          options, updated_at)
             SELECT $1, r.attribute_id, r.contact_id, 'x', r.number, r.options, $2 FROM {r}
             WHERE true",
            rows,
        )
        .await;
    }
}
