//! What a bulk call tells of each of its items, whatever kind they are.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::on_each,
};

const AT: &str = "2026-03-01T00:00:00Z";
const GONE: &str = "gone@customer.example";
const HERE: &str = "here@customer.example";

/// How an item of an id and an address is made.
type Make = fn(&str, &str) -> Value;

fn event(id: &str, email: &str) -> Value {
    json!({ "externalId": id, "contactEmail": email, "name": "login", "occurredAt": AT })
}

fn email_event(id: &str, email: &str) -> Value {
    json!({
        "externalId": id, "emailKey": id, "recipient": email, "kind": "SENT", "occurredAt": AT,
    })
}

fn answer_to(id: &str, email: &str) -> Value {
    json!({
        "externalId": id, "contactEmail": email, "direction": "OUTBOUND", "body": "Hello",
        "threadKeys": [email], "sentAt": AT,
    })
}

fn order(id: &str, email: &str) -> Value {
    json!({
        "externalId": id, "contact": { "email": email }, "status": "PAID", "amount": 1,
        "currency": "JPY", "placedAt": AT, "updatedAt": AT,
    })
}

/// A call that brings something of a person who is there, what was there before, something twice, and
/// something of a person who was erased between the others.
async fn bring(owner: &Client, field: &str, list: &str, make: Make, counts: &str) -> Value {
    let selection = format!("{list} {{ externalId id outcome }} {counts}");
    let inbox = owner.inbox().await;
    let input = |items: &[Value]| {
        let mut input = json!({});
        input[list] = json!(items);
        if field == "ingestMessages" {
            input["inboxId"] = json!(inbox);
        }
        input
    };
    let first = input(&[make("known", HERE)]);
    owner.change(field, first, &selection).await;
    let items = [
        make("erased", GONE),
        make("new", HERE),
        make("known", HERE),
        make("new", HERE),
    ];
    owner.change(field, input(&items), &selection).await
}

#[test]
fn every_item_of_a_bulk_call_is_told_in_its_place() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Gone", "email": GONE });
        let made = owner.change("createContact", input, "contact { id }").await;
        let input = json!({ "id": text(&made["contact"]["id"]) });
        owner.change("eraseContact", input, "erasedId").await;

        let counts = "created duplicates erased";
        let calls: [(&str, &str, Make, &str, &str); 4] = [
            ("ingestEvents", "events", event, counts, "DUPLICATE"),
            (
                "ingestEmailEvents",
                "events",
                email_event,
                counts,
                "DUPLICATE",
            ),
            ("ingestMessages", "messages", answer_to, "", "DUPLICATE"),
            ("ingestOrders", "orders", order, "", "UNCHANGED"),
        ];
        for (field, list, make, counts, again) in calls {
            let told = bring(&owner, field, list, make, counts).await;
            let items = told[list].as_array().expect("items");
            let outcomes: Vec<_> = items
                .iter()
                .map(|item| (text(&item["externalId"]), text(&item["outcome"])))
                .collect();
            let expected = [
                ("erased", "ERASED"),
                ("new", "CREATED"),
                ("known", again),
                ("new", again),
            ];
            let expected = expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned()));
            assert_eq!(outcomes, expected, "{field}");
            assert!(items[0]["id"].is_null(), "{field}: {told}");
            assert!(items[2]["id"].is_string(), "{field}: {told}");
            assert_eq!(items[1]["id"], items[3]["id"], "{field}");
            if !counts.is_empty() {
                let figures = ["created", "duplicates", "erased"].map(|name| &told[name]);
                assert_eq!(figures, [&json!(1), &json!(2), &json!(1)], "{field}");
            }
        }
        installation
    });
}

#[test]
fn a_mistake_inside_a_batch_is_told_with_its_place() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let mut events: Vec<_> = (0..1_000).map(|n| event(&n.to_string(), HERE)).collect();
        events[700]["occurredAt"] = json!("2026-11-20");
        let document = "mutation($input: IngestEventsInput!) { ingestEvents(input: $input) \
            { created userErrors { path } } }";
        let variables = json!({ "input": { "events": events } });
        let answer = owner.ask(document, &variables).await;
        let place = "input.events[700].occurredAt";
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(error["extensions"]["argument"], place, "{answer}");
        let message = text(&error["message"]);
        assert!(
            message.contains(place) && message.contains("zone"),
            "{message}"
        );
        assert_eq!(
            answer["errors"].as_array().map(Vec::len),
            Some(1),
            "{answer}"
        );

        let emails = json!([email_event("a", HERE), email_event("b", HERE)]);
        let mut variables = json!({ "e": emails });
        variables["e"][1]["kind"] = json!("VANISHED");
        let document = "mutation($e: [EmailEventInput!]!) { ingestEmailEvents(input: {events: $e}) \
            { created userErrors { path } } }";
        let answer = owner.ask(document, &variables).await;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["argument"], "e[1].kind", "{answer}");
        assert_eq!(error["code"], "BAD_USER_INPUT", "{answer}");
        installation
    });
}

#[test]
fn an_upserted_item_that_cannot_be_read_is_told_in_its_place() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let contacts = json!([
            { "externalId": "crm-1", "email": HERE, "name": "Here", "owner": null },
            { "externalId": "crm-2", "account": { "id": "nonsense" } },
            { "externalId": "crm-3", "kana": null, "stage": "LEAD" },
        ]);
        let input = json!({ "contacts": contacts, "reason": "From the CRM" });
        let selection = "contacts { externalId id outcome conflictingIds errors { path code } }";
        for (first, last) in [("CREATED", "CREATED"), ("UNCHANGED", "UNCHANGED")] {
            let told = owner
                .change("upsertContacts", input.clone(), selection)
                .await;
            let told = &told["contacts"];
            let outcomes = [0, 1, 2].map(|index: usize| text(&told[index]["outcome"]));
            assert_eq!(outcomes, [first, "REJECTED", last], "{told}");
            let path = json!(["contacts", "1", "account", "id"]);
            let errors = json!([{ "path": path, "code": "NOT_FOUND" }]);
            assert_eq!(told[1]["errors"], errors);
            assert_eq!(told[0]["errors"], json!([]));
        }
        let accounts = json!([{ "domain": "customer.example" }, { "name": "Nobody" }]);
        let input = json!({ "accounts": accounts });
        let selection = "accounts { id outcome errors { path code } }";
        let told = owner.change("upsertAccounts", input, selection).await;
        assert_eq!(told["accounts"][0]["outcome"], "CREATED", "{told}");
        assert_eq!(
            told["accounts"][1]["errors"][0]["code"], "REQUIRED",
            "{told}"
        );
        installation
    });
}

#[test]
fn the_longest_message_can_be_sent_in_any_spelling() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let document = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) \
            { messages { outcome } userErrors { path } } }";
        let message = json!({
            "externalId": "long", "contactEmail": HERE, "sentAt": AT, "body": "長".repeat(200_000),
        });
        let input = json!({ "inboxId": owner.inbox().await, "messages": [message] });
        let body = json!({ "query": document, "variables": { "input": input } }).to_string();
        // As programs write it that keep to ASCII: 1.2 MB.
        let body = body.replace('長', "\\u9577");
        let (status, answer) = owner.post(body.clone()).await.expect("an answer");
        let told = &answer["data"]["ingestMessages"];
        assert_eq!(
            told["messages"][0]["outcome"], "CREATED",
            "{status} {answer}"
        );

        let mut stranger = owner.clone();
        stranger.token.clear();
        let (status, answer) = stranger.post(body).await.expect("an answer");
        assert_eq!(status.as_u16(), 401, "{answer}");
        installation
    });
}

#[test]
fn a_conversation_says_since_when_it_is_known() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let known = answer_to("a", HERE);
        let input = json!({ "inboxId": owner.inbox().await, "messages": [known] });
        owner
            .change("ingestMessages", input, "messages { outcome }")
            .await;
        let document = "{ conversations { nodes { createdAt firstMessageAt } } }";
        let found = owner.must(document, json!({})).await;
        let moment = |field: &str| {
            let moment = text(&found["nodes"][0][field]);
            chrono::DateTime::parse_from_rfc3339(&moment).expect("a moment")
        };
        let sent = chrono::DateTime::parse_from_rfc3339(AT).expect("a moment");
        assert_eq!(moment("firstMessageAt"), sent);
        assert!(moment("createdAt") > sent, "{found}");
        installation
    });
}
