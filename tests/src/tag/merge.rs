//! Merging tags.

use std::collections::BTreeSet;

use domain::{
    condition::TagMode,
    contact,
    error::{Error, UserErrorCode},
    page::PageRequest,
    rule::{self, NewRule, trigger::Trigger},
    tag::{
        NewTag, NewTaggings, Place,
        catalogue::{self, Merge},
        tagging,
    },
};
use entity::{
    id::TagId,
    kind::{TagKind, TagSelection, TagTarget},
};

use super::support::{carries, check, contacts, group, mistakes, one, put, tag, tag_in, take};
use crate::support::{World, engine::*, on_both};

fn into(target: TagId, sources: &[TagId]) -> Merge {
    Merge {
        sources: sources.to_vec(),
        target,
        keep_newest: false,
    }
}

#[test]
fn taggings_follow_with_their_intervals_and_what_carries_both_keeps_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 4).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let began = ctx.clock.now();
        put(
            &world,
            &[(people[0], gold), (people[1], gold), (people[3], gold)],
        )
        .await;
        take(&world, &[(people[3], gold)]).await;
        world.clock.advance(chrono::TimeDelta::days(1));
        put(&world, &[(people[1], vip), (people[2], vip)]).await;
        world.clock.advance(chrono::TimeDelta::days(1));
        let kept = catalogue::merge(ctx, owner, into(vip, &[gold]))
            .await
            .unwrap();
        assert_eq!(kept.tag.id, vip);
        check(&world).await;
        for person in &people[..3] {
            carries(&world, *person, &[vip]).await;
        }
        let history = async |place: usize| {
            let page = PageRequest::first(10);
            let rows = tagging::history(ctx, owner.workspace, people[place].0, &page).await;
            rows.unwrap()
                .rows
                .into_iter()
                .map(|(_, row)| row)
                .collect::<Vec<_>>()
        };
        let moved = history(0).await;
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].added_at, began, "the interval is kept");
        assert_eq!(moved[0].merged_from, Some(gold));
        let both = history(1).await;
        assert_eq!(both.len(), 2);
        let ended: Vec<_> = both.iter().filter(|row| row.removed_at.is_some()).collect();
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].merged_from, Some(gold));
        assert_eq!(ended[0].added_at, began);
        let past = history(3).await;
        assert_eq!((past[0].tag_id, past[0].merged_from), (vip, Some(gold)));
        // What went says what it became, and is no longer in the tree.
        let gone = catalogue::load(ctx, owner.workspace, &[gold])
            .await
            .unwrap();
        assert_eq!(gone[0].merged_into, Some(vip));
        assert!(gone[0].deleted_at.is_some());
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert!(forest.get(gold).is_none());
        // A name that went is free again, and a chain of merges points at its end.
        let better = tag(&world, "Gold", None).await;
        catalogue::merge(ctx, owner, into(better, &[vip]))
            .await
            .unwrap();
        let gone = catalogue::load(ctx, owner.workspace, &[gold])
            .await
            .unwrap();
        assert_eq!(gone[0].merged_into, Some(better));
        check(&world).await;
        world
    });
}

#[test]
fn what_is_below_follows_and_twins_are_merged_in_turn() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 5).await;
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_x_deep = tag(&world, "Deep", Some(a_x)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        let a_y_own = tag(&world, "A", Some(a_y)).await;
        let b = tag(&world, "B", None).await;
        let b_x = tag(&world, "ｘ", Some(b)).await;
        let b_x_deep = tag(&world, "deep", Some(b_x)).await;
        put(
            &world,
            &[
                (people[0], a),
                (people[0], a_x_deep),
                (people[1], a_x_deep),
                (people[1], b_x_deep),
                (people[2], a_y_own),
                (people[2], b),
                (people[3], a_x),
                (people[3], b_x),
                (people[4], a),
                (people[4], b),
            ],
        )
        .await;
        check(&world).await;
        catalogue::merge(ctx, owner, into(b, &[a])).await.unwrap();
        check(&world).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert_eq!(forest.get(a_y).unwrap().parent_id, Some(b));
        let gone: BTreeSet<TagId> = [a, a_x, a_x_deep].into();
        assert!(gone.iter().all(|id| forest.get(*id).is_none()));
        carries(&world, people[1], &[b_x_deep]).await;
        // A child into its parent, and one that is named like what goes.
        catalogue::merge(ctx, owner, into(b, &[a_y])).await.unwrap();
        check(&world).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert_eq!(forest.get(a_y_own).unwrap().parent_id, Some(b));
        // Several at once, one below the other.
        let c = tag(&world, "C", None).await;
        catalogue::merge(ctx, owner, into(c, &[b, b_x, b_x_deep]))
            .await
            .unwrap();
        check(&world).await;
        carries(&world, people[1], &[c]).await;
        world
    });
}

#[test]
fn rules_name_the_tag_that_stayed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let other = tag(&world, "Other", None).await;
        let condition = contact_has(TagMode::Any, &[gold, vip]);
        let naming = world
            .rule("naming", condition, vec![tag_contact(gold)])
            .await;
        let aside = world
            .rule("aside", words(&["hello"]), vec![tag_contact(other)])
            .await;
        catalogue::merge(ctx, owner, into(vip, &[gold]))
            .await
            .unwrap();
        let find = async |id| rule::find(ctx, owner.workspace, id).await.unwrap().unwrap();
        let after = find(naming.id).await;
        assert_eq!(after.version, naming.version + 1);
        let named: BTreeSet<_> = after
            .definition
            .references()
            .into_iter()
            .map(|reference| reference.id)
            .collect();
        assert_eq!(named, BTreeSet::from([vip.0]));
        assert_eq!(find(aside.id).await.version, aside.version);
        // A new one is told which tag to name.
        let late = NewRule {
            name: "late".to_owned(),
            trigger: Trigger::default(),
            condition: contact_has(TagMode::Any, &[gold]),
            actions: vec![tag_contact(vip)],
            limits: rule::Limits::default(),
        };
        let Err(Error::Refused(errors)) = rule::create(ctx, owner, late).await else {
            panic!("a rule that names a tag that was merged");
        };
        assert_eq!(errors[0].code, UserErrorCode::NotFound);
        assert!(errors[0].message.contains("“VIP”"), "{errors:?}");
        assert!(errors[0].message.contains(&vip.to_string()), "{errors:?}");
        // The rewritten rule is at work.
        world.receive(&[("1", "a@customer.example", "hello")]).await;
        world.drain().await;
        world
    });
}

#[test]
fn a_merge_that_makes_no_sense_is_refused_at_its_place() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let foreign = NewTag::named(TagKind::Contact, "Theirs");
        let foreign = catalogue::create(ctx, &stranger, foreign).await.unwrap().id;
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        let other = tag(&world, "Other", None).await;
        let topic = NewTag::named(TagKind::Conversation, "Topic");
        let topic = catalogue::create(ctx, owner, topic).await.unwrap().id;
        let archived = tag(&world, "Old", None).await;
        catalogue::archive(ctx, owner, archived).await.unwrap();
        for (target, sources, expected) in [
            (
                low,
                vec![other, top],
                one("sourceIds.1", UserErrorCode::Cycle),
            ),
            (low, vec![low], one("sourceIds.0", UserErrorCode::Cycle)),
            (low, vec![], one("sourceIds", UserErrorCode::Required)),
            (
                low,
                vec![foreign],
                one("sourceIds.0", UserErrorCode::NotFound),
            ),
            (foreign, vec![low], one("targetId", UserErrorCode::NotFound)),
            (
                low,
                vec![topic],
                one("sourceIds.0", UserErrorCode::KindMismatch),
            ),
            (
                low,
                vec![other, other],
                one("sourceIds.1", UserErrorCode::Invalid),
            ),
            (archived, vec![low], one("targetId", UserErrorCode::Invalid)),
        ] {
            let refused = catalogue::merge(ctx, owner, into(target, &sources)).await;
            assert_eq!(mistakes(refused), expected, "{sources:?}");
        }
        let mut deepest = tag(&world, "Level 1", None).await;
        for level in 2..=catalogue::DEPTH_LIMIT {
            deepest = tag(&world, &format!("Level {level}"), Some(deepest)).await;
        }
        let refused = catalogue::merge(ctx, owner, into(deepest, &[top])).await;
        assert_eq!(
            mistakes(refused),
            one("targetId", UserErrorCode::LimitReached)
        );
        check(&world).await;
        world
    });
}

#[test]
fn merging_across_groups_of_one_value_is_refused_or_keeps_the_newest() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 1).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], small)]).await;
        world.clock.advance(chrono::TimeDelta::minutes(1));
        put(&world, &[(people[0], big)]).await;
        let refused = catalogue::merge(ctx, owner, into(large, &[big])).await;
        assert_eq!(mistakes(refused), one("targetId", UserErrorCode::InUse));
        carries(&world, people[0], &[small, big]).await;
        check(&world).await;
        let merge = Merge {
            keep_newest: true,
            ..into(large, &[big])
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        carries(&world, people[0], &[large]).await;
        check(&world).await;
        // Within the group nothing is in the way.
        catalogue::merge(ctx, owner, into(small, &[large]))
            .await
            .unwrap();
        carries(&world, people[0], &[small]).await;
        catalogue::move_to(ctx, owner, small, Place::default(), false)
            .await
            .unwrap();
        check(&world).await;
        world
    });
}

#[test]
fn a_contact_that_was_merged_away_is_tagged_as_who_it_is_now() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 3).await;
        let (vip, gold) = (
            tag(&world, "VIP", None).await,
            tag(&world, "Gold", None).await,
        );
        for (survivor, loser) in [(people[1], people[0]), (people[2], people[1])] {
            contact::merge::merge(ctx, owner, survivor, loser, "the same person")
                .await
                .unwrap();
        }
        put(&world, &[(people[0], vip), (people[2], vip)]).await;
        carries(&world, people[2], &[vip]).await;
        carries(&world, people[0], &[]).await;
        let new = NewTaggings {
            things: vec![
                (TagTarget::Contact, people[1].0),
                (TagTarget::Contact, people[2].0),
            ],
            tags: vec![gold],
            ..NewTaggings::default()
        };
        let tagged = tagging::tag_things(ctx, owner, new).await.unwrap();
        assert_eq!(tagged.added, 1, "both are one person");
        carries(&world, people[2], &[vip, gold]).await;
        take(&world, &[(people[0], vip)]).await;
        carries(&world, people[2], &[gold]).await;
        check(&world).await;
        world
    });
}
