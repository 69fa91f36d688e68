//! Trying rules on what came in before.

use chrono::TimeDelta;
use domain::{
    access::Origin,
    action::Effect,
    condition::{Condition, TagMode},
    error::UserErrorCode::{Invalid, KindMismatch, NotFound},
    rule::{
        Limits,
        definition::{Definition, always},
        rehearse::{Following, Subject, rehearse},
        trigger::{ConversationTagAdded, ConversationWaiting, Trigger},
    },
    store::Query,
};
use entity::{id::RuleId, kind::TagKind};
use uuid::Uuid;

use super::{limit::bring, on, refused, tag_with};
use crate::support::{
    World,
    engine::{conversation_has, notify, tag_conversation, words},
    on_both,
};

pub(super) async fn rows(world: &World, table: &str) -> i64 {
    let count = Query::new(format!("SELECT COUNT(*) FROM {table}"));
    count.scalar(world.ctx.reader()).await.unwrap().unwrap()
}

#[test]
fn a_draft_says_what_it_would_have_done_and_does_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Price", None).await;
        let sales = world.target("sales").await;
        let follows = Trigger::ConversationTagAdded(ConversationTagAdded {
            tag_ids: vec![topic.0],
            direct_only: false,
        });
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let follower = on(&world, follows, tag_with(seen)).await;
        world.receive(&[("0", "a@c.example", "an old price")]).await;
        world.clock.advance(TimeDelta::days(20));
        world
            .receive(&[
                ("1", "a@c.example", "the price"),
                ("2", "a@c.example", "the price again"),
                ("3", "b@c.example", "anything"),
            ])
            .await;
        world.clock.advance(TimeDelta::days(1));
        world.receive(&[("4", "b@c.example", "a PRICE")]).await;
        world.drain().await;
        let before = (
            rows(&world, "rule_firing").await,
            rows(&world, "tagging").await,
        );

        // The second of a conversation is not new: the tag would be there by then.
        let untold = conversation_has(TagMode::None, &[topic]);
        let draft = Definition {
            trigger: Trigger::default(),
            condition: Condition::All(vec![words(&["price"]), untold]),
            actions: vec![tag_conversation(topic), notify(sales)],
            limits: Limits::default(),
        };
        let subject = Subject::Draft(Box::new(draft));
        let found = rehearse(ctx, owner, subject, 7).await.unwrap();
        assert!(found.complete);
        assert_eq!((found.messages, found.matches), (4, 2));
        assert_eq!(found.days.values().copied().collect::<Vec<_>>(), [1, 1]);
        assert_eq!(found.samples.len(), 2);
        assert_eq!(
            found.samples[0].matched[0].path,
            ["condition", "all", "0", "keywords"]
        );
        let times: Vec<(bool, i64)> = found
            .effects
            .iter()
            .map(|one| (matches!(one.effect, Effect::Notify { .. }), one.times))
            .collect();
        assert_eq!(times, [(false, 2), (true, 2)]);
        assert!((found.notices_per_week - 2.0).abs() < 0.01, "{found:?}");
        let followers: Vec<Following> = found.followers.iter().map(|one| one.what).collect();
        assert_eq!(followers, [Following::Rule(follower.id)]);

        let after = (
            rows(&world, "rule_firing").await,
            rows(&world, "tagging").await,
        );
        assert_eq!(before, after);
        assert_eq!(rows(&world, "delivery").await, 0);
        world
    });
}

#[test]
fn messages_of_an_archive_are_tried_as_if_they_had_come_in_when_they_were_sent() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Price", None).await;
        let sales = world.target("sales").await;
        bring(&world, Origin::Import, "archived", 8).await;
        bring(&world, Origin::Import, "lately", 6).await;
        let draft = Definition {
            trigger: Trigger::default(),
            condition: always(),
            actions: vec![tag_conversation(topic), notify(sales)],
            limits: Limits::default(),
        };
        let subject = Subject::Draft(Box::new(draft));
        let found = rehearse(ctx, owner, subject, 30).await.unwrap();
        assert_eq!((found.matches, found.late_matches), (2, 1));
        let times: Vec<i64> = found.effects.iter().map(|one| one.times).collect();
        assert_eq!(times, [2, 2], "tagged and told");
        world
    });
}

#[test]
fn a_saved_rule_keeps_its_limits_in_a_rehearsal() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Price", None).await;
        world
            .receive(&[
                ("1", "a@c.example", "x"),
                ("2", "a@c.example", "y"),
                ("3", "b@c.example", "z"),
            ])
            .await;
        world.drain().await;
        let limits = Limits {
            cool_down_minutes: Some(60),
            ..Limits::default()
        };
        let act = vec![tag_conversation(topic)];
        let rule = super::limited(&world, Trigger::default(), always(), act, limits).await;
        let found = rehearse(ctx, owner, Subject::Saved(rule.id), 30)
            .await
            .unwrap();
        assert_eq!((found.messages, found.matches), (3, 2));
        world
    });
}

#[test]
fn what_cannot_be_tried_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let trigger = Trigger::ConversationWaiting(ConversationWaiting {
            minutes: 30,
            business_hours_only: false,
            inbox_ids: Vec::new(),
            channels: Vec::new(),
        });
        let rule = on(&world, trigger, tag_with(seen)).await;
        let nowhere = RuleId(Uuid::from_u128(7));
        for (subject, days, path, code) in [
            (Subject::Saved(rule.id), 30, "trigger", KindMismatch),
            (Subject::Saved(nowhere), 30, "ruleId", NotFound),
            (Subject::Saved(rule.id), 0, "days", Invalid),
            (Subject::Saved(rule.id), 91, "days", Invalid),
        ] {
            let error = rehearse(ctx, owner, subject, days).await.unwrap_err();
            assert_eq!(refused(error), [(path.to_owned(), code)]);
        }
        world
    });
}

#[test]
fn a_rehearsal_neither_waits_for_writers_nor_keeps_them_waiting() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Price", None).await;
        world.receive(&[("1", "a@c.example", "price")]).await;
        world.drain().await;
        let act = vec![tag_conversation(topic)];
        let rule = on(&world, Trigger::default(), act).await;
        let writing = ctx.begin(owner.workspace).await.unwrap();
        let found = rehearse(ctx, owner, Subject::Saved(rule.id), 7).await;
        assert_eq!(found.unwrap().matches, 1);
        writing.rollback().await.unwrap();
        world
    });
}
