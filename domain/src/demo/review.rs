//! What makes the reports worth looking at, besides verdicts: tags that end by themselves, a person who
//! was there twice, and a first audit of the tags, which finds the packs' names beside those that were
//! there.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::ContactId,
    kind::{IdentityKind, TagTarget},
};

use super::{Person, activity::Habit, verdict::value};
use crate::{
    access::Actor,
    contact::{self, NewContact, merge},
    ctx::Ctx,
    error::{Error, Result},
    operation::{self, Limits},
    report::quality,
    tag::{NewTaggings, catalogue, tagging},
};

/// Marks those who try the product out, for as long as they may.
pub(super) async fn try_out(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    let mut on_trial = Vec::new();
    for person in people.iter().filter(|one| one.habit == Habit::Trial) {
        let id = id_of(ctx, actor, &person.email).await?;
        on_trial.push((TagTarget::Contact, id.0));
    }
    let forest = catalogue::forest(ctx, actor.workspace).await?;
    let trial = NewTaggings {
        things: on_trial,
        tags: vec![value(&forest, "トライアル中")?],
        reason: "14 日間の試用 / two weeks of trial / 试用两周".to_owned(),
        expires_at: Some(now + TimeDelta::days(14)),
        ..NewTaggings::default()
    };
    tagging::tag_things(ctx, actor, trial).await?;
    Ok(())
}

/// Whose double is left, by the place among the people.
const DOUBLED: usize = 5;

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

/// Somebody writes from a private address as well: found, and left for a person to decide.
pub(super) async fn leave_a_double(ctx: &Ctx, actor: &Actor, people: &[Person]) -> Result<()> {
    let Some(person) = people.get(DOUBLED) else {
        return Ok(());
    };
    let known = id_of(ctx, actor, &person.email).await?;
    let known = contact::load(ctx, actor.workspace, &[known]).await?;
    let local = person.email.split('@').next().unwrap_or_default();
    for one in known {
        let double = NewContact {
            name: one.name,
            email: Some(format!("{local}@mail.example")),
            ..NewContact::default()
        };
        contact::create(ctx, actor, double).await?;
    }
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
