//! What is written in a document, as the specification wants it: names given once, words without quotes,
//! scalars of their type.

use serde_json::json;

use crate::support::{client::text, installation::on_each};

#[test]
fn a_name_that_is_given_twice_is_refused_and_nothing_is_done() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let tags = "{ tags { name } }";
        let before = owner.must(tags, json!({})).await;
        for document in [
            "mutation { createTag(input: { kind: CONTACT, name: \"a\", name: \"b\" }) { tag { id } } }",
            "mutation { createTag(input: { kind: CONTACT, name: \"a\" }, input: { kind: CONTACT, name: \"b\" }) \
             { tag { id } } }",
            "{ accountBy(reference: { domain: \"a.example\", domain: \"b.example\" }) { id } }",
            "{ contacts(filter: { created: { from: \"2026-01-01T00:00:00Z\", from: null } }) { totalCount } }",
            "query($filter: ContactFilterInput = { stages: [LEAD], stages: [] }) \
             { contacts(filter: $filter) { totalCount } }",
            "query($first: Int, $first: Int) { contacts(first: $first) { totalCount } }",
            "{ viewer @include(if: true, if: false) { role } }",
        ] {
            let answer = owner.ask(document, &json!({})).await;
            let error = &answer["errors"][0];
            let code = &error["extensions"]["code"];
            assert_eq!(*code, "GRAPHQL_VALIDATION_FAILED", "{document}: {answer}");
            let message = text(&error["message"]);
            assert!(message.contains("is given twice"), "{document}: {message}");
            let places = error["locations"].as_array().map(Vec::len);
            assert_eq!(places, Some(2), "{document}: {answer}");
            assert!(answer["data"].is_null(), "{document}: {answer}");
        }
        assert_eq!(owner.must(tags, json!({})).await, before);
        installation
    });
}

#[test]
fn a_value_that_is_not_of_its_type_is_refused_with_its_place() {
    on_each(|installation| async move {
        let owner = installation.owner();
        for (document, argument, needs) in [
            (
                "{ contacts(orderBy: \"NAME_ASC\") { totalCount } }",
                "orderBy",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ emailEvents(filter: { kinds: [OPENED, \"CLICKED\"] }) { nodes { id } } }",
                "filter.kinds[1]",
                "`CLICKED` without quotes",
            ),
            (
                "query($order: ContactOrderBy! = \"NAME_ASC\") { contacts(orderBy: $order) { totalCount } }",
                "order",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ events(filter: { from: \"2026\" }) { nodes { id } } }",
                "filter.from",
                "a moment with a time and a zone",
            ),
            (
                "{ contacts(first: 1099511627776) { totalCount } }",
                "first",
                "a whole number from -2147483648 to 2147483647",
            ),
            (
                "{ contacts(first: \"1\") { totalCount } }",
                "first",
                "a value of type `Int`",
            ),
        ] {
            let answer = owner.ask(document, &json!({})).await;
            let error = &answer["errors"][0];
            let extensions = &error["extensions"];
            let code = &extensions["code"];
            assert_eq!(*code, "GRAPHQL_VALIDATION_FAILED", "{document}: {answer}");
            assert_eq!(extensions["argument"], argument, "{document}: {answer}");
            let message = text(&error["message"]);
            assert!(message.contains(needs), "{document}: {message}");
            assert!(answer["data"].is_null(), "{document}: {answer}");
        }
        // In a variable a word comes as a string.
        let list = "query($order: ContactOrderBy!, $first: Int) \
            { contacts(orderBy: $order, first: $first) { totalCount } }";
        let variables = json!({ "order": "NAME_ASC", "first": 1 });
        assert_eq!(owner.must(list, variables).await["totalCount"], 0);
        let variables = json!({ "order": "NAME_ASC", "first": 1_u64 << 40 });
        let answer = owner.ask(list, &variables).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(extensions["argument"], "first", "{answer}");
        installation
    });
}
