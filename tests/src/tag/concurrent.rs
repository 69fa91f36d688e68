//! Changes of the tree while others tag: on PostgreSQL they really run at once.

use domain::{
    error::Error,
    tag::{
        Place, Request,
        catalogue::{self, Merge},
        tagging,
    },
};
use entity::id::{ContactId, TagId};

use super::support::{check, churn, contacts, mistakes, put, tag};
use crate::support::{World, on_both};

/// Others, who put any of the tags on people and take them off, in an order that differs from `seed` to `seed`.
async fn others(world: &World, people: &[ContactId], tags: &[TagId], seed: usize) {
    let pair = |round: usize| {
        [
            tags[(round + seed) % tags.len()],
            tags[(round * 5 + seed * 2 + 1) % tags.len()],
        ]
    };
    churn(world, people, seed, 40, pair).await;
}

#[test]
fn merges_moves_and_taggings_at_once_leave_index_and_counters_exact() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let top = tag(&world, "Top", None).await;
        let side = tag(&world, "Side", None).await;
        let mut tags = vec![top, side];
        for number in 0..6 {
            let parent = if number % 2 == 0 { top } else { side };
            tags.push(tag(&world, &format!("Tag {number}"), Some(parent)).await);
        }
        let shuffle = async {
            for round in 0..12 {
                let id = tags[2 + round % 4];
                let parent = [Some(top), Some(side), None][round % 3];
                let place = Place {
                    parent,
                    group: None,
                };
                match catalogue::move_to(ctx, owner, id, place, false).await {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let merge = async {
            for (source, target) in [(6, 2), (7, 3)] {
                let merge = Merge {
                    sources: vec![tags[source]],
                    target: tags[target],
                    keep_newest: false,
                };
                catalogue::merge(ctx, owner, merge).await.unwrap();
            }
        };
        tokio::join!(
            others(&world, &people, &tags, 0),
            others(&world, &people, &tags, 1),
            others(&world, &people, &tags, 2),
            shuffle,
            merge,
        );
        check(&world).await;
        world
    });
}

#[test]
fn of_two_merges_that_contradict_each_other_one_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let a = tag(&world, "A", None).await;
        let b = tag(&world, "B", None).await;
        put(&world, &[(people[0], a), (people[1], b)]).await;
        let merge = |source, target| Merge {
            sources: vec![source],
            target,
            keep_newest: false,
        };
        let (there, back) = tokio::join!(
            catalogue::merge(ctx, owner, merge(a, b)),
            catalogue::merge(ctx, owner, merge(b, a)),
        );
        assert!(there.is_ok() != back.is_ok(), "{there:?} {back:?}");
        let refused = if there.is_ok() { back } else { there };
        assert_eq!(mistakes(refused).len(), 1);
        check(&world).await;
        world
    });
}

#[test]
fn of_two_moves_below_each_other_one_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let a = tag(&world, "A", None).await;
        let b = tag(&world, "B", None).await;
        let below = |parent| Place {
            parent: Some(parent),
            group: None,
        };
        let (there, back) = tokio::join!(
            catalogue::move_to(ctx, owner, a, below(b), false),
            catalogue::move_to(ctx, owner, b, below(a), false),
        );
        assert!(there.is_ok() != back.is_ok(), "{there:?} {back:?}");
        check(&world).await;
        world
    });
}

#[test]
fn a_tagging_that_comes_while_its_tag_is_deleted_either_counts_or_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 8).await;
        for round in 0..6 {
            let id = tag(&world, &format!("Tag {round}"), None).await;
            let usage = catalogue::usage(ctx, owner.workspace, id).await.unwrap();
            let token = usage.unwrap().token;
            let requests: Vec<_> = people
                .iter()
                .map(|one| Request::contact(*one, id))
                .collect();
            let (deleted, tagged) = tokio::join!(
                catalogue::delete(ctx, owner, id, &token),
                tagging::tag_many(ctx, owner, &requests, ""),
            );
            // Whoever came first has won, and the other was told.
            assert!(deleted.is_ok() != tagged.is_ok(), "{deleted:?} {tagged:?}");
            check(&world).await;
        }
        world
    });
}
