//! What people put on outlasts what rules do, when tags or contacts become one; and what carries tags
//! is right after a merge of contacts is undone, whatever became of the tags meanwhile.

use chrono::TimeDelta;
use domain::{
    contact::merge,
    operation::{self, Limits},
    tag::{
        GroupChanges,
        catalogue::{self, Merge},
        group as groups,
        tagging::{self, NewTaggings},
    },
};
use entity::{
    id::{ContactId, TagId},
    kind::{TagSelection, TagTarget},
};

use super::support::{carries, check, contacts, group, put, tag, tag_in};
use crate::support::{
    World,
    engine::{contact_of, tag_contact, words},
    on_both,
};

/// Whether rules have put on what a contact carries of a tag, if it does.
async fn by_rule(world: &World, who: ContactId, tag: TagId) -> Option<bool> {
    let active = tagging::load_active(&world.ctx, world.owner.workspace, &[who.0]).await;
    let active = active.unwrap().into_iter().find(|one| one.tag_id == tag);
    active.map(|one| one.rule_id.is_some())
}

async fn join(world: &World, source: TagId, target: TagId) {
    let merge = Merge {
        sources: vec![source],
        target,
        keep_newest: false,
    };
    let merged = catalogue::merge(&world.ctx, &world.owner, merge).await;
    merged.unwrap();
}

#[test]
fn merging_never_takes_away_what_a_person_put_on() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let by_hand = tag(&world, "By hand", None).await;
        let vip = tag(&world, "Vip", None).await;
        let rule = world
            .rule("Vip", words(&["buy"]), vec![tag_contact(vip)])
            .await;
        world
            .receive(&[
                ("1", "a@x.example", "buy"),
                ("2", "b@x.example", "buy"),
                ("3", "c@x.example", "no"),
                ("4", "d@x.example", "no"),
            ])
            .await;
        world.drain().await;
        let a = contact_of(&world, "a@x.example").await;
        let b = contact_of(&world, "b@x.example").await;
        let c = contact_of(&world, "c@x.example").await;
        let d = contact_of(&world, "d@x.example").await;
        put(&world, &[(a, by_hand), (c, vip), (d, by_hand)]).await;
        let ends = NewTaggings {
            things: vec![(TagTarget::Contact, d.0)],
            tags: vec![vip],
            expires_at: Some(ctx.clock.now() + TimeDelta::days(1)),
            ..NewTaggings::default()
        };
        tagging::tag_things(ctx, owner, ends).await.unwrap();

        // Of two contacts.
        let merged = merge::merge(ctx, owner, b, c, "").await.unwrap();
        assert_eq!(by_rule(&world, b, vip).await, Some(false));
        check(&world).await;
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(by_rule(&world, b, vip).await, Some(true));
        assert_eq!(by_rule(&world, c, vip).await, Some(false));
        check(&world).await;

        // Of two tags.
        join(&world, by_hand, vip).await;
        check(&world).await;
        for (who, expected) in [(a, false), (b, true), (c, false), (d, false)] {
            assert_eq!(by_rule(&world, who, vip).await, Some(expected));
        }
        let active = tagging::load_active(ctx, owner.workspace, &[d.0]).await;
        assert_eq!(active.unwrap()[0].expires_at, None, "what lasts goes on");
        tagging::withdraw(ctx, owner, rule.id).await.unwrap();
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        carries(&world, a, &[vip]).await;
        carries(&world, b, &[]).await;
        check(&world).await;
        world
    });
}

#[test]
fn a_merge_is_undone_after_its_tags_became_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let (a, b) = (people[0], people[1]);
        let x = tag(&world, "X", None).await;
        let y = tag(&world, "Y", None).await;
        put(&world, &[(a, x), (b, x), (b, y)]).await;
        let merged = merge::merge(ctx, owner, a, b, "").await.unwrap();
        carries(&world, a, &[x, y]).await;
        join(&world, x, y).await;
        carries(&world, a, &[y]).await;
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        carries(&world, a, &[y]).await;
        carries(&world, b, &[y]).await;
        check(&world).await;
        world
    });
}

#[test]
fn a_merge_is_undone_after_its_tag_was_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let (a, b) = (people[0], people[1]);
        let x = tag(&world, "X", None).await;
        put(&world, &[(a, x), (b, x)]).await;
        let merged = merge::merge(ctx, owner, a, b, "").await.unwrap();
        let usage = catalogue::usage(ctx, owner.workspace, x).await.unwrap();
        let token = usage.unwrap().token;
        catalogue::delete(ctx, owner, x, &token).await.unwrap();
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        carries(&world, a, &[]).await;
        carries(&world, b, &[]).await;
        check(&world).await;
        world
    });
}

#[test]
fn a_merge_is_undone_after_its_group_takes_one_value() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let (a, b) = (people[0], people[1]);
        let size = group(&world, "Size", TagSelection::Multi).await;
        let large = tag_in(&world, "Large", size).await;
        let small = tag_in(&world, "Small", size).await;
        put(&world, &[(a, large), (b, large)]).await;
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(b, small)]).await;
        let merged = merge::merge(ctx, owner, a, b, "").await.unwrap();
        carries(&world, a, &[large, small]).await;
        let single = GroupChanges {
            selection: Some(TagSelection::Single),
            keep_newest: true,
            ..Default::default()
        };
        groups::update(ctx, owner, size, single).await.unwrap();
        carries(&world, a, &[small]).await;
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        carries(&world, b, &[small]).await;
        check(&world).await;
        // The group knows of what was given back: another value takes its place.
        put(&world, &[(b, large)]).await;
        carries(&world, b, &[large]).await;
        check(&world).await;
        world
    });
}
