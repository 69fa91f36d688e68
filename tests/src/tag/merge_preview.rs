//! What a merge of tags would do, against what it then does.

use std::collections::BTreeSet;

use domain::{
    error::UserErrorCode,
    tag::catalogue::{self, Follows, Joined, Merge, MergePreview},
};
use entity::{
    id::TagId,
    kind::{TagSelection, TagTarget},
};

use super::support::{carries, check, contacts, group, one, put, tag, tag_in, take};
use crate::support::{World, engine::*, on_both};

fn into(target: TagId, sources: &[TagId]) -> Merge {
    Merge {
        sources: sources.to_vec(),
        target,
        keep_newest: false,
    }
}

async fn preview(world: &World, merge: &Merge) -> MergePreview {
    let preview = catalogue::preview_merge(&world.ctx, &world.owner, merge).await;
    preview.expect("a preview")
}

fn told(preview: &MergePreview) -> Vec<(String, UserErrorCode)> {
    let errors = preview.errors.iter();
    errors.map(|one| (one.path.join("."), one.code)).collect()
}

#[test]
fn a_preview_tells_what_moves_what_is_double_and_which_tags_below_are_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        tag(&world, "Low", Some(a_y)).await;
        let b = tag(&world, "B", None).await;
        let b_x = tag(&world, "ｘ", Some(b)).await;
        let c = tag(&world, "C", None).await;
        put(
            &world,
            &[
                (people[0], a),
                (people[1], a),
                (people[1], b),
                (people[2], a),
                (people[2], c),
                (people[3], a_x),
                (people[3], b_x),
                (people[4], a_y),
                (people[5], c),
            ],
        )
        .await;
        take(&world, &[(people[5], c)]).await;
        let rule = world
            .rule("greeting", words(&["hello"]), vec![tag_contact(a_x)])
            .await;
        world
            .rule("aside", words(&["hello"]), vec![tag_contact(a_y)])
            .await;

        let merge = into(b, &[a, c]);
        let seen = preview(&world, &merge).await;
        assert!(seen.errors.is_empty());
        assert_eq!(
            seen.follows,
            [Follows {
                target: TagTarget::Contact,
                moved: 2,
                doubled: 3,
                past: 1,
            }]
        );
        assert_eq!(
            seen.joined,
            [
                Joined {
                    tag: a_x,
                    into: b_x,
                    is_merged: true,
                },
                Joined {
                    tag: a_y,
                    into: b,
                    is_merged: false,
                },
            ]
        );
        let uses: Vec<&str> = seen.uses.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(uses, [rule.id.to_string()]);
        assert_eq!(seen.conflict, None);
        carries(&world, people[1], &[a, b]).await;
        assert_eq!(preview(&world, &merge).await, seen, "nothing was done");

        catalogue::merge(ctx, owner, merge).await.unwrap();
        check(&world).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert!(forest.get(a_x).is_none());
        let below: BTreeSet<TagId> = forest.children(b).map(|tag| tag.id).collect();
        assert_eq!(below, BTreeSet::from([b_x, a_y]));
        world
    });
}

#[test]
fn a_preview_tells_what_would_carry_several_values_and_what_would_be_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 3).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        let huge = tag(&world, "Huge", Some(big)).await;
        put(
            &world,
            &[
                (people[0], small),
                (people[0], big),
                (people[1], big),
                (people[1], huge),
                (people[2], big),
            ],
        )
        .await;
        put(&world, &[(people[2], large)]).await;
        let seen = preview(&world, &into(large, &[big])).await;
        assert_eq!(told(&seen), one("targetId", UserErrorCode::InUse));
        let conflict = seen.conflict.expect("a conflict");
        assert_eq!(conflict.group.id, size);
        assert_eq!((conflict.things, conflict.surplus), (2, 2));
        let keeps = Merge {
            keep_newest: true,
            ..into(large, &[big])
        };
        let seen = preview(&world, &keeps).await;
        assert!(seen.errors.is_empty() && seen.conflict.is_some());
        // Within the group nothing is in the way.
        let seen = preview(&world, &into(large, &[small])).await;
        assert!(seen.errors.is_empty() && seen.conflict.is_none());

        let seen = preview(&world, &into(huge, &[big])).await;
        assert_eq!(told(&seen), one("sourceIds.0", UserErrorCode::Cycle));
        assert!(seen.follows.is_empty());
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let seen = catalogue::preview_merge(ctx, &stranger, &into(large, &[big])).await;
        assert_eq!(
            told(&seen.unwrap()),
            one("targetId", UserErrorCode::NotFound)
        );
        let mut deepest = tag(&world, "Level 1", None).await;
        for level in 2..=catalogue::DEPTH_LIMIT {
            deepest = tag(&world, &format!("Level {level}"), Some(deepest)).await;
        }
        let seen = preview(&world, &into(deepest, &[big])).await;
        assert_eq!(told(&seen), one("targetId", UserErrorCode::LimitReached));
        assert_eq!(seen.joined.len(), 1);
        catalogue::merge(ctx, owner, keeps).await.unwrap();
        carries(&world, people[2], &[large]).await;
        check(&world).await;
        world
    });
}
