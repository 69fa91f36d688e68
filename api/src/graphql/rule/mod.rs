//! Rules and their firings over GraphQL.

mod firing;
mod mutation;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    condition::{ConditionOutput, reference::TypedIds},
    locale::Locale,
    page::PageRequest,
    rule::{self, action::RuleAction, firing::FiringsOf, trigger::RuleTrigger},
};
use entity::id::{MessageId, RuleId};

use super::{
    access::ChangeOrigin,
    condition::{Called, RuleExplanation, explained},
    context::reader,
    error::fault,
    id,
    page::{Connection, connection},
};

pub(crate) use firing::RuleFiring;
pub(crate) use mutation::RuleMutation;

/// When something happens and a condition holds, actions are taken.
#[derive(Debug, Clone)]
pub struct Rule(pub(crate) rule::Rule);

/// When something happens and a condition holds, actions are taken.
#[Object]
impl Rule {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its place in the order of evaluation.
    async fn position(&self) -> i64 {
        self.0.position
    }

    /// Counts up with each change; firings name the version that matched.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Whether it is evaluated.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// What makes it be evaluated.
    async fn trigger(&self) -> RuleTrigger {
        self.0.definition.trigger.to_output(&TypedIds)
    }

    /// What must hold.
    async fn condition(&self) -> ConditionOutput {
        self.0.definition.condition.to_output(&TypedIds)
    }

    /// What is done.
    async fn actions(&self) -> Vec<RuleAction> {
        self.0
            .definition
            .actions
            .iter()
            .map(|action| action.to_output(&TypedIds))
            .collect()
    }

    /// The whole rule as a sentence.
    async fn sentence(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<String> {
        let names = Called::of(context, &self.0.definition.references()).await?;
        Ok(self.0.definition.sentence(locale, &names))
    }

    /// Why it does or does not fire on an inbound message; nothing when there is none of this id.
    async fn explain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The message's global id.")] message_id: ID,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Option<RuleExplanation>> {
        let Ok(message) = id::parse::<MessageId>(&message_id, &["messageId"]) else {
            return Ok(None);
        };
        let definition = &self.0.definition;
        let gate = definition.trigger.gate();
        explained(context, &gate, &definition.condition, message, locale).await
    }

    /// Who made it.
    async fn created_by(&self) -> ChangeOrigin {
        self.0.created_by.into()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was deleted; firings keep showing it.
    async fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.0.deleted_at
    }

    /// Its firings, newest first.
    async fn firings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RuleFiring>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        firings(context, FiringsOf::Rule(self.0.id), &page).await
    }
}

/// A page of firings.
pub(crate) async fn firings(
    context: &Context<'_>,
    of: FiringsOf,
    page: &PageRequest,
) -> Result<Connection<String, RuleFiring>> {
    let (ctx, actor) = reader(context)?;
    let found = rule::firing::list(ctx, actor.workspace, of, page)
        .await
        .map_err(fault)?;
    Ok(connection(
        found.map(|(cursor, row)| (cursor, RuleFiring(row))),
    ))
}

#[derive(Default)]
pub(crate) struct RuleQuery;

#[Object]
impl RuleQuery {
    /// One rule; nothing when there is none of this id.
    async fn rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rule's global id.")] id: ID,
    ) -> Result<Option<Rule>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse::<RuleId>(&id, &["id"]) else {
            return Ok(None);
        };
        Ok(rule::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?
            .map(Rule))
    }

    /// The workspace's rules, in the order in which they are evaluated.
    async fn rules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rules that are, or are not, evaluated.")] active: Option<bool>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Rule>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = rule::list(ctx, actor.workspace, active, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found.map(|(cursor, rule)| (cursor, Rule(rule)))))
    }
}
