//! What comes back when a merge of tags is undone, and what stays for what happened since.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    condition::TagMode,
    port::Clock as _,
    rule::{self, RuleChanges},
    tag::{
        NewTaggings, Place,
        catalogue::{self, UseKind},
        tagging,
    },
};
use entity::{
    id::TagId,
    kind::{TagSelection, TagTarget},
};
use uuid::Uuid;

use super::{link_with, merge, segment_of, state, unmerge};
use crate::{
    segment::settle,
    support::{
        engine::{contact_has, tag_contact},
        on_both,
    },
    tag::support::{carries, check, contacts, group, put, tag, tag_in, take},
};

#[test]
fn what_happened_to_a_thing_since_stays() {
    on_both(|world| async move {
        let people = contacts(&world, 6).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let both = [people[1], people[2], people[5]];
        put(&world, &[(people[0], gold), (people[3], gold)]).await;
        for person in both {
            put(&world, &[(person, gold), (person, vip)]).await;
        }
        let id = merge(&world, vip, &[gold]).await;
        world.clock.advance(TimeDelta::days(1));
        take(
            &world,
            &[(people[0], vip), (people[1], vip), (people[5], vip)],
        )
        .await;
        put(&world, &[(people[4], vip), (people[5], vip)]).await;
        // Renewed, it is the same tagging still.
        let until = NewTaggings {
            things: vec![(TagTarget::Contact, people[3].0)],
            tags: vec![vip],
            expires_at: Some(world.clock.now() + TimeDelta::days(30)),
            ..NewTaggings::default()
        };
        let renewed = tagging::tag_things(&world.ctx, &world.owner, until).await;
        assert_eq!(renewed.expect("a renewal").renewed, 1);
        let undone = unmerge(&world, id).await;
        assert_eq!(undone.merge.id, id);
        assert_eq!(undone.tags.len(), 1);
        check(&world).await;
        carries(&world, people[0], &[]).await;
        carries(&world, people[1], &[]).await;
        carries(&world, people[2], &[gold, vip]).await;
        carries(&world, people[3], &[gold]).await;
        carries(&world, people[4], &[vip]).await;
        carries(&world, people[5], &[vip]).await;
        world
    });
}

#[test]
fn what_would_have_ended_by_itself_since_does_not_hold_again() {
    on_both(|world| async move {
        let people = contacts(&world, 3).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        for (person, tag, days) in [
            (people[0], big, 1),
            (people[1], big, 9),
            (people[2], small, 1),
        ] {
            let new = NewTaggings {
                things: vec![(TagTarget::Contact, person.0)],
                tags: vec![tag],
                expires_at: Some(world.clock.now() + TimeDelta::days(days)),
                ..NewTaggings::default()
            };
            let put = tagging::tag_things(&world.ctx, &world.owner, new).await;
            put.expect("a tagging");
        }
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[0], large), (people[1], large)]).await;
        put(&world, &[(people[2], big)]).await;
        let id = merge(&world, large, &[big]).await;
        for person in &people {
            carries(&world, *person, &[large]).await;
        }
        world.clock.advance(TimeDelta::days(2));
        unmerge(&world, id).await;
        carries(&world, people[0], &[large]).await;
        carries(&world, people[1], &[large, big]).await;
        carries(&world, people[2], &[big]).await;
        check(&world).await;
        world
    });
}

#[test]
fn tags_below_come_back_unless_they_were_moved_since() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 3).await;
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        let a_z = tag(&world, "Z", Some(a)).await;
        let b = tag(&world, "B", None).await;
        let b_x = tag(&world, "x", Some(b)).await;
        put(
            &world,
            &[(people[0], a_x), (people[1], a_y), (people[2], b_x)],
        )
        .await;
        let id = merge(&world, b, &[a]).await;
        catalogue::move_to(ctx, owner, a_z, Place::default(), false)
            .await
            .unwrap();
        let undone = unmerge(&world, id).await;
        let back: BTreeSet<TagId> = undone.tags.iter().map(|tag| tag.id).collect();
        assert_eq!(back, BTreeSet::from([a, a_x]));
        check(&world).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let parent = |id| forest.get(id).unwrap().parent_id;
        assert_eq!(parent(a_x), Some(a));
        assert_eq!(parent(a_y), Some(a));
        assert_eq!(parent(a_z), None);
        assert_eq!(parent(b_x), Some(b));
        carries(&world, people[0], &[a_x]).await;
        world
    });
}

#[test]
fn a_tag_that_was_restored_since_does_not_go_back_below_an_archived_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        let b = tag(&world, "B", None).await;
        catalogue::archive(ctx, owner, a).await.unwrap();
        let id = merge(&world, b, &[a]).await;
        catalogue::restore(ctx, owner, a_x).await.unwrap();
        unmerge(&world, id).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let archived = |id| forest.get(id).unwrap().archived_at.is_some();
        let parent = |id| forest.get(id).unwrap().parent_id;
        assert!(archived(a) && archived(a_y) && !archived(a_x));
        assert_eq!((parent(a_x), parent(a_y)), (Some(b), Some(a)));
        check(&world).await;
        world
    });
}

#[test]
fn what_was_taken_off_for_one_value_comes_back_and_a_newer_one_stays() {
    on_both(|world| async move {
        let people = contacts(&world, 2).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], small)]).await;
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[0], big)]).await;
        let id = merge(&world, large, &[big]).await;
        carries(&world, people[0], &[large]).await;
        unmerge(&world, id).await;
        carries(&world, people[0], &[small, big]).await;
        check(&world).await;
        // A value of the group that was put on since would have taken the place of the one that went.
        put(&world, &[(people[1], large)]).await;
        let id = merge(&world, big, &[large]).await;
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[1], small)]).await;
        carries(&world, people[1], &[small, big]).await;
        unmerge(&world, id).await;
        carries(&world, people[1], &[small]).await;
        check(&world).await;
        world
    });
}

#[test]
fn what_named_the_tag_names_it_again_unless_it_was_edited_since() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let other = tag(&world, "Other", None).await;
        put(&world, &[(people[0], gold), (people[1], vip)]).await;
        let asks = || contact_has(TagMode::Any, &[gold]);
        let kept = world.rule("kept", asks(), vec![tag_contact(other)]).await;
        let edited = world.rule("edited", asks(), vec![tag_contact(other)]).await;
        segment_of(&world, "Golden", &[gold]).await;
        link_with(&world, &[gold, other]).await;
        settle(&world).await;
        let before = state(&world).await;
        let id = merge(&world, vip, &[gold]).await;
        settle(&world).await;
        assert_ne!(state(&world).await.members, before.members);
        let changes = RuleChanges {
            actions: Some(vec![tag_contact(vip)]),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, edited.id, changes).await.unwrap();
        let undone = unmerge(&world, id).await;
        let left: Vec<_> = undone
            .left
            .iter()
            .map(|one| (one.kind, &*one.name))
            .collect();
        assert_eq!(left, [(UseKind::Rule, "edited")]);
        settle(&world).await;
        let after = state(&world).await;
        assert_eq!(after.members, before.members);
        assert_eq!(after.links, before.links);
        let find = async |id| rule::find(ctx, owner.workspace, id).await.unwrap().unwrap();
        let names = async |id| {
            let references = find(id).await.definition.references().into_iter();
            references.map(|one| one.id).collect::<BTreeSet<Uuid>>()
        };
        assert_eq!(names(kept.id).await, BTreeSet::from([gold.0, other.0]));
        assert_eq!(names(edited.id).await, BTreeSet::from([vip.0]));
        world
    });
}
