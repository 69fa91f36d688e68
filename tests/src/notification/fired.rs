//! What is told of rules that fired on something else than a message.

use std::sync::Arc;

use domain::{
    account::{self, NewAccount},
    action::{Action, Notify},
    contact::{self, NewContact},
    ctx::Ctx,
    notification::{
        Receivers,
        deliver::{self, Limits as Bounds},
        in_app,
        manage::NewTarget,
    },
    page::PageRequest,
    rule::{
        self, Limits, NewRule,
        definition::always,
        trigger::{AccountTagAdded, ContactTagAdded, Trigger},
    },
    tag::{Request, tagging},
};
use entity::kind::{TagKind, TargetKind};
use serde_json::Value;

use crate::support::{
    World,
    engine::{Receiver, notify},
    on_both,
};

/// A rule that does so whenever `trigger` lets it look.
async fn telling(world: &World, name: &str, trigger: Trigger, actions: Vec<Action>) {
    let new = NewRule {
        name: name.to_owned(),
        trigger,
        condition: always(),
        actions,
        limits: Limits::default(),
    };
    rule::create(&world.ctx, &world.owner, new).await.unwrap();
}

#[test]
fn a_webhook_is_told_of_a_rule_whatever_it_waits_for() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let url = "https://receiver.example/hook";
        let target = world
            .target_of(NewTarget::at(TargetKind::Webhook, "crm", url))
            .await;
        let trigger = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![vip.0],
            direct_only: false,
        });
        telling(&world, "new VIPs", trigger, vec![notify(target)]).await;
        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        tagging::tag_many(ctx, owner, &[Request::contact(taro, vip)], "")
            .await
            .unwrap();
        world.drain().await;
        let receiver = Receiver::default();
        world.deliver(&receiver).await;
        let calls = receiver.calls();
        assert_eq!(calls.len(), 1);
        let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
        assert_eq!(body["type"], "rule.fired");
        assert_eq!(body["data"]["rule"]["name"], "new VIPs");
        assert_eq!(body["data"]["playbook"], Value::Null);
        assert_eq!(body["data"]["contact"]["name"], "Taro");
        world
    });
}

#[test]
fn who_is_told_of_an_account_is_told_which() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let linked = Ctx {
            public_url: Some(Arc::new("https://enishi.example/".parse().unwrap())),
            ..ctx.clone()
        };
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let new = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, new).await.unwrap().id;
        let slack = world.target("sales").await;
        let url = "https://receiver.example/hook";
        let hook = world
            .target_of(NewTarget::at(TargetKind::Webhook, "crm", url))
            .await;
        let mail = Receivers {
            addresses: vec!["desk@partner.example".to_owned()],
            ..Receivers::default()
        };
        let mail = world
            .target_of(NewTarget::to(TargetKind::Email, "mail", mail))
            .await;
        let list = Receivers {
            everybody: true,
            ..Receivers::default()
        };
        let list = world
            .target_of(NewTarget::to(TargetKind::InApp, "list", list))
            .await;
        let said = Action::Notify(Notify {
            target_id: hook.0,
            title: None,
            text: Some("{{ account.name }} {{ account.id }} {{ account.link }}".to_owned()),
        });
        let trigger = Trigger::AccountTagAdded(AccountTagAdded {
            tag_ids: vec![vip.0],
            direct_only: false,
        });
        let actions = vec![notify(slack), said, notify(mail), notify(list)];
        telling(&world, "key accounts", trigger, actions).await;
        tagging::tag_many(ctx, owner, &[Request::account(acme, vip)], "")
            .await
            .unwrap();
        world.drain().await;
        let receiver = Receiver::default();
        deliver::run_due(&linked, &receiver, None, Bounds::items(10))
            .await
            .unwrap();

        let link = format!("https://enishi.example/accounts/{acme}");
        let calls = receiver.calls();
        assert_eq!(calls.len(), 2);
        let (hooks, slacks): (Vec<_>, Vec<_>) = calls
            .iter()
            .map(|call| serde_json::from_slice::<Value>(&call.body).unwrap())
            .partition(|body| body["type"].is_string());
        let data = &hooks[0]["data"];
        assert_eq!(data["account"]["id"], acme.to_string());
        assert_eq!(data["account"]["name"], "Acme");
        assert_eq!(data["contact"], Value::Null);
        assert_eq!(data["link"], link);
        assert_eq!(data["text"], format!("Acme {acme} {link}"));
        let shown = slacks[0].to_string();
        assert!(
            shown.contains("*アカウント*") && shown.contains(&link),
            "{shown}"
        );
        let text = &receiver.mails()[0].text;
        assert!(text.starts_with("アカウント: Acme\n"), "{text}");
        let page = PageRequest::first(10);
        let entries = in_app::list(ctx, owner, false, &page).await.unwrap().rows;
        assert_eq!(entries[0].1.body, "アカウント: Acme");
        assert_eq!(entries[0].1.link, Some(link));
        world
    });
}
