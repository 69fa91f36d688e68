//! What concerns many at once: tags that are moved, merged and deleted.

use domain::{
    condition::{Condition, TagMode},
    segment::{self, Cause, Changes},
    tag::{
        Place,
        catalogue::{self, Merge, UseKind},
    },
};
use entity::kind::TagKind;

use super::{history, holds, made, now, person, put, refusals, settle, tagged};
use crate::support::on_both;

#[test]
fn a_tag_that_is_moved_takes_its_carriers_along() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let above = world.tag(TagKind::Contact, "Customer", None).await;
        let trial = world.tag(TagKind::Contact, "Trial", None).await;
        let one = person(&world, "One").await;
        put(&world, one, trial).await;
        let id = made(&world, "Customers", Some(tagged(TagMode::Any, &[above]))).await;
        holds(&world, id, &[]).await;
        for (parent, expected) in [(Some(above), vec![one]), (None, vec![])] {
            let place = Place {
                parent,
                group: None,
            };
            catalogue::move_to(ctx, owner, trial, place, false)
                .await
                .unwrap();
            settle(&world).await;
            holds(&world, id, &expected).await;
        }
        let moves = history(&world, id).await;
        assert_eq!(moves.len(), 2);
        assert!(matches!(&moves[0].2, Cause::Change { fact, .. } if fact == "tag.changed"));
        world
    });
}

#[test]
fn a_segment_follows_a_tag_that_is_merged_and_keeps_one_from_being_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let old = world.tag(TagKind::Contact, "Very important", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        put(&world, other, old).await;
        let id = made(&world, "VIPs", Some(tagged(TagMode::Any, &[old]))).await;
        holds(&world, id, &[other]).await;
        let usage = catalogue::usage(ctx, owner.workspace, old).await;
        let usage = usage.unwrap().unwrap();
        let uses: Vec<_> = usage
            .uses
            .iter()
            .map(|one| (one.kind, one.active))
            .collect();
        assert_eq!(uses, [(UseKind::Segment, true)]);
        let merge = Merge {
            sources: vec![old],
            target: vip,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        settle(&world).await;
        holds(&world, id, &[one, other]).await;
        let segment = now(&world, id).await;
        assert_eq!(segment.version, 2);
        assert_eq!(segment.condition, Some(tagged(TagMode::Any, &[vip])));
        world
    });
}

#[test]
fn tags_that_a_condition_tells_apart_are_not_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let trial = world.tag(TagKind::Contact, "Trial", None).await;
        let paid = world.tag(TagKind::Contact, "Paid", None).await;
        let one = person(&world, "One").await;
        put(&world, one, trial).await;
        let condition = Condition::All(vec![
            tagged(TagMode::Any, &[trial]),
            Condition::Not(Box::new(tagged(TagMode::Any, &[paid]))),
        ]);
        let id = made(&world, "On trial", Some(condition.clone())).await;
        let merge = Merge {
            sources: vec![paid],
            target: trial,
            keep_newest: false,
        };
        let refused = catalogue::merge(ctx, owner, merge.clone()).await;
        assert_eq!(refusals(refused), ["sourceIds Contradictory"]);
        settle(&world).await;
        holds(&world, id, &[one]).await;
        assert_eq!(now(&world, id).await.condition, Some(condition));
        // What tells them apart no more keeps nobody from it.
        let changes = Changes {
            condition: Some(tagged(TagMode::Any, &[trial, paid])),
            ..Changes::default()
        };
        segment::update(ctx, owner, id, changes).await.unwrap();
        catalogue::merge(ctx, owner, merge).await.unwrap();
        settle(&world).await;
        holds(&world, id, &[one]).await;
        world
    });
}
