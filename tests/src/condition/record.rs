//! Conditions on health, invoices, tickets and opportunities: each part by itself and together with
//! others, by every way of asking.

use domain::store::Rows;
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{People, id};
use crate::support::on_both;

/// Whose a record is: a contact's, or the account's.
fn holders(people: &People, who: &str) -> (Option<Uuid>, Option<Uuid>) {
    match who {
        "account" => (None, Some(people.account)),
        who => (Some(people.ids[who].0), None),
    }
}

/// The columns that all records have.
fn rows(people: &People, first: u128, whose: &[&str]) -> Rows {
    let holders: Vec<_> = whose.iter().map(|who| holders(people, who)).collect();
    Rows::new()
        .uuids("id", (0..whose.len()).map(|n| id(first + n as u128)))
        .opt_uuids("contact_id", holders.iter().map(|one| one.0))
        .opt_uuids("account_id", holders.iter().map(|one| one.1))
}

pub(super) async fn tell(people: &People) {
    // Whose, state, amount, currency, issued and due so many days ago.
    let invoices = [
        ("aki", "OPEN", 10_000, "JPY", 40, Some(10)),
        ("aki", "PAID", 5_000, "JPY", 100, Some(70)),
        ("ben", "OPEN", 300, "USD", 5, Some(-25)),
        ("chen", "DRAFT", 999, "JPY", 1, None),
        ("account", "UNCOLLECTIBLE", 70_000, "JPY", 200, Some(170)),
    ];
    let each = || invoices.iter();
    let whose: Vec<&str> = each().map(|one| one.0).collect();
    let due = |one: &Option<i64>| one.map(|days| people.days_ago(days));
    let told = rows(people, 4_000, &whose)
        .texts("status", each().map(|one| one.1))
        .ints("amount", each().map(|one| one.2))
        .texts("currency", each().map(|one| one.3))
        .times("at", each().map(|one| people.days_ago(one.4)))
        .opt_times("due_at", each().map(|one| due(&one.5)));
    people
        .run(
            "INSERT INTO invoice (workspace_id, id, external_id, contact_id, account_id, account_told,
                digest, status, amount, currency, issued_at, due_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, r.account_id, false, '', r.status,
                    r.amount, r.currency, r.at, r.due_at, r.at, r.at, $2 FROM {r} WHERE true",
            told,
        )
        .await;
    // Whose, state, priority, satisfaction, opened so many days ago.
    let tickets = [
        ("aki", "OPEN", "URGENT", None, 2),
        ("aki", "SOLVED", "LOW", Some(5), 30),
        ("ben", "SOLVED", "NORMAL", Some(2), 10),
        ("ben", "CLOSED", "NORMAL", Some(4), 50),
        ("chen", "PENDING", "HIGH", None, 90),
        ("account", "OPEN", "HIGH", None, 3),
    ];
    let each = || tickets.iter();
    let whose: Vec<&str> = each().map(|one| one.0).collect();
    let told = rows(people, 5_000, &whose)
        .texts("status", each().map(|one| one.1))
        .texts("priority", each().map(|one| one.2))
        .opt_ints("csat", each().map(|one| one.3))
        .times("at", each().map(|one| people.days_ago(one.4)));
    people
        .run(
            "INSERT INTO ticket (workspace_id, id, external_id, contact_id, account_id, account_told,
                digest, subject, status, priority, csat, opened_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, r.account_id, false, '', '', r.status,
                    r.priority, r.csat, r.at, r.at, r.at, $2 FROM {r} WHERE true",
            told,
        )
        .await;
    // Whose, state, amount in yen, opened so many days ago.
    let opportunities = [
        ("aki", "WON", Some(900_000), 300),
        ("aki", "OPEN", Some(100_000), 20),
        ("ben", "LOST", Some(50_000), 60),
        ("chen", "OPEN", None, 3),
        ("account", "WON", Some(2_000_000), 400),
    ];
    let each = || opportunities.iter();
    let whose: Vec<&str> = each().map(|one| one.0).collect();
    let told = rows(people, 6_000, &whose)
        .texts("status", each().map(|one| one.1))
        .opt_ints("amount", each().map(|one| one.2))
        .opt_texts(
            "currency",
            each().map(|one| one.2.map(|_| "JPY".to_owned())),
        )
        .times("at", each().map(|one| people.days_ago(one.3)));
    people
        .run(
            "INSERT INTO opportunity (workspace_id, id, external_id, contact_id, account_id,
                account_told, digest, name, status, amount, currency, opened_at, updated_at, created_at,
                recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, r.account_id, false, '', '', r.status,
                    r.amount, r.currency, r.at, r.at, r.at, $2 FROM {r} WHERE true",
            told,
        )
        .await;
}

/// Asks each of the table, and fails unless it finds these.
fn check(table: fn() -> Vec<(Value, &'static str)>) {
    on_both(move |world| async move {
        let people = People::new(world).await;
        tell(&people).await;
        people.check(table()).await;
        people.world
    });
}

#[test]
fn health_is_asked_by_score_band_and_change_and_unknown_passes_none() {
    check(|| {
        vec![
            (json!({"health": {"score": {"lessThan": 40}}}), "ben"),
            (json!({"health": {"score": {"atLeast": 1}}}), "aki ben chen"),
            (
                json!({"not": {"health": {"score": {"atLeast": 40}}}}),
                "ben dai eri 田中",
            ),
            (json!({"health": {"bands": ["HEALTHY"]}}), "aki"),
            (
                json!({"health": {"bands": ["HEALTHY", "AT_RISK"], "score": {"lessThan": 50}}}),
                "ben",
            ),
            (json!({"health": {"changeIn7Days": {"atLeast": 30}}}), "aki"),
            (json!({"health": {"changeIn90Days": {"atLeast": -50}}}), ""),
            (
                json!({"health": {"of": "ACCOUNT", "score": {"atMost": 80}}}),
                "aki eri",
            ),
            (
                json!({"health": {"of": "ACCOUNT", "score": {"moreThan": 80}}}),
                "",
            ),
            // Of the two at the account only aki has a score, whose band is not the account's.
            (
                json!({"health": {"of": "ACCOUNT", "bands": ["HEALTHY"]}}),
                "aki eri",
            ),
            (
                json!({"health": {"of": "ACCOUNT", "bands": ["AT_RISK", "NEUTRAL", "UNKNOWN"]}}),
                "",
            ),
            (
                json!({"health": {"of": "ACCOUNT", "changeIn30Days": {"atLeast": 30}}}),
                "aki eri",
            ),
            (
                json!({"health": {"of": "ACCOUNT", "changeIn30Days": {"moreThan": 30}}}),
                "",
            ),
        ]
    });
}

#[test]
fn invoices_are_asked_by_state_age_amount_and_whether_they_are_overdue() {
    check(|| {
        vec![
            (json!({"invoices": {}}), "aki ben chen"),
            (json!({"invoices": {"overdue": true}}), "aki"),
            (json!({"invoices": {"statuses": ["OPEN"]}}), "aki ben"),
            (
                json!({"invoices": {"statuses": ["PAID"], "withinDays": 90}}),
                "",
            ),
            (json!({"invoices": {"withinDays": 7}}), "ben chen"),
            (
                json!({"invoices": {"total": {"currency": "JPY", "amount": {"atLeast": 15_000}}}}),
                "aki",
            ),
            (
                json!({"invoices": {"total": {"currency": "USD",
                    "amount": {"atMost": 300, "moreThan": 0}}}}),
                "ben",
            ),
            (
                json!({"invoices": {"overdue": true,
                    "total": {"currency": "JPY", "amount": {"moreThan": 10_000}}}}),
                "",
            ),
            (json!({"invoices": {"count": {"equals": 2}}}), "aki"),
            (
                json!({"invoices": {"count": {"equals": 0}}}),
                "dai eri 田中",
            ),
            (
                json!({"invoices": {"daysSinceFirst": {"atLeast": 99}}}),
                "aki",
            ),
            (
                json!({"invoices": {"daysSinceLast": {"lessThan": 3}}}),
                "chen",
            ),
            (
                json!({"invoices": {"of": "ACCOUNT", "statuses": ["UNCOLLECTIBLE"]}}),
                "aki eri",
            ),
            (json!({"not": {"invoices": {}}}), "dai eri 田中"),
        ]
    });
}

#[test]
fn tickets_are_asked_by_state_priority_age_and_satisfaction() {
    check(|| {
        vec![
            (
                json!({"tickets": {"priorities": ["URGENT", "HIGH"]}}),
                "aki chen",
            ),
            (
                json!({"tickets": {"statuses": ["OPEN", "PENDING"]}}),
                "aki chen",
            ),
            (
                json!({"tickets": {"statuses": ["OPEN"], "priorities": ["LOW"]}}),
                "",
            ),
            (
                json!({"tickets": {"satisfaction": {"atLeast": 3}}}),
                "aki ben",
            ),
            (json!({"tickets": {"satisfaction": {"lessThan": 4}}}), "ben"),
            (
                json!({"tickets": {"satisfaction": {"lessThan": 3}, "withinDays": 20}}),
                "ben",
            ),
            (json!({"tickets": {"count": {"atLeast": 2}}}), "aki ben"),
            (json!({"tickets": {"withinDays": 7}}), "aki"),
            (
                json!({"tickets": {"daysSinceLast": {"moreThan": 60}}}),
                "chen",
            ),
            (
                json!({"tickets": {"of": "ACCOUNT", "priorities": ["HIGH"]}}),
                "aki eri",
            ),
            (json!({"tickets": {"count": {"equals": 0}}}), "dai eri 田中"),
        ]
    });
}

#[test]
fn opportunities_are_asked_by_state_age_and_amount() {
    check(|| {
        vec![
            (json!({"opportunities": {"statuses": ["WON"]}}), "aki"),
            (json!({"opportunities": {"statuses": ["OPEN"]}}), "aki chen"),
            (
                json!({"opportunities": {"statuses": ["WON", "LOST"], "withinDays": 100}}),
                "ben",
            ),
            (
                json!({"opportunities": {"total": {"currency": "JPY",
                    "amount": {"atLeast": 1_000_000}}}}),
                "aki",
            ),
            (
                json!({"opportunities": {"total": {"currency": "JPY", "amount": {"equals": 0}}}}),
                "chen dai eri 田中",
            ),
            (
                json!({"opportunities": {"daysSinceFirst": {"atLeast": 299}}}),
                "aki",
            ),
            (
                json!({"opportunities": {"of": "ACCOUNT",
                    "total": {"currency": "JPY", "amount": {"atLeast": 2_000_000}}}}),
                "aki eri",
            ),
            (
                json!({"opportunities": {"count": {"equals": 0}}}),
                "dai eri 田中",
            ),
        ]
    });
}
