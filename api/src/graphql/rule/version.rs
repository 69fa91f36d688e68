//! What rules once were.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    action::{ActionInput, ActionOutput},
    condition::{ConditionInput, ConditionOutput, reference::TypedIds},
    locale::Locale,
    rule::{
        self, Limits,
        definition::is_always,
        trigger::{RuleTrigger, RuleTriggerInput},
    },
    scalar::AsInput,
};

use crate::boxed;
use crate::graphql::{access::ChangeOrigin, condition::Called};

/// A rule as it was once saved.
#[derive(Debug, Clone)]
pub(crate) struct RuleVersion(pub(crate) rule::version::RuleVersion);

/// A rule as it was once saved.
#[Object]
impl RuleVersion {
    /// The version, as firings name it.
    fn version(&self) -> i64 {
        self.0.version
    }

    /// The name it had.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What made it be evaluated.
    fn trigger(&self) -> RuleTrigger {
        self.0.definition.trigger.to_output(&TypedIds)
    }

    /// What had to hold; nothing if it fired whenever its trigger let it look.
    fn condition(&self) -> Option<ConditionOutput> {
        let condition = &self.0.definition.condition;
        (!is_always(condition)).then(|| condition.to_output(&TypedIds))
    }

    /// What was done.
    fn actions(&self) -> Vec<ActionOutput> {
        let actions = self.0.definition.actions.iter();
        actions.map(|action| action.to_output(&TypedIds)).collect()
    }

    /// How often, and when, it might act.
    fn limits(&self) -> Limits {
        self.0.definition.limits.clone()
    }

    /// What made it be evaluated, as `RuleTriggerInput` takes it.
    fn trigger_input(&self) -> AsInput<RuleTriggerInput> {
        AsInput(self.0.definition.trigger.to_input(&TypedIds))
    }

    /// What had to hold, as `ConditionInput` takes it; nothing if it fired whenever its trigger let
    /// it look.
    fn condition_input(&self) -> Option<AsInput<ConditionInput>> {
        let condition = &self.0.definition.condition;
        (!is_always(condition)).then(|| AsInput(condition.to_input(&TypedIds)))
    }

    /// What was done, as `ActionInput` takes it.
    fn actions_input(&self) -> Vec<AsInput<ActionInput>> {
        let actions = self.0.definition.actions.iter();
        actions
            .map(|action| AsInput(action.to_input(&TypedIds)))
            .collect()
    }

    /// How often, and when, it might act, as `RuleLimitsInput` takes it.
    fn limits_input(&self) -> AsInput<Limits> {
        AsInput(self.0.definition.limits.clone())
    }

    /// All of it as a sentence, with its limits in short ones behind.
    #[boxed]
    async fn sentence(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<String> {
        let names = Called::of(context, &self.0.definition.references()).await?;
        Ok(self.0.definition.sentence(locale, &names))
    }

    /// Who saved it.
    fn made_by(&self) -> ChangeOrigin {
        self.0.made_by.into()
    }

    /// When.
    fn made_at(&self) -> DateTime<Utc> {
        self.0.made_at
    }
}
