//! Rules on both databases: from a message to tags, firings and deliveries.

use chrono::TimeDelta;
use domain::{
    access::Origin,
    action::{Action, OutcomeResult},
    condition::{Condition, TagMode},
    conversation,
    error::UserErrorCode::{Invalid, KindMismatch, NotFound, Required},
    notification::{
        delivery,
        manage::{self, TargetChanges},
    },
    page::PageRequest,
    rule::{
        self, NewRule, RuleChanges, RuleFilter,
        firing::{self, FiringsOf},
        trigger::{MessageReceived, Trigger},
    },
    store::Query,
    tag::{Request, catalogue, tagging},
};
use entity::{
    id::{RuleId, TagId, TargetId},
    kind::{Direction, TagKind, TagTarget},
};
use serde_json::json;
use uuid::Uuid;

use super::{contact_of, refused};
use crate::support::{
    World,
    engine::{Receiver, contact_has, notify, tag_contact, tag_conversation, words},
    on_both,
};

const ALL: i64 = 100;

async fn firings_of(world: &World, of: FiringsOf) -> Vec<entity::rule_firing::Model> {
    let page = PageRequest::first(ALL);
    let firings = firing::list(&world.ctx, world.owner.workspace, of, &page).await;
    let firings = firings.unwrap().rows.into_iter();
    firings.map(|(_, firing)| firing).collect()
}

#[test]
fn a_message_about_partnership_gets_its_conversation_tag() {
    on_both(|world| async move {
        let tag = world
            .tag(TagKind::Conversation, "パートナーシップの問い合わせ", None)
            .await;
        let condition = words(&["パートナーシップ", "コラボレーション", "アフィリエイト"]);
        let rule = world
            .rule("提携", condition, vec![tag_conversation(tag)])
            .await;
        let messages = world
            .receive(&[
                ("a", "taro@customer.example", "ﾊﾟｰﾄﾅｰｼｯﾌﾟについて伺いたいです"),
                ("b", "hanako@customer.example", "請求書を送ってください"),
            ])
            .await;
        world.drain().await;

        let firings = firings_of(&world, FiringsOf::Rule(rule.id)).await;
        assert_eq!(firings.len(), 1);
        assert_eq!(firings[0].message_id, Some(messages[0]));
        let matched = firing::matched(&firings[0]).unwrap();
        assert_eq!(matched[0].path, ["condition", "keywords"]);
        let outcomes = firing::outcomes(&firings[0]).unwrap();
        assert_eq!(outcomes[0].result, OutcomeResult::Tagged);

        let conversation = firings[0].conversation_id.unwrap();
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let taggings = tagging::load_active(ctx, workspace, &[conversation.0]).await;
        let taggings = taggings.unwrap();
        assert_eq!(taggings.len(), 1);
        assert_eq!(taggings[0].tag_id, tag);
        assert_eq!(taggings[0].target, TagTarget::Conversation);
        assert_eq!(taggings[0].added_reason, "提携");
        let by: Origin = serde_json::from_value(taggings[0].added_by.clone()).unwrap();
        let (rule_id, version) = (rule.id, 1);
        assert_eq!(by, Origin::Rule { rule_id, version });
        world
    });
}

#[test]
fn a_message_from_a_vip_notifies_the_sales_channel() {
    on_both(|world| async move {
        let customer = world.tag(TagKind::Contact, "Customer", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", Some(customer)).await;
        let sales = world.target("sales").await;
        let condition = contact_has(TagMode::Any, &[customer]);
        let rule = world
            .rule("VIP <wrote>", condition, vec![notify(sales)])
            .await;
        world
            .receive(&[("a", "taro@customer.example", "first")])
            .await;
        let taro = contact_of(&world, "taro@customer.example").await;
        let request = Request::contact(taro, vip);
        tagging::tag_many(&world.ctx, &world.owner, &[request], "")
            .await
            .unwrap();
        world.drain().await;
        // The rule sees the tags at the time of evaluation, also those put on since.
        let firings = firings_of(&world, FiringsOf::Contact(taro)).await;
        assert_eq!(firings.len(), 1);
        let outcomes = firing::outcomes(&firings[0]).unwrap();
        let OutcomeResult::Queued { delivery_id, .. } = outcomes[0].result else {
            panic!("{outcomes:?}")
        };

        let receiver = Receiver::default();
        let turn = world.deliver(&receiver).await;
        assert_eq!((turn.claimed, turn.delivered), (1, 1));
        assert_eq!(receiver.delivery_ids(), [delivery_id.to_string()]);
        let call = &receiver.calls()[0];
        assert_eq!(
            call.url.as_str(),
            "https://hooks.slack.com/services/T1/B1/sales"
        );
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["text"], "VIP &lt;wrote&gt;");
        assert!(body.to_string().contains("taro@customer.example"), "{body}");
        assert!(body.to_string().contains("first"), "{body}");

        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let stored = delivery::find(ctx, workspace, delivery_id).await.unwrap();
        let stored = stored.unwrap();
        assert_eq!(stored.state, entity::kind::DeliveryState::Delivered);
        assert_eq!(stored.rule_id, Some(rule.id));
        assert_eq!(stored.firing_id, Some(firings[0].id));
        assert_eq!(stored.contact_id, Some(taro));
        world
    });
}

#[test]
fn what_a_rule_names_must_exist_here_and_fit() {
    on_both(|world| async move {
        let elsewhere = World::workspace(&world.ctx, "Elsewhere", "else.example").await;
        let foreign = {
            let new = domain::tag::NewTag::named(TagKind::Contact, "VIP");
            let tag = catalogue::create(&world.ctx, &elsewhere, new).await;
            tag.unwrap().id
        };
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let old = world.tag(TagKind::Contact, "Old", None).await;
        catalogue::archive(&world.ctx, &world.owner, old)
            .await
            .unwrap();
        let nowhere = Uuid::from_u128(7);
        let new = NewRule {
            name: " ".to_owned(),
            trigger: Trigger::MessageReceived(MessageReceived {
                inbox_ids: vec![nowhere],
                ..Default::default()
            }),
            condition: contact_has(TagMode::Any, &[foreign, topic, old]),
            actions: vec![tag_contact(old), notify(TargetId(nowhere))],
            limits: rule::Limits::default(),
        };
        let error = rule::create(&world.ctx, &world.owner, new)
            .await
            .unwrap_err();
        let mut found = refused(error);
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            ("actions.0.tagContact.tagIds.0", Invalid),
            ("actions.1.notify.targetId", NotFound),
            ("condition.contactTags.tagIds.0", NotFound),
            ("condition.contactTags.tagIds.1", KindMismatch),
            ("name", Required),
            ("trigger.messageReceived.inboxIds.0", NotFound),
        ];
        let expected = expected.map(|(path, code)| (path.to_owned(), code));
        assert_eq!(found, expected);

        let rule = world
            .rule("mine", words(&["x"]), vec![tag_conversation(topic)])
            .await;
        for error in [
            rule::update(&world.ctx, &elsewhere, rule.id, RuleChanges::default())
                .await
                .unwrap_err(),
            rule::set_active(&world.ctx, &elsewhere, rule.id, false)
                .await
                .unwrap_err(),
            rule::delete(&world.ctx, &elsewhere, rule.id)
                .await
                .unwrap_err(),
        ] {
            assert_eq!(refused(error), [("id".to_owned(), NotFound)]);
        }
        let error = rule::reorder(&world.ctx, &elsewhere, &[rule.id]).await;
        let path = "ruleIds.0".to_owned();
        assert_eq!(refused(error.unwrap_err()), [(path, NotFound)]);
        let found = rule::find(&world.ctx, elsewhere.workspace, rule.id).await;
        assert_eq!(found.unwrap(), None);
        world
    });
}

async fn fire(world: &World, id: &str) -> Vec<(RuleId, i64)> {
    let message = world
        .receive(&[(id, "taro@customer.example", "hello")])
        .await[0];
    world.drain().await;
    let firings = firings_of(world, FiringsOf::Message(message)).await;
    let mut fired: Vec<_> = firings
        .iter()
        .map(|firing| (firing.rule_id, firing.rule_version))
        .collect();
    fired.sort_unstable();
    fired
}

#[test]
fn a_change_of_a_rule_takes_effect_with_the_next_message() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let tag = world.tag(TagKind::Contact, "Greets", None).await;
        assert!(fire(&world, "1").await.is_empty());
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(tag)])
            .await;
        assert!(rule.active);
        assert_eq!(fire(&world, "2").await, [(rule.id, 1)]);

        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        assert!(fire(&world, "3").await.is_empty());
        let same = rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        assert_eq!(same.version, 2);
        rule::set_active(ctx, owner, rule.id, true).await.unwrap();
        assert_eq!(fire(&world, "4").await, [(rule.id, 3)]);

        let changes = RuleChanges {
            condition: Some(words(&["goodbye"])),
            ..Default::default()
        };
        let goodbye = rule::update(ctx, owner, rule.id, changes).await.unwrap();
        assert_eq!((goodbye.version, goodbye.name.as_str()), (4, "greeting"));
        assert!(fire(&world, "5").await.is_empty());

        let other = world
            .rule("other", words(&["hello"]), vec![tag_contact(tag)])
            .await;
        assert_eq!(fire(&world, "6").await, [(other.id, 1)]);
        rule::delete(ctx, owner, other.id).await.unwrap();
        assert!(fire(&world, "7").await.is_empty());
        // Gone from lists and for changes, still there for its firings.
        let page = PageRequest::first(ALL);
        let listed = rule::list(ctx, owner.workspace, &RuleFilter::default(), &page)
            .await
            .unwrap();
        assert_eq!(listed.rows.len(), 1);
        assert!(rule::delete(ctx, owner, other.id).await.is_err());
        let kept = rule::find(ctx, owner.workspace, other.id).await.unwrap();
        assert!(kept.unwrap().deleted_at.is_some());
        world
    });
}

#[test]
fn rules_are_evaluated_in_the_order_members_gave_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let tag = world.tag(TagKind::Contact, "Greets", None).await;
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            let rule = world.rule(name, words(&["hello"]), vec![tag_contact(tag)]);
            ids.push(rule.await.id);
        }
        let moved = rule::reorder(ctx, owner, &[ids[2]]).await.unwrap();
        assert_eq!(moved, 3);
        assert_eq!(rule::reorder(ctx, owner, &[ids[2]]).await.unwrap(), 0);
        let page = PageRequest::first(ALL);
        let listed = rule::list(ctx, owner.workspace, &RuleFilter::default(), &page)
            .await
            .unwrap();
        let listed: Vec<RuleId> = listed.rows.iter().map(|(_, rule)| rule.id).collect();
        assert_eq!(listed, [ids[2], ids[0], ids[1]]);

        assert_eq!(fire(&world, "1").await.len(), 3);
        let taro = contact_of(&world, "taro@customer.example").await;
        let taggings = tagging::load_active(ctx, owner.workspace, &[taro.0]).await;
        assert_eq!(taggings.unwrap()[0].added_reason, "three");
        for firing in firings_of(&world, FiringsOf::Contact(taro)).await {
            let outcomes = firing::outcomes(&firing).unwrap();
            let rule_id = ids[2];
            let expected = if firing.rule_id == rule_id {
                OutcomeResult::Tagged
            } else {
                OutcomeResult::Repeated { rule_id }
            };
            assert_eq!(outcomes[0].result, expected);
        }
        world
    });
}

#[test]
fn actions_whose_tag_or_target_went_away_are_logged_and_the_others_taken() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let old = world.tag(TagKind::Contact, "Old", None).await;
        let tag = world.tag(TagKind::Contact, "Greets", None).await;
        let sales = world.target("sales").await;
        let actions = vec![tag_contact(old), notify(sales), tag_contact(tag)];
        let rule = world.rule("greeting", words(&["hello"]), actions).await;
        catalogue::archive(ctx, owner, old).await.unwrap();
        let off = TargetChanges {
            enabled: Some(false),
            ..Default::default()
        };
        manage::update(ctx, owner, sales, off).await.unwrap();
        assert_eq!(fire(&world, "1").await.len(), 1);
        let firings = firings_of(&world, FiringsOf::Rule(rule.id)).await;
        let outcomes = firing::outcomes(&firings[0]).unwrap();
        let results: Vec<_> = outcomes.into_iter().map(|outcome| outcome.result).collect();
        let expected = [
            OutcomeResult::TagUnavailable,
            OutcomeResult::TargetUnavailable,
            OutcomeResult::Tagged,
        ];
        assert_eq!(results, expected);
        // A rule that names an archived tag can still be renamed.
        let changes = RuleChanges {
            name: Some("greetings".to_owned()),
            ..Default::default()
        };
        let renamed = rule::update(ctx, owner, rule.id, changes).await.unwrap();
        assert_eq!(renamed.name, "greetings");
        world
    });
}

#[test]
fn reading_the_log_again_repeats_nothing() {
    on_both(|world| async move {
        let tag = world.tag(TagKind::Contact, "Greets", None).await;
        let sales = world.target("sales").await;
        let actions: Vec<Action> = vec![tag_contact(tag), notify(sales)];
        world.rule("greeting", words(&["hello"]), actions).await;
        assert_eq!(fire(&world, "1").await.len(), 1);
        let receiver = Receiver::default();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        Query::new("UPDATE projection_cursor SET tx = 0, seq = 0")
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        world.drain().await;
        let taro = contact_of(&world, "taro@customer.example").await;
        assert_eq!(firings_of(&world, FiringsOf::Contact(taro)).await.len(), 1);
        assert_eq!(world.deliver(&receiver).await.claimed, 0);
        world
    });
}

#[test]
fn a_message_at_the_end_of_a_long_chain_is_not_evaluated() {
    on_both(|world| async move {
        let tag: TagId = world.tag(TagKind::Contact, "Greets", None).await;
        world
            .rule("greeting", words(&["hello"]), vec![tag_contact(tag)])
            .await;
        for (id, depth, fires) in [("1", 5, 1), ("2", 6, 0)] {
            let message = world
                .receive(&[(id, "taro@customer.example", "hello")])
                .await[0];
            Query::new("UPDATE change SET depth = $1 WHERE subject_id = $2")
                .bind(depth)
                .bind(message)
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
            world.drain().await;
            let firings = firings_of(&world, FiringsOf::Message(message)).await;
            assert_eq!(firings.len(), fires);
        }
        world
    });
}

#[test]
fn a_mail_that_is_fetched_late_is_judged_by_when_it_was_written() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let late = world.tag(TagKind::Conversation, "Out of hours", None).await;
        // The test's clock begins on a Sunday at noon in Tokyo.
        let weekend =
            json!({ "timeOfDay": { "weekdays": ["SUNDAY"], "from": "11:00", "until": "13:00" } });
        let condition: Condition = serde_json::from_value(weekend).unwrap();
        let rule = world
            .rule("out of hours", condition, vec![tag_conversation(late)])
            .await;
        let sunday = ctx.clock.now();
        world.clock.advance(TimeDelta::days(1));
        let inboxes = domain::inbox::list(ctx, owner.workspace).await.unwrap();
        let message = |id: &str, sent_at| conversation::NewMessage {
            external_id: id.to_owned(),
            thread_keys: vec![format!("thread {id}")],
            whose: "a@customer.example".to_owned().into(),
            name: None,
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: String::new(),
            body: "hello".to_owned(),
            sent_at,
        };
        let messages = vec![message("1", sunday), message("2", ctx.clock.now())];
        let brought = conversation::ingest(ctx, owner, inboxes[0].id, messages).await;
        let brought = brought.unwrap();
        world.drain().await;
        let found = firings_of(&world, FiringsOf::Rule(rule.id)).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message_id, brought[0].message);
        world
    });
}
