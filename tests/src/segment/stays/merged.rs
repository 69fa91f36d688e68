//! Two people, or two tags, become one and are taken apart again: the reasons go with them.

use chrono::TimeDelta;
use domain::{
    action::{Action, TagContact},
    condition::{Condition, TagMode},
    contact::merge,
    rule::trigger::{ContactTagAdded, Trigger},
    tag::{catalogue, tagging},
};
use entity::{
    id::{ContactId, SegmentId, TagId},
    kind::TagKind,
};

use super::{Stage, carried, entered, rule_on, while_in};
use crate::{
    segment::{made, person, put, settle, tagged, take},
    support::{World, on_both},
    tagging::recount::assert_recounted,
};

#[test]
fn the_tag_follows_a_merge_and_its_undoing_as_long_as_the_reason_does() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stage = Stage::new(&world).await;
        // The survivor comes into the segment.
        let (one, into) = (stage.comes_in("One").await, person(&world, "Into").await);
        let merged = merge::merge(ctx, owner, into, one, "").await;
        let merged = merged.expect("a merge");
        settle(&world).await;
        assert!(stage.is_hot(into).await);
        // It is undone, and the reason is gone before anybody looked.
        let undone = merge::unmerge(ctx, owner, merged.id).await;
        undone.expect("a merge undone");
        take(&world, one, stage.vip).await;
        settle(&world).await;
        assert!(!stage.is_hot(one).await);
        assert!(!stage.is_hot(into).await);

        // The survivor does not come into the segment.
        let blocked = world.tag(TagKind::Contact, "Blocked", None).await;
        let parts = vec![
            tagged(TagMode::Any, &[stage.vip]),
            tagged(TagMode::None, &[blocked]),
        ];
        let open = made(&world, "Open VIPs", Some(Condition::All(parts))).await;
        let cool = world.tag(TagKind::Contact, "Cool", None).await;
        rule_on(&world, "Cool", entered(open), while_in(cool, open)).await;
        let (other, kept) = (stage.comes_in("Other").await, person(&world, "Kept").await);
        assert!(carried(&world, other.0, cool).await.is_some());
        put(&world, kept, blocked).await;
        settle(&world).await;
        let merged = merge::merge(ctx, owner, kept, other, "").await;
        merged.expect("a merge");
        settle(&world).await;
        assert!(carried(&world, kept.0, cool).await.is_none());
        assert!(stage.is_hot(kept).await, "this reason came along");
        assert_recounted(&world).await;
        world
    });
}

/// A rule that puts `tag` on whoever gets the tag `asks`, as `stay` and the segment say.
async fn asked_for(world: &World, asks: TagId, tag: TagId, stay: (Option<i64>, Option<SegmentId>)) {
    let trigger = Trigger::ContactTagAdded(ContactTagAdded {
        tag_ids: vec![asks.0],
        direct_only: false,
    });
    let action = Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: stay.0,
        while_in_segment_id: stay.1.map(|segment| segment.0),
    });
    rule_on(world, "Asked for", trigger, action).await;
}

#[test]
fn of_two_that_become_one_the_tag_keeps_the_reasons_of_both() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stage = Stage::new(&world).await;
        let risk = world.tag(TagKind::Contact, "Risk", None).await;
        let asks = world.tag(TagKind::Contact, "Asks", None).await;
        let at_risk = made(&world, "At risk", Some(tagged(TagMode::Any, &[risk]))).await;
        asked_for(&world, asks, stage.hot, (None, Some(at_risk))).await;
        let into = stage.comes_in("Into").await;
        let other = person(&world, "Other").await;
        put(&world, other, risk).await;
        settle(&world).await;
        put(&world, other, asks).await;
        settle(&world).await;
        assert!(stage.is_hot(other).await);
        let merged = merge::merge(ctx, owner, into, other, "").await;
        let merged = merged.expect("a merge");
        settle(&world).await;
        stage.goes_out(into).await;
        assert!(stage.is_hot(into).await, "at risk, as the other was");
        let undone = merge::unmerge(ctx, owner, merged.id).await;
        undone.expect("a merge undone");
        settle(&world).await;
        assert!(!stage.is_hot(into).await);
        assert!(stage.is_hot(other).await);
        take(&world, other, risk).await;
        settle(&world).await;
        assert!(!stage.is_hot(other).await);
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn of_two_tags_that_become_one_what_goes_on_keeps_the_reasons_of_both() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stage = Stage::new(&world).await;
        let risk = world.tag(TagKind::Contact, "Risk", None).await;
        let visits = world.tag(TagKind::Contact, "Visits", None).await;
        let cool = world.tag(TagKind::Contact, "Cool", None).await;
        let brief = world.tag(TagKind::Contact, "Brief", None).await;
        let at_risk = made(&world, "At risk", Some(tagged(TagMode::Any, &[risk]))).await;
        rule_on(&world, "Cool", entered(at_risk), while_in(cool, at_risk)).await;
        asked_for(&world, visits, brief, (Some(24 * 60 * 60), None)).await;
        let both = stage.comes_in("Both").await;
        put(&world, both, risk).await;
        let visitor = stage.comes_in("Visitor").await;
        put(&world, visitor, visits).await;
        let kept = stage.comes_in("Kept").await;
        put(&world, kept, stage.hot).await;
        put(&world, kept, risk).await;
        settle(&world).await;
        assert!(carried(&world, both.0, cool).await.is_some());
        assert!(carried(&world, visitor.0, brief).await.is_some());
        let merge = catalogue::Merge {
            sources: vec![cool, brief],
            target: stage.hot,
            keep_newest: false,
        };
        let merged = catalogue::merge(ctx, owner, merge).await;
        merged.expect("a merge of tags");
        settle(&world).await;
        for who in [both, visitor, kept] {
            stage.goes_out(who).await;
            assert!(stage.is_hot(who).await);
        }
        for who in [both, kept] {
            take(&world, who, risk).await;
        }
        settle(&world).await;
        assert!(!stage.is_hot(both).await);
        assert!(stage.is_hot(kept).await, "a person has put it on");
        world.clock.advance(TimeDelta::days(2));
        let ended = tagging::expire(ctx, &|| true).await.expect("ends");
        assert_eq!(ended, 1);
        assert!(!stage.is_hot(visitor).await);
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn tags_that_are_taken_apart_again_stay_for_their_own_segments() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stage = Stage::new(&world).await;
        let risk = world.tag(TagKind::Contact, "Risk", None).await;
        let cool = world.tag(TagKind::Contact, "Cool", None).await;
        let at_risk = made(&world, "At risk", Some(tagged(TagMode::Any, &[risk]))).await;
        rule_on(&world, "Cool", entered(at_risk), while_in(cool, at_risk)).await;
        let mut people = Vec::new();
        for name in ["Both", "Safe", "Gone"] {
            let who = stage.comes_in(name).await;
            put(&world, who, risk).await;
            people.push(who);
        }
        settle(&world).await;
        let [both, safe, gone] = people[..] else {
            panic!("three people");
        };
        let is_cool = async |who: ContactId| carried(&world, who.0, cool).await.is_some();
        let merge = catalogue::Merge {
            sources: vec![cool],
            target: stage.hot,
            keep_newest: false,
        };
        let merged = catalogue::merge(ctx, owner, merge).await;
        let merged = merged.expect("a merge of tags").merge;
        settle(&world).await;
        world.clock.advance(TimeDelta::minutes(1));
        take(&world, safe, risk).await;
        stage.goes_out(gone).await;
        for who in [both, safe, gone] {
            assert!(stage.is_hot(who).await && !is_cool(who).await);
        }
        let undone = catalogue::unmerge(ctx, owner, merged).await;
        assert!(undone.expect("an undone merge").left.is_empty());
        settle(&world).await;
        assert!(stage.is_hot(both).await && is_cool(both).await);
        assert!(stage.is_hot(safe).await && !is_cool(safe).await);
        assert!(!stage.is_hot(gone).await && is_cool(gone).await);
        stage.goes_out(both).await;
        assert!(!stage.is_hot(both).await && is_cool(both).await);
        take(&world, both, risk).await;
        settle(&world).await;
        assert!(!is_cool(both).await);
        assert_recounted(&world).await;
        world
    });
}
