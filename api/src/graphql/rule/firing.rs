//! What rules did, and why.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    condition::matcher::{Matched, MatchedPart},
    rule::{
        firing::{self, Outcome, OutcomeResult},
        plan::Effect,
    },
};
use entity::{
    id::{DeliveryId, TagId, TargetId},
    kind::Channel,
};

use super::Rule;
use crate::graphql::{
    contact::Contact,
    context::loader,
    conversation::{Conversation, Message},
    error::fault,
    notification::{Delivery, NotificationTarget},
    tag::Tag,
};

/// One match of one rule on one message.
#[derive(Debug, Clone)]
pub struct RuleFiring(pub(crate) entity::rule_firing::Model);

/// One match of one rule on one message.
#[Object]
impl RuleFiring {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The rule.
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        Ok(loader(context)?.load_one(self.0.rule_id).await?.map(Rule))
    }

    /// The version of the rule that matched.
    async fn rule_version(&self) -> i64 {
        self.0.rule_version
    }

    /// The message it matched.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loader(context)?
            .load_one(self.0.message_id)
            .await?
            .map(Message))
    }

    /// The conversation of the message.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loader(context)?
            .load_one(self.0.conversation_id)
            .await?
            .map(Conversation::from))
    }

    /// Who wrote the message.
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }

    /// What made the condition hold.
    fn matched(&self) -> Result<Vec<RuleMatchedPart>> {
        let parts = firing::matched(&self.0).map_err(fault)?;
        Ok(parts.into_iter().map(RuleMatchedPart::from).collect())
    }

    /// What became of each action.
    fn outcomes(&self) -> Result<Vec<RuleOutcome>> {
        let outcomes = firing::outcomes(&self.0).map_err(fault)?;
        Ok(outcomes.into_iter().map(RuleOutcome::from).collect())
    }

    /// When.
    async fn fired_at(&self) -> DateTime<Utc> {
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
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let Some(id) = self.tag else { return Ok(None) };
        Ok(loader(context)?.load_one(id).await?.map(Tag::from))
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

/// What an action asked for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleEffectKind {
    /// A tag on the conversation.
    TagConversation,
    /// A tag on the contact.
    TagContact,
    /// A message to Slack.
    NotifySlack,
}

/// What became of what an action asked for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleOutcomeResult {
    /// The tag was put on.
    Tagged,
    /// The tag was there already.
    AlreadyTagged,
    /// The tag's group takes one value, and somebody else than a rule has set another.
    OtherValueKept,
    /// The tag was archived or deleted since the rule was written.
    TagUnavailable,
    /// A notification is on its way; its delivery tells the rest.
    Queued,
    /// The target is switched off or deleted.
    TargetUnavailable,
    /// Another rule, or an earlier action of this one, had asked for the same.
    Repeated,
}

/// What became of one thing an action asked for.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct RuleOutcome {
    /// Which of the rule's actions asked for it, counted from 0.
    action: usize,
    /// What it asked for.
    effect: RuleEffectKind,
    /// What became of it.
    result: RuleOutcomeResult,
    #[graphql(skip)]
    tag: Option<TagId>,
    #[graphql(skip)]
    target: Option<TargetId>,
    #[graphql(skip)]
    delivery: Option<DeliveryId>,
}

#[ComplexObject]
impl RuleOutcome {
    /// The tag, if it was about one.
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let Some(id) = self.tag else { return Ok(None) };
        Ok(loader(context)?.load_one(id).await?.map(Tag::from))
    }

    /// The notification target, if it was about one.
    async fn target(&self, context: &Context<'_>) -> Result<Option<NotificationTarget>> {
        let Some(id) = self.target else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(NotificationTarget))
    }

    /// The delivery, if a notification was queued.
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        let Some(id) = self.delivery else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(Delivery))
    }
}

impl From<Outcome> for RuleOutcome {
    fn from(outcome: Outcome) -> Self {
        let (effect, tag, target) = match outcome.effect {
            Effect::TagConversation { tag_id } => {
                (RuleEffectKind::TagConversation, Some(TagId(tag_id)), None)
            }
            Effect::TagContact { tag_id } => {
                (RuleEffectKind::TagContact, Some(TagId(tag_id)), None)
            }
            Effect::NotifySlack { target_id, .. } => {
                (RuleEffectKind::NotifySlack, None, Some(TargetId(target_id)))
            }
        };
        let (result, delivery) = match outcome.result {
            OutcomeResult::Tagged => (RuleOutcomeResult::Tagged, None),
            OutcomeResult::AlreadyTagged => (RuleOutcomeResult::AlreadyTagged, None),
            OutcomeResult::OtherValueKept => (RuleOutcomeResult::OtherValueKept, None),
            OutcomeResult::TagUnavailable => (RuleOutcomeResult::TagUnavailable, None),
            OutcomeResult::Queued { delivery_id } => (RuleOutcomeResult::Queued, Some(delivery_id)),
            OutcomeResult::TargetUnavailable => (RuleOutcomeResult::TargetUnavailable, None),
            OutcomeResult::Repeated { .. } => (RuleOutcomeResult::Repeated, None),
        };
        Self {
            action: outcome.action,
            effect,
            result,
            tag,
            target,
            delivery,
        }
    }
}
