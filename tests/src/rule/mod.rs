//! Rules on both databases: every trigger and every action, limits, versions, rehearsals.

mod account;
mod action;
mod back;
mod batch;
mod bound;
mod chain;
mod charge;
mod clock;
mod detail;
mod every;
mod follow;
mod found;
mod going;
mod limit;
mod message;
mod narrowed;
mod rehearsal;
mod said;
mod schedule;
mod sent;
mod tried;
mod trigger;
mod version;
mod waiting;
mod why;
mod zone;

use domain::{
    action::{Action, OutcomeResult, TagContact},
    condition::Condition,
    error::{Error, UserErrorCode},
    page::PageRequest,
    rule::{
        self, Limits, NewRule, Rule,
        definition::always,
        firing::{self, FiringsOf},
        trigger::Trigger,
    },
};
use entity::id::{RuleId, TagId};

use crate::support::{World, engine::contact_of, refusal::mistakes};

/// A rule with nothing but a trigger and actions.
async fn on(world: &World, trigger: Trigger, actions: Vec<Action>) -> Rule {
    limited(world, trigger, always(), actions, Limits::default()).await
}

async fn limited(
    world: &World,
    trigger: Trigger,
    condition: Condition,
    actions: Vec<Action>,
    limits: Limits,
) -> Rule {
    let new = NewRule {
        name: "a rule".to_owned(),
        trigger,
        condition,
        actions,
        limits,
    };
    let made = rule::create(&world.ctx, &world.owner, new).await;
    made.expect("a rule")
}

async fn firings(world: &World, rule: RuleId) -> Vec<entity::rule_firing::Model> {
    let page = PageRequest::first(100);
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = firing::list(ctx, workspace, FiringsOf::Rule(rule), &page).await;
    let mut rows: Vec<_> = found.expect("firings").rows;
    // Oldest first.
    rows.reverse();
    rows.into_iter().map(|(_, firing)| firing).collect()
}

/// What became of the effects of each firing, oldest first.
async fn results(world: &World, rule: RuleId) -> Vec<Vec<OutcomeResult>> {
    let firings = firings(world, rule).await;
    let outcomes = firings
        .iter()
        .map(|firing| firing::outcomes(firing).expect("outcomes"));
    outcomes
        .map(|outcomes| outcomes.into_iter().map(|one| one.result).collect())
        .collect()
}

async fn tags_of(world: &World, thing: uuid::Uuid) -> Vec<TagId> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = domain::tag::tagging::load_active(ctx, workspace, &[thing]).await;
    let mut tags: Vec<TagId> = found
        .expect("taggings")
        .iter()
        .map(|one| one.tag_id)
        .collect();
    tags.sort_unstable();
    tags
}

fn tag_with(tag: TagId) -> Vec<Action> {
    vec![Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: None,
        while_in_segment_id: None,
    })]
}

fn refused(error: Error) -> Vec<(String, UserErrorCode)> {
    mistakes::<()>(Err(error))
}
