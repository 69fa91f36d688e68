use serde_json::{Value, json};

use super::*;
use UserErrorCode::{Contradictory, Invalid, Required, TooLong};

fn refusals(stored: &Value, context: Context) -> Vec<(String, UserErrorCode)> {
    let condition: Condition = serde_json::from_value(stored.clone()).unwrap();
    let found = super::check(&condition, context, Use::Segment).into_iter();
    found
        .map(|refusal| (refusal.path.join("."), refusal.code))
        .collect()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the tables below read better without a borrow each"
)]
#[track_caller]
fn check(stored: Value, expected: &[(&str, UserErrorCode)]) {
    let found = refusals(&stored, Context::Contact);
    let found: Vec<_> = found
        .iter()
        .map(|(path, code)| (path.as_str(), *code))
        .collect();
    assert_eq!(found, expected, "{stored}");
}

#[test]
fn a_leaf_that_asks_for_nothing_is_refused() {
    check(json!({"contact": {}}), &[("condition.contact", Required)]);
    check(json!({"account": {}}), &[("condition.account", Required)]);
    check(json!({"health": {}}), &[("condition.health", Required)]);
    check(json!({"email": {}}), &[("condition.email", Required)]);
    check(
        json!({"contact": {"name": {}}}),
        &[("condition.contact.name", Required)],
    );
    check(
        json!({"segments": {"segmentIds": []}}),
        &[("condition.segments.segmentIds", Required)],
    );
}

#[test]
fn what_can_never_be_is_refused_where_it_stands() {
    check(
        json!({"health": {"score": {"atLeast": 60, "lessThan": 60}}}),
        &[("condition.health.score", Contradictory)],
    );
    check(
        json!({"health": {"score": {"moreThan": 100}}}),
        &[("condition.health.score", Contradictory)],
    );
    check(
        json!({"contact": {"created": {"withinDays": 7, "moreThanDaysAgo": 7}}}),
        &[("condition.contact.created", Contradictory)],
    );
    check(
        json!({"contact": {"stages": ["LEAD"], "hasStage": false}}),
        &[("condition.contact.hasStage", Contradictory)],
    );
    check(
        json!({"contact": {"lastMessage": {"withinNextDays": 7}}}),
        &[(
            "condition.contact.lastMessage.withinNextDays",
            Contradictory,
        )],
    );
    check(
        since("ANY", &[uuid::Uuid::nil()], &json!({"atLeastDaysAhead": 1})),
        &[("condition.segments.since.atLeastDaysAhead", Contradictory)],
    );
    check(
        json!({"contact": {"name": {"anyOf": ["Ａ"], "noneOf": ["a", "b"]}}}),
        &[("condition.contact.name.noneOf", Contradictory)],
    );
    check(
        json!({"events": {"withinDays": 30, "tests": [
            {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 60}},
        ]}}),
        &[("condition.events.tests.0.is", Contradictory)],
    );
    check(
        json!({"email": {"tests": [{"measure": "OPEN_RATE", "is": {"moreThan": 1}}]}}),
        &[("condition.email.tests.0.is", Contradictory)],
    );
    check(
        json!({"invoices": {"statuses": ["PAID"], "overdue": true}}),
        &[("condition.invoices.overdue", Contradictory)],
    );
    check(
        json!({"all": [
            {"health": {"score": {"lessThan": 40}}},
            {"health": {"score": {"atLeast": 40}}},
        ]}),
        &[("condition.all.1", Contradictory)],
    );
}

#[test]
fn what_is_counted_is_a_whole_number_from_0_on() {
    let events = |measure: &str, is: &Value| {
        let property = (measure == "DISTINCT").then_some("article");
        json!({"events": {"names": ["read"], "tests": [
            {"measure": measure, "property": property, "is": is},
        ]}})
    };
    for slip in [
        json!({"atLeast": 1.5}),
        json!({"equals": 2.5}),
        json!({"atLeast": -1}),
    ] {
        for (stored, path) in [
            (events("COUNT", &slip), "condition.events.tests.0.is"),
            (events("DISTINCT", &slip), "condition.events.tests.0.is"),
            (events("DAYS", &slip), "condition.events.tests.0.is"),
            (
                json!({"survey": {"kind": "NPS", "count": slip}}),
                "condition.survey.count",
            ),
            (json!({"orders": {"count": slip}}), "condition.orders.count"),
            (
                json!({"email": {"tests": [{"measure": "OPENED", "is": slip}]}}),
                "condition.email.tests.0.is",
            ),
        ] {
            check(stored, &[(path, Invalid)]);
        }
    }
    let between = json!({"moreThan": 2, "lessThan": 3});
    check(
        events("COUNT", &between),
        &[("condition.events.tests.0.is", Contradictory)],
    );
    check(
        events("COUNT", &json!({"lessThan": 0})),
        &[("condition.events.tests.0.is", Contradictory)],
    );
    for right in [
        json!({"equals": 0}),
        json!({"moreThan": 2, "lessThan": 4}),
        json!({"atLeast": 3, "moreThan": 2, "atMost": 3}),
    ] {
        check(events("COUNT", &right), &[]);
    }
    // Days since, rates and means have fractions.
    check(
        json!({"survey": {"kind": "NPS", "meanScore": {"atLeast": 6.5}, "daysSinceLast": {"lessThan": 0.5}}}),
        &[],
    );
}

#[test]
fn tests_of_one_property_that_leave_no_value_are_refused() {
    let events = |tests: Value| json!({"events": {"names": ["bought"], "where": tests}});
    let at = "condition.events.where";
    for (tests, place) in [
        (
            json!([{"property": "plan", "anyOf": ["x"], "noneOf": ["x", "y"]}]),
            "0",
        ),
        (
            json!([{"property": "plan", "anyOf": ["x"]}, {"property": "plan", "noneOf": ["x"]}]),
            "1",
        ),
        (
            json!([{"property": "plan", "anyOf": ["x"]}, {"property": "plan", "anyOf": ["y"]}]),
            "1",
        ),
        (
            json!([{"property": "plan", "isSet": false}, {"property": "plan", "anyOf": ["y"]}]),
            "1",
        ),
    ] {
        let path = format!("{at}.{place}");
        check(events(tests), &[(path.as_str(), Contradictory)]);
    }
    for tests in [
        json!([{"property": "plan", "anyOf": ["x", "z"], "noneOf": ["x", "y"]}]),
        json!([{"property": "plan", "anyOf": ["x"]}, {"property": "size", "noneOf": ["x"]}]),
        json!([{"property": "plan", "isSet": false}, {"property": "plan", "noneOf": ["x"]}]),
    ] {
        check(events(tests), &[]);
    }
}

fn together(parts: &[Value]) -> Vec<(String, UserErrorCode)> {
    refusals(&json!({ "all": parts }), Context::Conversation)
}

fn attribute(of: &str, test: &Value) -> Value {
    let id = uuid::Uuid::nil();
    json!({"attribute": {"attributeId": id, "of": "CONTACT", "mode": "ANY", of: test}})
}

fn since(mode: &str, segments: &[uuid::Uuid], since: &Value) -> Value {
    json!({"segments": {"mode": mode, "segmentIds": segments, "since": since}})
}

#[test]
fn parts_that_leave_no_value_for_a_fact_are_refused() {
    let lead = json!({"contact": {"stages": ["LEAD"]}});
    let either = json!({"contact": {"stages": ["LEAD", "CUSTOMER"]}});
    let contact = |field: &str, test: Value| json!({"contact": {field: test}});
    let account = |field: &str, test: Value| json!({"account": {field: test}});
    let conversation = |field: &str, test: Value| json!({"conversation": {field: test}});
    let not = |part: &Value| json!({ "not": part });
    let hours = |from: &str, until: &str| json!({"timeOfDay": {"from": from, "until": until}});
    let events = |days: u32, tests: Value| json!({"events": {"names": ["bought"], "withinDays": days, "tests": tests}});
    let count = |is: Value| json!([{"measure": "COUNT", "is": is}]);
    let orders = |field: &str, is: Value| json!({"orders": {"statuses": ["PAID"], field: is}});
    let [owner, two] = [1, 2].map(uuid::Uuid::from_u128);
    for (one, other) in [
        (lead.clone(), contact("stages", json!(["CUSTOMER"]))),
        (lead.clone(), not(&either)),
        (lead, contact("hasStage", json!(false))),
        (not(&contact("hasStage", json!(true))), either),
        (
            contact("ownerIds", json!([owner])),
            contact("hasOwner", json!(false)),
        ),
        (
            contact("email", json!({"anyOf": ["A@x.example"]})),
            contact("email", json!({"noneOf": ["a@x.example", "b@x.example"]})),
        ),
        (
            contact("name", json!({"anyOf": ["Taro", "Hanako"]})),
            contact("name", json!({"startsWith": ["j"]})),
        ),
        (
            contact("created", json!({"withinDays": 7})),
            contact("created", json!({"moreThanDaysAgo": 30})),
        ),
        (
            contact("lastMessage", json!({"until": "2026-01-01T00:00:00Z"})),
            contact("lastMessage", json!({"from": "2026-01-01T00:00:00Z"})),
        ),
        (
            account("stages", json!(["LEAD"])),
            account("stages", json!(["CUSTOMER"])),
        ),
        (
            account("name", json!({"isSet": false})),
            account("name", json!({"contains": ["縁"]})),
        ),
        (
            conversation("statuses", json!(["OPEN"])),
            conversation("statuses", json!(["CLOSED", "SNOOZED"])),
        ),
        (
            conversation("priorities", json!(["LOW", "URGENT"])),
            conversation("priorities", json!(["NORMAL", "HIGH"])),
        ),
        (
            attribute("number", &json!({"moreThan": 10})),
            attribute("number", &json!({"lessThan": 5})),
        ),
        (
            attribute("boolean", &json!(true)),
            attribute("boolean", &json!(false)),
        ),
        (
            attribute("number", &json!({"moreThan": 10})),
            attribute("isSet", &json!(false)),
        ),
        (
            attribute("options", &json!(["gold"])),
            not(&attribute("options", &json!(["gold", "silver"]))),
        ),
        (hours("09:00", "12:00"), hours("14:00", "17:00")),
        (hours("09:00", "12:00"), not(&hours("08:00", "13:00"))),
        (
            events(30, count(json!({"atLeast": 3}))),
            events(30, count(json!({"equals": 0}))),
        ),
        (
            events(30, count(json!({"atLeast": 3}))),
            not(&events(30, json!([]))),
        ),
        (
            orders("count", json!({"moreThan": 2})),
            not(&json!({"orders": {"statuses": ["PAID"]}})),
        ),
        (
            orders("daysSinceLast", json!({"lessThan": 7})),
            orders("daysSinceLast", json!({"moreThan": 14})),
        ),
        (
            json!({"subscription": {"channel": "EMAIL", "states": ["SUBSCRIBED"]}}),
            json!({"subscription": {"channel": "EMAIL", "states": ["UNSUBSCRIBED"]}}),
        ),
        (
            json!({"segments": {"segmentIds": [owner]}}),
            json!({"segments": {"mode": "NONE", "segmentIds": [owner]}}),
        ),
        (
            since("ANY", &[owner], &json!({"moreThanDaysAgo": 14})),
            json!({"segments": {"mode": "NONE", "segmentIds": [owner]}}),
        ),
        (
            since("ANY", &[owner], &json!({"moreThanDaysAgo": 14})),
            since("ALL", &[two, owner], &json!({"withinDays": 7})),
        ),
        (
            since("ANY", &[owner], &json!({"from": "2026-01-01T00:00:00Z"})),
            since("ANY", &[owner], &json!({"until": "2026-01-01T00:00:00Z"})),
        ),
    ] {
        let refused = [("condition.all.1".to_owned(), Contradictory)];
        let found = together(&[one.clone(), other.clone()]);
        assert_eq!(found, refused, "{one} {other}");
        let found = together(&[other.clone(), one.clone()]);
        assert_eq!(found, refused, "{other} {one}");
    }
}

#[test]
fn parts_that_some_value_satisfies_are_not_refused() {
    let lead = json!({"contact": {"stages": ["LEAD"]}});
    let contact = |field: &str, test: Value| json!({"contact": {field: test}});
    let not = |part: &Value| json!({ "not": part });
    let events =
        |names: &[&str], days: u32| json!({"events": {"names": names, "withinDays": days}});
    let paid = json!({"orders": {"statuses": ["PAID"]}});
    let tags = |mode: &str, tag: u128| {
        let ids = [uuid::Uuid::from_u128(tag)];
        json!({"contactTags": {"mode": mode, "tagIds": ids}})
    };
    let [one, two] = [1, 2].map(uuid::Uuid::from_u128);
    let hours = |from: &str, until: &str| json!({"timeOfDay": {"from": from, "until": until}});
    for (one, other) in [
        (lead.clone(), contact("stages", json!(["CUSTOMER", "LEAD"]))),
        // Without a stage, neither holds.
        (not(&lead), not(&contact("stages", json!(["CUSTOMER"])))),
        (lead, json!({"account": {"stages": ["CUSTOMER"]}})),
        (tags("ANY", 1), tags("ANY", 2)),
        (tags("ANY", 1), tags("NONE", 2)),
        // An attribute of several options may have both.
        (
            attribute("options", &json!(["gold"])),
            attribute("options", &json!(["silver"])),
        ),
        (
            attribute("number", &json!({"atLeast": 5})),
            attribute("number", &json!({"atMost": 5})),
        ),
        (
            not(&attribute("number", &json!({"atLeast": 5}))),
            attribute("isSet", &json!(false)),
        ),
        (
            contact("name", json!({"contains": ["a"]})),
            contact("name", json!({"startsWith": ["b"]})),
        ),
        (
            contact("name", json!({"noneOf": ["a"]})),
            contact("name", json!({"isSet": false})),
        ),
        // Nobody knows when it will be asked.
        (
            contact("created", json!({"withinDays": 7})),
            contact("created", json!({"until": "2020-01-01T00:00:00Z"})),
        ),
        (
            not(&contact(
                "created",
                json!({"withinDays": 7, "from": "2020-01-01T00:00:00Z"}),
            )),
            contact("created", json!({"withinDays": 7})),
        ),
        // One segment for long, another for a short time.
        (
            since("ANY", &[one, two], &json!({"moreThanDaysAgo": 14})),
            since("ANY", &[one], &json!({"withinDays": 7})),
        ),
        (
            since("ANY", &[one], &json!({"moreThanDaysAgo": 14})),
            since("NONE", &[one], &json!({"withinDays": 7})),
        ),
        (events(&["bought"], 90), not(&events(&["bought"], 30))),
        (events(&["bought"], 30), not(&events(&["tried"], 30))),
        (
            paid,
            not(&json!({"orders": {"statuses": ["PAID"], "withinDays": 30}})),
        ),
        (hours("09:00", "12:00"), hours("11:59", "17:00")),
        (
            hours("22:00", "02:00"),
            json!({"timeOfDay": {"weekdays": ["SATURDAY"], "from": "01:00", "until": "03:00"}}),
        ),
    ] {
        assert_eq!(together(&[one.clone(), other.clone()]), [], "{one} {other}");
        assert_eq!(together(&[other.clone(), one.clone()]), [], "{other} {one}");
    }
}

#[test]
fn several_parts_can_leave_nothing_together() {
    let stages = |stages: &[&str]| json!({"contact": {"stages": stages}});
    let stored = json!({"all": [
        stages(&["LEAD", "CUSTOMER"]),
        stages(&["CUSTOMER", "FORMER"]),
        stages(&["LEAD", "FORMER"]),
    ]});
    let condition: Condition = serde_json::from_value(stored).unwrap();
    let found = super::check(&condition, Context::Contact, Use::Segment);
    let message = "This can never hold together with condition.all.0 and condition.all.1, so the \
                   segment would never have a member. Change one of them.";
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path.join("."), "condition.all.2");
    assert_eq!(found[0].message, message);
    check(
        json!({"events": {"names": ["a"], "tests": [
            {"measure": "COUNT", "is": {"atLeast": 3}},
            {"measure": "COUNT", "is": {"lessThan": 3}},
        ]}}),
        &[("condition", Contradictory)],
    );
    check(
        json!({"any": [
            {"all": [stages(&["LEAD"]), {"not": {"any": [stages(&["LEAD"]), stages(&["CUSTOMER"])]}}]},
            stages(&["CUSTOMER"]),
        ]}),
        &[("condition.any.0.all.1.not.any.0", Contradictory)],
    );
}

/// Where the last of some conditions that must all hold contradicts `others` of those before it, found soon enough.
#[track_caller]
fn check_many(mut all: Vec<Value>, last: Value, others: usize) {
    all.push(last);
    let place = format!("condition.all.{}", all.len() - 1);
    let condition: Condition = serde_json::from_value(json!({ "all": all })).unwrap();
    let found = super::check(&condition, Context::Contact, Use::Filter);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path.join("."), place);
    assert_eq!(found[0].message.matches("condition.all.").count(), others);
}

#[test]
fn conditions_as_long_as_they_may_be_are_compared() {
    let tags = |mode: &str, first: u128| {
        let ids: Vec<_> = (first..first + 10).map(uuid::Uuid::from_u128).collect();
        json!({"contactTags": {"mode": mode, "tagIds": ids}})
    };
    let wanted = (0..99).map(|n| tags("ALL", 10 * n));
    let unwanted = (0..99).map(|n| tags("NONE", 10_000 + 10 * n));
    let either = [10_000, 10_010].map(uuid::Uuid::from_u128);
    let either = json!({"contactTags": {"mode": "ANY", "tagIds": either}});
    check_many(wanted.chain(unwanted).collect(), either, 2);

    let name = |list: usize, n: usize| format!("{list} {n} {}", "n".repeat(40));
    let names = |test: &str, names: Vec<String>| json!({"contact": {"name": {test: names}}});
    let unwanted = (0..18).map(|list| names("noneOf", (0..100).map(|n| name(list, n)).collect()));
    let either = (0..90).map(|n| name(n % 18, n));
    check_many(unwanted.collect(), names("anyOf", either.collect()), 18);
}

#[test]
fn what_can_never_hold_is_told_in_the_words_of_what_is_saved() {
    let stored = json!({"all": [
        {"health": {"score": {"lessThan": 40}}},
        {"health": {"score": {"atLeast": 40}}},
    ]});
    let condition: Condition = serde_json::from_value(stored).unwrap();
    for (of, said) in [
        (Use::Rule, "the rule would never fire"),
        (Use::Segment, "the segment would never have a member"),
        (Use::Filter, "the list would always be empty"),
        (Use::Branch, "nobody would ever take this branch"),
    ] {
        let found = super::check(&condition, Context::Contact, of);
        let expected = format!(
            "This can never hold together with condition.all.0, so {said}. Change one of the two."
        );
        assert_eq!(found[0].message, expected);
    }
}

#[test]
fn each_part_says_what_is_wrong_with_it() {
    check(
        json!({"events": {"names": [" "], "withinDays": 0, "tests": [
            {"measure": "SUM", "is": {"atLeast": 1}},
            {"measure": "COUNT", "property": "x", "is": {}},
        ]}}),
        &[
            ("condition.events.names.0", Required),
            ("condition.events.withinDays", Invalid),
            ("condition.events.tests.0.property", Required),
            ("condition.events.tests.1.property", Invalid),
            ("condition.events.tests.1.is", Required),
        ],
    );
    check(
        json!({"orders": {"total": {"currency": "YEN", "amount": {"atLeast": 1}}}}),
        &[("condition.orders.total.currency", Invalid)],
    );
    check(
        json!({"events": {"names": ["Signed up", " Signed up "]}}),
        &[("condition.events.names.1", Invalid)],
    );
    check(
        json!({"timeOfDay": {"weekdays": [], "from": "9:00"}}),
        &[
            ("condition.timeOfDay.weekdays", Required),
            ("condition.timeOfDay.from", Invalid),
        ],
    );
    let id = uuid::Uuid::nil();
    check(
        json!({"attribute": {"attributeId": id, "of": "CONTACT", "boolean": true, "isSet": true}}),
        &[("condition.attribute", Invalid)],
    );
}

#[test]
fn regular_expressions_are_read_and_measured() {
    let of = |pattern: &str| json!({"regex": {"fields": ["BODY"], "pattern": pattern}});
    let found = |pattern: &str| refusals(&of(pattern), Context::Message);
    assert_eq!(found("INV-[0-9]+"), []);
    let at = |code| vec![("condition.regex.pattern".to_owned(), code)];
    assert_eq!(found("("), at(Invalid));
    assert_eq!(found("(?=a)"), at(Invalid));
    assert_eq!(found("a*"), at(Invalid));
    assert_eq!(found(""), at(Required));
    assert_eq!(found("\\w{1000}{1000}"), at(TooLong));
    assert_eq!(found(&"a".repeat(1_025)), at(TooLong));
}

#[test]
fn the_values_of_all_conditions_together_are_limited() {
    let list = |from: u128, count: u128| -> Vec<uuid::Uuid> {
        (from..from + count).map(uuid::Uuid::from_u128).collect()
    };
    let of = |count: u128| {
        let tags = |from: u128, count: u128| json!({"contactTags": {"mode": "ANY", "tagIds": list(from, count)}});
        let mut any: Vec<Value> = (0..3).map(|n| tags(n * 500, 500)).collect();
        any.push(tags(1_500, count));
        json!({ "any": any })
    };
    assert_eq!(refusals(&of(500), Context::Contact), []);
    let found = refusals(&of(501), Context::Contact);
    assert_eq!(found, [("condition".to_owned(), TooLong)]);
    // Words have a limit of their own.
    let words: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
    let keywords = json!({"keywords": {"fields": ["BODY"], "mode": "ANY_OF", "words": words}});
    assert_eq!(refusals(&keywords, Context::Message), []);
}

#[test]
fn regular_expressions_are_limited_in_sum() {
    let of = |patterns: usize| {
        let patterns = (0..patterns).map(|n| format!("{n}\\w{{20}}"));
        let regex = |pattern: String| json!({"regex": {"fields": ["BODY"], "pattern": pattern}});
        json!({ "any": patterns.map(regex).collect::<Vec<_>>() })
    };
    assert_eq!(refusals(&of(2), Context::Message), []);
    let found = refusals(&of(190), Context::Message);
    assert_eq!(found, [("condition".to_owned(), TooLong)]);
}

#[test]
fn what_is_not_known_where_it_is_asked_is_refused() {
    let words = json!({"keywords": {"fields": ["BODY"], "mode": "ANY_OF", "words": ["a"]}});
    let refused = [("condition.keywords".to_owned(), Invalid)];
    assert_eq!(refusals(&words, Context::Message), []);
    for context in [Context::Conversation, Context::Contact, Context::Account] {
        assert_eq!(refusals(&words, context), refused);
    }
    let events = json!({"events": {"names": ["a"]}});
    let refused = [("condition.events".to_owned(), Invalid)];
    assert_eq!(refusals(&events, Context::Account), refused);
    let events = json!({"events": {"of": "ACCOUNT", "names": ["a"]}});
    for context in [Context::Message, Context::Contact, Context::Account] {
        assert_eq!(refusals(&events, context), []);
    }
    let said = |stored: Value| {
        let condition: Condition = serde_json::from_value(stored).unwrap();
        let found = super::check(&condition, Context::Account, Use::Segment);
        found.into_iter().map(|one| one.message).collect::<String>()
    };
    assert_eq!(
        said(json!({"health": {"score": {"lessThan": 40}}})),
        "The contact cannot be asked in a condition on accounts. Add of: ACCOUNT, or remove this."
    );
    assert_eq!(
        said(json!({"contact": {"hasStage": true}})),
        "The contact cannot be asked in a condition on accounts. Remove this."
    );
}
