//! Contacts as clients name them.

use serde_json::{Value, json};

use crate::support::installation::on_each;

#[test]
fn messages_and_events_come_in_for_people_without_an_email_address() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let said = |id: &str, contact: Value| {
            json!({
                "externalId": id, "contact": contact, "body": "Hello",
                "sentAt": "2026-03-01T03:00:00Z",
            })
        };
        let did = |id: &str, contact: Value| {
            json!({
                "externalId": id, "contact": contact, "name": "login",
                "occurredAt": "2026-03-01T03:00:00Z",
            })
        };
        let messages = [
            said("a", json!({ "handle": "x:Hanako" })),
            said("b", json!({ "handle": "x:hanako" })),
            said("c", json!({ "phone": "+81 3-1234-5678" })),
        ];
        let input = json!({ "inboxId": inbox, "messages": messages });
        owner
            .change("ingestMessages", input, "messages { outcome }")
            .await;
        let events = [
            did("1", json!({ "anonymousId": "c-1" })),
            did("2", json!({ "externalId": "4711" })),
        ];
        let input = json!({ "events": events });
        owner.change("ingestEvents", input, "created").await;
        let contacts = "{ contacts(orderBy: NAME_ASC) { nodes { name phone externalId
            identities { kind value } conversations { nodes { messageCount } }
            events { nodes { name } } } } }";
        let contacts = owner.must(contacts, json!({})).await;
        let person = |name: &str, field: &str, value: &str| {
            let nodes = contacts["nodes"].as_array().expect("nodes");
            let found = nodes.iter().find(|one| one["name"] == name);
            let found = found.unwrap_or_else(|| panic!("{name}: {contacts}"));
            let identity = json!([{ "kind": field, "value": value }]);
            assert_eq!(found["identities"], identity, "{contacts}");
            let count = |list: &str| found[list]["nodes"].as_array().expect("a list").len();
            (count("conversations"), count("events"))
        };
        assert_eq!(person("x:hanako", "HANDLE", "x:hanako"), (1, 0));
        assert_eq!(person("+81312345678", "PHONE", "+81312345678"), (1, 0));
        assert_eq!(person("Visitor", "ANONYMOUS_ID", "c-1"), (0, 1));
        assert_eq!(person("4711", "EXTERNAL_ID", "4711"), (0, 1));
        installation
    });
}

#[test]
fn a_contact_who_cannot_be_meant_is_told_with_its_place() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let document = "mutation($input: IngestEventsInput!) { ingestEvents(input: $input) \
            { userErrors { path code } } }";
        for (contact, path, code) in [
            (json!({}), vec!["contact"], "REQUIRED"),
            (
                json!({ "contactEmail": "a@b.example", "contact": { "anonymousId": "c" } }),
                vec!["contactEmail"],
                "CONTRADICTORY",
            ),
            (
                json!({ "contact": { "phone": "call me" } }),
                vec!["contact", "phone"],
                "INVALID",
            ),
            (
                json!({ "contact": { "id": "nobody" } }),
                vec!["contact", "id"],
                "NOT_FOUND",
            ),
        ] {
            let mut event = contact;
            event["externalId"] = json!("e");
            event["name"] = json!("login");
            event["occurredAt"] = json!("2026-03-01T00:00:00Z");
            let answer = owner
                .ask(document, &json!({ "input": { "events": [event] } }))
                .await;
            let told = &answer["data"]["ingestEvents"]["userErrors"];
            let path: Vec<&str> = ["events", "0"].into_iter().chain(path).collect();
            assert_eq!(*told, json!([{ "path": path, "code": code }]), "{answer}");
        }
        installation
    });
}

#[test]
fn contacts_accounts_and_orders_are_found_by_the_keys_of_other_systems() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Kumo", "domain": "kumo.example" });
        let made = owner.change("createAccount", input, "account { id }").await;
        let id = &made["account"]["id"];
        let input = json!({ "id": id, "externalId": "crm-1" });
        owner
            .change("updateAccount", input, "account { externalId }")
            .await;
        let document = "query($reference: AccountReferenceInput!) \
            { accountBy(reference: $reference) { id } }";
        for (reference, expected) in [
            (json!({ "externalId": "crm-1" }), Some(id)),
            (json!({ "domain": "Kumo.example" }), Some(id)),
            (json!({ "id": id }), Some(id)),
            (json!({ "id": "nothing" }), None),
            (json!({ "externalId": "crm-2" }), None),
        ] {
            let found = owner
                .must(document, json!({ "reference": reference }))
                .await;
            assert_eq!(found.get("id"), expected, "{reference}");
        }
        let input = json!({ "name": "Taro", "externalId": "crm-7" });
        let made = owner.change("createContact", input, "contact { id }").await;
        let document = "query($kind: IdentityKind!, $value: String!) \
            { contactByIdentity(kind: $kind, value: $value) { id } }";
        for (kind, expected) in [
            ("EXTERNAL_ID", Some(&made["contact"]["id"])),
            ("ANONYMOUS_ID", None),
        ] {
            let variables = json!({ "kind": kind, "value": "crm-7" });
            let found = owner.must(document, variables).await;
            assert_eq!(found.get("id"), expected, "{kind}");
        }
        let orders = ["1", "2", "3"].map(|id| {
            json!({
                "externalId": id, "contact": { "externalId": "crm-7" }, "status": "PLACED",
                "amount": 1, "currency": "JPY", "placedAt": "2026-03-01T00:00:00Z",
                "lines": [{ "productId": "p", "productName": "P", "unitPrice": 1 }],
            })
        });
        let input = json!({ "orders": orders });
        owner
            .change("ingestOrders", input, "orders { outcome }")
            .await;
        let found = "{ orders(filter: { externalIds: [\"2\", \"9\"] }) { nodes { externalId } } }";
        let found = owner.must(found, json!({})).await;
        assert_eq!(found["nodes"], json!([{ "externalId": "2" }]));
        installation
    });
}

/// PostgreSQL holds no such text, and refuses a statement with one.
#[test]
fn a_text_with_a_nul_names_nothing() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let nul = json!({ "text": "a\0", "texts": ["a\0"] });
        for list in [
            "events(filter: { names: $texts })",
            "events(filter: { externalIds: $texts })",
            "emailEvents(filter: { externalIds: $texts })",
            "orders(filter: { externalIds: $texts })",
            "invoices(filter: { externalIds: $texts })",
            "tickets(filter: { externalIds: $texts })",
            "opportunities(filter: { externalIds: $texts })",
            "surveyAnswers(filter: { externalIds: $texts })",
            "auditLog(filter: { actions: $texts })",
        ] {
            let document =
                format!("query($texts: [String!]) {{ {list} {{ edges {{ cursor }} }} }}");
            let found = owner
                .must(&document, json!({ "texts": nul["texts"] }))
                .await;
            assert_eq!(found["edges"], json!([]), "{list}");
        }
        for list in [
            "orders(filter: { productId: $text })",
            "trackedLinks(filter: { text: $text })",
            "surveyAnswers(filter: { surveyKey: $text })",
            "quarantine(work: $text)",
        ] {
            let document = format!("query($text: String) {{ {list} {{ edges {{ cursor }} }} }}");
            let found = owner.must(&document, json!({ "text": nul["text"] })).await;
            assert_eq!(found["edges"], json!([]), "{list}");
        }
        let account =
            "query($text: String!) { accountBy(reference: { externalId: $text }) { id } }";
        let found = owner.must(account, json!({ "text": nul["text"] })).await;
        assert_eq!(found, Value::Null);
        let wanted = json!({ "records": { "events": { "names": nul["texts"] } } });
        let asked = owner.change("exportRecords", wanted, "url").await;
        assert!(asked["url"].is_string(), "{asked}");
        let tickets = json!([{
            "externalId": "t-1", "contact": { "email": "taro@a.example" }, "subject": "Help",
            "account": { "externalId": nul["text"] }, "status": "OPEN",
            "openedAt": "2026-03-01T00:00:00Z", "updatedAt": "2026-03-01T00:00:00Z",
        }]);
        let document = "mutation($input: IngestTicketsInput!) \
            { ingestTickets(input: $input) { userErrors { path code } } }";
        let answer = owner
            .ask(document, &json!({ "input": { "tickets": tickets } }))
            .await;
        let mistake = &answer["data"]["ingestTickets"]["userErrors"][0];
        assert_eq!(mistake["code"], "NOT_FOUND", "{answer}");
        installation
    });
}
