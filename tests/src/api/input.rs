//! Bad input: what the caller is told, and that nothing is half-written.

use serde_json::{Value, json};

use crate::support::{
    client::{message, text},
    installation::on_each,
};

#[test]
fn what_is_no_request_is_refused_with_its_code() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let ask = |query: &str| json!({ "query": query }).to_string().into_bytes();
        // A request may be this long, a document in it may not.
        let long = [
            b"{\"query\":\"{ viewer { role } } # ".as_slice(),
            &vec![b'x'; 2_000_000],
            b"\"}",
        ];
        let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
            ("not JSON", b"{".to_vec(), 400, "BAD_REQUEST"),
            (
                "not UTF-8",
                b"{\"query\":\"{ viewer { role } } # \xff\xfe\"}".to_vec(),
                400,
                "BAD_REQUEST",
            ),
            ("a batch", b"[]".to_vec(), 400, "BAD_REQUEST"),
            ("no query", b"{}".to_vec(), 400, "BAD_REQUEST"),
            (
                "a long document",
                long.concat(),
                400,
                "GRAPHQL_PARSE_FAILED",
            ),
            (
                "not GraphQL",
                ask("{ viewer {"),
                400,
                "GRAPHQL_PARSE_FAILED",
            ),
            (
                "an unknown field",
                ask("{ nothing }"),
                400,
                "GRAPHQL_VALIDATION_FAILED",
            ),
            (
                "a wrong type",
                ask("{ contact(id: {}) { id } }"),
                400,
                "GRAPHQL_VALIDATION_FAILED",
            ),
            (
                "too deep",
                ask(&format!(
                    "{}id{}",
                    "{contact(id:1){account{contacts{nodes{".repeat(8),
                    "}}}}".repeat(8)
                )),
                400,
                "",
            ),
        ];
        for (name, body, status, code) in cases {
            let (got, answer) = owner.post(body).await.expect("an answer");
            assert_eq!(got.as_u16(), status, "{name}: {answer}");
            let told = &answer["errors"][0]["extensions"]["code"];
            assert!(code.is_empty() || *told == code, "{name}: {answer}");
            assert!(answer.get("data").is_none(), "{name}: {answer}");
        }
        let query = "query($first: Int) { contacts(first: $first) { nodes { id } } }";
        for (variables, code) in [
            (json!({ "first": "ten" }), "BAD_USER_INPUT"),
            (json!({ "first": 101 }), "BAD_USER_INPUT"),
            (json!({ "first": -1 }), "BAD_USER_INPUT"),
        ] {
            let answer = owner.ask(query, &variables).await;
            let told = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(*told, code, "{variables}: {answer}");
        }
        installation
    });
}

#[test]
fn mistakes_are_told_with_their_place_and_nothing_is_written() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let tag = owner.tag("CONVERSATION", "Tag").await;
        let contacts = "{ contacts { nodes { id name } } }";
        let first =
            json!({ "name": "First", "email": "first@customer.example", "externalId": "x" });
        owner.change("createContact", first, "contact { id }").await;
        let before = owner.must(contacts, json!({})).await;
        let long = "長".repeat(300);
        let good = message("good", "good@customer.example", "Hello");
        let keywords = json!({ "keywords": { "mode": "ANY_OF", "words": [] } });
        let rule = |condition: &Value| {
            json!({
                "name": "Rule", "trigger": { "messageReceived": {} }, "condition": condition,
                "actions": [{ "tagConversation": { "tagIds": [tag] } }],
            })
        };
        let event = json!({
            "externalId": "e", "contactEmail": "nobody", "name": long,
            "occurredAt": "2026-03-01T00:00:00Z",
        });
        let cases = [
            ("createContact", json!({ "name": long }), "name", "TOO_LONG"),
            ("createContact", json!({ "name": "  " }), "name", "REQUIRED"),
            (
                "createContact",
                json!({ "name": "A", "email": "nobody" }),
                "email",
                "INVALID",
            ),
            (
                "createContact",
                json!({ "name": "A", "externalId": "x" }),
                "externalId",
                "TAKEN",
            ),
            (
                "createContact",
                json!({ "name": "A", "email": "FIRST@customer.example" }),
                "email",
                "TAKEN",
            ),
            (
                "createContact",
                json!({ "name": "A", "accountId": "nothing" }),
                "accountId",
                "NOT_FOUND",
            ),
            (
                "updateContact",
                json!({ "id": "contact_00000000000070008000000000000000", "name": "A" }),
                "id",
                "NOT_FOUND",
            ),
            (
                "createTag",
                json!({ "kind": "CONTACT", "name": "長".repeat(65) }),
                "name",
                "TOO_LONG",
            ),
            (
                "createTag",
                json!({ "kind": "CONVERSATION", "name": "ＴＡＧ" }),
                "name",
                "TAKEN",
            ),
            (
                "ingestMessages",
                json!({ "inboxId": inbox, "messages": [good, message("bad", "nobody", "Hello")] }),
                "messages.1.contactEmail",
                "INVALID",
            ),
            (
                "ingestMessages",
                json!({ "inboxId": tag, "messages": [good] }),
                "inboxId",
                "NOT_FOUND",
            ),
            (
                "ingestEvents",
                json!({ "events": [event] }),
                "events.0.contactEmail",
                "INVALID",
            ),
            (
                "createRule",
                rule(&keywords),
                "condition.keywords.words",
                "REQUIRED",
            ),
            (
                "createRule",
                rule(&json!({ "all": [] })),
                "condition.all",
                "REQUIRED",
            ),
            (
                "addTags",
                json!({ "tagIds": [tag], "contactIds": [before["nodes"][0]["id"]] }),
                "",
                "KIND_MISMATCH",
            ),
        ];
        for (field, input, path, code) in cases {
            let mut kind = field.to_owned();
            kind[..1].make_ascii_uppercase();
            let document = format!(
                "mutation($input: {kind}Input!) {{ {field}(input: $input) \
                 {{ userErrors {{ path code message }} }} }}"
            );
            let answer = owner.ask(&document, &json!({ "input": input })).await;
            let mistakes = answer["data"][field]["userErrors"].as_array();
            let mistakes = mistakes.unwrap_or_else(|| panic!("{field} {input}: {answer}"));
            let told: Vec<_> = mistakes
                .iter()
                .map(|one| {
                    let path = one["path"].as_array().expect("a path").iter().map(text);
                    (path.collect::<Vec<_>>().join("."), text(&one["code"]))
                })
                .collect();
            let is_told = told
                .iter()
                .any(|(place, why)| (path.is_empty() || place == path) && why == code);
            assert!(is_told, "{field} {input}: {told:?}");
        }
        assert_eq!(owner.must(contacts, json!({})).await, before);
        let conversations = "{ conversations { nodes { id } } }";
        let conversations = owner.must(conversations, json!({})).await;
        assert_eq!(
            conversations["nodes"],
            json!([]),
            "half a batch was taken in"
        );
        installation
    });
}

#[test]
fn moments_nobody_lives_in_and_endless_lists_are_no_fault_of_ours() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Today" });
        owner.change("createContact", input, "contact { id }").await;
        let list =
            "query($filter: ContactFilterInput) { contacts(filter: $filter) { totalCount } }";
        for (filter, found) in [
            (json!({ "created": { "from": "-9999-01-01T00:00:00Z" } }), 1),
            (
                json!({ "created": { "until": "-9999-01-01T00:00:00Z" } }),
                0,
            ),
            (json!({ "created": { "from": "9999-12-31T23:59:59Z" } }), 0),
            (
                json!({ "lastActivity": { "from": "0001-01-01T00:00:00Z" } }),
                1,
            ),
        ] {
            let variables = json!({ "filter": filter });
            let answer = owner.must(list, variables).await;
            assert_eq!(answer["totalCount"], found, "{filter}");
        }
        let input = json!({
            "subject": "CONTACT", "key": "since", "name": "Since", "valueType": "DATE",
        });
        let made = owner
            .change("createAttribute", input, "attribute { id }")
            .await;
        let attribute = &made["attribute"]["id"];
        let refused = |answer: &Value| {
            let codes = answer["errors"].as_array();
            let codes = codes.unwrap_or_else(|| panic!("not refused: {answer}"));
            for code in codes.iter().map(|one| text(&one["extensions"]["code"])) {
                assert!(!code.starts_with("INTERNAL"), "{answer}");
            }
        };
        let document = "mutation($input: CreateContactInput!) { createContact(input: $input) \
            { contact { id } userErrors { path code } } }";
        let input = json!({ "name": "Old", "attributes": [
            { "attributeId": attribute, "value": { "date": "-9999-1-01" } },
        ] });
        refused(&owner.ask(document, &json!({ "input": input })).await);

        let many = |word: &str| vec![word.to_owned(); 70_000];
        let of_contacts = [
            json!({ "stages": many("LEAD") }),
            json!({ "sourceChannels": many("LINE") }),
            json!({ "ownerIds": many("a") }),
            json!({ "attributes": [
                { "attributeId": attribute, "test": { "options": many("a") } },
            ] }),
        ];
        for filter in of_contacts {
            refused(&owner.ask(list, &json!({ "filter": filter })).await);
        }
        let list = "query($filter: ConversationFilterInput) \
            { conversations(filter: $filter) { totalCount } }";
        let filter = json!({ "statuses": many("OPEN") });
        refused(&owner.ask(list, &json!({ "filter": filter })).await);
        installation
    });
}

#[test]
fn a_number_that_does_not_fit_is_refused_where_it_stands() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let tag = owner.tag("CONTACT", "Tag").await;
        let rule = |condition: Value| {
            json!({
                "name": "Rule", "trigger": { "messageReceived": {} }, "condition": condition,
                "actions": [{ "tagContact": { "tagIds": [tag] } }],
            })
        };
        let playbook = |days: i64| {
            json!({ "name": "Playbook", "definition": {
                "steps": [{ "stepId": "end", "kind": { "end": true } }],
                "again": { "afterDays": days },
            } })
        };
        let model = |weight: i64, share: i64, evaluations: i64| {
            json!({
                "signals": [{
                    "signal": "product.active_days", "weight": weight, "windowDays": -7,
                    "curve": { "linear": { "bad": 0, "good": 1 } },
                }],
                "categories": [{ "category": "EMAIL", "weight": share }],
                "bands": { "evaluations": evaluations },
            })
        };
        for number in [-3, 2_000_000_000_i64] {
            let contact = json!({ "contact": { "created": { "withinDays": number } } });
            let long_ago = json!({ "contact": { "created": { "moreThanDaysAgo": number } } });
            let survey = json!({ "survey": { "kind": "NPS", "withinDays": number } });
            let cases = [
                (
                    "createRule",
                    rule(contact),
                    "condition.contact.created.withinDays",
                ),
                (
                    "createRule",
                    rule(long_ago),
                    "condition.contact.created.moreThanDaysAgo",
                ),
                (
                    "createRule",
                    rule(json!({ "events": { "withinDays": number } })),
                    "condition.events.withinDays",
                ),
                (
                    "createRule",
                    rule(json!({ "orders": { "withinDays": number } })),
                    "condition.orders.withinDays",
                ),
                ("createRule", rule(survey), "condition.survey.withinDays"),
                (
                    "savePlaybook",
                    playbook(number),
                    "definition.again.afterDays",
                ),
                ("saveHealthModel", model(number, 100, 2), "signals.0.weight"),
                ("saveHealthModel", model(1, 100, 2), "signals.0.windowDays"),
                ("saveHealthModel", model(1, number, 2), "categories.EMAIL"),
                (
                    "saveHealthModel",
                    model(1, 100, number),
                    "bands.evaluations",
                ),
            ];
            for (field, input, place) in cases {
                let mut kind = field.to_owned();
                kind[..1].make_ascii_uppercase();
                let document = format!(
                    "mutation($input: {kind}Input!) {{ {field}(input: $input) \
                     {{ userErrors {{ path }} }} }}"
                );
                let answer = owner.ask(&document, &json!({ "input": input })).await;
                let mistakes = answer["data"][field]["userErrors"].as_array();
                let mistakes = mistakes.unwrap_or_else(|| panic!("{field} {input}: {answer}"));
                let is_told = mistakes.iter().any(|one| {
                    let path = one["path"].as_array().expect("a path").iter().map(text);
                    path.collect::<Vec<_>>().join(".") == place
                });
                assert!(is_told, "{field} {input}: {mistakes:?}");
            }
        }
        installation
    });
}

#[test]
fn null_takes_away_what_can_go_and_is_refused_elsewhere() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let input = json!({
            "name": "Hana", "email": "hana@customer.example", "locale": "ja", "kana": "はな",
        });
        let made = owner.change("createContact", input, "contact { id }").await;
        let contact = &made["contact"]["id"];
        let input = json!({ "id": contact, "email": null, "locale": null, "kana": null });
        let left = owner
            .change("updateContact", input, "contact { name email locale kana }")
            .await;
        let nothing = json!({ "name": "Hana", "email": null, "locale": null, "kana": null });
        assert_eq!(left["contact"], nothing);
        let input = json!({ "name": "Acme", "domain": "acme.example" });
        let made = owner.change("createAccount", input, "account { id }").await;
        let account = &made["account"]["id"];
        let input = json!({ "id": account, "domain": null });
        let left = owner
            .change("updateAccount", input, "account { name domain }")
            .await;
        assert_eq!(left["account"], json!({ "name": "Acme", "domain": null }));
        let input = json!({ "kind": "CONTACT", "name": "Tag", "description": "Of old" });
        let made = owner.change("createTag", input, "tag { id }").await;
        let tag = &made["tag"]["id"];
        let input = json!({ "id": tag, "description": null });
        let left = owner
            .change("updateTag", input, "tag { name description }")
            .await;
        assert_eq!(left["tag"], json!({ "name": "Tag", "description": "" }));
        let inbox = json!(owner.inbox().await);
        let nobody = json!("conversation_00000000000070008000000000000000");
        for (field, id, named) in [
            ("updateContact", contact, "name"),
            ("updateContact", contact, "attributes"),
            ("updateAccount", account, "name"),
            ("updateTag", tag, "colour"),
            ("updateInbox", &inbox, "channel"),
            ("updateConversation", &nobody, "status"),
        ] {
            let mut kind = field.to_owned();
            kind[..1].make_ascii_uppercase();
            let document = format!(
                "mutation($input: {kind}Input!) {{ {field}(input: $input) \
                 {{ userErrors {{ path code }} }} }}"
            );
            let input = json!({ "id": id, named: null });
            let answer = owner.ask(&document, &json!({ "input": input })).await;
            let told = &answer["data"][field]["userErrors"];
            let expected = json!([{ "path": [named], "code": "REQUIRED" }]);
            assert_eq!(*told, expected, "{input}: {answer}");
        }
        installation
    });
}

#[test]
fn what_is_brought_twice_is_there_once() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let one = message("1", "taro@customer.example", "Hello");
        let input = json!({ "inboxId": inbox, "messages": [one, one] });
        let selection = "messages { id outcome }";
        let first = owner
            .change("ingestMessages", input.clone(), selection)
            .await;
        let second = owner.change("ingestMessages", input, selection).await;
        let outcomes = |answer: &Value| -> Vec<String> {
            let messages = answer["messages"].as_array().expect("messages");
            messages.iter().map(|one| text(&one["outcome"])).collect()
        };
        assert_eq!(outcomes(&first), ["CREATED", "DUPLICATE"]);
        assert_eq!(outcomes(&second), ["DUPLICATE", "DUPLICATE"]);
        assert_eq!(first["messages"][0]["id"], second["messages"][1]["id"]);
        installation
    });
}
