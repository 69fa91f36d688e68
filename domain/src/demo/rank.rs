//! Customers as they compare: the nights that score them, segments that ask for the scores, and a rule that
//! puts what the best of them write first.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{Priority, RfmSegment, SegmentSubject};

use super::back_then;
use crate::{
    access::Actor,
    action::{Action, SetConversationPriority},
    condition::{Condition, NumberTest, Profile},
    ctx::Ctx,
    error::Result,
    profile::{engagement::night::NightlyEngagement, rfm::night::NightlyRfm},
    rule::{self, NewRule, trigger::Trigger},
    segment::{self, NewSegment},
    work::schedule,
};

/// Days ago of the nights that show how engagement went.
const NIGHTS: [i64; 5] = [28, 21, 14, 7, 0];
/// On how many of the last 28 days somebody is active who slips away, at most.
const FEW_DAYS: f64 = 4.0;

/// Scores everybody by what they bought, as a night does.
pub(super) async fn score(ctx: &Ctx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
    schedule::run_tick(ctx, &NightlyRfm, actor.workspace, now).await?;
    Ok(())
}

/// Counts active days as some nights found them, the last of them now.
pub(super) async fn look_back(ctx: &Ctx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
    for days in NIGHTS {
        let at = now - TimeDelta::days(days);
        let past = back_then(ctx, at);
        schedule::run_tick(&past, &NightlyEngagement, actor.workspace, at).await?;
    }
    Ok(())
}

/// Makes the segments and the rule.
pub(super) async fn watch(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let best = profile(RfmSegment::Champions);
    let slipping = Profile {
        active_days: Some(NumberTest {
            at_most: Some(FEW_DAYS.into()),
            ..NumberTest::default()
        }),
        ..profile(RfmSegment::AtRisk)
    };
    for (name, description, asked) in [
        (
            "最優良のお客様 / Champions / 冠军客户",
            "最近、何度も、多く購入した人",
            best.clone(),
        ),
        (
            "離れつつあるお得意様 / Slipping away / 正在流失的老客户",
            "よく購入したが、最近は購入も利用も少ない人",
            slipping,
        ),
    ] {
        let new = NewSegment {
            name: name.to_owned(),
            description: description.to_owned(),
            subject: SegmentSubject::Contact,
            condition: Some(Condition::Profile(Box::new(asked))),
        };
        segment::create(ctx, actor, new).await?;
    }
    let new = NewRule {
        name: "最優良のお客様を先に / Champions first / 冠军客户优先".to_owned(),
        trigger: Trigger::default(),
        condition: Condition::Profile(Box::new(best)),
        actions: vec![Action::SetConversationPriority(SetConversationPriority {
            priority: Priority::High,
        })],
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, new).await?;
    Ok(())
}

fn profile(segment: RfmSegment) -> Profile {
    Profile {
        rfm_segments: Some(vec![segment]),
        ..Profile::default()
    }
}
