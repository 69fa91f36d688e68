//! Rules and their firings over GraphQL.

mod conflict;
mod firing;
mod miss;
mod mutation;
mod outcome;
mod rehearsal;
mod template;
mod version;

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    action::{ActionInput, ActionOutput},
    condition::{ConditionInput, ConditionOutput, reference::TypedIds},
    locale::Locale,
    page::PageRequest,
    rule::{
        self, Limits, RuleFilter,
        definition::is_always,
        firing::FiringsOf,
        trigger::{RuleTrigger, RuleTriggerInput, TriggerWord},
    },
    scalar::AsInput,
};
use entity::id::{MessageId, RuleId};

use super::{
    access::ChangeOrigin,
    condition::{Called, RuleExplanation, explained},
    context::reader,
    error::fault,
    few::{few, few_ids},
    id,
    page::{Connection, connection},
};
use crate::boxed;

use self::{
    conflict::RuleConflict,
    rehearsal::{TryRuleInput, TryRulePayload},
    template::RuleTemplate,
};
pub(crate) use firing::RuleFiring;
pub(crate) use miss::RuleMiss;
pub(crate) use mutation::RuleMutation;
pub(crate) use outcome::RuleOutcome;
pub(crate) use version::RuleVersion;

/// Which rules a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct RuleFilterInput {
    /// Whose name contains each of these words, whatever their width and case.
    text: Option<String>,
    /// That name one of these tags in their trigger, condition or actions.
    tag_ids: Option<Vec<ID>>,
    /// That notify one of these targets.
    target_ids: Option<Vec<ID>>,
    /// That wait for one of these.
    triggers: Option<Vec<TriggerWord>>,
    /// That were paused because their actions failed again and again (`true`), or were not (`false`).
    paused_by_itself: Option<bool>,
    /// That name one of these segments.
    segment_ids: Option<Vec<ID>>,
    /// That enrol in one of these playbooks, or end an enrolment there.
    playbook_ids: Option<Vec<ID>>,
    /// That send one of these surveys.
    survey_ids: Option<Vec<ID>>,
    /// That name one of these custom attributes.
    attribute_ids: Option<Vec<ID>>,
}

impl RuleFilterInput {
    fn read(self, active: Option<bool>) -> domain::error::Result<RuleFilter> {
        Ok(RuleFilter {
            active,
            text: self.text.filter(|text| !text.trim().is_empty()),
            tags: few_ids(self.tag_ids, &["filter", "tagIds"])?,
            targets: few_ids(self.target_ids, &["filter", "targetIds"])?,
            triggers: few(self.triggers, &["filter", "triggers"])?,
            paused_by_itself: self.paused_by_itself,
            segments: few_ids(self.segment_ids, &["filter", "segmentIds"])?,
            playbooks: few_ids(self.playbook_ids, &["filter", "playbookIds"])?,
            surveys: few_ids(self.survey_ids, &["filter", "surveyIds"])?,
            attributes: few_ids(self.attribute_ids, &["filter", "attributeIds"])?,
        })
    }
}

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
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Its place in the order of evaluation.
    fn position(&self) -> i64 {
        self.0.position
    }

    /// Counts up with each change; firings name the version that matched.
    fn version(&self) -> i64 {
        self.0.version
    }

    /// Whether it is evaluated.
    fn active(&self) -> bool {
        self.0.active
    }

    /// What makes it be evaluated.
    fn trigger(&self) -> RuleTrigger {
        self.0.definition.trigger.to_output(&TypedIds)
    }

    /// What must hold; nothing if it fires whenever its trigger lets it look.
    fn condition(&self) -> Option<ConditionOutput> {
        let condition = &self.0.definition.condition;
        (!is_always(condition)).then(|| condition.to_output(&TypedIds))
    }

    /// What is done.
    fn actions(&self) -> Vec<ActionOutput> {
        self.0
            .definition
            .actions
            .iter()
            .map(|action| action.to_output(&TypedIds))
            .collect()
    }

    /// How often, and when, it may act.
    fn limits(&self) -> Limits {
        self.0.definition.limits.clone()
    }

    /// What makes it be evaluated, as `RuleTriggerInput` takes it.
    fn trigger_input(&self) -> AsInput<RuleTriggerInput> {
        AsInput(self.0.definition.trigger.to_input(&TypedIds))
    }

    /// What must hold, as `ConditionInput` takes it; nothing if it fires whenever its trigger lets it look.
    fn condition_input(&self) -> Option<AsInput<ConditionInput>> {
        let condition = &self.0.definition.condition;
        (!is_always(condition)).then(|| AsInput(condition.to_input(&TypedIds)))
    }

    /// What is done, as `ActionInput` takes it.
    fn actions_input(&self) -> Vec<AsInput<ActionInput>> {
        let actions = self.0.definition.actions.iter();
        actions
            .map(|action| AsInput(action.to_input(&TypedIds)))
            .collect()
    }

    /// How often, and when, it may act, as `RuleLimitsInput` takes it.
    fn limits_input(&self) -> AsInput<Limits> {
        AsInput(self.0.definition.limits.clone())
    }

    /// When it was paused by itself because its actions failed again and again.
    fn paused_at(&self) -> Option<DateTime<Utc>> {
        self.0.paused_at
    }

    /// Why it was paused by itself.
    fn paused_reason(&self) -> Option<&str> {
        self.0.paused_reason.as_deref()
    }

    /// The whole rule as a sentence, with its limits in short ones behind.
    #[boxed]
    async fn sentence(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<String> {
        let names = Called::of(context, &self.0.definition.references()).await?;
        Ok(self.0.definition.sentence(locale, &names))
    }

    /// Why it does or does not fire on a message; nothing when there is none of this id, or when the rule waits
    /// for something else than messages that come in, or that are sent, as this one.
    #[boxed]
    async fn explain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The message's global id.")] message_id: ID,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Option<RuleExplanation>> {
        let Ok(message) = id::parse::<MessageId>(&message_id, &["messageId"]) else {
            return Ok(None);
        };
        explained(context, &self.0, message, locale).await
    }

    /// Who made it.
    fn created_by(&self) -> ChangeOrigin {
        self.0.created_by.into()
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was deleted; firings keep showing it.
    fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.0.deleted_at
    }

    /// Its firings, newest first.
    #[boxed]
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

    /// What it once was, newest first.
    #[boxed]
    async fn versions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RuleVersion>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = rule::version::list(ctx, actor.workspace, self.0.id, &page).await;
        let found = found.map_err(fault)?;
        Ok(connection(found, RuleVersion))
    }

    /// A sample of what it looked at without firing, newest first.
    #[boxed]
    async fn misses(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RuleMiss>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = rule::miss::list(ctx, actor.workspace, self.0.id, &page).await;
        let found = found.map_err(fault)?;
        Ok(connection(found, RuleMiss))
    }

    /// Other rules it gets in the way of, or that get in its way.
    #[boxed]
    async fn conflicts(&self, context: &Context<'_>) -> Result<Vec<RuleConflict>> {
        conflict::of(context, self.0.id).await
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
    Ok(connection(found, RuleFiring))
}

#[derive(Default)]
pub(crate) struct RuleQuery;

#[Object]
impl RuleQuery {
    /// One rule; nothing when there is none of this id.
    #[boxed]
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
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two filters"
    )]
    #[boxed]
    async fn rules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rules that are, or are not, evaluated.")] active: Option<bool>,
        #[graphql(desc = "Which of them.")] filter: Option<RuleFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Rule>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read(active).map_err(fault)?;
        let found = rule::list(ctx, actor.workspace, &filter, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Rule))
    }

    /// Ready-made rules; `createRuleFromTemplate` makes one of them.
    #[expect(clippy::unused_self, reason = "the derive calls it as a method")]
    fn rule_templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language of names and words.", default)] locale: Locale,
    ) -> Result<Vec<RuleTemplate>> {
        reader(context)?;
        Ok(template::templates(locale))
    }

    /// Tries a rule on what happened in the last days: what it would have done, without doing it. Of the tags it
    /// knows what was there then; what else its condition asks the database for is answered as of now.
    #[boxed]
    async fn try_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be tried.")] input: TryRuleInput,
    ) -> Result<TryRulePayload> {
        Box::pin(rehearsal::try_rule(context, input)).await
    }
}
