//! Many subscribers of a workspace: what they hear of at the same moment is not read by each of them, nor is the log
//! where they are behind, and their tokens are not looked up one by one.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;
use tokio::time::timeout;

use super::batched::statements;
use crate::support::{
    client::{Client, message, text},
    installation::on_each,
    process::until,
    socket::Socket,
};

/// What follows from each message: one tagging, and one firing.
const FOLLOWED: [&str; 2] = [
    "taggingChanged(after: \"0.0\") { tagging { id } }",
    "ruleFired(after: \"0.0\") { firing { id } }",
];
/// Subscribers of each; far more than the statements of everything else that a message causes.
const CROWD: usize = 300;
/// Tokens that have a socket each. Each socket asks every two seconds whether its token is still good.
const TOKENS: usize = 400;
/// Longer than all of them take to have asked.
const ASKED: Duration = Duration::from_secs(4);
/// Subscribers who have to read the whole log.
const BEHIND: usize = 200;
/// How long other work of the process may be in the way on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// Brings a message of somebody new, which the rule tags.
async fn bring(owner: &Client, inbox: &str, name: &str) {
    let email = format!("{name}@customer.example");
    let input = json!({ "inboxId": inbox, "messages": [message(name, &email, "Hello")] });
    owner
        .change("ingestMessages", input, "messages { outcome }")
        .await;
}

async fn all_hear(crowd: &mut [Socket]) {
    for socket in crowd {
        socket.next().await;
    }
}

#[test]
fn a_crowd_hears_of_taggings_and_firings_by_few_statements() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let inbox = owner.inbox().await;
        let tag = owner.tag("CONVERSATION", "Greeting").await;
        let condition = json!({ "keywords": { "mode": "ANY_OF", "words": ["hello"] } });
        let action = json!({ "tagConversation": { "tagIds": [tag] } });
        owner.rule("Greeting", &condition, &action).await;
        bring(&owner, &inbox, "before").await;
        let mut crowd = Vec::new();
        for field in FOLLOWED {
            let query = format!("subscription {{ {field} }}");
            for _ in 0..CROWD {
                crowd.push(Socket::subscribe(&owner, &query, &json!({})).await);
            }
        }
        // Whoever has heard of what was there before they came is at the live end of the log.
        all_hear(&mut crowd).await;
        let mut number = 0;
        until("few statements to be enough", LIMIT, async || {
            number += 1;
            let before = statements(&installation).await;
            bring(&owner, &inbox, &format!("now-{number}")).await;
            all_hear(&mut crowd).await;
            let taken = statements(&installation).await - before;
            (taken < CROWD as f64).then_some(())
        })
        .await;
        installation
    });
}

#[test]
fn those_who_are_as_far_behind_read_the_log_together() {
    on_each(|installation| async move {
        let owner = installation.owner();
        // Three pages of the log, and more.
        for part in 0..3 {
            let contacts: Vec<_> = (0..500)
                .map(|number| json!({ "externalId": format!("{part}-{number}"), "name": format!("Somebody {part}-{number}") }))
                .collect();
            let input = json!({ "contacts": contacts });
            owner
                .change("upsertContacts", input, "contacts { outcome }")
                .await;
        }
        let input = json!({ "name": "The last" });
        let made = owner.change("createContact", input, "contact { id }").await;
        installation.drain(3 * LIMIT).await;
        let query = "subscription($id: ID!) {
            changes(after: \"0.0\", kinds: [\"contact.created\"], subjectId: $id) { cursor } }";
        let variables = json!({ "id": made["contact"]["id"] });
        until("few statements to be enough", LIMIT, async || {
            let before = statements(&installation).await;
            let mut crowd = Vec::new();
            for _ in 0..BEHIND {
                crowd.push(Socket::subscribe(&owner, query, &variables).await);
            }
            all_hear(&mut crowd).await;
            let taken = statements(&installation).await - before;
            // Each has its cursor checked, and looks for the end of the log.
            (taken < 4.0 * BEHIND as f64).then_some(())
        })
        .await;
        installation
    });
}

#[test]
fn the_tokens_of_open_sockets_are_looked_up_together() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let mut members = Vec::new();
        for number in 0..TOKENS {
            let input = json!({ "name": format!("Token {number}"), "scopes": ["READ"] });
            let made = owner.change("createAccessToken", input, "secret").await;
            members.push(Client {
                token: text(&made["secret"]),
                ..owner.clone()
            });
        }
        let query = "subscription { changes(kinds: [\"contact.created\"]) { cursor } }";
        let mut open = Vec::new();
        for member in &members {
            open.push(Socket::subscribe(member, query, &json!({})).await);
        }
        until("few statements to be enough", LIMIT, async || {
            let before = statements(&installation).await;
            // Whoever does not read answers no ping, and is cut off before long. Then nobody asks any more.
            let mut hearing: FuturesUnordered<_> = open.iter_mut().map(Socket::heard).collect();
            let heard = timeout(ASKED, hearing.next()).await;
            assert!(heard.is_err(), "they hear {heard:?}");
            let taken = statements(&installation).await - before;
            (taken < TOKENS as f64).then_some(())
        })
        .await;
        installation
    });
}
