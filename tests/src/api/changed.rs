//! Keeping a copy of contacts, accounts and conversations: what changed since the last time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{client::text, installation::on_each};

fn names(list: &Value) -> Vec<String> {
    let nodes = list["nodes"].as_array().expect("nodes");
    nodes.iter().map(|node| text(&node["name"])).collect()
}

#[test]
fn a_copy_takes_what_changed_and_goes_on_behind_its_cursor() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let settled = async || installation.drain(Duration::from_mins(1)).await;
        let mut ids = Vec::new();
        for name in ["Taro", "Hanako"] {
            let input = json!({ "name": name });
            let made = owner.change("createContact", input, "contact { id }").await;
            ids.push(text(&made["contact"]["id"]));
            settled().await;
        }
        let input = json!({ "name": "Acme" });
        owner.change("createAccount", input, "account { id }").await;
        settled().await;
        let document = "query($after: String) { contacts(orderBy: CHANGED_ASC, first: 9, after: $after) \
            { nodes { name changedAt } pageInfo { endCursor } } }";
        let first = owner.must(document, json!({})).await;
        assert_eq!(names(&first), ["Taro", "Hanako"]);
        let cursor = text(&first["pageInfo"]["endCursor"]);
        let input = json!({ "id": ids[0], "name": "Taro Yamada" });
        owner.change("updateContact", input, "contact { id }").await;
        settled().await;
        let next = owner.must(document, json!({ "after": cursor })).await;
        assert_eq!(names(&next), ["Taro Yamada"]);

        let from = &next["nodes"][0]["changedAt"];
        assert!(from.is_string(), "{next}");
        let document = "query($from: DateTime!) {
            contacts(filter: { changed: { from: $from } }, first: 9) { nodes { name } }
            accounts(filter: { changed: { until: $from }, created: { until: $from } }, first: 9)
              { nodes { name changedAt } }
            conversations(filter: { changed: { from: $from } }, orderBy: CHANGED_DESC, first: 9)
              { nodes { id changedAt } } }";
        let answer = owner.ask(document, &json!({ "from": from })).await;
        assert_eq!(
            names(&answer["data"]["contacts"]),
            ["Taro Yamada"],
            "{answer}"
        );
        assert_eq!(names(&answer["data"]["accounts"]), ["Acme"], "{answer}");
        let none = &answer["data"]["conversations"]["nodes"];
        assert_eq!(*none, json!([]), "{answer}");
        let input = json!({ "filter": { "changed": { "from": from } }, "orderBy": "CHANGED_ASC",
                            "format": "JSON_LINES" });
        let asked = owner.change("exportContacts", input, "url").await;
        assert!(asked["url"].is_string(), "{asked}");
        installation
    });
}
