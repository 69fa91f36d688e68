//! What is written in a document, as the specification wants it: names are given once.

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
