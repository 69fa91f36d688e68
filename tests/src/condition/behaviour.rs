//! Questions about what people did over time, and sums of whatever was told.

use domain::store::Rows;
use serde_json::json;

use super::people::{People, condition, id, names};
use crate::support::on_both;

#[test]
fn the_three_questions_about_behaviour_are_one_condition_each() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let read_often = json!({"all": [
            {"events": {"names": ["article_read"], "sameProperty": "article", "tests": [
                {"measure": "COUNT", "is": {"atLeast": 4}},
                {"measure": "SUM", "property": "minutes", "is": {"moreThan": 20}},
            ]}},
            {"not": {"events": {"names": ["trial_started"]}}},
        ]});
        assert_eq!(people.found(&condition(&read_often)).await, names("aki"));
        let bought_and_left = json!({"events": {"names": ["purchase"], "sameProperty": "product", "tests": [
            {"measure": "COUNT", "is": {"moreThan": 5}},
            {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 90}},
        ]}});
        assert_eq!(
            people.found(&condition(&bought_and_left)).await,
            names("dai")
        );
        let silent_member = json!({"all": [
            {"events": {"names": ["group_joined"]}},
            {"not": {"events": {"withinDays": 60}}},
        ]});
        assert_eq!(
            people.found(&condition(&silent_member)).await,
            names("田中")
        );
        people.world
    });
}

#[test]
fn sums_of_whatever_was_told_fail_no_statement() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let rows = Rows::new()
            .uuids("id", [id(800), id(801)])
            .ids("contact_id", [people.ids["aki"]; 2])
            .json(
                "properties",
                [json!({"amount": 1e308}), json!({"amount": 1e308})],
            )
            .times("at", [people.days_ago(1), people.days_ago(2)]);
        people
            .run(
                "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                    occurred_at, created_at)
                 SELECT $1, r.id, r.contact_id, 'huge' || CAST(r.at AS text), 'donated', r.properties,
                        r.at, $2 FROM {r} WHERE true",
                rows,
            )
            .await;
        // 2000 of the largest amount there may be are more than an integer holds.
        let orders = 2_000_i64;
        let rows = Rows::new()
            .uuids("id", (0..orders).map(|n| id(10_000 + n as u128)))
            .ints("n", 0..orders)
            .ids("contact_id", (0..orders).map(|_| people.ids["ben"]))
            .times("at", (0..orders).map(|_| people.days_ago(1)));
        people
            .run(
                "INSERT INTO sales_order (workspace_id, id, external_id, contact_id, account_told,
                    digest, status, amount, currency, placed_at, updated_at, created_at, recorded_at)
                 SELECT $1, r.id, 'big' || CAST(r.n AS text), r.contact_id, false, '', 'PAID',
                        9007199254740991, 'JPY', r.at, r.at, r.at, $2 FROM {r} WHERE true",
                rows,
            )
            .await;
        for (asked, expected) in [
            (
                json!({"events": {"names": ["donated"], "tests": [
                    {"measure": "SUM", "property": "amount", "is": {"moreThan": 1000}},
                ]}}),
                "aki",
            ),
            (
                json!({"events": {"names": ["donated"], "where": [
                    {"property": "amount", "number": {"moreThan": 1e100}},
                ]}}),
                "aki",
            ),
            (
                json!({"orders": {"total": {"currency": "JPY", "amount": {"atLeast": 1e18}}}}),
                "ben",
            ),
        ] {
            assert_eq!(
                people.found(&condition(&asked)).await,
                names(expected),
                "{asked}"
            );
        }
        people.world
    });
}
