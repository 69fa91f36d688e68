//! Subscriptions over sockets and event streams.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use domain::port::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, message, text},
    installation::on_each,
    script,
    socket::{Heard, Socket},
};

const CHANGES: &str = "subscription($after: String) { changes(after: $after, kinds: [\"contact.created\"]) \
     { cursor subjectId } }";

async fn make(client: &Client, name: &str) -> String {
    let made = client
        .change("createContact", json!({ "name": name }), "contact { id }")
        .await;
    text(&made["contact"]["id"])
}

/// Makes contacts until it is dropped, each with its own name.
async fn keep_making(client: &Client) {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        make(client, &format!("Somebody {number}")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_dropped_socket_resumes_without_a_gap_or_a_repetition() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let first = make(&owner, "first").await;
        let mut socket = Socket::subscribe(&owner, CHANGES, &json!({ "after": "0.0" })).await;
        let mut heard = vec![socket.next().await["changes"].clone()];
        assert_eq!(heard[0]["subjectId"], first.as_str());
        let mut made = vec![first];
        for round in 0..5 {
            for number in 0..4 {
                made.push(make(&owner, &format!("{round}.{number}")).await);
            }
            // Read some of it, then lose the line without a word.
            for _ in 0..round {
                heard.push(socket.next().await["changes"].clone());
            }
            drop(socket);
            made.push(make(&owner, &format!("{round} meanwhile")).await);
            let cursor = heard.last().expect("one")["cursor"].clone();
            socket = Socket::subscribe(&owner, CHANGES, &json!({ "after": cursor })).await;
        }
        while heard.len() < made.len() {
            heard.push(socket.next().await["changes"].clone());
        }
        let heard: Vec<_> = heard.iter().map(|one| text(&one["subjectId"])).collect();
        assert_eq!(heard, made);
        installation
    });
}

#[test]
fn the_npm_clients_follow_and_resume_over_sockets_and_event_streams() {
    on_each(|installation| async move {
        let owner = installation.owner();
        make(&owner, "first").await;
        let url = owner.url();
        for name in ["subscribe-ws.mjs", "subscribe-sse.mjs"] {
            let arguments = [
                &url,
                &owner.token,
                CHANGES,
                r#"{"after":"0.0"}"#,
                "8",
                "--reconnect",
                "--resume",
                "after=changes.cursor",
            ];
            let followed = tokio::select! {
                followed = script::run(name, &arguments) => followed,
                () = keep_making(&owner) => unreachable!("it makes for ever"),
            };
            assert!(followed.ok, "{name}: {followed:?}");
            let ids: BTreeSet<_> = followed
                .lines
                .iter()
                .map(|line| text(&line["data"]["changes"]["subjectId"]))
                .collect();
            assert_eq!(ids.len(), 8, "{name} repeats: {followed:?}");
            assert!(followed.said.contains("dropped"), "{followed:?}");
        }
        installation
    });
}

#[test]
fn messages_tags_and_firings_are_told_as_they_happen() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let tag = owner.tag("CONVERSATION", "Greeting").await;
        let condition = json!({ "keywords": { "mode": "ANY_OF", "words": ["hello"] } });
        let action = json!({ "tagConversation": { "tagIds": [tag] } });
        let rule = owner.rule("Greeting", &condition, &action).await;
        let from = json!({ "after": "0.0" });
        let query = |field: &str, inner: &str| {
            format!("subscription($after: String) {{ {field}(after: $after) {{ {inner} }} }}")
        };
        let mut messages =
            Socket::subscribe(&owner, &query("messageReceived", "message { body }"), &from).await;
        let mut tags = Socket::subscribe(
            &owner,
            &query("taggingChanged", "act tagging { tag { id } }"),
            &from,
        )
        .await;
        let mut fired =
            Socket::subscribe(&owner, &query("ruleFired", "firing { rule { id } }"), &from).await;
        let one = message("1", "taro@customer.example", "hello there");
        let input = json!({ "inboxId": inbox, "messages": [one] });
        owner
            .change("ingestMessages", input, "messages { id }")
            .await;
        let told = messages.next().await;
        assert_eq!(told["messageReceived"]["message"]["body"], "hello there");
        let told = tags.next().await;
        assert_eq!(told["taggingChanged"]["act"], "ADDED");
        assert_eq!(told["taggingChanged"]["tagging"]["tag"]["id"], tag.as_str());
        let told = fired.next().await;
        assert_eq!(told["ruleFired"]["firing"]["rule"]["id"], rule.as_str());
        installation
    });
}

#[test]
fn the_npm_clients_hear_of_messages_tags_firings_and_health() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let tag = owner.tag("CONTACT", "Greeting").await;
        let condition = json!({ "keywords": { "mode": "ANY_OF", "words": ["hello"] } });
        let action = json!({ "tagContact": { "tagIds": [tag] } });
        let rule = owner.rule("Greeting", &condition, &action).await;
        let email = "taro@customer.example";
        let one = message("1", email, "hello there");
        let input = json!({ "inboxId": inbox, "messages": [one] });
        owner
            .change("ingestMessages", input, "messages { id }")
            .await;
        // The message alone says too little of somebody's health.
        let opened_at = SystemClock.now() - TimeDelta::hours(1);
        let opened = json!({
            "externalId": "e", "emailKey": "mail", "recipient": email, "kind": "OPENED",
            "occurredAt": opened_at.to_rfc3339(),
        });
        owner
            .change(
                "ingestEmailEvents",
                json!({ "events": [opened] }),
                "created",
            )
            .await;

        for (field, selection, at, wanted) in [
            (
                "messageReceived",
                "message { body }",
                "/message/body",
                "hello there",
            ),
            (
                "taggingChanged",
                "act tagging { tag { id } }",
                "/tagging/tag/id",
                tag.as_str(),
            ),
            (
                "ruleFired",
                "firing { rule { id } }",
                "/firing/rule/id",
                rule.as_str(),
            ),
            (
                "healthChanged",
                "contact { email } score previousBand",
                "/contact/email",
                email,
            ),
        ] {
            let query = format!(
                "subscription($after: String) {{ {field}(after: $after) {{ {selection} }} }}"
            );
            for name in ["subscribe-ws.mjs", "subscribe-sse.mjs"] {
                let url = owner.url();
                let arguments = [&url, &owner.token, &query, r#"{"after":"0.0"}"#, "1"];
                let heard = script::run(name, &arguments).await;
                assert!(heard.ok, "{name} {field}: {heard:?}");
                let told = &heard.lines[0]["data"][field];
                let found = told.pointer(at).and_then(Value::as_str);
                assert_eq!(found, Some(wanted), "{name}: {told}");
                let is_health = field == "healthChanged";
                assert!(!is_health || told["score"].is_f64(), "{name}: {told}");
            }
        }
        let query = "query($email: String!) { contactByEmail(email: $email) { \
            health { score contributions { points } } } }";
        let found = owner.must(query, json!({ "email": email })).await;
        let contributions = found["health"]["contributions"].as_array();
        let points = contributions.expect("contributions").iter();
        let sum: f64 = points.filter_map(|one| one["points"].as_f64()).sum();
        let score = found["health"]["score"].as_f64().expect("a score");
        assert!(score > 0.0 && (sum - score).abs() < 1e-9, "{found}");
        installation
    });
}

#[test]
fn a_revoked_token_and_a_demoted_or_removed_member_lose_their_streams() {
    on_each(|installation| async move {
        let owner = installation.owner();
        make(&owner, "first").await;
        let (agent, token) = owner.member("AGENT").await;
        let (admin, _) = owner.member("ADMIN").await;
        let (viewer, _) = owner.member("VIEWER").await;
        let from = json!({ "after": "0.0" });
        let mut revoked = Socket::subscribe(&agent, CHANGES, &from).await;
        let mut demoted = Socket::subscribe(&admin, CHANGES, &from).await;
        let mut removed = Socket::subscribe(&viewer, CHANGES, &from).await;
        revoked.next().await;
        demoted.next().await;
        removed.next().await;
        let members = owner.must("{ members { id role } }", json!({})).await;
        let member = |role: &str| {
            let mut members = members.as_array().expect("members").iter();
            let found = members.find(|one| one["role"] == role);
            found.expect("the member")["id"].clone()
        };
        owner
            .change(
                "revokeAccessToken",
                json!({ "id": token }),
                "accessToken { id }",
            )
            .await;
        let input = json!({ "id": member("ADMIN"), "role": "VIEWER" });
        owner.change("setMemberRole", input, "member { id }").await;
        let input = json!({ "id": member("VIEWER") });
        owner.change("removeMember", input, "member { id }").await;
        for socket in [&mut revoked, &mut demoted, &mut removed] {
            let heard = socket.heard().await;
            assert!(matches!(heard, Heard::Closed(Some(4403))), "{heard:?}");
        }
        for nobody in [&agent, &viewer] {
            let refused = nobody.ask("{ viewer { role } }", &Value::Null).await;
            assert_eq!(
                refused["errors"][0]["extensions"]["code"],
                "UNAUTHENTICATED"
            );
        }
        installation
    });
}
