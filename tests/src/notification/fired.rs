//! What is told of rules that fired on something else than a message.

use domain::{
    contact::{self, NewContact},
    notification::manage::NewTarget,
    rule::{
        self, Limits, NewRule,
        definition::always,
        trigger::{ContactTagAdded, Trigger},
    },
    tag::{Request, tagging},
};
use entity::{
    id::TargetId,
    kind::{TagKind, TargetKind},
};
use serde_json::Value;

use crate::support::{
    World,
    engine::{Receiver, notify},
    on_both,
};

/// A rule that tells `targets` of whatever `trigger` lets it see.
async fn telling(world: &World, name: &str, trigger: Trigger, targets: &[TargetId]) {
    let new = NewRule {
        name: name.to_owned(),
        trigger,
        condition: always(),
        actions: targets.iter().copied().map(notify).collect(),
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
        telling(&world, "new VIPs", trigger, &[target]).await;
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
