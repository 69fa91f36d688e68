//! Merges of tags that cannot be undone, and how merges are listed and forgotten.

use chrono::TimeDelta;
use domain::{
    contact::erase,
    error::UserErrorCode,
    page::PageRequest,
    port::Clock as _,
    store::Query,
    tag::{
        TagChanges,
        catalogue::{self, TagMergeFilter},
    },
    work::{retention::Retention, schedule},
};
use entity::id::{TagId, TagMergeId};

use super::{merge, unmerge};
use crate::{
    support::{World, on_both},
    tag::support::{carries, check, contacts, mistakes, one, put, tag},
};

/// Deletes a tag whoever carries it.
async fn delete(world: &World, id: TagId) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let usage = catalogue::usage(ctx, owner.workspace, id).await;
    let token = usage.unwrap().expect("a tag").token;
    catalogue::delete(ctx, owner, id, &token).await.unwrap();
}

async fn refused(world: &World, id: TagMergeId) -> Vec<(String, UserErrorCode)> {
    mistakes(catalogue::unmerge(&world.ctx, &world.owner, id).await)
}

#[test]
fn what_cannot_be_undone_is_refused_and_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let metal = tag(&world, "Metal", None).await;
        let gold = tag(&world, "Gold", Some(metal)).await;
        let vip = tag(&world, "VIP", None).await;
        let best = tag(&world, "Best", None).await;
        put(&world, &[(people[0], gold), (people[1], vip)]).await;
        let first = merge(&world, vip, &[gold]).await;
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let foreign = catalogue::unmerge(ctx, &stranger, first).await;
        assert_eq!(mistakes(foreign), one("id", UserErrorCode::NotFound));

        let again = tag(&world, "gold", Some(metal)).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Taken)
        );
        let named = TagChanges {
            name: Some("Other".to_owned()),
            ..TagChanges::default()
        };
        catalogue::update(ctx, owner, again, named).await.unwrap();

        let second = merge(&world, best, &[vip]).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        unmerge(&world, second).await;
        unmerge(&world, first).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        carries(&world, people[0], &[gold]).await;
        carries(&world, people[1], &[vip]).await;

        let third = merge(&world, vip, &[gold]).await;
        delete(&world, metal).await;
        assert_eq!(
            refused(&world, third).await,
            one("id", UserErrorCode::NotFound)
        );
        let fourth = merge(&world, best, &[vip]).await;
        delete(&world, best).await;
        assert_eq!(
            refused(&world, fourth).await,
            one("id", UserErrorCode::NotFound)
        );
        check(&world).await;
        world
    });
}

/// How many rows there are in a table.
async fn rows(world: &World, table: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {table}"));
    let count = query.scalar(world.ctx.reader()).await;
    count.expect("a count").expect("a row")
}

#[test]
fn merges_are_listed_and_forgotten_and_what_they_noted_of_a_person_goes_with_the_person() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let best = tag(&world, "Best", None).await;
        put(&world, &[(people[0], gold), (people[1], gold)]).await;
        let first = merge(&world, vip, &[gold]).await;
        world.clock.advance(TimeDelta::minutes(1));
        let second = merge(&world, best, &[vip]).await;
        let listed = async |tag, undone| -> Vec<TagMergeId> {
            let filter = TagMergeFilter { tag, undone };
            let page = PageRequest::first(10);
            let page = catalogue::merges(ctx, owner.workspace, &filter, &page).await;
            page.unwrap()
                .rows
                .into_iter()
                .map(|(_, row)| row.id)
                .collect()
        };
        assert_eq!(listed(None, None).await, [second, first]);
        assert_eq!(listed(Some(gold), None).await, [first]);
        assert_eq!(listed(Some(vip), Some(false)).await, [second, first]);
        assert!(listed(None, Some(true)).await.is_empty());
        let found = catalogue::find_merge(ctx, owner.workspace, first).await;
        let found = found.unwrap().expect("the merge");
        assert_eq!((found.into_id, found.sources().unwrap()), (vip, vec![gold]));

        assert_eq!(rows(&world, "tag_merge_tagging").await, 4);
        erase::erase(ctx, owner, people[1]).await.unwrap();
        assert_eq!(rows(&world, "tag_merge_tagging").await, 2);
        unmerge(&world, second).await;
        assert_eq!(listed(None, Some(true)).await, [second]);

        let night = async |tick| {
            let ran = schedule::run_tick(ctx, &Retention::default(), owner.workspace, tick).await;
            assert!(ran.expect("a tick"));
        };
        night(world.clock.now()).await;
        assert_eq!(
            rows(&world, "tag_merge_tagging").await,
            1,
            "of what can be undone"
        );
        assert_eq!(rows(&world, "tag_merge").await, 2);
        world.clock.advance(catalogue::UNDOABLE);
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        night(world.clock.now()).await;
        for table in [
            "tag_merge",
            "tag_merge_step",
            "tag_merge_tagging",
            "tag_merge_use",
        ] {
            assert_eq!(rows(&world, table).await, 0, "{table}");
        }
        assert!(listed(None, None).await.is_empty());
        carries(&world, people[0], &[vip]).await;
        check(&world).await;
        world
    });
}
