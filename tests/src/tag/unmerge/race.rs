//! Undoing merges of tags while others tag: on PostgreSQL they really run at once.

use entity::kind::TagSelection;

use super::{merge, unmerge};
use crate::{
    support::on_both,
    tag::support::{check, churn, contacts, group, put, tag, tag_in},
};

#[test]
fn others_may_tag_while_a_merge_is_undone() {
    on_both(|world| async move {
        let people = contacts(&world, 6).await;
        let top = tag(&world, "Top", None).await;
        let gold = tag(&world, "Gold", Some(top)).await;
        let vip = tag(&world, "VIP", None).await;
        for (place, person) in people.iter().enumerate() {
            put(&world, &[(*person, [gold, vip][place % 2])]).await;
        }
        put(&world, &[(people[0], vip)]).await;
        let others = async |seed: usize| churn(&world, &people, seed, 20, |_| [top, vip]).await;
        let undo = async {
            for _ in 0..4 {
                let id = merge(&world, vip, &[gold]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(others(0), others(1), undo);
        check(&world).await;
        world
    });
}

#[test]
fn others_may_tag_with_the_group_that_a_tag_comes_back_into() {
    on_both(|world| async move {
        let people = contacts(&world, 6).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        // Whoever tags takes this one first.
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], large), (people[1], big)]).await;
        let others = async |seed: usize| churn(&world, &people, seed, 30, |_| [small, big]).await;
        let undo = async {
            for _ in 0..6 {
                let id = merge(&world, big, &[large]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(others(0), others(1), undo);
        check(&world).await;
        world
    });
}
