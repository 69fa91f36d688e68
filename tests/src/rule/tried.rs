//! Trying rules on what the change log tells.

use chrono::TimeDelta;
use domain::{
    condition::{Condition, ContactTags, TagMode, TagTest},
    conversation,
    rule::{
        Limits, OncePer,
        definition::{Definition, always},
        rehearse::{Rehearsal, Subject, rehearse},
        trigger::{ContactTagAdded, ConversationOpened, EventTracked, Trigger},
    },
    tag::{Request, tagging},
};
use entity::{
    id::TagId,
    kind::{ConversationStatus, TagKind},
};

use super::{contact_of, on, tag_with};
use crate::support::{World, on_both};

async fn tried(world: &World, definition: Definition, days: i64) -> Rehearsal {
    // Only what is settled is read, and other tests' transactions may hold that up.
    world.drain().await;
    let subject = Subject::Draft(Box::new(definition));
    let found = rehearse(&world.ctx, &world.owner, subject, days).await;
    found.expect("a rehearsal")
}

fn added(tag: TagId) -> Trigger {
    Trigger::ContactTagAdded(ContactTagAdded {
        tag_ids: vec![tag.0],
        direct_only: false,
    })
}

fn has(tag: TagId) -> Condition {
    Condition::ContactTags(ContactTags(TagTest {
        mode: TagMode::Any,
        tag_ids: vec![tag.0],
        with_descendants: true,
    }))
}

async fn put(world: &World, email: &str, tag: TagId) {
    let contact = contact_of(world, email).await;
    let put = [Request::contact(contact, tag)];
    let tagged = tagging::tag_many(&world.ctx, &world.owner, &put, "").await;
    tagged.expect("a tag");
}

#[test]
fn a_rule_on_tags_is_tried_on_the_tags_of_the_time() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let messages = [("1", "a@c.example", "hello"), ("2", "b@c.example", "hello")];
        world.receive(&messages).await;
        world.drain().await;
        // One was hot when it became a VIP, the other became it later.
        put(&world, "a@c.example", hot).await;
        world.clock.advance(TimeDelta::hours(1));
        put(&world, "a@c.example", vip).await;
        put(&world, "b@c.example", vip).await;
        world.clock.advance(TimeDelta::hours(1));
        put(&world, "b@c.example", hot).await;
        world.clock.advance(TimeDelta::hours(1));
        let draft = |condition| Definition {
            trigger: added(vip),
            condition,
            actions: tag_with(seen),
            limits: Limits::default(),
        };
        let found = tried(&world, draft(always()), 7).await;
        assert!(found.complete, "{found:?}");
        assert_eq!((found.messages, found.changes, found.matches), (0, 4, 2));
        assert_eq!(found.effects[0].times, 2);
        let found = tried(&world, draft(has(hot)), 7).await;
        assert_eq!(found.matches, 1);
        let contact = contact_of(&world, "a@c.example").await;
        assert_eq!(found.samples[0].case.contact, Some(contact));
        assert_eq!(found.samples[0].matched.len(), 1);
        world.clock.advance(TimeDelta::days(8));
        let found = tried(&world, draft(always()), 7).await;
        assert_eq!((found.changes, found.matches), (0, 0));
        world
    });
}

#[test]
fn a_rule_on_conversations_keeps_its_limits_in_a_rehearsal() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let messages = [("1", "a@c.example", "hello"), ("2", "b@c.example", "hello")];
        let received = world.receive(&messages).await;
        world.drain().await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let message = conversation::find_message(ctx, owner.workspace, received[0]).await;
        let conversation = message.unwrap().expect("a message").conversation_id;
        for status in [ConversationStatus::Closed, ConversationStatus::Open] {
            let set = conversation::set_status(ctx, owner, conversation, status).await;
            set.expect("a status");
        }
        let draft = |once_per| Definition {
            trigger: Trigger::ConversationOpened(ConversationOpened {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: Vec::new(),
                reopened_only: false,
            }),
            condition: always(),
            actions: tag_with(seen),
            limits: Limits {
                once_per,
                ..Limits::default()
            },
        };
        assert_eq!(tried(&world, draft(None), 7).await.matches, 3);
        let once = tried(&world, draft(Some(OncePer::Contact)), 7).await;
        assert_eq!(once.matches, 2);
        world
    });
}

#[test]
fn a_rule_does_not_fire_on_what_it_would_lead_to_itself() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let above = world.tag(TagKind::Contact, "Above", None).await;
        let below = world.tag(TagKind::Contact, "Below", Some(above)).await;
        world.receive(&[("1", "a@c.example", "hello")]).await;
        world.drain().await;
        // What it puts on lets it look again.
        let rule = on(&world, added(above), tag_with(below)).await;
        put(&world, "a@c.example", above).await;
        world.drain().await;
        let found = rehearse(ctx, owner, Subject::Saved(rule.id), 7).await;
        let found = found.expect("a rehearsal");
        assert_eq!((found.changes, found.matches), (2, 1));
        world
    });
}

#[test]
fn a_rule_on_events_finds_none_where_none_was_told() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let draft = Definition {
            trigger: Trigger::EventTracked(EventTracked {
                names: vec!["bought".to_owned()],
                ..EventTracked::default()
            }),
            condition: always(),
            actions: tag_with(seen),
            limits: Limits::default(),
        };
        let found = tried(&world, draft, 30).await;
        assert!(found.complete);
        assert_eq!((found.changes, found.matches), (0, 0));
        world
    });
}
