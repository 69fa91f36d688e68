//! What becomes of the purity of leads when tags that mean a target lead are merged, moved or deleted.

use domain::{
    error::UserErrorCode,
    locale::Locale,
    report::{
        Period,
        purity::{self, judgement, set_judgement},
    },
    tag::{
        catalogue::{self, Merge, Place},
        pack::{self, StarterPack},
    },
};
use entity::{
    id::TagId,
    kind::{TagKind, TagSelection},
};

use super::support::{contacts, group, mistakes, put, tag_in};
use crate::support::{World, on_both};

/// Incoming, judged and target leads of the month, or what was refused.
async fn leads(world: &World) -> domain::error::Result<(i64, i64, i64)> {
    let ask = purity::Ask {
        period: Period::Month,
        from: "2026-03-01".parse().unwrap(),
        to: "2026-03-01".parse().unwrap(),
        by: None,
        as_of: None,
        sources: 20,
    };
    let found = purity::purity(&world.ctx, world.owner.workspace, ask).await?;
    let total = found.total.total;
    Ok((total.incoming, total.judged, total.target))
}

async fn value(world: &World, key: &str) -> TagId {
    let found: Option<TagId> = domain::store::Query::new("SELECT id FROM tag WHERE pack_key = $1")
        .bind(key)
        .scalar(world.ctx.reader())
        .await
        .unwrap();
    found.expect("a tag of the pack")
}

#[test]
fn a_target_of_the_starter_pack_that_is_merged_means_a_target_by_its_new_name() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        pack::apply(ctx, owner, StarterPack::B2bPortrait, Locale::En)
            .await
            .unwrap();
        let group = judgement(ctx, owner.workspace)
            .await
            .unwrap()
            .unwrap()
            .group
            .id;
        let now = value(&world, "b2b/lead/target-now").await;
        let hot = tag_in(&world, "Hot", group).await;
        let people = contacts(&world, 3).await;
        // One call puts on one value of a group that takes one.
        put(&world, &[(people[0], now)]).await;
        put(&world, &[(people[1], hot)]).await;
        assert_eq!(leads(&world).await.unwrap(), (3, 2, 1));
        let merge = Merge {
            sources: vec![now],
            target: hot,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        assert_eq!(leads(&world).await.unwrap(), (3, 2, 2));
        let standing = judgement(ctx, owner.workspace).await.unwrap().unwrap();
        assert!(!standing.is_chosen);
        assert!(standing.targets.iter().any(|tag| tag.id == hot));
        world
    });
}

#[test]
fn a_target_goes_on_being_one_wherever_it_is_moved_and_without_any_there_is_no_purity() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let fit = group(&world, "Fit", TagSelection::Multi).await;
        let yes = tag_in(&world, "Yes", fit).await;
        let no = tag_in(&world, "No", fit).await;
        set_judgement(ctx, owner, fit, &[yes]).await.unwrap();
        let people = contacts(&world, 3).await;
        put(&world, &[(people[0], yes), (people[1], no)]).await;
        let elsewhere = world.tag(TagKind::Contact, "Elsewhere", None).await;
        let place = Place {
            parent: Some(elsewhere),
            group: None,
        };
        catalogue::move_to(ctx, owner, yes, place, false)
            .await
            .unwrap();
        assert_eq!(leads(&world).await.unwrap(), (3, 2, 1));

        let usage = catalogue::usage(ctx, owner.workspace, yes).await.unwrap();
        let usage = usage.unwrap();
        assert_eq!(usage.uses.len(), 1, "it is told before it goes");
        catalogue::delete(ctx, owner, yes, &usage.token)
            .await
            .unwrap();
        let refused = mistakes(leads(&world).await);
        assert_eq!(refused, [(String::new(), UserErrorCode::Required)]);
        set_judgement(ctx, owner, fit, &[no]).await.unwrap();
        assert_eq!(leads(&world).await.unwrap(), (3, 1, 1));
        world
    });
}
