//! A webhook says what happened, and names everything by its id.

use domain::{
    access::Origin,
    account::{self, NewAccount},
    action::{
        Action, Case, Notify,
        perform::{By, Performed, perform},
    },
    contact::{self, NewContact},
    notification::manage::NewTarget,
    rule::{
        self, Limits, NewRule, Rule,
        definition::always,
        trigger::{ContactTagAdded, EmailEventSeen, EventTracked, SurveyAnswered, Trigger},
    },
    tag::{Request, tagging},
};
use entity::{
    id::{ContactId, PlaybookId},
    kind::{EmailEventKind, TagKind, TargetKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::house::Door,
    support::{
        World,
        engine::{Receiver, notify},
        on_both,
    },
};

/// A rule that tells a webhook of its own, with this text.
async fn telling(world: &World, name: &str, trigger: Trigger, text: Option<&str>) -> Rule {
    let url = format!("https://receiver.example/{name}");
    let target = NewTarget::at(TargetKind::Webhook, name, url);
    let target = world.target_of(target).await;
    let new = NewRule {
        name: name.to_owned(),
        trigger,
        condition: always(),
        actions: vec![Action::Notify(Notify {
            target_id: target.0,
            title: None,
            text: text.map(str::to_owned),
        })],
        limits: Limits::default(),
    };
    rule::create(&world.ctx, &world.owner, new).await.unwrap()
}

/// What each webhook was told.
async fn told(world: &World) -> Vec<Value> {
    world.drain().await;
    let receiver = Receiver::default();
    world.deliver(&receiver).await;
    let calls = receiver.calls();
    calls
        .iter()
        .map(|call| serde_json::from_slice(&call.body).unwrap())
        .collect()
}

/// The data of what the rule told.
fn by<'t>(told: &'t [Value], rule: &Rule) -> &'t Value {
    let id = json!(rule.id.to_string());
    let mut bodies = told.iter().map(|body| &body["data"]);
    bodies
        .find(|data| data["rule"]["id"] == id)
        .unwrap_or_else(|| panic!("nothing of {id}: {told:?}"))
}

async fn taro(world: &World) -> ContactId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = NewAccount {
        name: "Acme".to_owned(),
        domain: Some("customer.example".to_owned()),
        external_id: Some("c-77".to_owned()),
        ..NewAccount::default()
    };
    let account = account::create(ctx, owner, new).await.unwrap();
    let mut new = NewContact {
        name: "Taro".to_owned(),
        email: Some("taro@customer.example".to_owned()),
        external_id: Some("u-4711".to_owned()),
        account: Some(account.id),
        ..NewContact::default()
    };
    new.profile.phone = Some(Some("+81312345678".to_owned()));
    contact::create(ctx, owner, new).await.unwrap().id
}

#[test]
fn a_webhook_names_rule_firing_contact_and_account_by_their_ids() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let tagged = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![vip.0],
            direct_only: false,
        });
        let text = "{{ trigger.kind }} {{ trigger.tag }} {{ rule.id }} {{ contact.external_id }} \
                    {{ account.external_id }} {{ account.domain }} {{ workspace.id }}";
        let rule = telling(&world, "tagged", tagged, Some(text)).await;
        let taro = taro(&world).await;
        tagging::tag_many(ctx, owner, &[Request::contact(taro, vip)], "")
            .await
            .unwrap();
        let told = told(&world).await;
        let data = by(&told, &rule);
        let workspace = owner.workspace.to_string();
        assert_eq!(data["workspaceId"], workspace.as_str());
        assert_eq!(data["rule"]["name"], "tagged");
        assert_eq!(data["playbook"], Value::Null);
        let firing = data["firingId"].as_str().unwrap();
        assert!(firing.starts_with("firing_"), "{firing}");
        let contact = &data["contact"];
        assert_eq!(contact["id"], taro.to_string());
        assert_eq!(contact["externalId"], "u-4711");
        assert_eq!(contact["phone"], "+81312345678");
        let account = &data["account"];
        assert_eq!(
            contact["account"],
            json!({ "id": account["id"], "name": "Acme" })
        );
        assert!(account["id"].is_string());
        assert_eq!(account["externalId"], "c-77");
        assert_eq!(account["domain"], "customer.example");
        let nothing = Value::Null;
        assert_eq!(
            data["trigger"],
            json!({
                "kind": "tagging.added", "tag": { "id": vip.to_string(), "name": "VIP" },
                "segment": nothing, "attribute": nothing, "event": nothing, "emailEvent": nothing,
                "answer": nothing, "wait": nothing, "fields": [], "from": nothing, "to": nothing, "score": nothing,
                "previousScore": nothing,
            })
        );
        let expected = format!(
            "tagging.added VIP {} u-4711 c-77 customer.example {workspace}",
            rule.id
        );
        assert_eq!(data["text"], expected);
        world
    });
}

#[test]
fn a_webhook_tells_the_event_the_email_and_the_answer_that_set_the_rule_off() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let names = vec!["order_placed".to_owned()];
        let ordered = Trigger::EventTracked(EventTracked {
            names,
            ..EventTracked::default()
        });
        let ordered = telling(&world, "ordered", ordered, Some("{{ trigger.event }}")).await;
        let bounced = Trigger::EmailEventSeen(EmailEventSeen {
            kinds: vec![EmailEventKind::Bounced],
            ..EmailEventSeen::default()
        });
        let text = "{{ trigger.email_event }} {{ trigger.campaign }}";
        let bounced = telling(&world, "bounced", bounced, Some(text)).await;
        let answered = Trigger::SurveyAnswered(SurveyAnswered {
            kinds: Vec::new(),
            ..SurveyAnswered::default()
        });
        let text = "{{ trigger.survey }} {{ trigger.score | round }} {{ trigger.comment }}";
        let answered = telling(&world, "answered", answered, Some(text)).await;
        let taro = taro(&world).await;
        let door = Door::new(ctx);
        let at = ctx.clock.now().to_rfc3339();
        for (document, input) in [
            (
                "mutation($input: IngestEventsInput!) { ingestEvents(input: $input) { userErrors \
                 { message } } }",
                json!({ "events": [{
                    "externalId": "o-1", "contactEmail": "taro@customer.example",
                    "name": "order_placed", "properties": { "total": 1200 }, "occurredAt": at,
                }] }),
            ),
            (
                "mutation($input: IngestEmailEventsInput!) { ingestEmailEvents(input: $input) \
                 { userErrors { message } } }",
                json!({ "events": [{
                    "externalId": "e-1", "emailKey": "m-1", "recipient": "taro@customer.example",
                    "kind": "BOUNCED", "bounce": "HARD", "occurredAt": at,
                    "campaign": { "externalId": "spring", "name": "Spring" },
                }] }),
            ),
            (
                "mutation($input: IngestSurveyAnswersInput!) { ingestSurveyAnswers(input: $input) \
                 { userErrors { message } } }",
                json!({ "answers": [{
                    "externalId": "s-1", "contact": { "id": taro.to_string() },
                    "surveyKey": "onboarding", "kind": "NPS", "score": 9, "comment": "Fine.",
                    "answeredAt": at,
                }] }),
            ),
        ] {
            door.must(owner, document, json!({ "input": input })).await;
        }
        let told = told(&world).await;
        assert_eq!(told.len(), 3, "{told:?}");
        let data = by(&told, &ordered);
        assert_eq!(data["text"], "order_placed");
        let trigger = &data["trigger"];
        assert_eq!(trigger["kind"], "event.recorded");
        assert_eq!(trigger["event"]["externalId"], "o-1");
        assert_eq!(trigger["event"]["name"], "order_placed");
        assert_eq!(trigger["event"]["properties"], json!({ "total": 1200 }));
        let data = by(&told, &bounced);
        assert_eq!(data["text"], "BOUNCED Spring");
        let trigger = &data["trigger"];
        assert_eq!(trigger["kind"], "email_event.recorded");
        let email = &trigger["emailEvent"];
        assert_eq!(
            (&email["kind"], &email["emailKey"], &email["bounce"]),
            (&json!("BOUNCED"), &json!("m-1"), &json!("HARD"))
        );
        assert_eq!(email["campaign"]["externalId"], "spring");
        assert_eq!(email["campaign"]["name"], "Spring");
        let data = by(&told, &answered);
        assert_eq!(data["text"], "onboarding 9 Fine.");
        let trigger = &data["trigger"];
        assert_eq!(trigger["kind"], "survey.answered");
        let answer = &trigger["answer"];
        assert_eq!(
            (&answer["surveyKey"], &answer["kind"], &answer["score"]),
            (&json!("onboarding"), &json!("NPS"), &json!(9))
        );
        assert_eq!(answer["comment"], "Fine.");
        world
    });
}

#[test]
fn a_webhook_names_the_playbook_by_its_id() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let url = "https://receiver.example/hook";
        let target = NewTarget::at(TargetKind::Webhook, "crm", url);
        let action = notify(world.target_of(target).await);
        let taro = taro(&world).await;
        let playbook_id = PlaybookId(Uuid::from_u128(7));
        let case = Case {
            contact: Some(taro),
            ..Case::default()
        };
        let by = By {
            origin: Origin::Playbook {
                playbook_id,
                version: 1,
            },
            name: "Onboarding",
            cause: None,
            firing: None,
            not_before: None,
        };
        let performed = Performed {
            action: &action,
            case,
            by,
        };
        let mut tx = ctx.begin(owner.workspace).await.unwrap();
        perform(ctx, &mut tx, &[performed]).await.unwrap();
        tx.commit().await.unwrap();
        let told = told(&world).await;
        assert_eq!(told[0]["type"], "notification");
        let data = &told[0]["data"];
        assert_eq!(
            data["playbook"],
            json!({ "id": playbook_id.to_string(), "name": "Onboarding" })
        );
        assert_eq!(
            (&data["rule"], &data["firingId"], &data["trigger"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        world
    });
}
