//! Moving subtrees, also between groups.

use domain::{
    error::UserErrorCode,
    tag::{NewTag, Place, catalogue, catalogue::Destination},
};
use entity::{
    id::{TagGroupId, TagId},
    kind::{TagKind, TagSelection},
};

use super::support::{carries, check, contacts, group, mistakes, one, put, tag, tag_in};
use crate::support::on_both;

fn below(parent: TagId) -> Place {
    Place {
        parent: Some(parent),
        group: None,
    }
}

fn into(group: TagGroupId) -> Place {
    Place {
        parent: None,
        group: Some(group),
    }
}

#[test]
fn a_subtree_takes_its_people_along() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 4).await;
        let a = tag(&world, "A", None).await;
        let b = tag(&world, "B", None).await;
        let a1 = tag(&world, "A1", Some(a)).await;
        let a11 = tag(&world, "A11", Some(a1)).await;
        let b1 = tag(&world, "B1", Some(b)).await;
        put(
            &world,
            &[
                (people[0], a11),
                (people[0], a),
                (people[1], a1),
                (people[1], a11),
                (people[2], b1),
                (people[0], b1),
                (people[3], a11),
            ],
        )
        .await;
        check(&world).await;
        catalogue::move_to(ctx, owner, a1, below(b1), false)
            .await
            .unwrap();
        check(&world).await;
        catalogue::move_to(ctx, owner, b1, Place::default(), false)
            .await
            .unwrap();
        check(&world).await;
        catalogue::move_to(ctx, owner, a, below(a11), false)
            .await
            .unwrap();
        check(&world).await;
        world
    });
}

#[test]
fn a_move_is_refused_below_itself_too_deep_beside_its_name_and_across_kinds() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        let twin = tag(&world, "low", None).await;
        let topic = NewTag::named(TagKind::Conversation, "Topic");
        let topic = catalogue::create(ctx, owner, topic).await.unwrap().id;
        let topics = domain::tag::NewGroup {
            kind: TagKind::Conversation,
            ..super::support::new_group("Topics", TagSelection::Multi)
        };
        let topics = domain::tag::group::create(ctx, owner, topics)
            .await
            .unwrap()
            .id;
        let mut deepest = tag(&world, "Level 1", None).await;
        for level in 2..catalogue::DEPTH_LIMIT {
            deepest = tag(&world, &format!("Level {level}"), Some(deepest)).await;
        }
        for (id, place, expected) in [
            (top, below(low), one("parentId", UserErrorCode::Cycle)),
            (top, below(top), one("parentId", UserErrorCode::Cycle)),
            (
                top,
                below(deepest),
                one("parentId", UserErrorCode::LimitReached),
            ),
            (twin, below(top), one("name", UserErrorCode::Taken)),
            (
                top,
                below(topic),
                one("parentId", UserErrorCode::KindMismatch),
            ),
            (
                top,
                into(topics),
                one("groupId", UserErrorCode::KindMismatch),
            ),
        ] {
            let refused = catalogue::move_to(ctx, owner, id, place, false).await;
            assert_eq!(mistakes(refused), expected, "{place:?}");
        }
        check(&world).await;
        world
    });
}

#[test]
fn moving_into_a_group_of_one_value_is_refused_or_keeps_the_newest() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag(&world, "Large", None).await;
        let huge = tag(&world, "Huge", Some(large)).await;
        put(&world, &[(people[0], small), (people[1], small)]).await;
        world.clock.advance(chrono::TimeDelta::minutes(1));
        put(&world, &[(people[0], huge)]).await;
        let refused = catalogue::move_to(ctx, owner, large, into(size), false).await;
        assert_eq!(mistakes(refused), one("groupId", UserErrorCode::InUse));
        check(&world).await;
        let moved = catalogue::move_to(ctx, owner, large, into(size), true)
            .await
            .unwrap();
        assert_eq!(moved.group_id, Some(size));
        carries(&world, people[0], &[huge]).await;
        carries(&world, people[1], &[small]).await;
        check(&world).await;
        world
    });
}

#[test]
fn siblings_stand_in_the_order_they_are_put_in_and_others_are_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let top = tag(&world, "Top", None).await;
        let mut made = Vec::new();
        for name in ["A", "B", "C"] {
            made.push(tag(&world, name, Some(top)).await);
        }
        let elsewhere = tag(&world, "Elsewhere", None).await;
        let order = [made[2], made[0]];
        let shown = catalogue::order(ctx, owner, &order).await.unwrap();
        let names: Vec<_> = shown.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["C", "A", "B"]);
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let below: Vec<_> = forest
            .list(catalogue::ForestFilter::default())
            .filter(|tag| tag.parent_id == Some(top))
            .map(|tag| tag.name.as_str())
            .collect();
        assert_eq!(below, ["C", "A", "B"], "the tree shows it so");
        let wrong = catalogue::order(ctx, owner, &[made[0], elsewhere]).await;
        assert_eq!(mistakes(wrong), one("tagIds.1", UserErrorCode::NotFound));
        let nothing = catalogue::order(ctx, owner, &[]).await;
        assert_eq!(mistakes(nothing), one("tagIds", UserErrorCode::Required));
        world
    });
}

#[test]
fn what_is_left_out_of_a_move_stays() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let size = group(&world, "Size", TagSelection::Multi).await;
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        let only_group = Destination {
            group: Some(Some(size)),
            ..Destination::default()
        };
        let refused = catalogue::move_to(ctx, owner, low, only_group, false).await;
        assert_eq!(
            mistakes(refused),
            one("groupId", UserErrorCode::Contradictory)
        );
        let same = catalogue::move_to(ctx, owner, low, Destination::default(), false).await;
        assert_eq!(same.unwrap().parent_id, Some(top));
        let moved = catalogue::move_to(ctx, owner, top, only_group, false).await;
        assert_eq!(moved.unwrap().group_id, Some(size));
        let root = Destination {
            parent: Some(None),
            ..Destination::default()
        };
        let lifted = catalogue::move_to(ctx, owner, low, root, false).await;
        let lifted = lifted.unwrap();
        assert_eq!((lifted.parent_id, lifted.group_id), (None, Some(size)));
        check(&world).await;
        world
    });
}
