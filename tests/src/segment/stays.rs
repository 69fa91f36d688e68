//! Tags that rules put on while a contact or an account is in a segment, and that come off when it leaves: never
//! what somebody else has set or taken over.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    action::{Action, OutcomeResult, TagAccount, TagContact},
    condition::{Condition, TagMode},
    contact::merge,
    error::UserErrorCode,
    page::PageRequest,
    rule::{
        self, Limits, NewRule, Rule,
        definition::always,
        firing::{self, FiringsOf},
        trigger::{AccountEnteredSegment, ContactEnteredSegment, ContactTagAdded, Trigger},
    },
    segment::{
        self, NewSegment,
        hand::{self, Things},
    },
    store::Query,
    tag::{catalogue, tagging},
};
use entity::{
    id::{ContactId, SegmentId, TagId},
    kind::{SegmentSubject, TagKind, TaggingEnd},
};
use uuid::Uuid;

use super::{made, new, person, put, refusals, settle, tagged, take};
use crate::{
    support::{World, engine::tag_contact, on_both},
    tagging::recount::assert_recounted,
};

fn while_in(tag: TagId, segment: SegmentId) -> Action {
    Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: None,
        while_in_segment_id: Some(segment.0),
    })
}

fn entered(segment: SegmentId) -> Trigger {
    Trigger::ContactEnteredSegment(ContactEnteredSegment {
        segment_ids: vec![segment.0],
    })
}

fn draft(name: &str, trigger: Trigger, action: Action) -> NewRule {
    NewRule {
        name: name.to_owned(),
        trigger,
        condition: always(),
        actions: vec![action],
        limits: Limits::default(),
    }
}

async fn rule_on(world: &World, name: &str, trigger: Trigger, action: Action) -> Rule {
    let made = rule::create(&world.ctx, &world.owner, draft(name, trigger, action)).await;
    made.expect("a rule")
}

/// What the thing carries of `tag`.
async fn carried(world: &World, thing: Uuid, tag: TagId) -> Option<entity::tagging::Model> {
    let found = tagging::load_active(&world.ctx, world.owner.workspace, &[thing]).await;
    let mut found = found.expect("taggings").into_iter();
    found.find(|one| one.tag_id == tag)
}

/// How the taggings of a contact with `tag` ended, the latest last; nothing for one that holds.
async fn ends(world: &World, contact: ContactId, tag: TagId) -> Vec<Option<TaggingEnd>> {
    let page = PageRequest::first(100);
    let found = tagging::history(&world.ctx, world.owner.workspace, contact.0, &page).await;
    let rows = found.expect("a history").rows.into_iter().rev();
    let of_tag = rows.filter(|(_, row)| row.tag_id == tag);
    of_tag.map(|(_, row)| row.ended).collect()
}

/// A segment of those tagged VIP, a tag, and a rule that puts it on whoever comes in while they are in it.
struct Stage<'w> {
    world: &'w World,
    vip: TagId,
    hot: TagId,
    vips: SegmentId,
    rule: Rule,
}

impl<'w> Stage<'w> {
    async fn new(world: &'w World) -> Self {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let vips = made(world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let rule = rule_on(world, "Heat", entered(vips), while_in(hot, vips)).await;
        Self {
            world,
            vip,
            hot,
            vips,
            rule,
        }
    }

    async fn comes_in(&self, name: &str) -> ContactId {
        let who = person(self.world, name).await;
        put(self.world, who, self.vip).await;
        settle(self.world).await;
        assert!(self.is_hot(who).await, "{name} came in");
        who
    }

    async fn goes_out(&self, who: ContactId) {
        take(self.world, who, self.vip).await;
        settle(self.world).await;
    }

    async fn is_hot(&self, who: ContactId) -> bool {
        carried(self.world, who.0, self.hot).await.is_some()
    }
}

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

#[test]
fn nothing_is_put_on_what_is_not_in_the_segment() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let asks = world.tag(TagKind::Contact, "Asks", None).await;
        let asked = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![asks.0],
            direct_only: false,
        });
        let eager = world.tag(TagKind::Contact, "Eager", None).await;
        let rule = rule_on(&world, "Eager", asked, while_in(eager, stage.vips)).await;
        let (inside, outside) = (stage.comes_in("In").await, person(&world, "Out").await);
        put(&world, outside, asks).await;
        settle(&world).await;
        world.clock.advance(TimeDelta::seconds(1));
        put(&world, inside, asks).await;
        settle(&world).await;
        assert!(carried(&world, inside.0, eager).await.is_some());
        assert!(carried(&world, outside.0, eager).await.is_none());
        let page = PageRequest::first(100);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let found = firing::list(ctx, workspace, FiringsOf::Rule(rule.id), &page).await;
        let rows = found.expect("firings").rows.into_iter().rev();
        let results: Vec<OutcomeResult> = rows
            .flat_map(|(_, row)| firing::outcomes(&row).expect("outcomes"))
            .map(|one| one.result)
            .collect();
        assert_eq!(
            results,
            [OutcomeResult::NotInSegment, OutcomeResult::Tagged]
        );
        world
    });
}

#[test]
fn accounts_lose_their_tags_when_they_leave_and_segments_have_to_fit() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let key = world.tag(TagKind::Contact, "Key", None).await;
        let acme = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, acme)
            .await
            .expect("an account")
            .id;
        let top = NewSegment {
            subject: SegmentSubject::Account,
            ..new("Top", None)
        };
        let top = segment::create(ctx, owner, top)
            .await
            .expect("a segment")
            .id;
        let on_account = |expires_in_seconds| {
            Action::TagAccount(TagAccount {
                tag_ids: vec![key.0],
                expires_in_seconds,
                while_in_segment_id: Some(top.0),
            })
        };
        let comes = || {
            Trigger::AccountEnteredSegment(AccountEnteredSegment {
                segment_ids: vec![top.0],
            })
        };
        rule_on(&world, "Key", comes(), on_account(None)).await;
        let things = Things::Accounts(vec![acme]);
        hand::add(ctx, owner, top, &things).await.expect("a member");
        settle(&world).await;
        assert!(carried(&world, acme.0, key).await.is_some());
        hand::remove(ctx, owner, top, &things)
            .await
            .expect("an end");
        settle(&world).await;
        assert!(carried(&world, acme.0, key).await.is_none());

        let twice = rule::create(ctx, owner, draft("Twice", comes(), on_account(Some(60)))).await;
        let at = "actions.0.tagAccount.whileInSegmentId";
        let code = UserErrorCode::Contradictory;
        assert_eq!(refusals(twice), [format!("{at} {code:?}")]);
        let added = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        let unfit = rule::create(ctx, owner, draft("Unfit", added, while_in(key, top))).await;
        let at = "actions.0.tagContact.whileInSegmentId";
        let code = UserErrorCode::NotFound;
        assert_eq!(refusals(unfit), [format!("{at} {code:?}")]);
        world
    });
}
