//! Archiving and restoring subtrees.

use domain::{error::UserErrorCode, tag::catalogue};

use super::support::{check, contacts, mistakes, one, put, tag};
use crate::support::{World, on_both};

#[test]
fn a_tag_is_archived_and_restored_with_what_is_below_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 1).await;
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        let lowest = tag(&world, "Lowest", Some(low)).await;
        let old = tag(&world, "Old", Some(top)).await;
        put(&world, &[(people[0], lowest)]).await;
        catalogue::archive(ctx, owner, old).await.unwrap();
        world.clock.advance(chrono::TimeDelta::minutes(1));
        let archived = catalogue::archive(ctx, owner, top).await.unwrap();
        assert_eq!(archived.archived_at, Some(ctx.clock.now()));
        let live = async |id| {
            let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
            forest.get(id).is_some_and(|tag| tag.archived_at.is_none())
        };
        assert!(!live(low).await && !live(lowest).await);
        let refused = catalogue::restore(ctx, owner, low).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::Invalid));
        catalogue::restore(ctx, owner, top).await.unwrap();
        assert!(live(top).await && live(low).await && live(lowest).await);
        assert!(!live(old).await, "what was archived before stays archived");
        check(&world).await;
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        for refused in [
            catalogue::archive(ctx, &stranger, top).await,
            catalogue::restore(ctx, &stranger, top).await,
        ] {
            assert_eq!(mistakes(refused), one("id", UserErrorCode::NotFound));
        }
        world
    });
}
