//! Playbooks that are read and given back, and playbooks made like others.

use entity::kind::TagKind;
use serde_json::{Value, json};

use crate::{
    access::house::Door,
    support::{World, on_both},
};

const SAVE: &str = "mutation($input: SavePlaybookInput!) { savePlaybook(input: $input)
    { playbook { id latest { version definitionInput } } userErrors { path message } } }";

const DUPLICATE: &str = "mutation($input: DuplicatePlaybookInput!) {
    duplicatePlaybook(input: $input) {
        playbook { id name state description published { version definitionInput } }
        userErrors { path code }
    } }";

async fn definition(world: &World) -> Value {
    let hot = world.tag(TagKind::Contact, "Hot", None).await.to_string();
    let is_hot = json!({ "contactTags": { "mode": "ANY", "tagIds": [hot] } });
    json!({
        "steps": [
            { "stepId": "act", "kind": { "actions": [{ "tagContact": { "tagIds": [hot] } }] } },
            { "stepId": "wait", "kind": { "wait": { "for": { "days": 7, "hours": 2 } } } },
            { "stepId": "nine", "kind": { "wait": { "until": {
                "time": "09:05", "weekdays": ["MONDAY", "TUESDAY"],
            } } } },
            { "stepId": "hope", "kind": { "waitFor": {
                "condition": is_hot, "timeout": { "days": 3 }, "onTimeout": "end",
            } } },
            { "stepId": "way", "next": "end", "kind": { "branch": { "arms": [
                { "name": "Hot", "condition": is_hot, "next": "end" },
            ] } } },
            { "stepId": "end", "kind": { "end": true } },
        ],
        "goals": [{ "name": "Hot", "condition": { "not": is_hot } }],
        "sources": [{ "healthBand": { "bands": ["AT_RISK"] } }],
        "again": { "afterDays": 30 },
        "limits": { "notifyInBusinessHours": true },
    })
}

#[test]
fn what_is_read_of_a_playbook_is_given_back_unchanged() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let input = json!({ "name": "Trial", "definition": definition(&world).await });
        let made = door.must(owner, SAVE, json!({ "input": input })).await;
        let made = &made["playbook"];
        let shown = &made["latest"]["definitionInput"];
        let back = json!({ "id": made["id"], "definition": shown });
        let saved = door.must(owner, SAVE, json!({ "input": back })).await;
        let saved = &saved["playbook"]["latest"];
        assert_eq!(saved["version"], 2);
        assert_eq!(saved["definitionInput"], *shown);
        world
    });
}

#[test]
fn a_copy_of_a_playbook_is_paused_with_the_published_version() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let mut definition = definition(&world).await;
        let input = json!({
            "name": "Trial", "description": "For trials", "definition": definition,
        });
        let made = door.must(owner, SAVE, json!({ "input": input })).await;
        let (id, first) = (
            made["playbook"]["id"].clone(),
            made["playbook"]["latest"]["definitionInput"].clone(),
        );
        definition["again"] = json!({ "never": true });
        let draft = json!({ "id": id, "definition": definition, "publish": false });
        let drafted = door.must(owner, SAVE, json!({ "input": draft })).await;
        let second = drafted["playbook"]["latest"]["definitionInput"].clone();
        assert_ne!(first, second);
        for (wanted, name, expected) in [
            (json!({ "id": id }), "Trial (copy)", &first),
            (
                json!({ "id": id, "version": 2, "locale": "ZH" }),
                "Trial（副本）",
                &second,
            ),
            (json!({ "id": id, "name": "Paid" }), "Paid", &first),
        ] {
            let copied = door
                .must(owner, DUPLICATE, json!({ "input": wanted }))
                .await;
            let copy = &copied["playbook"];
            assert_eq!(copy["name"], name);
            assert_eq!(copy["state"], "PAUSED");
            assert_eq!(copy["description"], "For trials");
            assert_eq!(copy["published"]["version"], 1);
            assert_eq!(copy["published"]["definitionInput"], *expected);
        }
        for (wanted, path) in [
            (json!({ "id": id, "version": 9 }), json!(["version"])),
            (json!({ "id": id, "name": "Trial" }), json!(["name"])),
        ] {
            let answer = door
                .ask(owner, DUPLICATE, &json!({ "input": wanted }))
                .await;
            let errors = &answer["data"]["duplicatePlaybook"]["userErrors"];
            assert_eq!(errors[0]["path"], path, "{answer}");
        }
        world
    });
}
