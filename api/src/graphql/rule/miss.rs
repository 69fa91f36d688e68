//! What rules looked at without firing.

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    condition::trace::{Trace, TraceNode},
    locale::Locale,
    rule::miss,
};
use entity::kind::MissReason;

use crate::boxed;
use crate::graphql::{
    account::Account,
    condition::{ConditionVerdict, noted},
    contact::Contact,
    context::loaded,
    conversation::{Conversation, Message},
    error::fault,
    scalar::Json,
};

/// A look of a rule at something it did not fire on. A sample is kept, for two weeks.
#[derive(Debug, Clone)]
pub(crate) struct RuleMiss(pub(crate) entity::rule_miss::Model);

/// A look of a rule at something it did not fire on. A sample is kept, for two weeks.
#[Object]
impl RuleMiss {
    /// The version of the rule that looked.
    fn rule_version(&self) -> i64 {
        self.0.rule_version
    }

    /// Why it did not fire.
    fn reason(&self) -> MissReason {
        self.0.reason
    }

    /// The message it looked at, if it was one.
    #[boxed]
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        loaded(context, self.0.message_id, Message).await
    }

    /// The conversation it was about, if it was about one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.0.conversation_id, Conversation::from).await
    }

    /// The contact it was about, if it was about one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The account it was about, if it was about one: by itself, or the contact's if the rule asks for that.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.0.account_id, Account).await
    }

    /// Every condition with its verdict and what was really there, in the order of the condition, behind what
    /// the trigger asks of the very occasion; long lists and texts are cut. Where the reason is `TRIGGER`, the
    /// condition was not judged.
    fn conditions(&self) -> Result<Vec<RuleVerdict>> {
        let trace: Option<Trace> = miss::trace(&self.0).map_err(fault)?;
        let nodes = trace.map(|trace| trace.nodes).unwrap_or_default();
        Ok(nodes.into_iter().map(RuleVerdict::from).collect())
    }

    /// The same in words, in one of the languages.
    #[boxed]
    async fn verdicts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Vec<ConditionVerdict>> {
        let trace = miss::trace(&self.0).map_err(fault)?;
        noted(context, self.0.rule_id, self.0.rule_version, trace, locale).await
    }

    /// When.
    fn missed_at(&self) -> DateTime<Utc> {
        self.0.missed_at
    }
}

/// A condition's verdict on what a rule looked at.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleVerdict {
    /// The part of the condition: `condition`, `all`, `0`, `keywords`; or of the trigger: `trigger`,
    /// `eventTracked`, `where`, `0`.
    path: Vec<String>,
    /// Whether it held.
    holds: bool,
    #[graphql(skip)]
    actual: Option<serde_json::Value>,
}

#[ComplexObject]
impl RuleVerdict {
    /// What was really there, as stored; absent for groups, whose parts say it. Tags are in it by plain
    /// UUIDs: `verdicts` of the firing or miss has their names.
    fn actual(&self) -> Option<Json> {
        self.actual.clone().map(Json)
    }
}

impl From<TraceNode> for RuleVerdict {
    fn from(node: TraceNode) -> Self {
        Self {
            path: node.path,
            holds: node.holds,
            actual: node.actual.map(|actual| serde_json::json!(actual)),
        }
    }
}
