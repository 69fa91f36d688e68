//! What a notification was sent for, as its delivery says over GraphQL.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::on_each,
    process::until,
};

const SOON: Duration = Duration::from_secs(30);
const EMAIL: &str = "taro@customer.example";
const AT: &str = "2026-03-01T03:00:00Z";

/// What a firing may have been on.
const FIRED_ON: [&str; 3] = ["event", "emailEvent", "surveyAnswer"];

const DELIVERIES: &str = "{ deliveries(first: 9) { nodes {
    id rule { id name } playbook { id name } enrolment { id contact { id } }
    firing {
      event { externalId } emailEvent { externalId } surveyAnswer { externalId }
    } } } }";

/// The list that every member reads.
async fn target(owner: &Client) -> String {
    let input = json!({
        "name": "Everybody", "kind": "IN_APP", "receivers": { "everybody": true },
    });
    let made = owner
        .change("createNotificationTarget", input, "target { id }")
        .await;
    text(&made["target"]["id"])
}

/// A rule that tells `target` whenever its trigger lets it look.
async fn tells(owner: &Client, target: &str, name: &str, trigger: &Value) {
    let action = json!({ "notify": { "targetId": target } });
    let input = json!({ "name": name, "trigger": trigger, "actions": [action] });
    owner.change("createRule", input, "rule { id }").await;
}

/// A contact on the way through a playbook that tells `target`; the contact and the enrolment.
async fn greeted(owner: &Client, target: &str) -> (String, String) {
    let input = json!({ "name": "Taro", "email": EMAIL });
    let made = owner.change("createContact", input, "contact { id }").await;
    let contact = text(&made["contact"]["id"]);
    let action = json!({ "notify": { "targetId": target } });
    let step = json!({ "stepId": "greet", "kind": { "actions": [action] } });
    let input = json!({ "name": "Greet", "definition": { "steps": [step] } });
    let made = owner.change("savePlaybook", input, "playbook { id }").await;
    let contacts = json!({ "ids": [contact] });
    let input = json!({ "playbookId": made["playbook"]["id"], "contacts": contacts });
    let made = owner
        .change("enrolContacts", input, "enrolments { id }")
        .await;
    (contact, text(&made["enrolments"][0]["id"]))
}

/// What the rules wait for.
async fn happen(owner: &Client) {
    let event = json!({
        "externalId": "visit", "contactEmail": EMAIL, "name": "visit", "occurredAt": AT,
    });
    let input = json!({ "events": [event] });
    owner.change("ingestEvents", input, "created").await;
    let bounce = json!({
        "externalId": "bounce", "emailKey": "m", "recipient": EMAIL, "kind": "BOUNCED",
        "occurredAt": AT,
    });
    let input = json!({ "events": [bounce] });
    owner.change("ingestEmailEvents", input, "created").await;
    let answer = json!({
        "externalId": "answer", "contact": { "email": EMAIL }, "surveyKey": "nps", "kind": "NPS",
        "score": 2, "answeredAt": AT,
    });
    let input = json!({ "answers": [answer] });
    owner
        .change("ingestSurveyAnswers", input, "answers { outcome }")
        .await;
}

/// The deliveries, once there are so many.
async fn deliveries(owner: &Client, count: usize) -> Vec<Value> {
    until("the deliveries", SOON, async || {
        let found = owner.must(DELIVERIES, json!({})).await;
        let nodes = found["nodes"].as_array()?.clone();
        (nodes.len() == count).then_some(nodes)
    })
    .await
}

#[test]
fn a_delivery_says_what_it_was_sent_for_and_is_found_by_it() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let target = target(&owner).await;
        let kinds = [
            ("visit", json!({ "eventTracked": { "names": ["visit"] } })),
            ("bounce", json!({ "emailEvent": { "kinds": ["BOUNCED"] } })),
            ("answer", json!({ "surveyAnswered": {} })),
        ];
        for (name, trigger) in kinds {
            tells(&owner, &target, name, &trigger).await;
        }
        let (contact, enrolment) = greeted(&owner, &target).await;
        happen(&owner).await;
        let found = deliveries(&owner, 4).await;

        for (name, on) in ["visit", "bounce", "answer"].into_iter().zip(FIRED_ON) {
            let one = found.iter().find(|one| one["rule"]["name"] == name);
            let one = one.unwrap_or_else(|| panic!("{name} in {found:?}"));
            for field in FIRED_ON {
                let said = &one["firing"][field]["externalId"];
                let expected = if field == on {
                    json!(name)
                } else {
                    Value::Null
                };
                assert_eq!(*said, expected, "{field} of {one}");
            }
            assert!(one["enrolment"].is_null(), "{one}");
        }
        let said = found.iter().find(|one| one["rule"].is_null());
        let said = said.expect("what the playbook says");
        assert_eq!(said["playbook"]["name"], "Greet", "{said}");
        assert_eq!(said["enrolment"]["id"], enrolment.as_str(), "{said}");
        assert_eq!(said["enrolment"]["contact"]["id"], contact.as_str());

        let fired = found.iter().find(|one| !one["rule"].is_null());
        let by = "query($playbook: ID!, $rule: ID!, $delivery: ID!) {
            said: deliveries(playbookId: $playbook, first: 9) { nodes { id } }
            fired: deliveries(ruleId: $rule, first: 9) { nodes { id } }
            delivery(id: $delivery) { id } }";
        let variables = json!({
            "playbook": said["playbook"]["id"], "delivery": said["id"],
            "rule": fired.expect("what a rule says")["rule"]["id"],
        });
        let answer = owner.ask(by, &variables).await;
        assert_eq!(answer["data"]["said"]["nodes"][0]["id"], said["id"]);
        let fired = answer["data"]["fired"]["nodes"].as_array();
        assert_eq!(fired.map(Vec::len), Some(1), "{answer}");
        assert_eq!(answer["data"]["delivery"]["id"], said["id"]);
        let stranger = installation.workspace("Elsewhere").await;
        let answer = stranger.ask(by, &variables).await;
        let nothing = json!({
            "said": { "nodes": [] }, "fired": { "nodes": [] }, "delivery": null,
        });
        assert_eq!(answer["data"], nothing, "{answer}");
        installation
    });
}
