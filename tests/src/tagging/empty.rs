//! An empty list in a filter means nobody, so nobody may be taken for everybody: it is refused, above all
//! where much is changed at once.

use serde_json::{Value, json};

use super::steps::people;
use crate::{access::house::Door, support::on_both};

/// A query, its variables, and the argument that is refused.
fn lists() -> Vec<(&'static str, Value, &'static str)> {
    let contacts = "query($f: ContactFilterInput) { contacts(filter: $f) { totalCount } }";
    let accounts = "query($f: AccountFilterInput) { accounts(filter: $f) { totalCount } }";
    let talks = "query($f: ConversationFilterInput) { conversations(filter: $f) { totalCount } }";
    let tasks = "query($f: TaskFilterInput) { tasks(filter: $f) { totalCount } }";
    let orders = "query($f: OrderFilterInput) { orders(filter: $f) { totalCount } }";
    let log = "query($f: AuditLogFilterInput) { auditLog(filter: $f) { totalCount } }";
    let found = "query($f: [SearchType!]) { search(query: \"p\", types: $f) { edges { cursor } } }";
    vec![
        (contacts, json!({ "ownerIds": [] }), "filter.ownerIds"),
        (contacts, json!({ "stages": [] }), "filter.stages"),
        (
            contacts,
            json!({ "tags": { "any": [] } }),
            "filter.tags.any",
        ),
        (
            contacts,
            json!({ "tags": { "all": [] } }),
            "filter.tags.all",
        ),
        (
            contacts,
            json!({ "tags": { "none": [] } }),
            "filter.tags.none",
        ),
        (
            contacts,
            json!({ "segments": { "any": [] } }),
            "filter.segments.any",
        ),
        (contacts, json!({ "attributes": [] }), "filter.attributes"),
        (accounts, json!({ "stages": [] }), "filter.stages"),
        (talks, json!({ "statuses": [] }), "filter.statuses"),
        (talks, json!({ "status": [] }), "filter.status"),
        (talks, json!({ "channels": [] }), "filter.channels"),
        (tasks, json!({ "priorities": [] }), "filter.priorities"),
        (talks, json!({ "assigneeIds": [] }), "filter.assigneeIds"),
        (
            tasks,
            json!({ "assigneeIds": [], "mine": true }),
            "filter.assigneeIds",
        ),
        (orders, json!({ "statuses": [] }), "filter.statuses"),
        (log, json!({ "actions": [] }), "filter.actions"),
        (found, json!([]), "types"),
    ]
}

#[test]
fn an_empty_list_in_a_filter_is_refused_wherever_it_stands() {
    on_both(|world| async move {
        people(&world, 3).await;
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        for (document, filter, argument) in lists() {
            let answer = door.ask(owner, document, &json!({ "f": filter })).await;
            let error = &answer["errors"][0]["extensions"];
            assert_eq!(error["code"], "BAD_USER_INPUT", "{document}: {answer}");
            assert_eq!(error["argument"], argument, "{document}");
        }
        // What is left out asks for nothing.
        let all = "{ contacts(filter: { tags: {}, segments: {} }) { totalCount } }";
        let found = door.must(owner, all, json!({})).await;
        assert_eq!(found["totalCount"], 3);
        world
    });
}

#[test]
fn a_change_of_everything_that_an_empty_list_finds_is_refused() {
    on_both(|world| async move {
        people(&world, 3).await;
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let tag = super::steps::tag(&world, "Chosen", None).await.to_string();
        let nobody = json!({ "ownerIds": [] });
        let playbook: entity::id::PlaybookId = world.ctx.id();
        let segment: entity::id::SegmentId = world.ctx.id();
        for (field, input, path) in [
            (
                "tagByFilter",
                json!({ "things": { "contacts": nobody }, "addTagIds": [tag] }),
                json!(["things", "contacts", "ownerIds"]),
            ),
            (
                "updateByFilter",
                json!({ "things": { "contacts": nobody }, "ownerId": null }),
                json!(["things", "contacts", "ownerIds"]),
            ),
            (
                "enrolContacts",
                json!({ "playbookId": playbook.to_string(), "contacts": { "filter": nobody } }),
                json!(["contacts", "filter", "ownerIds"]),
            ),
            (
                "addToSegment",
                json!({
                    "id": segment.to_string(),
                    "members": { "things": { "contacts": nobody } },
                }),
                json!(["members", "things", "contacts", "ownerIds"]),
            ),
            (
                "exportContacts",
                json!({ "filter": nobody }),
                json!(["filter", "ownerIds"]),
            ),
        ] {
            let mut kind = field.to_owned();
            kind[..1].make_ascii_uppercase();
            let document = format!(
                "mutation($input: {kind}Input!) {{ {field}(input: $input) {{
                     userErrors {{ path code }} }} }}"
            );
            let answer = door.ask(owner, &document, &json!({ "input": input })).await;
            let mistakes = &answer["data"][field]["userErrors"];
            let expected = json!([{ "path": path, "code": "REQUIRED" }]);
            assert_eq!(*mistakes, expected, "{field}: {answer}");
        }
        world
    });
}
