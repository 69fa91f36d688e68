//! What rules did, and why; `outcome` tells what became of their actions.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    condition::matcher::{Matched, MatchedPart},
    locale::Locale,
    rule::firing,
    work::change::Fact,
};
use entity::{id::TagId, kind::Channel};

use super::{Rule, miss::RuleVerdict, outcome::RuleOutcome};
use crate::boxed;
use crate::graphql::{
    account::Account,
    condition::{ConditionVerdict, noted},
    contact::Contact,
    context::{loaded, loader},
    conversation::{Conversation, Message},
    email::EmailEvent,
    error::fault,
    event::Event,
    fact::SurveyAnswer,
    tag::Tag,
};

/// One match of one rule on one thing.
#[derive(Debug, Clone)]
pub struct RuleFiring(pub(crate) entity::rule_firing::Model);

/// One match of one rule on one thing.
#[Object]
impl RuleFiring {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The rule.
    #[boxed]
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        Ok(loader(context)?.load_one(self.0.rule_id).await?.map(Rule))
    }

    /// The version of the rule that matched.
    fn rule_version(&self) -> i64 {
        self.0.rule_version
    }

    /// The message it matched, if it was one.
    #[boxed]
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        loaded(context, self.0.message_id, Message).await
    }

    /// The conversation it is about, if it is about one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.0.conversation_id, Conversation::from).await
    }

    /// The contact it is about, if it is about one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The account it is about, if it is about one.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.0.account_id, Account).await
    }

    /// What the contact did that it fired on, if it was such an event.
    #[boxed]
    async fn event(&self, context: &Context<'_>) -> Result<Option<Event>> {
        let event = match firing::cause(&self.0) {
            Some(Fact::EventRecorded { event_id, .. }) => Some(event_id),
            _ => None,
        };
        loaded(context, event, Event).await
    }

    /// What became known about an email that it fired on, if it was that.
    #[boxed]
    async fn email_event(&self, context: &Context<'_>) -> Result<Option<EmailEvent>> {
        let event = match firing::cause(&self.0) {
            Some(Fact::EmailEventRecorded { email_event_id, .. }) => Some(email_event_id),
            _ => None,
        };
        loaded(context, event, EmailEvent).await
    }

    /// The answer to a survey that it fired on, if it was one.
    #[boxed]
    async fn survey_answer(&self, context: &Context<'_>) -> Result<Option<SurveyAnswer>> {
        let answer = match firing::cause(&self.0) {
            Some(Fact::SurveyAnswered { answer_id, .. }) => Some(answer_id),
            _ => None,
        };
        loaded(context, answer, SurveyAnswer).await
    }

    /// How many steps it is away from what came from outside: 0 when a person or a program did what
    /// it fired on, one more for each rule between.
    fn depth(&self) -> i64 {
        self.0.depth
    }

    /// What made the condition hold.
    fn matched(&self) -> Result<Vec<RuleMatchedPart>> {
        let parts = firing::matched(&self.0).map_err(fault)?;
        Ok(parts.into_iter().map(RuleMatchedPart::from).collect())
    }

    /// Every condition with its verdict and what was really there, in the order of the condition, behind what
    /// the trigger asks of the very occasion; long lists and texts are cut. Nothing for a condition that was
    /// left out, and for firings of earlier releases.
    fn conditions(&self) -> Result<Vec<RuleVerdict>> {
        let trace = firing::trace(&self.0).map_err(fault)?;
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
        let trace = firing::trace(&self.0).map_err(fault)?;
        noted(context, self.0.rule_id, self.0.rule_version, trace, locale).await
    }

    /// What became of each action.
    fn outcomes(&self) -> Result<Vec<RuleOutcome>> {
        let outcomes = firing::outcomes(&self.0).map_err(fault)?;
        Ok(outcomes.into_iter().map(RuleOutcome::from).collect())
    }

    /// When.
    fn fired_at(&self) -> DateTime<Utc> {
        self.0.fired_at
    }
}

/// What kind of thing made a condition hold.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleMatchKind {
    /// A word in the message.
    Keyword,
    /// A tag of the contact, itself or by a descendant.
    ContactTag,
    /// A tag of the conversation, itself or by a descendant.
    ConversationTag,
    /// The channel.
    Channel,
    /// Whether a program answered by itself.
    Automatic,
    /// Something that is known of the contact, the account or the conversation, or the time.
    Fact,
    /// What the condition forbids is not there.
    Absent,
}

/// One thing that made a condition hold.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleMatchedPart {
    /// The part of the condition: `condition`, `all`, `0`, `keywords`.
    path: Vec<String>,
    /// What kind of thing it was.
    kind: RuleMatchKind,
    /// The words as they stand in the message, if it was a word or a regular expression; what was
    /// known, if it was that.
    text: Option<String>,
    /// The channel, if it was the channel.
    channel: Option<Channel>,
    #[graphql(skip)]
    tag: Option<TagId>,
}

#[ComplexObject]
impl RuleMatchedPart {
    /// The tag, if it was a tag.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.tag, Tag::from).await
    }
}

impl From<MatchedPart> for RuleMatchedPart {
    fn from(part: MatchedPart) -> Self {
        let of = |kind| Self {
            path: part.path.clone(),
            kind,
            text: None,
            channel: None,
            tag: None,
        };
        match part.matched {
            Matched::Keyword(found) => Self {
                text: Some(found.text),
                ..of(RuleMatchKind::Keyword)
            },
            Matched::ContactTag(id) => Self {
                tag: Some(TagId(id)),
                ..of(RuleMatchKind::ContactTag)
            },
            Matched::ConversationTag(id) => Self {
                tag: Some(TagId(id)),
                ..of(RuleMatchKind::ConversationTag)
            },
            Matched::Channel(channel) => Self {
                channel: Some(channel),
                ..of(RuleMatchKind::Channel)
            },
            Matched::Automatic(_) => of(RuleMatchKind::Automatic),
            Matched::Values(values) => Self {
                text: Some(values.join("; ")),
                ..of(RuleMatchKind::Fact)
            },
            Matched::Absent => of(RuleMatchKind::Absent),
        }
    }
}
