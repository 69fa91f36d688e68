//! Rules that lead to each other for too long.

use domain::{
    notification::in_app,
    page::PageRequest,
    rule::{
        miss,
        trigger::{ContactTagAdded, Trigger},
    },
    tag::{Request, tagging},
};
use entity::{
    id::{RuleId, TagId},
    kind::{MissReason, TagKind},
};

use super::{contact_of, firings, on, tag_with};
use crate::support::{World, on_both};

/// Gives a contact the tag that begins the chain.
async fn begin(world: &World, email: &str, tag: TagId) {
    world.receive(&[(email, email, "hello")]).await;
    let contact = contact_of(world, email).await;
    let put = [Request::contact(contact, tag)];
    let tagged = tagging::tag_many(&world.ctx, &world.owner, &put, "").await;
    tagged.expect("a tag");
    world.drain().await;
}

/// Rules of which each leads to the next, the last one beyond where chains end; with the tags that lead to
/// them, and one more.
async fn chain(world: &World) -> (Vec<TagId>, Vec<RuleId>) {
    let mut tags = Vec::new();
    for number in 0..8 {
        let name = format!("Step {number}");
        tags.push(world.tag(TagKind::Contact, &name, None).await);
    }
    let mut rules = Vec::new();
    for step in tags.windows(2) {
        rules.push(on(world, added(step[0]), tag_with(step[1])).await.id);
    }
    (tags, rules)
}

fn added(tag: TagId) -> Trigger {
    Trigger::ContactTagAdded(ContactTagAdded {
        tag_ids: vec![tag.0],
        direct_only: false,
    })
}

#[test]
fn a_chain_that_is_too_long_ends_with_a_miss_and_owners_hear_of_it_once_an_hour() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (tags, rules) = chain(&world).await;
        for (email, minutes, misses, told) in [
            ("a@customer.example", 0, 1, 1),
            ("b@customer.example", 0, 2, 1),
            ("c@customer.example", 60, 3, 2),
        ] {
            world.clock.advance(chrono::TimeDelta::minutes(minutes));
            begin(&world, email, tags[0]).await;
            assert_eq!(firings(&world, rules[5]).await.len(), misses, "{email}");
            assert_eq!(firings(&world, rules[6]).await.len(), 0, "{email}");
            let page = PageRequest::first(10);
            let found = miss::list(ctx, owner.workspace, rules[6], &page).await;
            let found = found.expect("misses").rows.into_iter();
            let reasons: Vec<MissReason> = found.map(|(_, one)| one.reason).collect();
            assert_eq!(reasons, vec![MissReason::TooDeep; misses], "{email}");
            let heard = in_app::list(ctx, owner, false, &page).await;
            assert_eq!(heard.expect("a list").rows.len(), told, "{email}");
        }
        world
    });
}

#[test]
fn of_more_rules_than_are_noted_at_once_each_is_told_once() {
    on_both(|world| async move {
        let (tags, rules) = chain(&world).await;
        let (beyond, seen) = (tags[rules.len() - 1], tags[rules.len()]);
        for _ in 0..41 {
            on(&world, added(beyond), tag_with(seen)).await;
        }
        // 42 rules wait for what comes too late; 40 are noted at once.
        for (email, told) in [("a", 40), ("b", 42), ("c", 42)] {
            begin(&world, &format!("{email}@customer.example"), tags[0]).await;
            let page = PageRequest::first(100);
            let heard = in_app::list(&world.ctx, &world.owner, false, &page).await;
            assert_eq!(heard.expect("a list").rows.len(), told, "{email}");
        }
        world
    });
}
