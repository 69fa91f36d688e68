//! What subscriptions tell, what can be asked of them, and what they refuse.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message, text},
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

/// Makes a company that gets a stage, a tag, a place in a list, and a note that does not stay.
async fn company(owner: &Client) -> (String, String) {
    let input = json!({ "name": "Example Inc." });
    let made = owner.change("createAccount", input, "account { id }").await;
    let account = text(&made["account"]["id"]);
    let input = json!({ "id": account, "stage": "LEAD" });
    owner.change("updateAccount", input, "account { id }").await;
    let tag = owner.tag("CONTACT", "VIP").await;
    let input = json!({ "tagIds": [tag], "accountIds": [account] });
    owner.change("addTags", input, "added").await;
    let input = json!({ "name": "Chosen", "subject": "ACCOUNT" });
    let made = owner.change("createSegment", input, "segment { id }").await;
    let input = json!({
        "id": made["segment"]["id"], "members": { "accountIds": [account] },
    });
    owner.change("addToSegment", input, "added").await;
    let input = json!({ "on": { "accountId": account }, "body": "They moved." });
    let made = owner.change("addNote", input, "note { id }").await;
    let note = text(&made["note"]["id"]);
    let input = json!({ "id": note });
    owner.change("deleteNote", input, "deletedId").await;
    (account, note)
}

#[test]
fn a_change_of_an_account_leads_to_it_and_to_what_happened() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let (account, note) = company(&owner).await;
        let kinds = r#"["stage.changed", "tagging.added", "segment.entered"]"#;
        let arguments = format!(r#", accountId: "{account}", kinds: {kinds}"#);
        let selection = "kind subjectId subject { __typename id } accountId account { name } \
            contactId conversationId";
        let mut changes = follow(&owner, "changes", &arguments, selection).await;
        for (kind, subject) in [
            ("stage.changed", "Account"),
            ("tagging.added", "Tagging"),
            ("segment.entered", "Segment"),
        ] {
            let told = changes.next().await["changes"].clone();
            assert_eq!(told["kind"], kind, "{told}");
            assert_eq!(told["subject"]["__typename"], subject, "{told}");
            assert_eq!(told["subject"]["id"], told["subjectId"], "{told}");
            assert_eq!(told["accountId"], account.as_str(), "{told}");
            assert_eq!(told["account"]["name"], "Example Inc.", "{told}");
            assert!(told["contactId"].is_null(), "{told}");
            assert!(told["conversationId"].is_null(), "{told}");
        }

        // What is gone has an id and nothing behind it.
        let arguments = format!(r#", subjectId: "{note}""#);
        let selection = "kind subject { id } accountId";
        let mut changes = follow(&owner, "changes", &arguments, selection).await;
        for kind in ["note.added", "note.deleted"] {
            let told = changes.next().await["changes"].clone();
            let expected = json!({ "kind": kind, "subject": null, "accountId": account });
            assert_eq!(told, expected);
        }
        let broken = r#", subjectId: "note_1""#;
        assert_eq!(refused(&owner, "changes", broken).await, bad("subjectId"));

        // Not everybody may see every subject.
        let (agent, _) = owner.member("AGENT").await;
        let arguments = r#", kinds: ["audit.written"]"#;
        let selection = "subjectId subject { __typename id }";
        for (client, sees) in [(&owner, true), (&agent, false)] {
            let mut changes = follow(client, "changes", arguments, selection).await;
            let told = changes.next().await["changes"].clone();
            assert!(text(&told["subjectId"]).starts_with("audit_"), "{told}");
            assert_eq!(
                told["subject"]["__typename"] == "AuditEntry",
                sees,
                "{told}"
            );
        }
        installation
    });
}

/// Takes in messages of one thread, each with its direction and body.
async fn talk(owner: &Client, email: &str, messages: &[(&str, &str)]) {
    let inbox = owner.inbox().await;
    for (direction, body) in messages {
        let mut one = message(body, email, body);
        one["direction"] = json!(direction);
        let input = json!({ "inboxId": inbox, "messages": [one] });
        owner
            .change("ingestMessages", input, "messages { id }")
            .await;
    }
}

#[test]
fn a_change_of_a_contact_leads_to_them_and_their_conversation() {
    on_each(|installation| async move {
        let owner = installation.owner();
        talk(&owner, "hanako@other.example", &[("INBOUND", "first")]).await;
        talk(&owner, "taro@customer.example", &[("INBOUND", "hello")]).await;
        let found = owner
            .must(
                r#"{ contactByEmail(email: "taro@customer.example") { id } }"#,
                json!({}),
            )
            .await;
        let taro = text(&found["id"]);
        let arguments = format!(r#", contactId: "{taro}", kinds: ["message.received"]"#);
        let selection = "contactId contact { email } conversationId conversation { id } \
            subject { ... on Message { body } }";
        let mut changes = follow(&owner, "changes", &arguments, selection).await;
        let told = changes.next().await["changes"].clone();
        assert_eq!(told["contactId"], taro.as_str(), "{told}");
        assert_eq!(told["contact"]["email"], "taro@customer.example", "{told}");
        assert_eq!(told["subject"]["body"], "hello", "{told}");
        assert_eq!(told["conversation"]["id"], told["conversationId"], "{told}");

        let arguments = format!(", conversationId: {}", told["conversationId"]);
        let selection = "contactId subject { ... on Message { body } }";
        let mut changes = follow(&owner, "changes", &arguments, selection).await;
        let told = changes.next().await["changes"].clone();
        let expected = json!({ "contactId": taro, "subject": { "body": "hello" } });
        assert_eq!(told, expected);
        installation
    });
}

#[test]
fn messages_of_both_directions_and_new_conversations_are_told() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let lines = [("INBOUND", "in1"), ("OUTBOUND", "out1"), ("INBOUND", "in2")];
        talk(&owner, "taro@customer.example", &lines).await;
        talk(&owner, "hanako@other.example", &[("OUTBOUND", "hello")]).await;
        let selection = "opened message { body conversation { id } }";
        let mut added = follow(&owner, "messageAdded", "", selection).await;
        let mut conversations = Vec::new();
        for (body, opened) in [
            ("in1", true),
            ("out1", false),
            ("in2", false),
            ("hello", true),
        ] {
            let told = added.next().await["messageAdded"].clone();
            assert_eq!(told["message"]["body"], body, "{told}");
            assert_eq!(told["opened"], opened, "{told}");
            conversations.push(text(&told["message"]["conversation"]["id"]));
        }
        let (taros, hanakos) = (&conversations[0], &conversations[3]);
        let arguments = format!(r#", conversationId: "{taros}", directions: [OUTBOUND]"#);
        let mut ours = follow(&owner, "messageAdded", &arguments, "message { body }").await;
        let told = ours.next().await["messageAdded"].clone();
        assert_eq!(told["message"]["body"], "out1", "{told}");
        let nothing = refused(&owner, "messageAdded", ", directions: []").await;
        assert_eq!(nothing, bad("directions"));

        let selection = "cursor kind opened status previousStatus conversation { id }";
        let mut changed = follow(&owner, "conversationChanged", "", selection).await;
        let mut cursor = Value::Null;
        for (kind, conversation) in [("message.received", taros), ("message.sent", hanakos)] {
            let mut told = changed.next().await["conversationChanged"].clone();
            cursor = told["cursor"].take();
            let expected = json!({
                "cursor": null, "kind": kind, "opened": true, "status": "OPEN",
                "previousStatus": null, "conversation": { "id": conversation },
            });
            assert_eq!(told, expected);
        }
        let input = json!({ "ids": [hanakos], "status": "CLOSED" });
        owner
            .change("updateConversations", input, "conversations { id }")
            .await;
        let query = "subscription($after: String) { conversationChanged(after: $after) \
            { opened status previousStatus } }";
        let mut again = Socket::subscribe(&owner, query, &json!({ "after": cursor })).await;
        for socket in [&mut changed, &mut again] {
            let told = socket.next().await["conversationChanged"].clone();
            assert_eq!(told["opened"], false, "{told}");
            assert_eq!(told["status"], "CLOSED", "{told}");
            assert_eq!(told["previousStatus"], "OPEN", "{told}");
        }
        installation
    });
}

#[test]
fn tasks_are_told_of_one_person_or_one_member() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let member = owner.must("{ viewer { memberId } }", json!({})).await;
        let member = text(&member["memberId"]);
        let taro = contact(&owner, "Taro").await;
        let hanako = contact(&owner, "Hanako").await;
        for (title, about, whose) in [
            ("Call Taro", &taro, None),
            ("Call Hanako", &hanako, Some(&member)),
        ] {
            let mut input = json!({ "title": title, "contactId": about });
            if let Some(member) = whose {
                input["assigneeId"] = json!(member);
            }
            let made = owner.change("createTask", input, "task { id }").await;
            let input = json!({ "id": made["task"]["id"] });
            owner.change("completeTask", input, "task { id }").await;
        }
        for arguments in [
            format!(r#", contactId: "{hanako}""#),
            format!(r#", assigneeId: "{member}""#),
        ] {
            let selection = "kind task { title status }";
            let mut tasks = follow(&owner, "taskChanged", &arguments, selection).await;
            for kind in ["task.created", "task.completed"] {
                let told = tasks.next().await["taskChanged"].clone();
                let task = json!({ "title": "Call Hanako", "status": "DONE" });
                assert_eq!(told, json!({ "kind": kind, "task": task }));
            }
        }
        installation
    });
}

#[test]
fn tags_are_told_of_one_account_or_one_conversation() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let taro = contact(&owner, "Taro").await;
        let friend = owner.tag("CONTACT", "Friend").await;
        let input = json!({ "tagIds": [friend], "contactIds": [taro] });
        owner.change("addTags", input, "added").await;
        let (account, _) = company(&owner).await;
        talk(&owner, "taro@customer.example", &[("INBOUND", "hello")]).await;
        let found = owner
            .must("{ conversations { nodes { id } } }", json!({}))
            .await;
        let conversation = text(&found["nodes"][0]["id"]);
        let greeting = owner.tag("CONVERSATION", "Greeting").await;
        let input = json!({ "tagIds": [greeting], "conversationIds": [conversation] });
        owner.change("addTags", input, "added").await;
        for (kind, id) in [("account", &account), ("conversation", &conversation)] {
            let arguments = format!(r#", {kind}Id: "{id}""#);
            let selection = format!("tagging {{ {kind} {{ id }} }}");
            let mut tags = follow(&owner, "taggingChanged", &arguments, &selection).await;
            let told = tags.next().await["taggingChanged"].clone();
            assert_eq!(told["tagging"][kind]["id"], id.as_str(), "{told}");
        }
        installation
    });
}

#[test]
fn a_screen_of_one_thing_hears_of_that_alone() {
    on_each(|installation| async move {
        let owner = installation.owner();
        talk(&owner, "hanako@other.example", &[("INBOUND", "first")]).await;
        talk(&owner, "taro@customer.example", &[("INBOUND", "hello")]).await;
        let found = owner
            .must(
                "{ conversations(first: 9) { nodes { id contact { id email } } } }",
                json!({}),
            )
            .await;
        let nodes = found["nodes"].as_array().expect("conversations");
        let with = |email: &str| {
            let found = nodes.iter().find(|one| one["contact"]["email"] == email);
            let found = found.expect("a conversation");
            (text(&found["id"]), text(&found["contact"]["id"]))
        };
        let (talked, taro) = with("taro@customer.example");
        let arguments = format!(r#", contactId: "{taro}""#);
        let selection = "conversation { id }";
        let mut changed = follow(&owner, "conversationChanged", &arguments, selection).await;
        let told = changed.next().await["conversationChanged"].clone();
        assert_eq!(told["conversation"]["id"], talked.as_str(), "{told}");
        let mut came = follow(&owner, "messageReceived", &arguments, "message { body }").await;
        let told = came.next().await["messageReceived"].clone();
        assert_eq!(told["message"]["body"], "hello", "{told}");

        let input = json!({ "name": "Second", "channel": "EMAIL" });
        let made = owner.change("createInbox", input, "inbox { id }").await;
        let second = text(&made["inbox"]["id"]);
        let one = message("late", "jiro@customer.example", "late");
        let input = json!({ "inboxId": second, "messages": [one] });
        owner
            .change("ingestMessages", input, "messages { id }")
            .await;
        let arguments = format!(r#", inboxId: "{second}""#);
        let selection = "conversation { inbox { id } }";
        let mut changed = follow(&owner, "conversationChanged", &arguments, selection).await;
        let told = changed.next().await["conversationChanged"].clone();
        let inbox = &told["conversation"]["inbox"]["id"];
        assert_eq!(inbox, second.as_str(), "{told}");

        let (account, _) = company(&owner).await;
        for (title, about, id) in [
            ("Hanako's", "contactId", &with("hanako@other.example").1),
            ("Theirs", "accountId", &account),
            ("This", "conversationId", &talked),
        ] {
            let input = json!({ "title": title, about: id });
            owner.change("createTask", input, "task { id }").await;
        }
        for (about, id, title) in [
            ("accountId", &account, "Theirs"),
            ("conversationId", &talked, "This"),
        ] {
            let arguments = format!(r#", {about}: "{id}""#);
            let mut tasks = follow(&owner, "taskChanged", &arguments, "task { title }").await;
            let told = tasks.next().await["taskChanged"].clone();
            assert_eq!(told["task"]["title"], title, "{told}");
        }
        installation
    });
}

#[test]
fn firings_are_told_of_one_contact_or_one_account() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let tag = owner.tag("CONTACT", "Greeted").await;
        let action = json!({ "tagContact": { "tagIds": [tag] } });
        let words = json!({ "keywords": { "mode": "ANY_OF", "words": ["hello"] } });
        owner.rule("Greet", &words, &action).await;
        for email in ["hanako@other.example", "taro@customer.example"] {
            let inbox = owner.inbox().await;
            let one = message(email, email, "hello");
            let input = json!({ "inboxId": inbox, "messages": [one] });
            owner
                .change("ingestMessages", input, "messages { id }")
                .await;
        }
        let find = r#"{ contactByEmail(email: "taro@customer.example") { id } }"#;
        let taro = text(&owner.must(find, json!({})).await["id"]);
        let made = owner
            .change(
                "createAccount",
                json!({ "name": "Example Inc." }),
                "account { id }",
            )
            .await;
        let account = text(&made["account"]["id"]);
        let input = json!({ "id": taro, "accountId": account });
        owner.change("updateContact", input, "contact { id }").await;
        for arguments in [
            format!(r#", contactId: "{taro}""#),
            format!(r#", accountId: "{account}""#),
        ] {
            let selection = "firing { contact { id } }";
            let mut fired = follow(&owner, "ruleFired", &arguments, selection).await;
            let told = fired.next().await["ruleFired"].clone();
            assert_eq!(told["firing"]["contact"]["id"], taro.as_str(), "{told}");
        }
        installation
    });
}

#[test]
fn members_of_segments_are_told_of_one_contact_or_one_account() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let hanako = contact(&owner, "Hanako").await;
        let taro = contact(&owner, "Taro").await;
        let input = json!({ "name": "People", "subject": "CONTACT" });
        let made = owner.change("createSegment", input, "segment { id }").await;
        let input = json!({
            "id": made["segment"]["id"], "members": { "contactIds": [hanako, taro] },
        });
        owner.change("addToSegment", input, "added").await;
        let (account, _) = company(&owner).await;
        for (kind, id) in [("contact", &taro), ("account", &account)] {
            let arguments = format!(r#", {kind}Id: "{id}""#);
            let mut moves = follow(&owner, "segmentMembersChanged", &arguments, "subjectId").await;
            let told = moves.next().await["segmentMembersChanged"].clone();
            assert_eq!(told, json!({ "subjectId": id }));
        }
        installation
    });
}
