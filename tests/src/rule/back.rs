//! Rules that are read and given back, and rules made like others.

use entity::kind::TagKind;
use serde_json::{Value, json};

use crate::{
    access::house::Door,
    support::{World, on_both},
};

/// All that a rule is, as inputs take it.
const INPUTS: &str = "triggerInput conditionInput actionsInput limitsInput";

/// A rule with something of everything, as it is given.
async fn given(world: &World) -> Value {
    let vip = world.tag(TagKind::Contact, "VIP", None).await.to_string();
    let seen = world.tag(TagKind::Contact, "Seen", None).await.to_string();
    let target = world.target("sales").await.to_string();
    json!({
        "name": "Partners",
        "trigger": { "messageReceived": {} },
        "condition": { "all": [
            { "keywords": { "mode": "ANY_OF", "words": ["提携", "partner"] } },
            { "not": { "any": [
                { "contactTags": { "mode": "ALL", "tagIds": [vip] } },
                { "events": { "names": ["bought"], "tests": [
                    { "measure": "SUM", "property": "price", "is": { "atLeast": 2.5 } },
                ] } },
            ] } },
            { "contact": { "hasOwner": false, "created": { "withinDays": 30 } } },
        ] },
        "actions": [
            { "tagContact": { "tagIds": [seen] } },
            { "notify": { "targetId": target } },
            { "createTask": {
                "title": "Call", "dueIn": { "days": 1, "minutes": 5 }, "assignee": { "owner": true },
            } },
        ],
        "limits": { "oncePer": "CONTACT", "quietHours": { "fromHour": 22, "toHour": 7 } },
    })
}

async fn make(world: &World, door: &Door, input: &Value) -> Value {
    let create = format!(
        "mutation($input: CreateRuleInput!) {{ createRule(input: $input)
            {{ rule {{ id version {INPUTS} }} userErrors {{ path message }} }} }}"
    );
    let variables = json!({ "input": input });
    let made = door.must(&world.owner, &create, variables).await;
    made["rule"].clone()
}

#[test]
fn what_is_read_of_a_rule_is_given_back_unchanged() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let mut input = given(&world).await;
        let made = make(&world, &door, &input).await;
        // What was left out is said; what says nothing is not.
        let seen = &made["conditionInput"]["all"][1]["not"]["any"][0]["contactTags"];
        assert_eq!(seen["withDescendants"], true);
        assert_eq!(
            made["conditionInput"]["all"][2]["contact"],
            json!({ "hasOwner": false, "created": { "withinDays": 30 } })
        );
        let update = "mutation($input: UpdateRuleInput!) { updateRule(input: $input)
            { rule { version } userErrors { path message } } }";
        let back = json!({
            "id": made["id"], "trigger": made["triggerInput"], "condition": made["conditionInput"],
            "actions": made["actionsInput"], "limits": made["limitsInput"],
        });
        let updated = door.must(owner, update, json!({ "input": back })).await;
        assert_eq!(updated["rule"]["version"], made["version"]);
        for (field, from) in [
            ("trigger", "triggerInput"),
            ("condition", "conditionInput"),
            ("actions", "actionsInput"),
            ("limits", "limitsInput"),
        ] {
            input[field] = made[from].clone();
        }
        let like = make(&world, &door, &input).await;
        for field in INPUTS.split(' ') {
            assert_eq!(like[field], made[field], "{field}");
        }
        let versions = format!(
            "query($id: ID!) {{ rule(id: $id) {{ versions(first: 1) {{ nodes {{ {INPUTS} }} }} }} }}"
        );
        let found = door
            .must(owner, &versions, json!({ "id": made["id"] }))
            .await;
        let version = &found["versions"]["nodes"][0];
        for field in INPUTS.split(' ') {
            assert_eq!(version[field], made[field], "{field} of the version");
        }
        world
    });
}

#[test]
fn a_rule_without_a_condition_is_given_back_without_one() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let mut input = given(&world).await;
        input["condition"] = Value::Null;
        let made = make(&world, &door, &input).await;
        assert_eq!(made["conditionInput"], Value::Null);
        world
    });
}

#[test]
fn a_rule_without_a_trigger_looks_at_every_message_of_a_contact() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let mut input = given(&world).await;
        let told = make(&world, &door, &input).await;
        let untold = input.as_object_mut().unwrap();
        untold.remove("trigger");
        let (condition, actions) = (untold["condition"].clone(), untold["actions"].clone());
        let made = make(&world, &door, &input).await;
        assert_eq!(made["triggerInput"], told["triggerInput"]);

        let try_it = "query($input: TryRuleInput!) { tryRule(input: $input)
            { rehearsal { messages } userErrors { path message } } }";
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        let draft = json!({ "condition": condition, "actions": actions });
        let tried = door
            .must(&world.owner, try_it, json!({ "input": { "draft": draft } }))
            .await;
        assert_eq!(tried["rehearsal"]["messages"], 1);
        world
    });
}

#[test]
fn a_copy_of_a_rule_is_paused_behind_the_others() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let input = given(&world).await;
        let made = make(&world, &door, &input).await;
        let duplicate = format!(
            "mutation($input: DuplicateRuleInput!) {{ duplicateRule(input: $input)
                {{ rule {{ id name active position {INPUTS} }} userErrors {{ path code }} }} }}"
        );
        let id = &made["id"];
        let mut position = 1;
        for (wanted, name) in [
            (json!({ "id": id }), "Partners (copy)"),
            (json!({ "id": id }), "Partners (copy 2)"),
            (json!({ "id": id, "locale": "JA" }), "Partners（コピー）"),
            (json!({ "id": id, "name": "Others" }), "Others"),
        ] {
            let copied = door
                .must(owner, &duplicate, json!({ "input": wanted }))
                .await;
            let copy = &copied["rule"];
            assert_eq!(copy["name"], name);
            assert_eq!(copy["active"], false);
            position += 1;
            assert_eq!(copy["position"], position);
            assert_ne!(copy["id"], *id);
            for field in INPUTS.split(' ') {
                assert_eq!(copy[field], made[field], "{field}");
            }
        }
        // What it names is gone: the copy would not make sense, and says where.
        let tag = made["actionsInput"][0]["tagContact"]["tagIds"][0].clone();
        let archive = "mutation($input: ArchiveTagInput!) { archiveTag(input: $input)
            { userErrors { message } } }";
        door.must(owner, archive, json!({ "input": { "id": tag } }))
            .await;
        let wanted = json!({ "input": { "id": id } });
        let answer = door.ask(owner, &duplicate, &wanted).await;
        let errors = &answer["data"]["duplicateRule"]["userErrors"];
        let path = json!(["id", "actions", "0", "tagContact", "tagIds", "0"]);
        assert_eq!(errors[0]["path"], path, "{answer}");
        world
    });
}
