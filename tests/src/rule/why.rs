//! Why a rule did or did not fire on a message.

use chrono::TimeDelta;
use domain::{
    condition::{Condition, TagMode, trace::Actual},
    event::{self, NewEvent},
    rule::{
        self, Limits, Rule, RuleChanges, firing,
        trigger::Trigger,
        why::{Reason, Why, why},
    },
};
use entity::{id::MessageId, kind::TagKind};

use super::{limited, tag_with};
use crate::support::{
    World,
    engine::{contact_has, words},
    on_both,
};

async fn receive(world: &World, id: &str, body: &str) -> MessageId {
    let message = world.receive(&[(id, "a@c.example", body)]).await[0];
    world.drain().await;
    message
}

async fn asked(world: &World, rule: &Rule, message: MessageId) -> Why {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    // As it is today, which may not be what it was.
    let rule = rule::find(ctx, workspace, rule.id).await.unwrap().unwrap();
    why(ctx, workspace, &rule, message).await.unwrap().unwrap()
}

#[test]
fn the_limit_that_held_it_back_is_named() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let told = world.tag(TagKind::Contact, "Told", None).await;
        let limits = Limits {
            cool_down_minutes: Some(60),
            ..Limits::default()
        };
        receive(&world, "0", "before anything").await;
        let contact = super::contact_of(&world, "a@c.example").await;
        let request = domain::tag::Request::contact(contact, vip);
        domain::tag::tagging::tag_many(&world.ctx, &world.owner, &[request], "")
            .await
            .unwrap();
        world.clock.advance(TimeDelta::minutes(1));
        let is_vip = contact_has(TagMode::Any, &[vip]);
        let rule = limited(&world, Trigger::default(), is_vip, tag_with(told), limits).await;
        world.clock.advance(TimeDelta::minutes(1));
        let first = receive(&world, "1", "hello").await;
        world.clock.advance(TimeDelta::minutes(5));
        let second = receive(&world, "2", "hello again").await;
        let found = asked(&world, &rule, first).await;
        assert_eq!(found.reason, Reason::Fired);
        assert_eq!(found.firing.unwrap().message_id, Some(first));
        let found = asked(&world, &rule, second).await;
        assert_eq!(found.reason, Reason::CoolDown);
        assert!(found.trace.fires, "trigger and condition hold");
        world
    });
}

#[test]
fn a_firing_tells_of_every_condition_whether_it_mattered_or_not() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        for n in 0..2 {
            let event = NewEvent {
                external_id: format!("{n}"),
                whose: "a@c.example".to_owned().into(),
                name: "bought".to_owned(),
                properties: serde_json::json!({}),
                occurred_at: ctx.clock.now(),
            };
            event::ingest(ctx, owner, vec![event]).await.unwrap();
        }
        let often = serde_json::json!({"events": {"names": ["bought"],
            "tests": [{"measure": "COUNT", "is": {"atLeast": 5}}]}});
        let often: Condition = serde_json::from_value(often).unwrap();
        // The words decide: what the database knows is told all the same.
        let either = Condition::Any(vec![words(&["hello"]), often]);
        let none = Limits::default();
        let rule = limited(&world, Trigger::default(), either, tag_with(seen), none).await;
        let message = receive(&world, "1", "hello").await;
        let fired = super::firings(&world, rule.id).await;
        assert_eq!(fired.len(), 1);
        let trace = firing::trace(&fired[0]).unwrap().expect("a trace");
        let verdicts: Vec<_> = trace
            .nodes
            .iter()
            .map(|node| (node.path.last().unwrap().as_str(), node.holds))
            .collect();
        assert_eq!(
            verdicts,
            [("any", true), ("keywords", true), ("events", false)]
        );
        let two = Actual::Values(vec!["2".to_owned()]);
        assert_eq!(trace.nodes[2].actual, Some(two));
        assert!(!trace.cut);
        // It stays what it was, whatever happens later.
        let event = NewEvent {
            external_id: "later".to_owned(),
            whose: "a@c.example".to_owned().into(),
            name: "bought".to_owned(),
            properties: serde_json::json!({}),
            occurred_at: ctx.clock.now(),
        };
        event::ingest(ctx, owner, vec![event]).await.unwrap();
        let found = asked(&world, &rule, message).await;
        assert_eq!((found.reason, found.trace), (Reason::Fired, trace));
        world
    });
}

#[test]
fn a_message_is_judged_by_the_rule_and_the_tags_of_its_time() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let early = receive(&world, "0", "price").await;
        world.clock.advance(TimeDelta::minutes(1));
        let new = contact_has(TagMode::None, &[seen]);
        let none = Limits::default;
        let once = limited(&world, Trigger::default(), new, tag_with(seen), none()).await;
        let greets = words(&["hello"]);
        let rule = limited(&world, Trigger::default(), greets, tag_with(seen), none()).await;
        world.clock.advance(TimeDelta::minutes(1));
        let message = receive(&world, "1", "price").await;
        assert_eq!(asked(&world, &rule, early).await.reason, Reason::MadeLater);

        // The first rule has put the tag on since that it asks for.
        let found = asked(&world, &once, message).await;
        assert_eq!(found.reason, Reason::Fired);
        assert!(found.trace.fires, "it did not carry the tag then");

        world.clock.advance(TimeDelta::minutes(1));
        let changes = RuleChanges {
            condition: Some(words(&["price"])),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes).await.unwrap();
        let found = asked(&world, &rule, message).await;
        assert_eq!((found.reason, found.version), (Reason::Condition, 1));
        assert_eq!(found.condition, rule.definition.condition);

        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        world.clock.advance(TimeDelta::minutes(1));
        let late = receive(&world, "2", "price").await;
        let found = asked(&world, &rule, late).await;
        assert_eq!(found.reason, Reason::Inactive);
        assert!(found.trace.fires);

        // No message, and none of another workspace.
        let nothing = MessageId(uuid::Uuid::from_u128(7));
        let found = why(ctx, owner.workspace, &rule, nothing).await;
        assert!(found.unwrap().is_none());
        world
    });
}
