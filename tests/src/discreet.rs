//! What no line of the log has, at whatever level: secrets, and what people are called or write.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message, text},
    installation::{TOKEN, on_each},
    process::until,
    receiver::Receiver,
    socket::Socket,
    world::MASTER_KEY,
};

/// Every text of a person and every guess at a secret has it.
const CANARY: &str = "canary";
/// How long a notification may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Makes what has a secret of its own, and uses it; the secrets.
async fn make_secrets(owner: &Client, receiver: &Receiver) -> Vec<String> {
    let url = receiver.url(&format!("{CANARY}-hook"));
    let input = json!({ "name": "Our program", "kind": "WEBHOOK", "url": url });
    let target = owner
        .change("createNotificationTarget", input, "secret target { id }")
        .await;
    let condition = json!({ "keywords": { "mode": "ANY_OF", "words": [CANARY] } });
    let action = json!({ "notify": { "targetId": target["target"]["id"] } });
    owner.rule("Tell", &condition, &action).await;

    let input = json!({ "name": "Reader", "scopes": ["READ"] });
    let token = owner.change("createAccessToken", input, "secret").await;
    let reader = Client::new(owner.address, &text(&token["secret"]));
    reader.must("{ viewer { role } }", json!({})).await;

    let input = json!({ "name": "Mail", "provider": "ELASTIC_EMAIL" });
    let source = owner.change("createEmailSource", input, "url").await;
    let hook = text(&source["url"]);
    let sent = format!("{hook}?status=Sent&to={CANARY}-to%40customer.example&messageid={CANARY}");
    assert_eq!(get(owner, &sent).await, 200);
    let hook = hook.rsplit('/').next().expect("a token").to_owned();
    vec![text(&target["secret"]), text(&token["secret"]), hook]
}

/// The status of the answer to a request without a token.
async fn get(client: &Client, path: &str) -> u16 {
    let url = format!("http://{}{path}", client.address);
    let answer = client.http.get(url).send().await.expect("an answer");
    answer.status().as_u16()
}

/// Brings a person and a message in, and reads and follows them.
async fn go_right(owner: &Client, receiver: &Receiver) {
    let email = format!("{CANARY}@customer.example");
    let input = json!({ "name": format!("{CANARY} name"), "email": email });
    owner.change("createContact", input, "contact { id }").await;
    let one = message(&format!("{CANARY}-1"), &email, &format!("a {CANARY} sings"));
    let input = json!({ "inboxId": owner.inbox().await, "messages": [one] });
    owner
        .change("ingestMessages", input, "messages { id }")
        .await;
    let query = "query($email: String!, $text: String!) { contactByEmail(email: $email) { name }
        search(query: $text, first: 3) { nodes { __typename } } }";
    let variables = json!({ "email": email, "text": CANARY });
    let found = owner.ask(query, &variables).await;
    assert!(found["errors"].is_null(), "{found}");
    let changes = "subscription($after: String) { changes(after: $after, kinds: [\"contact.created\"]) \
        { contact { name email } } }";
    let mut socket = Socket::subscribe(owner, changes, &json!({ "after": "0.0" })).await;
    socket.next().await;
    until("the notification", LIMIT, async || {
        (!receiver.calls().is_empty()).then_some(())
    })
    .await;
}

/// Makes mistakes, and guesses.
async fn go_wrong(owner: &Client) {
    let create = "mutation($input: CreateContactInput!) { createContact(input: $input) \
        { userErrors { path message } } }";
    let input = json!({ "name": CANARY, "email": format!("no address of a {CANARY}") });
    let refused = owner.ask(create, &json!({ "input": input })).await;
    let mistakes = &refused["data"]["createContact"]["userErrors"];
    assert_eq!(mistakes[0]["path"], json!(["email"]), "{refused}");
    for (query, variables) in [
        (
            format!("{{ contactByEmail(email: \"{CANARY}\" {{ id }}"),
            json!({}),
        ),
        (format!("{{ {CANARY} }}"), json!({})),
        (
            "query($first: Int) { contacts(first: $first) { nodes { id } } }".to_owned(),
            json!({ "first": CANARY }),
        ),
    ] {
        let refused = owner.ask(&query, &variables).await;
        assert!(refused["errors"].is_array(), "{query}: {refused}");
    }
    let nobody = Client::new(owner.address, &format!("enishi_{CANARY}"));
    let refused = nobody.ask("{ viewer { role } }", &Value::Null).await;
    assert!(refused["errors"].is_array(), "{refused}");
    for path in ["/l/", "/survey/", "/hooks/email/", "/v1/exports/"] {
        let status = get(owner, &format!("{path}{CANARY}")).await;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}

#[test]
fn no_line_of_any_level_has_a_secret_or_a_text_of_a_person() {
    on_each(|mut installation| async move {
        installation.stop();
        installation.set("ENISHI_LOG", "trace");
        installation.start_server().await;
        if !installation.is_alone() {
            installation.start_workers(1).await;
        }
        let owner = installation.owner();
        let receiver = Receiver::answering(&[]).await;
        let mut hidden = make_secrets(&owner, &receiver).await;
        go_right(&owner, &receiver).await;
        go_wrong(&owner).await;

        hidden.extend([TOKEN, MASTER_KEY, CANARY].map(str::to_owned));
        let servers = installation.servers.iter().map(|(server, _)| server);
        for process in servers.chain(&installation.workers) {
            let said = process.said();
            assert!(said.contains("TRACE"), "{said}");
            for secret in &hidden {
                let line = said
                    .lines()
                    .find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
                assert_eq!(line, None, "{secret}");
            }
        }
        installation
    });
}
