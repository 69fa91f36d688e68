//! Lists inside other things, narrowed to what a screen shows.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::on_each,
};

const EMAIL: &str = "taro@customer.example";

/// The texts in `field` of the nodes of a list.
fn told(list: &Value, field: &str) -> Vec<String> {
    let nodes = list["nodes"].as_array().expect("nodes");
    nodes.iter().map(|node| text(&node[field])).collect()
}

async fn furnish(owner: &Client) -> String {
    let input = json!({ "name": "Taro", "email": EMAIL });
    let made = owner.change("createContact", input, "contact { id }").await;
    let contact = text(&made["contact"]["id"]);
    let event = |name: &str, at: &str| {
        json!({ "externalId": format!("{name} {at}"), "contactEmail": EMAIL, "name": name,
                "occurredAt": at })
    };
    let events = json!([
        event("login", "2026-01-01T00:00:00Z"),
        event("login", "2026-02-01T00:00:00Z"),
        event("signup", "2026-01-15T00:00:00Z"),
    ]);
    let input = json!({ "events": events });
    owner.change("ingestEvents", input, "created").await;
    let email = |kind: &str, at: &str| {
        json!({ "externalId": kind, "emailKey": "m", "recipient": EMAIL, "kind": kind,
                "occurredAt": at })
    };
    let emails = json!([
        email("SENT", "2026-01-01T00:00:00Z"),
        email("DELIVERED", "2026-01-01T00:01:00Z"),
    ]);
    let input = json!({ "events": emails });
    owner.change("ingestEmailEvents", input, "created").await;
    let order = |id: &str, status: &str, at: &str| {
        json!({ "externalId": id, "contact": { "email": EMAIL }, "status": status, "amount": 1,
                "currency": "JPY", "placedAt": at })
    };
    let orders = json!([
        order("old", "PAID", "2026-01-01T00:00:00Z"),
        order("new", "PAID", "2026-02-01T00:00:00Z"),
        order("open", "PLACED", "2026-02-02T00:00:00Z"),
    ]);
    let input = json!({ "orders": orders });
    owner
        .change("ingestOrders", input, "orders { outcome }")
        .await;
    for title in ["Call", "Write"] {
        let input = json!({ "title": title, "contactId": contact });
        let made = owner.change("createTask", input, "task { id }").await;
        if title == "Call" {
            let input = json!({ "id": text(&made["task"]["id"]) });
            owner.change("completeTask", input, "task { id }").await;
        }
    }
    contact
}

#[test]
fn what_a_contact_did_and_has_is_narrowed_to_what_is_asked_for() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let contact = furnish(&owner).await;
        let document = "query($id: ID!, $from: DateTime!) { contact(id: $id) {
            events(filter: { names: [\"login\"] }, first: 9) { totalCount nodes { name } }
            late: events(filter: { from: $from }, first: 9) { nodes { name } }
            early: events(filter: { until: $from, names: [\"login\", \"signup\"] }, first: 9)
              { nodes { name } }
            emailEvents(filter: { kinds: [DELIVERED] }, first: 9) { nodes { kind } }
            orders(filter: { from: $from, statuses: [PAID] }, first: 9) { nodes { externalId } }
            tasks(status: [OPEN], first: 9) { nodes { title } } } }";
        let variables = json!({ "id": contact, "from": "2026-01-10T00:00:00Z" });
        let answer = owner.must(document, variables).await;
        assert_eq!(told(&answer["events"], "name"), ["login", "login"]);
        assert_eq!(answer["events"]["totalCount"], 2);
        assert_eq!(told(&answer["late"], "name"), ["login", "signup"]);
        assert_eq!(told(&answer["early"], "name"), ["login"]);
        assert_eq!(told(&answer["emailEvents"], "kind"), ["DELIVERED"]);
        assert_eq!(told(&answer["orders"], "externalId"), ["new"]);
        assert_eq!(told(&answer["tasks"], "title"), ["Write"]);

        let document = "query($id: ID!) { contact(id: $id) \
            { events(filter: { names: [] }) { nodes { name } } } }";
        let answer = owner.ask(document, &json!({ "id": contact })).await;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(error["argument"], "filter.names", "{answer}");
        installation
    });
}

#[test]
fn events_are_found_again_by_the_ids_they_were_sent_with() {
    on_each(|installation| async move {
        let owner = installation.owner();
        furnish(&owner).await;
        let document = "query($ids: [String!]) {
            events(filter: { externalIds: $ids }, first: 9) { nodes { externalId createdAt } }
            emailEvents(filter: { externalIds: $ids }, first: 9) { nodes { externalId createdAt } } }";
        let ids = json!(["login 2026-01-01T00:00:00Z", "DELIVERED", "nothing"]);
        let answer = owner.ask(document, &json!({ "ids": ids })).await;
        for (list, expected) in [
            ("events", "login 2026-01-01T00:00:00Z"),
            ("emailEvents", "DELIVERED"),
        ] {
            let found = &answer["data"][list];
            assert_eq!(told(found, "externalId"), [expected], "{answer}");
            assert!(found["nodes"][0]["createdAt"].is_string(), "{answer}");
        }
        installation
    });
}

#[test]
fn rules_are_found_by_their_words_and_by_what_they_name() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let vip = owner.tag("CONTACT", "VIP").await;
        let other = owner.tag("CONTACT", "Other").await;
        for (name, tag) in [("Greet ＶＩＰ guests", &vip), ("Greet others", &other)] {
            let action = json!({ "tagContact": { "tagIds": [tag] } });
            let words = json!({ "keywords": { "mode": "ANY_OF", "words": [name] } });
            owner.rule(name, &words, &action).await;
        }
        let document = "query($tags: [ID!], $text: String) \
            { rules(filter: { tagIds: $tags, text: $text }, first: 9) { totalCount nodes { name } } }";
        for (variables, expected) in [
            (json!({ "tags": [vip] }), vec!["Greet ＶＩＰ guests"]),
            (json!({ "text": "vip greet" }), vec!["Greet ＶＩＰ guests"]),
            (
                json!({ "text": "greet" }),
                vec!["Greet ＶＩＰ guests", "Greet others"],
            ),
            (json!({ "tags": [other], "text": "vip" }), vec![]),
        ] {
            let answer = owner.must(document, variables.clone()).await;
            assert_eq!(told(&answer, "name"), expected, "{variables}");
            assert_eq!(answer["totalCount"], expected.len(), "{variables}");
        }
        installation
    });
}
