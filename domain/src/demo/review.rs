//! What makes the reports worth looking at: starter packs, judged leads, tags that end by themselves, a
//! person who was there twice, and a first audit of the tags, which finds the pack's names beside
//! those that were there.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::ContactId,
    kind::{IdentityKind, TagTarget},
};

use super::{Person, activity::Habit};
use crate::{
    access::Actor,
    contact::{self, NewContact, merge},
    ctx::Ctx,
    error::{Error, Result},
    locale::Locale,
    operation::{self, Limits},
    report::quality,
    tag::{
        NewTaggings, Request,
        catalogue::{self, ForestFilter},
        pack::{self, StarterPack},
        tagging,
    },
};

/// Applies the packs, and judges everybody by their habits.
pub(super) async fn judge(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    for starter in [StarterPack::Engagement, StarterPack::B2bPortrait] {
        pack::apply(ctx, actor, starter, Locale::Ja).await?;
    }
    let forest = catalogue::forest(ctx, actor.workspace).await?;
    let value = |name: &str| {
        let mut tags = forest.list(ForestFilter::default());
        let found = tags.find(|tag| tag.group_id.is_some() && tag.name == name);
        found
            .map(|tag| tag.id)
            .ok_or_else(|| Error::not_found(&["tag"], "tag"))
    };
    let mut judged: BTreeMap<&str, Vec<ContactId>> = BTreeMap::new();
    let mut on_trial = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let id = id_of(ctx, actor, &person.email).await?;
        let verdict = match (person.habit, number % 7) {
            (_, 6) => None,
            (Habit::Vip | Habit::Trial, _) => Some("対象（今すぐ）"),
            (Habit::Regular, _) => Some("対象（今ではない）"),
            (_, 5) => Some("競合"),
            (_, 4) => Some("エコパートナー"),
            _ => Some("対象外"),
        };
        if let Some(verdict) = verdict {
            judged.entry(verdict).or_default().push(id);
        }
        if person.habit == Habit::Trial {
            on_trial.push((TagTarget::Contact, id.0));
        }
    }
    for (verdict, people) in judged {
        let tag = value(verdict)?;
        let requests = people.iter().map(|person| Request::contact(*person, tag));
        let requests: Vec<Request> = requests.collect();
        let reason = "初回の商談 / first call / 首次沟通";
        tagging::tag_many(ctx, actor, &requests, reason).await?;
    }
    let trial = NewTaggings {
        things: on_trial,
        tags: vec![value("トライアル中")?],
        reason: "14 日間の試用 / two weeks of trial / 试用两周".to_owned(),
        expires_at: Some(now + TimeDelta::days(14)),
        ..NewTaggings::default()
    };
    tagging::tag_things(ctx, actor, trial).await?;
    Ok(())
}

/// Makes one of them a second time under a private address, as it happens, and merges the two.
pub(super) async fn merge_a_double(ctx: &Ctx, actor: &Actor, people: &[Person]) -> Result<()> {
    let Some(person) = people.first() else {
        return Ok(());
    };
    let survivor = id_of(ctx, actor, &person.email).await?;
    let known = contact::load(ctx, actor.workspace, &[survivor]).await?;
    let double = NewContact {
        name: known
            .first()
            .map(|one| one.name.clone())
            .unwrap_or_default(),
        email: Some(format!("private.{}", person.email)),
        ..NewContact::default()
    };
    let double = contact::create(ctx, actor, double).await?;
    let reason = "同じ方でした / the same person / 同一个人";
    merge::merge(ctx, actor, survivor, double.id, reason).await?;
    Ok(())
}

/// Lets the audit of the tags run once, so that there is something to read before the first night, and
/// whatever else is to be done in steps.
pub(super) async fn audit(ctx: &Ctx, actor: &Actor) -> Result<()> {
    quality::start(ctx, actor, None).await?;
    let kinds = crate::operations();
    operation::run_due(ctx, kinds, Some(actor.workspace), Limits::none()).await?;
    Ok(())
}

pub(super) async fn id_of(ctx: &Ctx, actor: &Actor, email: &str) -> Result<ContactId> {
    let kind = IdentityKind::Email;
    let found = contact::find_by_identity(ctx, actor.workspace, kind, email).await?;
    found
        .map(|one| one.id)
        .ok_or_else(|| Error::not_found(&["email"], "contact"))
}
