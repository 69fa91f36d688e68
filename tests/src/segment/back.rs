//! Segments that are read and given back, and segments made like others.

use entity::kind::TagKind;
use serde_json::json;

use super::settle;
use crate::{access::house::Door, support::on_both};

const CREATE: &str = "mutation($input: CreateSegmentInput!) { createSegment(input: $input)
    { segment { id } userErrors { path message } } }";

const DUPLICATE: &str = "mutation($input: DuplicateSegmentInput!) {
    duplicateSegment(input: $input) {
        segment { id name description kind conditionInput }
        operation { kind }
        userErrors { path code }
    } }";

#[test]
fn what_is_read_of_a_segment_is_given_back_unchanged() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let vip = world.tag(TagKind::Contact, "VIP", None).await.to_string();
        let condition = json!({ "not": { "contactTags": { "mode": "ANY", "tagIds": [vip] } } });
        let input = json!({
            "name": "Others", "description": "No VIPs", "subject": "CONTACT",
            "condition": condition,
        });
        let made = door.must(owner, CREATE, json!({ "input": input })).await;
        let id = &made["segment"]["id"];
        let read = "query($id: ID!) { segment(id: $id) { version conditionInput } }";
        let found = door.must(owner, read, json!({ "id": id })).await;
        let update = "mutation($input: UpdateSegmentInput!) { updateSegment(input: $input)
            { segment { version conditionInput } userErrors { path message } } }";
        let back = json!({ "id": id, "condition": found["conditionInput"] });
        let updated = door.must(owner, update, json!({ "input": back })).await;
        assert_eq!(updated["segment"], found);

        let copied = door
            .must(owner, DUPLICATE, json!({ "input": { "id": id } }))
            .await;
        let copy = &copied["segment"];
        assert_eq!(copy["name"], "Others (copy)");
        assert_eq!(copy["description"], "No VIPs");
        assert_eq!(copy["kind"], "LIVE");
        assert_eq!(copy["conditionInput"], found["conditionInput"]);
        assert!(copied["operation"].is_null());
        let taken = json!({ "input": { "id": id, "name": "Others" } });
        let answer = door.ask(owner, DUPLICATE, &taken).await;
        let errors = &answer["data"]["duplicateSegment"]["userErrors"];
        assert_eq!(*errors, json!([{ "path": ["name"], "code": "TAKEN" }]));
        settle(&world).await;
        world
    });
}

#[test]
fn a_copy_of_a_segment_kept_by_hand_gets_its_members() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let owner = &world.owner;
        let person = "mutation($input: CreateContactInput!) { createContact(input: $input)
            { contact { id } userErrors { message } } }";
        let mut people = Vec::new();
        for name in ["Aki", "Ben", "Chen"] {
            let input = json!({ "name": name, "email": format!("{name}@c.example") });
            let made = door.must(owner, person, json!({ "input": input })).await;
            people.push(made["contact"]["id"].clone());
        }
        let input = json!({ "name": "Guests", "subject": "CONTACT" });
        let made = door.must(owner, CREATE, json!({ "input": input })).await;
        let id = &made["segment"]["id"];
        let empty = door
            .must(owner, DUPLICATE, json!({ "input": { "id": id } }))
            .await;
        assert!(empty["operation"].is_null());
        let add = "mutation($input: AddToSegmentInput!) { addToSegment(input: $input)
            { added userErrors { message } } }";
        let members = json!({ "contactIds": people[..2] });
        let input = json!({ "id": id, "members": members });
        door.must(owner, add, json!({ "input": input })).await;

        let input = json!({ "id": id, "locale": "JA" });
        let copied = door.must(owner, DUPLICATE, json!({ "input": input })).await;
        assert_eq!(copied["segment"]["name"], "Guests（コピー）");
        assert_eq!(copied["segment"]["kind"], "STATIC");
        assert_eq!(copied["operation"]["kind"], "FILL_SEGMENT");
        settle(&world).await;
        let read = "query($id: ID!) { segment(id: $id) { memberCount contacts(first: 9) \
            { nodes { name } } } }";
        let id = &copied["segment"]["id"];
        let found = door.must(owner, read, json!({ "id": id })).await;
        assert_eq!(found["memberCount"], 2);
        let mut names: Vec<&str> = (0..2)
            .filter_map(|index| found["contacts"]["nodes"][index]["name"].as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["Aki", "Ben"]);
        world
    });
}
