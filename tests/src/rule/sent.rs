//! Rules on messages that are sent, and the channels of messages.

use chrono::TimeDelta;
use domain::{
    condition::Condition,
    conversation::{self, NewMessage},
    inbox,
    rule::{
        Limits, Rule,
        definition::{Definition, always},
        rehearse::{Following, Subject, rehearse},
        trigger::{ContactTagAdded, ConversationOpened, MessageReceived, MessageSent, Trigger},
        why::{Reason, why},
    },
};
use entity::{
    id::MessageId,
    kind::{Author, Channel, Direction, TagKind},
};

use super::{contact_of, firings, limited, on, tag_with, tags_of};
use crate::support::{World, engine::words, on_both};

/// Brings in messages to one contact, told as (id, who wrote, body).
async fn sent(world: &World, messages: &[(&str, Author, &str)]) -> Vec<MessageId> {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.expect("inboxes");
    let messages = messages.iter().zip(0..);
    let messages = messages.map(|(&(id, author, body), n)| NewMessage {
        external_id: id.to_owned(),
        thread_keys: vec!["thread".to_owned()],
        whose: "a@c.example".to_owned().into(),
        name: None,
        direction: Direction::Outbound,
        author: Some(author),
        automatic: false,
        subject: String::new(),
        body: body.to_owned(),
        sent_at: ctx.clock.now() + TimeDelta::seconds(n),
    });
    let ingested = conversation::ingest(ctx, owner, inboxes[0].id, messages.collect()).await;
    let ingested = ingested.expect("messages").into_iter();
    ingested.filter_map(|one| one.message).collect()
}

fn by(authors: &[Author]) -> Trigger {
    Trigger::MessageSent(MessageSent {
        authors: authors.to_vec(),
        ..MessageSent::default()
    })
}

async fn channels_of(world: &World) -> (Channel, Channel) {
    let inboxes = inbox::list(&world.ctx, world.owner.workspace).await;
    let there = inboxes.expect("inboxes")[0].channel;
    let elsewhere = [Channel::Email, Channel::Line];
    let elsewhere = elsewhere.into_iter().find(|one| *one != there);
    (there, elsewhere.expect("another channel"))
}

/// The messages the rule fired on, in the order of their ids.
async fn fired(world: &World, rule: &Rule) -> Vec<MessageId> {
    let found = firings(world, rule.id).await.into_iter();
    let mut messages: Vec<MessageId> = found.filter_map(|one| one.message_id).collect();
    messages.sort_unstable();
    messages
}

fn sorted<const N: usize>(mut messages: [MessageId; N]) -> [MessageId; N] {
    messages.sort_unstable();
    messages
}

#[test]
fn a_rule_looks_at_what_is_sent_by_whom_it_waits_for() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let price = || words(&["price"]);
        let rule = |trigger: Trigger, condition: Condition| {
            limited(
                &world,
                trigger,
                condition,
                tag_with(seen),
                Limits::default(),
            )
        };
        let any = rule(by(&[]), price()).await;
        let program = rule(by(&[Author::Automation]), always()).await;
        let comes_in = rule(Trigger::default(), price()).await;
        let begins = Trigger::ConversationOpened(ConversationOpened {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            from: Vec::new(),
            reopened_only: false,
        });
        let opened = rule(begins, always()).await;
        let told = [
            ("1", Author::Member, "the price"),
            ("2", Author::Automation, "thank you"),
            ("3", Author::Automation, "a price"),
        ];
        let ids = sent(&world, &told).await;
        world.drain().await;
        assert_eq!(fired(&world, &any).await, sorted([ids[0], ids[2]]));
        assert_eq!(fired(&world, &program).await, sorted([ids[1], ids[2]]));
        assert!(fired(&world, &comes_in).await.is_empty());
        assert_eq!(firings(&world, opened.id).await.len(), 1);
        let contact = contact_of(&world, "a@c.example").await;
        assert_eq!(tags_of(&world, contact.0).await, [seen]);

        // What a contact writes is for the other.
        let came = world.receive(&[("4", "a@c.example", "which price")]).await;
        world.drain().await;
        assert_eq!(fired(&world, &any).await.len(), 2);
        assert_eq!(fired(&world, &comes_in).await, [came[0]]);

        let workspace = world.owner.workspace;
        let reason = async |rule: &Rule, message| {
            let found = why(&world.ctx, workspace, rule, message).await.unwrap();
            found.map(|why| why.reason)
        };
        assert_eq!(reason(&any, ids[0]).await, Some(Reason::Fired));
        assert_eq!(reason(&program, ids[0]).await, Some(Reason::Trigger));
        assert_eq!(reason(&any, came[0]).await, None);
        assert_eq!(reason(&comes_in, ids[0]).await, None);
        world
    });
}

#[test]
fn messages_are_let_in_by_their_channel() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let (there, elsewhere) = channels_of(&world).await;
        let received = |channel| {
            Trigger::MessageReceived(MessageReceived {
                channels: vec![channel],
                ..MessageReceived::default()
            })
        };
        let goes = |channel| {
            Trigger::MessageSent(MessageSent {
                channels: vec![channel],
                ..MessageSent::default()
            })
        };
        let mut rules = Vec::new();
        for (trigger, times) in [
            (received(there), 1),
            (received(elsewhere), 0),
            (goes(there), 1),
            (goes(elsewhere), 0),
        ] {
            rules.push((on(&world, trigger, tag_with(seen)).await, times));
        }
        world.receive(&[("1", "a@c.example", "hello")]).await;
        sent(&world, &[("2", Author::Member, "hello")]).await;
        world.drain().await;
        for (rule, times) in &rules {
            assert_eq!(firings(&world, rule.id).await.len(), *times);
        }
        world
    });
}

#[test]
fn a_rule_on_messages_sent_is_tried_on_those_and_leads_on() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let after = world.tag(TagKind::Contact, "After", None).await;
        let added = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![seen.0],
            direct_only: false,
        });
        let follows = on(&world, added, tag_with(after)).await;
        let message = [("1", Author::Member, "x"), ("2", Author::Automation, "y")];
        world.receive(&[("0", "a@c.example", "hello")]).await;
        sent(&world, &message).await;
        world.drain().await;
        let draft = Definition {
            trigger: by(&[Author::Member]),
            condition: always(),
            actions: tag_with(seen),
            limits: Limits::default(),
        };
        let subject = Subject::Draft(Box::new(draft));
        let found = rehearse(&world.ctx, &world.owner, subject, 7).await;
        let found = found.expect("a rehearsal");
        assert_eq!((found.messages, found.matches), (2, 1));
        let followers: Vec<Following> = found.followers.iter().map(|one| one.what).collect();
        assert_eq!(followers, [Following::Rule(follows.id)]);

        // At work, what follows is one step deeper, and the same message sets it off once.
        let rule = on(&world, by(&[Author::Member]), tag_with(seen)).await;
        sent(&world, &[("3", Author::Member, "z")]).await;
        sent(&world, &[("3", Author::Member, "z")]).await;
        world.drain().await;
        assert_eq!(firings(&world, rule.id).await.len(), 1);
        let deeper = firings(&world, follows.id).await;
        let depths: Vec<i64> = deeper.iter().map(|one| one.depth).collect();
        assert_eq!(depths, [1]);
        world
    });
}
