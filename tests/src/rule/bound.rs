//! What bounds rules on changes: those that answer each other come to rest, a condition asks only what the trigger
//! has, and of changes that no rule fires on only a sample is noted.

use domain::{
    action::{Action, TagConversation, UntagContact},
    event,
    rule::trigger::{ContactCreated, ContactTagAdded, ContactTagRemoved, EventTracked, Trigger},
    tag::Request,
};
use entity::kind::TagKind;

use super::{
    contact_of, firings, on, tag_with, tags_of,
    trigger::{conversation_with, count, put},
};
use crate::support::on_both;

#[test]
fn two_rules_that_answer_each_other_come_to_rest() {
    on_both(|world| async move {
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let ids = vec![hot.0];
        let added = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: ids.clone(),
            direct_only: false,
        });
        let off = Action::UntagContact(UntagContact {
            tag_ids: ids.clone(),
            even_if_set_by_member: true,
        });
        let off = on(&world, added, vec![off]).await;
        let removed = Trigger::ContactTagRemoved(ContactTagRemoved {
            tag_ids: ids,
            direct_only: false,
        });
        let back = on(&world, removed, tag_with(hot)).await;
        conversation_with(&world, "1", "taro@customer.example").await;
        let taro = contact_of(&world, "taro@customer.example").await;
        put(&world, Request::contact(taro, hot)).await;
        world.drain().await;
        // On, off, on: then each has fired once on this contact in this cascade.
        count(&firings(&world, off.id).await, 1, "off");
        let found = firings(&world, back.id).await;
        count(&found, 1, "on again");
        assert_eq!(found[0].depth, 1);
        assert_eq!(tags_of(&world, taro.0).await, [hot]);
        let page = domain::page::PageRequest::first(10);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let misses = domain::rule::miss::list(ctx, workspace, off.id, &page).await;
        let reasons: Vec<_> = misses
            .unwrap()
            .rows
            .iter()
            .map(|(_, one)| one.reason)
            .collect();
        assert_eq!(reasons, [entity::kind::MissReason::Loop]);
        world
    });
}

#[test]
fn a_condition_that_the_trigger_has_no_facts_for_is_refused() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let trigger = Trigger::ContactCreated(ContactCreated {
            except_imported: true,
        });
        let mut actions = tag_with(seen);
        actions.push(Action::TagConversation(TagConversation {
            tag_ids: vec![topic.0],
            expires_in_seconds: None,
            while_in_segment_id: None,
        }));
        let new = domain::rule::NewRule {
            name: "impossible".to_owned(),
            trigger,
            condition: crate::support::engine::words(&["hello"]),
            actions,
            limits: domain::rule::Limits::default(),
        };
        let error = domain::rule::create(&world.ctx, &world.owner, new).await;
        let paths: Vec<String> = super::refused(error.unwrap_err())
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["condition.keywords", "actions.1.tagConversation"]);
        world
    });
}

#[test]
fn of_changes_that_no_rule_fires_on_a_sample_is_noted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let viewed = Trigger::EventTracked(EventTracked {
            names: vec!["viewed".to_owned()],
            ..EventTracked::default()
        });
        let never = serde_json::json!({"contactTags": {"mode": "ANY", "tagIds": [seen.0]}});
        let never = serde_json::from_value(never).unwrap();
        let limits = domain::rule::Limits::default();
        let rule = super::limited(&world, viewed, never, tag_with(seen), limits).await;
        for batch in 0..10 {
            let events = (0..30).map(|n| event::NewEvent {
                external_id: format!("{batch}-{n}"),
                whose: "taro@customer.example".to_owned().into(),
                name: "viewed".to_owned(),
                properties: serde_json::json!({}),
                occurred_at: ctx.clock.now(),
            });
            event::ingest(ctx, owner, events.collect()).await.unwrap();
            world.drain().await;
        }
        let page = domain::page::PageRequest::first(100);
        let misses = domain::rule::miss::list(ctx, owner.workspace, rule.id, &page).await;
        let misses = misses.unwrap().rows;
        // One of sixteen of 300.
        assert!((1..60).contains(&misses.len()), "{}", misses.len());
        for (_, miss) in &misses {
            assert_eq!(miss.reason, entity::kind::MissReason::Condition);
            assert!(miss.trace.is_some());
        }
        world
    });
}
