//! The tag comes off with its last reason, and stays for any other.

use chrono::TimeDelta;
use domain::{
    action::{Action, TagContact},
    condition::TagMode,
    rule::{
        self,
        trigger::{ContactTagAdded, Trigger},
    },
    segment,
    store::Query,
    tag::tagging,
};
use entity::kind::{TagKind, TaggingEnd};

use super::{Stage, carried, ends, entered, rule_on, while_in};
use crate::{
    segment::{made, person, put, refusals, settle, tagged, take},
    support::{engine::tag_contact, on_both},
    tagging::recount::assert_recounted,
};

#[test]
fn the_tag_comes_off_with_its_reason_and_on_again_with_it() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let one = stage.comes_in("One").await;
        let other = stage.comes_in("Other").await;
        let found = carried(&world, one.0, stage.hot).await.expect("a tagging");
        assert_eq!(found.rule_id, Some(stage.rule.id));
        let bound = tagging::load_segments(&world.ctx, world.owner.workspace, &[found.id]).await;
        let bound = bound.expect("segments");
        assert_eq!(bound.len(), 1);
        assert_eq!(bound[0].segment_id, stage.vips);

        stage.goes_out(one).await;
        assert!(!stage.is_hot(one).await);
        assert!(stage.is_hot(other).await);
        let ended = [Some(TaggingEnd::ReasonEnded)];
        assert_eq!(ends(&world, one, stage.hot).await, ended);
        let told = tagging::load_segments(&world.ctx, world.owner.workspace, &[found.id]).await;
        assert_eq!(
            told.expect("segments").len(),
            1,
            "the history says for what"
        );

        put(&world, one, stage.vip).await;
        settle(&world).await;
        assert!(stage.is_hot(one).await);
        // Out and in again before anybody looked.
        take(&world, one, stage.vip).await;
        put(&world, one, stage.vip).await;
        settle(&world).await;
        assert!(stage.is_hot(one).await);
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn what_somebody_else_has_put_on_or_taken_over_stays() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        // Before the rule, and after it.
        let before = person(&world, "Before").await;
        put(&world, before, stage.hot).await;
        put(&world, before, stage.vip).await;
        settle(&world).await;
        let after = stage.comes_in("After").await;
        put(&world, after, stage.hot).await;
        for who in [before, after] {
            stage.goes_out(who).await;
            assert!(stage.is_hot(who).await);
        }
        let of_after = ends(&world, after, stage.hot).await;
        assert_eq!(of_after, [Some(TaggingEnd::TakenOver), None]);

        // Another rule that puts it on for good, in the same moment or later.
        let buys = world.tag(TagKind::Contact, "Buys", None).await;
        let bought = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![buys.0],
            direct_only: false,
        });
        rule_on(&world, "For good", bought, tag_contact(stage.hot)).await;
        let buyer = stage.comes_in("Buyer").await;
        put(&world, buyer, buys).await;
        settle(&world).await;
        stage.goes_out(buyer).await;
        assert!(stage.is_hot(buyer).await);

        // What a member has taken off stays off.
        let freed = stage.comes_in("Freed").await;
        take(&world, freed, stage.hot).await;
        settle(&world).await;
        assert!(!stage.is_hot(freed).await);
        stage.goes_out(freed).await;
        assert_eq!(
            ends(&world, freed, stage.hot).await,
            [Some(TaggingEnd::Removed)]
        );
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn a_tag_with_several_reasons_stays_until_the_last_has_ended() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let risk = world.tag(TagKind::Contact, "Risk", None).await;
        let at_risk = made(&world, "At risk", Some(tagged(TagMode::Any, &[risk]))).await;
        rule_on(
            &world,
            "Also",
            entered(at_risk),
            while_in(stage.hot, at_risk),
        )
        .await;
        for first in [stage.vip, risk] {
            let who = person(&world, "Both").await;
            put(&world, who, stage.vip).await;
            put(&world, who, risk).await;
            settle(&world).await;
            take(&world, who, first).await;
            settle(&world).await;
            assert!(stage.is_hot(who).await);
            let last = if first == risk { stage.vip } else { risk };
            take(&world, who, last).await;
            settle(&world).await;
            assert!(!stage.is_hot(who).await);
        }

        // A moment and a segment.
        let visits = world.tag(TagKind::Contact, "Visits", None).await;
        let visited = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![visits.0],
            direct_only: false,
        });
        let for_a_day = Action::TagContact(TagContact {
            tag_ids: vec![stage.hot.0],
            expires_in_seconds: Some(24 * 60 * 60),
            while_in_segment_id: None,
        });
        rule_on(&world, "For a day", visited, for_a_day).await;
        let (stays, leaves) = (
            stage.comes_in("Stays").await,
            stage.comes_in("Leaves").await,
        );
        for who in [stays, leaves] {
            put(&world, who, visits).await;
        }
        settle(&world).await;
        stage.goes_out(leaves).await;
        assert!(stage.is_hot(leaves).await, "the day is not over");
        world.clock.advance(TimeDelta::days(2));
        let ended = tagging::expire(&world.ctx, &|| true).await.expect("ends");
        assert_eq!(ended, 1);
        assert!(!stage.is_hot(leaves).await);
        assert!(stage.is_hot(stays).await, "still in the segment");
        stage.goes_out(stays).await;
        assert!(!stage.is_hot(stays).await);
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn a_rule_that_is_paused_or_deleted_and_a_deleted_segment_leave_nothing_behind() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stage = Stage::new(&world).await;
        let one = stage.comes_in("One").await;
        let other = stage.comes_in("Other").await;
        let last = stage.comes_in("Last").await;
        let paused = rule::set_active(ctx, owner, stage.rule.id, false).await;
        paused.expect("a pause");
        stage.goes_out(one).await;
        assert!(!stage.is_hot(one).await);

        let refused = segment::delete(ctx, owner, stage.vips).await;
        assert_eq!(refusals(refused), ["id InUse"], "the rule names it");
        let deleted = rule::delete(ctx, owner, stage.rule.id).await;
        deleted.expect("an end");
        stage.goes_out(other).await;
        assert!(!stage.is_hot(other).await);
        assert!(stage.is_hot(last).await);

        let deleted = segment::delete(ctx, owner, stage.vips).await;
        deleted.expect("an end");
        settle(&world).await;
        assert!(!stage.is_hot(last).await);
        assert_eq!(
            ends(&world, last, stage.hot).await,
            [Some(TaggingEnd::ReasonEnded)]
        );
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn reading_the_log_again_takes_nothing_off_and_puts_nothing_on() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let (gone, there) = (stage.comes_in("Gone").await, stage.comes_in("There").await);
        stage.goes_out(gone).await;
        // In again after a first time out: that one is told of once more, too.
        let back = stage.comes_in("Back").await;
        stage.goes_out(back).await;
        world.clock.advance(TimeDelta::seconds(1));
        put(&world, back, stage.vip).await;
        settle(&world).await;
        Query::new("UPDATE projection_cursor SET tx = 0, seq = 0 WHERE projection = 'rules'")
            .execute(world.ctx.db.writer())
            .await
            .expect("a start from the beginning");
        settle(&world).await;
        let ended = Some(TaggingEnd::ReasonEnded);
        assert_eq!(ends(&world, gone, stage.hot).await, [ended]);
        assert_eq!(ends(&world, there, stage.hot).await, [None]);
        assert_eq!(ends(&world, back, stage.hot).await, [ended, None]);
        assert_recounted(&world).await;
        world
    });
}
