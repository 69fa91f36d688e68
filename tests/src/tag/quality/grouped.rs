//! Tags that only conditions on their whole group work with.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    condition::{Condition, GroupEmpty, Ref},
    report::purity,
    segment::{self, NewSegment},
};
use entity::{
    id::{TagGroupId, TagId},
    kind::{SegmentSubject, SubjectKind, TagFindingKind as Kind, TagSelection},
};

use super::{of_kind, run};
use crate::{
    support::{World, engine::tag_contact, on_both},
    tag::support::{group, tag, tag_in},
};

fn unknown(group: TagGroupId) -> Condition {
    Condition::TagGroup(GroupEmpty {
        of: SubjectKind::Contact,
        group_id: Ref::new(group),
        empty: true,
    })
}

async fn unreferenced(world: &World) -> BTreeSet<TagId> {
    let run = run(world).await;
    let found = of_kind(world, run, Kind::Unreferenced).await;
    found.into_iter().flat_map(|one| one.tags).collect()
}

#[test]
fn a_tag_whose_group_a_condition_asks_for_is_referenced() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let asked = tag(&world, "Ask them", None).await;
        let mut values = Vec::new();
        for name in ["Size", "Region", "Fit", "Colour"] {
            let group = group(&world, name, TagSelection::Single).await;
            let value = tag_in(&world, &format!("{name} 1"), group).await;
            values.push((group, value));
        }
        let [size, region, fit, colour] = values[..] else {
            unreachable!("four were made");
        };
        let all = BTreeSet::from([size.1, region.1, fit.1, colour.1, asked]);
        assert_eq!(unreferenced(&world).await, all);

        let actions = vec![tag_contact(asked)];
        world.rule("asking", unknown(size.0), actions).await;
        let new = NewSegment {
            name: "From nowhere".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: Some(unknown(region.0)),
        };
        segment::create(ctx, owner, new).await.unwrap();
        let judged = purity::set_judgement(ctx, owner, fit.0, &[fit.1]).await;
        judged.unwrap();
        world.clock.advance(TimeDelta::minutes(1));
        assert_eq!(unreferenced(&world).await, BTreeSet::from([colour.1]));
        world
    });
}
