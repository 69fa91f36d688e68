//! The conversations of contacts and accounts, and what else companies tell as their people do.

use domain::{
    account::{self, NewAccount},
    page::PageRequest,
    rule::firing::{self, FiringsOf},
};
use entity::{
    id::AccountId,
    kind::{Author, ConversationStatus, TagKind},
};
use serde_json::{Value, json};

use super::steps::{of, said, take_in, to, update};
use crate::{
    access::house::Door,
    support::{
        World,
        engine::{contact_of, tag_contact, words},
        on_both,
    },
};

async fn company(world: &World, name: &str, domain: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: Some(domain.to_owned()),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

/// The threads `a` and `b` with people of one company, `c` with somebody of another.
async fn talks(world: &World) -> (AccountId, AccountId) {
    let one = company(world, "One", "customer.example").await;
    let other = company(world, "Other", "other.example").await;
    let mut messages: Vec<_> = ["a", "b", "c"]
        .iter()
        .zip(0..)
        .map(|(thread, n)| said(thread, 1, n, Author::Contact))
        .collect();
    messages[2].whose = "c@other.example".to_owned().into();
    take_in(world, messages).await;
    (one, other)
}

/// The subjects of a page, one after the other.
fn subjects(page: &Value) -> String {
    let nodes = page["nodes"].as_array().unwrap().iter();
    let subjects = nodes.map(|node| node["subject"].as_str().unwrap().replace("About ", ""));
    subjects.collect::<Vec<_>>().join(" ")
}

#[test]
fn conversations_are_asked_for_by_contact_account_and_condition() {
    on_both(|world| async move {
        let (one, other) = talks(&world).await;
        let door = Door::new(&world.ctx);
        let [a, c] = [
            contact_of(&world, "a@customer.example").await.to_string(),
            contact_of(&world, "c@other.example").await.to_string(),
        ];
        let list = "query($f: ConversationFilterInput) {
            conversations(filter: $f, orderBy: ACTIVITY_ASC) { totalCount nodes { subject } } }";
        for (filter, expected) in [
            (json!({ "contactIds": [a] }), "a"),
            (json!({ "contactIds": [a, c] }), "a c"),
            (json!({ "accountIds": [one.to_string()] }), "a b"),
            (
                json!({ "accountIds": [other.to_string(), one.to_string(), one.to_string()] }),
                "a b c",
            ),
            (
                json!({ "accountIds": [other.to_string()], "contactIds": [a] }),
                "",
            ),
            (
                json!({ "condition": { "contact": { "accountIds": [one.to_string()] } } }),
                "a b",
            ),
            (
                json!({ "condition": { "conversation": { "statuses": ["CLOSED"] } } }),
                "",
            ),
        ] {
            let found = door.must(&world.owner, list, json!({ "f": filter })).await;
            assert_eq!(subjects(&found), expected, "{filter}");
            let count = expected.split_whitespace().count();
            assert_eq!(found["totalCount"], count, "{filter}");
        }
        // Only what a conversation, its contact and its account can answer may be asked.
        let message = json!({ "keywords": { "mode": "ANY_OF", "words": ["x"] } });
        let answer = door
            .ask(
                &world.owner,
                list,
                &json!({ "f": { "condition": message } }),
            )
            .await;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!(error["code"], "BAD_USER_INPUT", "{answer}");
        world
    });
}

#[test]
fn contacts_and_accounts_list_their_conversations_filtered_and_ordered() {
    on_both(|world| async move {
        let (one, _) = talks(&world).await;
        let (door, owner) = (Door::new(&world.ctx), &world.owner);
        let b = of(&world, "b").await.id;
        let fields = "conversations(filter: $f, orderBy: WAITING_LONGEST) {
            totalCount nodes { subject contact { account { id } } } }";
        let of_account = format!(
            "query($id: ID!, $f: ConversationFilterInput) {{ account(id: $id) {{ {fields} }} }}"
        );
        let open = json!({ "id": one.to_string(), "f": { "statuses": ["OPEN"] } });
        let found = door.must(owner, &of_account, open.clone()).await;
        assert_eq!(subjects(&found["conversations"]), "a b");
        let contact = &found["conversations"]["nodes"][0]["contact"];
        assert_eq!(contact["account"]["id"], one.to_string());
        update(&world, &[b], to(ConversationStatus::Closed)).await;
        let found = door.must(owner, &of_account, open).await;
        assert_eq!(subjects(&found["conversations"]), "a");

        let of_contact = format!(
            "query($id: ID!, $f: ConversationFilterInput) {{ contact(id: $id) {{ {fields} }} }}"
        );
        let (a, c) = (
            contact_of(&world, "a@customer.example").await.to_string(),
            contact_of(&world, "c@other.example").await.to_string(),
        );
        for (filter, expected) in [
            (json!({}), "a"),
            (json!({ "statuses": ["CLOSED"] }), ""),
            (
                json!({ "statuses": ["OPEN"], "priorities": ["NORMAL"] }),
                "a",
            ),
            // By their earlier names.
            (json!({ "status": ["CLOSED"] }), ""),
            (json!({ "status": ["OPEN"], "priority": ["NORMAL"] }), "a"),
            // Both must hold: it names somebody else.
            (json!({ "contactIds": [c] }), ""),
        ] {
            let asked = json!({ "id": a, "f": filter });
            let found = door.must(owner, &of_contact, asked).await;
            assert_eq!(subjects(&found["conversations"]), expected, "{filter}");
        }
        world
    });
}

#[test]
fn an_account_lists_the_rules_that_fired_on_its_people() {
    on_both(|world| async move {
        let tag = world.tag(TagKind::Contact, "Bound", None).await;
        let rule = world
            .rule("縁", words(&["縁"]), vec![tag_contact(tag)])
            .await;
        let (one, other) = talks(&world).await;
        world.drain().await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let firings = async |of: FiringsOf, page: &PageRequest| {
            let found = firing::list(ctx, workspace, of, page).await.unwrap();
            let total = found.total.count(ctx).await.unwrap();
            let rows = found.rows.into_iter();
            let (cursors, people): (Vec<_>, Vec<_>) = rows
                .map(|(cursor, firing)| (cursor, firing.contact_id.unwrap()))
                .unzip();
            (total, cursors, people)
        };
        let (total, cursors, people) =
            firings(FiringsOf::Account(one), &PageRequest::first(1)).await;
        assert_eq!((total, people.len()), (2, 1));
        let rest = PageRequest {
            after: Some(cursors[0].clone()),
            ..PageRequest::first(5)
        };
        let (_, _, more) = firings(FiringsOf::Account(one), &rest).await;
        let mut people = [people, more].concat();
        people.sort_unstable();
        let mut expected = vec![
            contact_of(&world, "a@customer.example").await,
            contact_of(&world, "b@customer.example").await,
        ];
        expected.sort_unstable();
        assert_eq!(people, expected);

        let door = Door::new(ctx);
        let document = "query($id: ID!) { account(id: $id) {
            ruleFirings { nodes { rule { id } contact { email } } } } }";
        let asked = json!({ "id": other.to_string() });
        let found = door.must(&world.owner, document, asked).await;
        let expected = json!([{
            "rule": { "id": rule.id.to_string() },
            "contact": { "email": "c@other.example" },
        }]);
        assert_eq!(found["ruleFirings"]["nodes"], expected);
        world
    });
}
