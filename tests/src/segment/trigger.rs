//! Rules that wait for segments.

use std::collections::BTreeSet;

use domain::{
    condition::TagMode,
    rule::{
        self, Limits, NewRule,
        definition::always,
        trigger::{ContactEnteredSegment, ContactLeftSegment, Trigger},
    },
    segment::{self, uses},
    tag::tagging,
};
use entity::{id::TagId, kind::TagKind};

use super::{made, person, put, refusals, settle, tagged, take};
use crate::support::{engine::tag_contact, on_both};

#[test]
fn coming_in_and_going_out_make_rules_look() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let greeted = world.tag(TagKind::Contact, "Greeted", None).await;
        let missed = world.tag(TagKind::Contact, "Missed", None).await;
        let one = person(&world, "One").await;
        let id = made(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let segment_ids = vec![id.0];
        let entered = Trigger::ContactEnteredSegment(ContactEnteredSegment {
            segment_ids: segment_ids.clone(),
        });
        let left = Trigger::ContactLeftSegment(ContactLeftSegment { segment_ids });
        for (name, trigger, tag) in [("Greet", entered, greeted), ("Miss", left, missed)] {
            let new = NewRule {
                name: name.to_owned(),
                trigger,
                condition: always(),
                actions: vec![tag_contact(tag)],
                limits: Limits::default(),
            };
            rule::create(ctx, owner, new).await.unwrap();
        }
        let carried = async || -> BTreeSet<TagId> {
            let found = tagging::load_active(ctx, owner.workspace, &[one.0]).await;
            found
                .unwrap()
                .iter()
                .map(|tagging| tagging.tag_id)
                .collect()
        };
        put(&world, one, vip).await;
        settle(&world).await;
        assert_eq!(carried().await, BTreeSet::from([vip, greeted]));
        take(&world, one, vip).await;
        settle(&world).await;
        assert_eq!(carried().await, BTreeSet::from([greeted, missed]));

        let found = uses::list(ctx, owner.workspace, id).await.unwrap();
        let found: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found, ["Greet", "Miss"]);
        let refused = segment::delete(ctx, owner, id).await;
        assert_eq!(refusals(refused), ["id InUse"]);
        world
    });
}
