//! Making and changing rules.

use async_graphql::{
    ComplexObject, Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject,
};
use domain::{
    action::{Action, ActionInput},
    condition::{ConditionInput, reference::TypedIds},
    error::{Error, UserError},
    locale::Locale,
    rule::{
        self, Limits, NewRule, RuleChanges,
        definition::always,
        trigger::{RuleTriggerInput, Trigger},
    },
};
use entity::id::RuleId;

use super::{
    Rule,
    conflict::{self, RuleConflict},
    template::CreateRuleFromTemplateInput,
};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept},
    id,
};

/// A rule to be made. It is evaluated from then on.
#[derive(InputObject)]
pub(crate) struct CreateRuleInput {
    /// The name shown, at most 100 characters.
    name: String,
    /// What makes it be evaluated; left out, every message of a contact does.
    trigger: Option<RuleTriggerInput>,
    /// What must hold; left out, it fires whenever its trigger lets it look.
    condition: Option<ConditionInput>,
    /// What is done, in this order; at least one action.
    actions: Vec<ActionInput>,
    /// How often, and when, it may act; left out, without limits.
    limits: Option<Limits>,
}

/// Changes to a rule; what is left out stays. `null` is refused where a field does not say what it
/// means. What changes nothing makes no new version.
#[derive(InputObject)]
pub(crate) struct UpdateRuleInput {
    /// The rule's global id.
    id: ID,
    /// The name shown.
    name: MaybeUndefined<String>,
    /// What makes it be evaluated.
    trigger: MaybeUndefined<RuleTriggerInput>,
    /// What must hold; `null` takes the condition away: it fires whenever its trigger lets it look.
    condition: MaybeUndefined<ConditionInput>,
    /// What is done.
    actions: MaybeUndefined<Vec<ActionInput>>,
    /// How often, and when, it may act; `null` takes all limits away.
    limits: MaybeUndefined<Limits>,
    /// Takes back the tags that it has put on and that its actions do not name any more, except those
    /// that somebody has taken over. This goes on as an operation.
    #[graphql(default)]
    withdraw_tags: bool,
}

/// Whether a rule is to be evaluated.
#[derive(InputObject)]
pub(crate) struct SetRuleActiveInput {
    /// The rule's global id.
    id: ID,
    /// Whether it is to be evaluated.
    active: bool,
    /// When it is paused: takes back the tags it has put on, except those that somebody has taken
    /// over. This goes on as an operation.
    #[graphql(default)]
    withdraw_tags: bool,
}

/// A rule to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteRuleInput {
    /// The rule's global id.
    id: ID,
    /// Takes back the tags it has put on, except those that somebody has taken over. This goes on as an
    /// operation.
    #[graphql(default)]
    withdraw_tags: bool,
}

/// A rule to be made like another.
#[derive(InputObject)]
pub(crate) struct DuplicateRuleInput {
    /// The global id of the rule it is made like.
    id: ID,
    /// The name shown, at most 100 characters; left out, that of the other rule with "(copy)" behind it.
    name: Option<String>,
    /// The language of what is put behind the name.
    #[graphql(default)]
    locale: Locale,
}

/// A rule to become what it was.
#[derive(InputObject)]
pub(crate) struct RollbackRuleInput {
    /// The rule's global id.
    id: ID,
    /// The version to go back to. It is saved as a new version.
    version: i64,
}

/// A new order of evaluation.
#[derive(InputObject)]
pub(crate) struct ReorderRulesInput {
    /// The rules that come first, in this order; the others follow in the order they had.
    rule_ids: Vec<ID>,
}

macro_rules! rule_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The rule as it is now.
            rule: Option<Rule>,
            /// What to mend in the input, with the place in the condition; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

macro_rules! saved_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        #[graphql(complex)]
        pub(crate) struct $name {
            /// The rule as it is now.
            rule: Option<Rule>,
            /// What to mend in the input, with the place in the condition; empty when it worked.
            user_errors: Vec<UserError>,
        }

        #[ComplexObject]
        impl $name {
            /// Other rules it gets in the way of, or that get in its way. It was saved all the same.
            #[boxed]
            async fn conflicts(&self, context: &Context<'_>) -> Result<Vec<RuleConflict>> {
                match &self.rule {
                    Some(rule) => conflict::of(context, rule.0.id).await,
                    None => Ok(Vec::new()),
                }
            }
        }
    };
}

saved_payload!(CreateRulePayload, "What became of `createRule`.");
saved_payload!(UpdateRulePayload, "What became of `updateRule`.");
saved_payload!(DuplicateRulePayload, "What became of `duplicateRule`.");
saved_payload!(RollbackRulePayload, "What became of `rollbackRule`.");
saved_payload!(
    CreateRuleFromTemplatePayload,
    "What became of `createRuleFromTemplate`."
);
rule_payload!(SetRuleActivePayload, "What became of `setRuleActive`.");
rule_payload!(DeleteRulePayload, "What became of `deleteRule`.");

/// What became of `reorderRules`.
#[derive(SimpleObject)]
pub(crate) struct ReorderRulesPayload {
    /// How many rules changed their place.
    moved: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

pub(super) fn read_actions(inputs: Vec<ActionInput>, errors: &mut Vec<UserError>) -> Vec<Action> {
    let mut actions = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        match input.into_action(&TypedIds, index) {
            Ok(action) => actions.push(action),
            Err(refusals) => errors.extend(refusals),
        }
    }
    actions
}

pub(super) fn read_trigger(
    input: Option<RuleTriggerInput>,
    errors: &mut Vec<UserError>,
) -> Option<Trigger> {
    match input {
        Some(input) => keep(input.into_trigger(&TypedIds), errors),
        None => Some(Trigger::default()),
    }
}

pub(super) fn keep<T>(
    result: std::result::Result<T, Vec<UserError>>,
    errors: &mut Vec<UserError>,
) -> Option<T> {
    result.map_err(|refusals| errors.extend(refusals)).ok()
}

#[derive(Default)]
pub(crate) struct RuleMutation;

#[Object]
impl RuleMutation {
    /// Makes a rule, active at once. Scope: CONFIGURE.
    #[boxed]
    async fn create_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateRuleInput,
    ) -> Result<CreateRulePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let mut errors = Vec::new();
            let trigger = read_trigger(input.trigger, &mut errors);
            let condition = match input.condition {
                Some(condition) => keep(condition.into_condition(&TypedIds), &mut errors),
                None => Some(always()),
            };
            let actions = read_actions(input.actions, &mut errors);
            let (Some(trigger), Some(condition), true) = (trigger, condition, errors.is_empty())
            else {
                return Err(Error::Refused(errors));
            };
            rule::create(
                ctx,
                actor,
                NewRule {
                    name: input.name,
                    trigger,
                    condition,
                    actions,
                    limits: input.limits.unwrap_or_default(),
                },
            )
            .await
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(CreateRulePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Changes a rule. Scope: CONFIGURE.
    #[boxed]
    async fn update_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateRuleInput,
    ) -> Result<UpdateRulePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let mut errors = Vec::new();
            let trigger = kept(input.trigger, "trigger")?
                .and_then(|trigger| keep(trigger.into_trigger(&TypedIds), &mut errors));
            let condition = match input.condition {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(always()),
                MaybeUndefined::Value(condition) => {
                    keep(condition.into_condition(&TypedIds), &mut errors)
                }
            };
            let actions =
                kept(input.actions, "actions")?.map(|actions| read_actions(actions, &mut errors));
            if !errors.is_empty() {
                return Err(Error::Refused(errors));
            }
            let changes = RuleChanges {
                name: kept(input.name, "name")?,
                trigger,
                condition,
                actions,
                limits: emptied(input.limits),
                withdraw: input.withdraw_tags,
            };
            rule::update(ctx, actor, id, changes).await
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(UpdateRulePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Makes a rule like another, behind all others. It is paused: change it, then let it run with
    /// `setRuleActive`. Scope: CONFIGURE.
    #[boxed]
    async fn duplicate_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DuplicateRuleInput,
    ) -> Result<DuplicateRulePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            rule::duplicate(ctx, actor, id, input.name, input.locale).await
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(DuplicateRulePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Pauses a rule or lets it run again. One that names a tag group which was deleted has to be changed first.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn set_rule_active(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetRuleActiveInput,
    ) -> Result<SetRuleActivePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            if input.withdraw_tags && !input.active {
                rule::pause_and_withdraw(ctx, actor, id).await
            } else {
                rule::set_active(ctx, actor, id, input.active).await
            }
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(SetRuleActivePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Deletes a rule; its firings stay. Scope: CONFIGURE.
    #[boxed]
    async fn delete_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteRuleInput,
    ) -> Result<DeleteRulePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            if input.withdraw_tags {
                rule::delete_and_withdraw(ctx, actor, id).await
            } else {
                rule::delete(ctx, actor, id).await
            }
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(DeleteRulePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Changes the order in which rules are evaluated. Scope: CONFIGURE.
    #[boxed]
    async fn reorder_rules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReorderRulesInput,
    ) -> Result<ReorderRulesPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids: Vec<RuleId> = id::parse_all(&input.rule_ids, &["ruleIds"])?;
            rule::reorder(ctx, actor, &ids).await
        };
        let (moved, user_errors) = settle(result.await)?;
        Ok(ReorderRulesPayload {
            moved: moved.unwrap_or_default(),
            user_errors,
        })
    }

    /// Makes a rule what it was in an earlier version. What it names must still be there.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn rollback_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RollbackRuleInput,
    ) -> Result<RollbackRulePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            rule::version::roll_back(ctx, actor, id, input.version).await
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(RollbackRulePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }

    /// Makes a ready-made rule, active at once; see `ruleTemplates`. Scope: CONFIGURE.
    #[boxed]
    async fn create_rule_from_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateRuleFromTemplateInput,
    ) -> Result<CreateRuleFromTemplatePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let filling = input.filling()?;
            let (key, locale) = (input.key, input.locale);
            rule::template::apply(ctx, actor, &key, locale, &filling, input.name).await
        };
        let (rule, user_errors) = settle(result.await)?;
        Ok(CreateRuleFromTemplatePayload {
            rule: rule.map(Rule),
            user_errors,
        })
    }
}
