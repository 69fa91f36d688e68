//! Undoing merges of tags while others tag: on PostgreSQL they really run at once.

use domain::{error::Error, tag::tagging};
use entity::kind::TagSelection;

use super::{merge, unmerge};
use crate::{
    support::on_both,
    tag::support::{check, contacts, group, put, tag, tag_in},
};

#[test]
fn others_may_tag_while_a_merge_is_undone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let top = tag(&world, "Top", None).await;
        let gold = tag(&world, "Gold", Some(top)).await;
        let vip = tag(&world, "VIP", None).await;
        for (place, person) in people.iter().enumerate() {
            put(&world, &[(*person, [gold, vip][place % 2])]).await;
        }
        put(&world, &[(people[0], vip)]).await;
        let churn = async |seed: usize| {
            for round in 0..20 {
                let person = people[(round * 7 + seed * 3) % people.len()];
                let requests = [top, vip].map(|tag| domain::tag::Request::contact(person, tag));
                let done = if round % 3 == 2 {
                    tagging::untag_many(ctx, owner, &requests, "").await
                } else {
                    tagging::tag_many(ctx, owner, &requests, "").await
                };
                match done {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let undo = async {
            for _ in 0..4 {
                let id = merge(&world, vip, &[gold]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(churn(0), churn(1), undo);
        check(&world).await;
        world
    });
}

#[test]
fn others_may_tag_with_the_group_that_a_tag_comes_back_into() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        // Whoever tags takes this one first.
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], large), (people[1], big)]).await;
        let churn = async |seed: usize| {
            for round in 0..30 {
                let person = people[(round * 7 + seed * 3) % people.len()];
                let requests = [small, big].map(|tag| domain::tag::Request::contact(person, tag));
                let done = if round % 3 == 2 {
                    tagging::untag_many(ctx, owner, &requests, "").await
                } else {
                    tagging::tag_many(ctx, owner, &requests, "").await
                };
                match done {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let undo = async {
            for _ in 0..6 {
                let id = merge(&world, big, &[large]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(churn(0), churn(1), undo);
        check(&world).await;
        world
    });
}
