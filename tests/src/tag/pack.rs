//! Starter packs.

use domain::{
    locale::Locale,
    tag::{
        NewTag, TagChanges,
        catalogue::{self, ForestFilter, Merge},
        group as groups,
        pack::{self, StarterPack},
    },
};
use entity::kind::{TagKind, TagSelection, TagStage};

use super::support::{check, group, tag_in};
use crate::support::on_both;

#[test]
fn a_pack_applied_twice_makes_nothing_twice() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for (pack, groups) in [(StarterPack::Engagement, 1), (StarterPack::B2bPortrait, 8)] {
            for locale in [Locale::Ja, Locale::En, Locale::Zh] {
                let first = pack::apply(ctx, owner, pack, locale).await.unwrap();
                let is_first = locale == Locale::Ja;
                assert_eq!(first.groups_made, if is_first { groups } else { 0 });
                assert_eq!(first.groups.len(), groups);
                let again = pack::apply(ctx, owner, pack, locale).await.unwrap();
                assert_eq!((again.groups_made, again.tags_made), (0, 0), "{pack:?}");
                assert_eq!(again.tags_present, first.tags_made + first.tags_present);
            }
        }
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let groups = groups::list(ctx, owner.workspace, None, false)
            .await
            .unwrap();
        let of = |stage| {
            groups
                .iter()
                .filter(move |group| group.stage == Some(stage))
        };
        assert_eq!(of(TagStage::Basic).count(), 4);
        assert_eq!(of(TagStage::Strategic).count(), 3);
        assert_eq!(of(TagStage::Operations).count(), 2);
        let regions = of(TagStage::Strategic)
            .find(|group| group.name == "都道府県")
            .unwrap();
        let filter = ForestFilter {
            group: Some(regions.id),
            ..Default::default()
        };
        let names: Vec<_> = forest.list(filter).map(|tag| tag.name.as_str()).collect();
        assert_eq!(names.len(), 47 + 51 + 34);
        for name in ["東京都", "California", "广东省"] {
            assert!(names.contains(&name), "{name}");
        }
        check(&world).await;
        world
    });
}

#[test]
fn what_was_renamed_or_merged_is_not_made_again_and_what_was_deleted_is() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let pack = StarterPack::Engagement;
        pack::apply(ctx, owner, pack, Locale::En).await.unwrap();
        let id = async |name: &str| {
            let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
            let filter = ForestFilter::default();
            forest
                .list(filter)
                .find(|tag| tag.name == name)
                .map(|tag| tag.id)
        };
        let rename = TagChanges {
            name: Some("Very important".to_owned()),
            ..Default::default()
        };
        let vip = id("VIP").await.unwrap();
        catalogue::update(ctx, owner, vip, rename).await.unwrap();
        let merge = Merge {
            sources: vec![id("Hot lead").await.unwrap()],
            target: vip,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        let dormant = id("Dormant").await.unwrap();
        let usage = catalogue::usage(ctx, owner.workspace, dormant)
            .await
            .unwrap();
        let token = usage.unwrap().token;
        catalogue::delete(ctx, owner, dormant, &token)
            .await
            .unwrap();
        let again = pack::apply(ctx, owner, pack, Locale::En).await.unwrap();
        assert_eq!((again.groups_made, again.tags_made), (0, 1));
        assert!(id("VIP").await.is_none() && id("Hot lead").await.is_none());
        assert!(id("Dormant").await.is_some());
        check(&world).await;
        world
    });
}

#[test]
fn what_people_made_by_the_same_name_is_taken_for_the_packs_own() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let own = group(&world, "ENGAGEMENT", TagSelection::Multi).await;
        let vip = tag_in(&world, "ｖｉｐ", own).await;
        catalogue::create(ctx, owner, NewTag::named(TagKind::Contact, "Dormant"))
            .await
            .unwrap();
        let applied = pack::apply(ctx, owner, StarterPack::Engagement, Locale::En)
            .await
            .unwrap();
        assert_eq!((applied.groups_made, applied.tags_made), (0, 5));
        assert_eq!(applied.tags_present, 1);
        assert_eq!(applied.groups[0].id, own);
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert!(forest.get(vip).is_some());
        check(&world).await;
        world
    });
}
