//! What refers to a tag, and deleting it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    contact::{self, ContactFilter, ContactOrder},
    error::UserErrorCode,
    page::PageRequest,
    rule,
    tag::{
        Request, TagFilter,
        catalogue::{self, Usage},
        tagging,
    },
};
use entity::id::TagId;

use super::support::{carries, check, contacts, mistakes, one, put, tag, take};
use crate::support::{World, engine::*, on_both};

async fn usage(world: &World, id: TagId) -> Usage {
    let usage = catalogue::usage(&world.ctx, world.owner.workspace, id).await;
    usage.expect("an answer").expect("a tag")
}

#[test]
fn the_usage_tells_everything_that_refers_to_a_tag() {
    on_both(|world| async move {
        let people = contacts(&world, 3).await;
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        put(
            &world,
            &[(people[0], top), (people[1], low), (people[2], low)],
        )
        .await;
        take(&world, &[(people[2], low)]).await;
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(low)])
            .await;
        let told = usage(&world, top).await;
        assert_eq!(told.below, [low]);
        assert_eq!(told.taggings.len(), 1);
        assert_eq!((told.taggings[0].active, told.taggings[0].past), (2, 1));
        assert_eq!(told.uses.len(), 1);
        assert_eq!(told.uses[0].id, rule.id.to_string());
        assert!(told.uses[0].active);
        assert_eq!(usage(&world, top).await.token, told.token, "the same state");
        world
    });
}

#[test]
fn what_was_tagged_once_is_found_as_of_then_though_the_tag_is_gone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 3).await;
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        let deep = tag(&world, "Deep", Some(low)).await;
        put(&world, &[(people[0], low), (people[1], deep)]).await;
        let then = ctx.clock.now();
        world.clock.advance(TimeDelta::hours(1));
        let token = usage(&world, low).await.token;
        catalogue::delete(ctx, owner, low, &token).await.unwrap();
        let found = async |filter: TagFilter| {
            let filter = ContactFilter {
                tags: filter,
                ..ContactFilter::default()
            };
            let order = ContactOrder::CreatedAsc;
            let page = PageRequest::first(10);
            let found = contact::list(ctx, owner.workspace, filter, order, &page).await;
            let found = found.unwrap().rows.into_iter().map(|(_, one)| one.id);
            found.collect::<BTreeSet<_>>()
        };
        let as_of = |tag, at| TagFilter {
            any: vec![tag],
            at,
            ..TagFilter::default()
        };
        let both = BTreeSet::from([people[0], people[1]]);
        assert_eq!(found(as_of(top, Some(then))).await, both);
        assert_eq!(found(as_of(low, Some(then))).await, both);
        let one = BTreeSet::from([people[1]]);
        assert_eq!(found(as_of(deep, Some(then))).await, one);
        assert!(found(as_of(top, Some(ctx.clock.now()))).await.is_empty());
        assert!(found(as_of(low, None)).await.is_empty());
        let without = TagFilter {
            none: vec![top],
            at: Some(then),
            ..TagFilter::default()
        };
        assert_eq!(found(without).await, BTreeSet::from([people[2]]));
        world
    });
}

#[test]
fn a_tag_is_deleted_with_what_is_below_it_and_the_history_keeps_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let root = tag(&world, "Root", None).await;
        let top = tag(&world, "Top", Some(root)).await;
        let low = tag(&world, "Low", Some(top)).await;
        put(
            &world,
            &[(people[0], low), (people[1], top), (people[1], root)],
        )
        .await;
        let token = usage(&world, top).await.token;
        let deleted = catalogue::delete(ctx, owner, top, &token).await.unwrap();
        assert_eq!(deleted.deleted_at, Some(ctx.clock.now()));
        check(&world).await;
        carries(&world, people[0], &[]).await;
        carries(&world, people[1], &[root]).await;
        let page = PageRequest::first(10);
        let history = tagging::history(ctx, owner.workspace, people[0].0, &page).await;
        assert_eq!(history.unwrap().rows[0].1.tag_id, low);
        let loaded = catalogue::load(ctx, owner.workspace, &[low]).await.unwrap();
        assert_eq!(loaded[0].name, "Low");
        let none = catalogue::usage(ctx, owner.workspace, top).await.unwrap();
        assert!(none.is_none());
        let request = [Request::contact(people[0], low)];
        let refused = tagging::tag_many(ctx, owner, &request, "").await;
        assert_eq!(mistakes(refused), one("tagIds", UserErrorCode::NotFound));
        tag(&world, "Top", Some(root)).await;
        check(&world).await;
        world
    });
}

#[test]
fn any_change_since_the_usage_was_shown_forbids_the_deletion() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let top = tag(&world, "Top", None).await;
        put(&world, &[(people[0], top)]).await;
        let in_use = one("usageToken", UserErrorCode::InUse);
        let stale = usage(&world, top).await.token;
        put(&world, &[(people[1], top)]).await;
        let refused = catalogue::delete(ctx, owner, top, &stale).await;
        assert_eq!(mistakes(refused), in_use);
        let stale = usage(&world, top).await.token;
        world.clock.advance(chrono::TimeDelta::seconds(1));
        // One less and one more are as many as before.
        take(&world, &[(people[0], top)]).await;
        put(&world, &[(people[0], top)]).await;
        let refused = catalogue::delete(ctx, owner, top, &stale).await;
        assert_eq!(mistakes(refused), in_use);
        let stale = usage(&world, top).await.token;
        tag(&world, "Low", Some(top)).await;
        let refused = catalogue::delete(ctx, owner, top, &stale).await;
        assert_eq!(mistakes(refused), in_use);
        let refused = catalogue::delete(ctx, owner, top, "").await;
        assert_eq!(mistakes(refused), in_use);
        let token = usage(&world, top).await.token;
        catalogue::delete(ctx, owner, top, &token).await.unwrap();
        check(&world).await;
        world
    });
}

#[test]
fn an_active_rule_forbids_the_deletion_and_a_paused_one_does_not() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = tag(&world, "VIP", None).await;
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(vip)])
            .await;
        let token = usage(&world, vip).await.token;
        let refused = catalogue::delete(ctx, owner, vip, &token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::InUse));
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        let refused = catalogue::delete(ctx, owner, vip, &token).await;
        assert_eq!(mistakes(refused), one("usageToken", UserErrorCode::InUse));
        let token = usage(&world, vip).await.token;
        catalogue::delete(ctx, owner, vip, &token).await.unwrap();
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = catalogue::delete(ctx, &stranger, vip, &token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::NotFound));
        world
    });
}
