//! Timelines over GraphQL: every entry leads to the thing it is about.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message, text},
    installation::on_each,
};

/// What an entry of each kind leads to. Nothing here makes the others, which have tests of their own.
const SUBJECTS: [(&str, &str); 12] = [
    ("MESSAGE", "Message"),
    ("SEGMENT_ENTERED", "SegmentMove"),
    ("SEGMENT_LEFT", "SegmentMove"),
    ("TASK_CREATED", "Task"),
    ("TASK_ENDED", "Task"),
    ("SUBSCRIPTION_CHANGED", "SubscriptionChange"),
    ("OWNER_CHANGED", "OwnerChange"),
    ("CONVERSATION_STATUS_CHANGED", "ConversationStep"),
    ("CONTACT_MERGED", "ContactMerge"),
    ("CONTACT_UNMERGED", "ContactMerge"),
    ("ACCOUNT_MERGED", "AccountMerge"),
    ("ACCOUNT_UNMERGED", "AccountMerge"),
];

async fn contact(owner: &Client, id: &str, email: &str) -> String {
    let inbox = owner.inbox().await;
    let input = json!({ "inboxId": inbox, "messages": [message(id, email, "Hello")] });
    owner
        .change("ingestMessages", input, "messages { id }")
        .await;
    let found = owner
        .must(
            "query($email: String!) { contactByEmail(email: $email) { id } }",
            json!({ "email": email }),
        )
        .await;
    text(&found["id"])
}

async fn account(owner: &Client, name: &str) -> String {
    let input = json!({ "name": name });
    let made = owner.change("createAccount", input, "account { id }").await;
    text(&made["account"]["id"])
}

/// Into a list and out of it.
async fn list(owner: &Client, contact: &str) {
    let input = json!({ "name": "Guests", "subject": "CONTACT" });
    let made = owner.change("createSegment", input, "segment { id }").await;
    let id = text(&made["segment"]["id"]);
    let input = json!({ "id": id, "members": { "contactIds": [contact] } });
    owner.change("addToSegment", input, "added").await;
    let input = json!({ "id": id, "members": { "contactIds": [contact] } });
    owner
        .change("removeFromSegment", input, "segment { id }")
        .await;
}

async fn merge_and_undo(owner: &Client, noun: &str, survivor: &str, merged: &str) {
    let input = json!({ "survivorId": survivor, "mergedId": merged });
    let made = owner
        .change(&format!("merge{noun}"), input, "merge { id }")
        .await;
    let input = json!({ "id": made["merge"]["id"] });
    owner
        .change(&format!("unmerge{noun}"), input, "merge { id }")
        .await;
}

/// The kinds on a timeline, each with what it leads to.
fn led(found: &Value) -> Vec<(String, String)> {
    let entries = found["timeline"]["nodes"].as_array().expect("entries");
    let entries = entries.iter();
    entries
        .map(|entry| (text(&entry["kind"]), text(&entry["subject"]["__typename"])))
        .collect()
}

#[test]
fn entries_lead_to_what_they_are_about() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let taro = contact(&owner, "1", "taro@customer.example").await;
        let hanako = contact(&owner, "2", "hanako@customer.example").await;
        let [acme, other] = [
            account(&owner, "Acme").await,
            account(&owner, "Other").await,
        ];
        list(&owner, &taro).await;
        let input = json!({ "title": "Call", "contactId": taro });
        let made = owner.change("createTask", input, "task { id }").await;
        let input = json!({ "id": made["task"]["id"] });
        owner.change("completeTask", input, "task { id }").await;
        let input = json!({
            "contactId": taro, "channel": "EMAIL", "topic": "news", "state": "SUBSCRIBED",
        });
        owner
            .change("setSubscription", input, "subscriptions { state }")
            .await;
        let viewer = owner.must("{ viewer { member { id } } }", json!({})).await;
        let input = json!({ "id": taro, "ownerId": viewer["member"]["id"] });
        owner.change("updateContact", input, "contact { id }").await;
        let threads = "query($id: ID!) { contact(id: $id) { conversations { nodes { id } } } }";
        let found = owner.must(threads, json!({ "id": taro })).await;
        let thread = text(&found["conversations"]["nodes"][0]["id"]);
        let input = json!({ "id": thread, "status": "CLOSED" });
        owner
            .change("setConversationStatus", input, "conversation { id }")
            .await;
        merge_and_undo(&owner, "Contacts", &taro, &hanako).await;
        merge_and_undo(&owner, "Accounts", &acme, &other).await;

        let entries = "timeline(first: 50) { nodes { kind subject { __typename
            ... on OwnerChange { from { id } to { id } changedBy { kind } }
            ... on ConversationStep { statusAfter conversation { id } } } } }";
        let document = format!("query($id: ID!) {{ contact(id: $id) {{ {entries} }} }}");
        let his = owner.must(&document, json!({ "id": taro })).await;
        let hers = owner.must(&document, json!({ "id": hanako })).await;
        let document = format!("query($id: ID!) {{ account(id: $id) {{ {entries} }} }}");
        let its = owner.must(&document, json!({ "id": acme })).await;
        let mut found = led(&his);
        found.extend(led(&its));
        for (kind, subject) in SUBJECTS {
            let expected = (kind.to_owned(), subject.to_owned());
            assert!(found.contains(&expected), "{kind}: {found:?}");
        }
        let separated = ("CONTACT_SEPARATED".to_owned(), "ContactMerge".to_owned());
        assert!(led(&hers).contains(&separated), "{hers}");
        let about = |kind: &str| {
            let mut entries = his["timeline"]["nodes"].as_array().expect("entries").iter();
            let entry = entries.find(|entry| entry["kind"] == kind);
            entry.expect("an entry")["subject"].clone()
        };
        let given = about("OWNER_CHANGED");
        assert_eq!(given["to"]["id"], viewer["member"]["id"]);
        assert_eq!(given["from"], Value::Null);
        let step = about("CONVERSATION_STATUS_CHANGED");
        assert_eq!(step["statusAfter"], "CLOSED");
        assert_eq!(step["conversation"]["id"], thread.as_str());
        installation
    });
}
