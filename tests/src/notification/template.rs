//! Facts and templates through a delivery: what is known is filled in, what is written does nothing.

use std::sync::Arc;

use domain::{
    account::{self, NewAccount},
    ctx::Ctx,
    notification::{
        about::{self, Subject},
        deliver::{self, Limits},
        delivery::{NewDelivery, Payload, enqueue},
        manage::NewTarget,
        template::{self, Facts},
    },
};
use entity::{
    id::{ContactId, MessageId, TargetId},
    kind::{TagKind, TargetKind},
};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::{
    access::house::Door,
    support::{
        World,
        engine::{Receiver, tag_contact, words},
        on_both,
    },
};

async fn contact_of(world: &World, message: MessageId) -> ContactId {
    let key = (world.owner.workspace, message);
    let found = entity::message::Entity::find_by_id(key)
        .one(world.ctx.reader())
        .await;
    found.unwrap().unwrap().contact_id
}

/// Sends what a playbook would say.
async fn say(world: &World, ctx: &Ctx, target: TargetId, message: MessageId, text: &str) -> Value {
    template::check(text, TargetKind::Webhook).unwrap();
    say_unchecked(world, ctx, target, message, text).await
}

/// The same by a template that was stored before there was a check for what is wrong with it.
async fn say_unchecked(
    world: &World,
    ctx: &Ctx,
    target: TargetId,
    message: MessageId,
    text: &str,
) -> Value {
    let mut tx = ctx.begin(world.owner.workspace).await.unwrap();
    let new = NewDelivery {
        id: tx.id(),
        target,
        rule: None,
        firing: None,
        contact: Some(contact_of(world, message).await),
        payload: Payload::Said {
            title: "Hello".to_owned(),
            by: "Onboarding".to_owned(),
            template: Some(text.to_owned()),
            conversation_id: None,
            account_id: None,
            message_id: Some(message),
            playbook_id: None,
            enrolment_id: None,
        },
        not_before: None,
    };
    enqueue(ctx, &mut tx, &[new]).await.unwrap();
    tx.commit().await.unwrap();
    world.hurry().await;
    let receiver = Receiver::default();
    deliver::run_due(ctx, &receiver, None, Limits::items(10))
        .await
        .unwrap();
    let calls = receiver.calls();
    serde_json::from_slice(&calls[0].body).unwrap()
}

#[test]
fn a_template_is_filled_in_with_the_facts_of_the_moment() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        world
            .rule("vip", words(&["When"]), vec![tag_contact(vip)])
            .await;
        let messages = [(
            "a",
            "taro@customer.example",
            "When {{ will }} it <b>come</b>?",
        )];
        let message = world.receive(&messages).await[0];
        world.drain().await;
        let ctx = &world.ctx;
        let linked = Ctx {
            public_url: Some(Arc::new("https://enishi.example/app/".parse().unwrap())),
            ..ctx.clone()
        };
        let url = "https://receiver.example/hook";
        let target = world
            .target_of(NewTarget::at(TargetKind::Webhook, "crm", url))
            .await;
        let text = "{{ contact.email }} [{{ contact.tags | join }}] {{ rule.name }}: \
                    {{ message.excerpt }} {{ conversation.link }}";
        let body = say(&world, &linked, target, message, text).await;
        assert_eq!(body["type"], "notification");
        assert_eq!(body["data"]["rule"], Value::Null);
        assert_eq!(body["data"]["playbook"]["name"], "Onboarding");
        let link = body["data"]["link"].as_str().unwrap();
        assert!(link.starts_with("https://enishi.example/app/conversations/conversation_"));
        assert_eq!(
            body["data"]["text"],
            format!(
                "taro@customer.example [VIP] Onboarding: When {{{{ will }}}} it <b>come</b>? {link}"
            )
        );
        let body = say(&world, ctx, target, message, "{{ conversation.link }}.").await;
        assert_eq!(
            (&body["data"]["link"], &body["data"]["text"]),
            (&Value::Null, &".".into())
        );
        world
    });
}

#[test]
fn what_has_a_template_that_is_refused_today_is_sent_without_its_text() {
    on_both(|world| async move {
        let messages = [("a", "taro@customer.example", "hello")];
        let message = world.receive(&messages).await[0];
        let url = "https://receiver.example/hook";
        let target = NewTarget::at(TargetKind::Webhook, "crm", url);
        let target = world.target_of(target).await;
        let endless = format!("{{{{ contact.name{} }}}}", "|trim".repeat(500));
        assert!(template::check(&endless, TargetKind::Webhook).is_err());
        let body = say_unchecked(&world, &world.ctx, target, message, &endless).await;
        let data = &body["data"];
        assert_eq!(
            (&data["title"], &data["text"]),
            (&"Hello".into(), &Value::Null)
        );
        assert_eq!(data["contact"]["email"], "taro@customer.example");
        world
    });
}

#[test]
fn facts_of_another_workspace_are_not_there() {
    on_both(|world| async move {
        let messages = [("a", "taro@customer.example", "hello")];
        let message = world.receive(&messages).await[0];
        let contact = contact_of(&world, message).await;
        let stranger = World::workspace(&world.ctx, "Elsewhere", "else.example").await;
        let subject = |workspace| Subject {
            workspace,
            contact: Some(contact),
            account: None,
            conversation: None,
            message: Some(message),
        };
        let subjects = [subject(stranger.workspace), subject(world.owner.workspace)];
        let facts = about::load(&world.ctx, &subjects).await.unwrap();
        assert_eq!(facts[1].contact.email, "taro@customer.example");
        let mut nothing = Facts::default();
        nothing.workspace.id = stranger.workspace.to_string();
        nothing.workspace.name = "Elsewhere".to_owned();
        assert_eq!(facts[0], nothing);
        world
    });
}

#[test]
fn a_template_is_tried_on_an_account() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, new).await.unwrap().id;
        let stranger = World::workspace(ctx, "Elsewhere", "else.example").await;
        let door = Door::new(ctx);
        let document = "query($input: PreviewNotificationTemplateInput!) { \
            previewNotificationTemplate(input: $input) { text userErrors { message } } }";
        let input = json!({ "input": {
            "template": "{{ account.name }} {{ account.id }} [{{ contact.name }}]",
            "kind": "WEBHOOK", "accountId": acme.to_string(),
        } });
        let shown = door.must(owner, document, input.clone()).await;
        assert_eq!(shown["text"], format!("Acme {acme} []"));
        let refused = door.ask(&stranger, document, &input).await;
        let told = &refused["errors"][0]["extensions"];
        assert_eq!(told["argument"], "input.accountId", "{refused}");
        world
    });
}

#[test]
fn a_mistake_in_a_template_that_is_tried_has_its_place_in_the_input() {
    on_both(|world| async move {
        let document = "query($input: PreviewNotificationTemplateInput!) { \
            previewNotificationTemplate(input: $input) { text userErrors { path } } }";
        let input = json!({ "input": { "template": "{{ nobody.name }}", "kind": "SLACK" } });
        let door = Door::new(&world.ctx);
        let answer = door.ask(&world.owner, document, &input).await;
        let tried = &answer["data"]["previewNotificationTemplate"];
        assert_eq!(
            tried["userErrors"],
            json!([{ "path": ["template"] }]),
            "{answer}"
        );
        world
    });
}
