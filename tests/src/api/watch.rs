//! What subscriptions tell, what can be asked of them, and what they refuse.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::on_each,
    socket::Socket,
};

/// Follows `field` from the beginning of the log; `arguments` stand beside the cursor.
async fn follow(client: &Client, field: &str, arguments: &str, selection: &str) -> Socket {
    let query = format!("subscription {{ {field}(after: \"0.0\"{arguments}) {{ {selection} }} }}");
    Socket::subscribe(client, &query, &json!({})).await
}

/// What a subscription is refused for: the code, and the argument at fault.
async fn refused(client: &Client, field: &str, arguments: &str) -> (String, String) {
    let mut socket = follow(client, field, arguments, "cursor").await;
    let error = socket.refusal().await;
    let extensions = &error["extensions"];
    (text(&extensions["code"]), text(&extensions["argument"]))
}

fn bad(argument: &str) -> (String, String) {
    ("BAD_USER_INPUT".to_owned(), argument.to_owned())
}

async fn contact(client: &Client, name: &str) -> String {
    let input = json!({ "name": name });
    let made = client
        .change("createContact", input, "contact { id }")
        .await;
    text(&made["contact"]["id"])
}

#[test]
fn only_kinds_that_exist_can_be_waited_for() {
    on_each(|installation| async move {
        let owner = installation.owner();
        contact(&owner, "Taro").await;
        let typo = r#", kinds: ["contact.created", "message.recieved"]"#;
        assert_eq!(refused(&owner, "changes", typo).await, bad("kinds.1"));
        assert_eq!(
            refused(&owner, "changes", ", kinds: []").await,
            bad("kinds")
        );

        let listed = owner
            .must("{ changeKinds { name description } }", json!({}))
            .await;
        let listed = listed.as_array().expect("kinds");
        let names: Vec<&Value> = listed.iter().map(|kind| &kind["name"]).collect();
        assert!(names.contains(&&json!("message.received")), "{names:?}");
        let arguments = format!(", kinds: {}", json!(names));
        let mut all = follow(&owner, "changes", &arguments, "kind").await;
        let told = all.next().await;
        assert!(names.contains(&&told["changes"]["kind"]), "{told}");
        installation
    });
}
