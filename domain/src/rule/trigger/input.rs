//! A trigger as the API takes it, read into the one that is stored.

use async_graphql::OneofObject;

use super::{
    Trigger,
    attribute::{
        RuleAccountAttributeChangedTriggerInput, RuleContactAttributeChangedTriggerInput,
        RuleConversationAttributeChangedTriggerInput,
    },
    contact::{
        RuleContactChangedTriggerInput, RuleContactCreatedTriggerInput,
        RuleContactOwnerChangedTriggerInput, RuleContactStageChangedTriggerInput,
    },
    conversation::{
        RuleConversationAssignedTriggerInput, RuleConversationClosedTriggerInput,
        RuleConversationOpenedTriggerInput, RuleConversationPriorityChangedTriggerInput,
    },
    email_event::RuleEmailEventTriggerInput,
    event::RuleEventTrackedTriggerInput,
    health::{
        RuleAccountHealthBandChangedTriggerInput, RuleAccountHealthScoreCrossedTriggerInput,
        RuleHealthBandChangedTriggerInput, RuleHealthScoreCrossedTriggerInput,
    },
    message_received::RuleMessageReceivedTriggerInput,
    message_sent::RuleMessageSentTriggerInput,
    schedule::RuleScheduleTriggerInput,
    segment::{
        RuleAccountEnteredSegmentTriggerInput, RuleAccountLeftSegmentTriggerInput,
        RuleContactEnteredSegmentTriggerInput, RuleContactLeftSegmentTriggerInput,
    },
    survey::RuleSurveyAnsweredTriggerInput,
    tagging::{
        RuleAccountTagAddedTriggerInput, RuleAccountTagRemovedTriggerInput,
        RuleContactTagAddedTriggerInput, RuleContactTagRemovedTriggerInput,
        RuleConversationTagAddedTriggerInput, RuleConversationTagRemovedTriggerInput,
    },
    waiting::RuleConversationWaitingTriggerInput,
};
use crate::{
    condition::{path::Path, reference::IdReader},
    error::UserError,
};

/// What makes the rule look. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum RuleTriggerInput {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTriggerInput),
    /// A message was sent to a contact.
    MessageSent(RuleMessageSentTriggerInput),
    /// A conversation began or was opened again.
    ConversationOpened(RuleConversationOpenedTriggerInput),
    /// A conversation was closed.
    ConversationClosed(RuleConversationClosedTriggerInput),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(RuleConversationAssignedTriggerInput),
    /// A conversation became more or less urgent.
    ConversationPriorityChanged(RuleConversationPriorityChangedTriggerInput),
    /// A contact has waited for an answer in a conversation.
    ConversationWaiting(RuleConversationWaitingTriggerInput),
    /// A contact was given a tag.
    ContactTagAdded(RuleContactTagAddedTriggerInput),
    /// A contact lost a tag.
    ContactTagRemoved(RuleContactTagRemovedTriggerInput),
    /// An account was given a tag.
    AccountTagAdded(RuleAccountTagAddedTriggerInput),
    /// An account lost a tag.
    AccountTagRemoved(RuleAccountTagRemovedTriggerInput),
    /// A conversation was given a tag.
    ConversationTagAdded(RuleConversationTagAddedTriggerInput),
    /// A conversation lost a tag.
    ConversationTagRemoved(RuleConversationTagRemovedTriggerInput),
    /// A contact came to be known.
    ContactCreated(RuleContactCreatedTriggerInput),
    /// A contact's own data changed.
    ContactChanged(RuleContactChangedTriggerInput),
    /// A contact went from one lifecycle stage to another.
    ContactStageChanged(RuleContactStageChangedTriggerInput),
    /// Another member looks after a contact, or nobody does.
    ContactOwnerChanged(RuleContactOwnerChangedTriggerInput),
    /// The value of a custom attribute of a contact changed.
    ContactAttributeChanged(RuleContactAttributeChangedTriggerInput),
    /// The value of a custom attribute of an account changed.
    AccountAttributeChanged(RuleAccountAttributeChangedTriggerInput),
    /// The value of a custom attribute of a conversation changed.
    ConversationAttributeChanged(RuleConversationAttributeChangedTriggerInput),
    /// A contact did something that is tracked.
    EventTracked(RuleEventTrackedTriggerInput),
    /// Something became known about an email to a contact.
    #[graphql(name = "emailEvent")]
    EmailEventSeen(RuleEmailEventTriggerInput),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(RuleHealthScoreCrossedTriggerInput),
    /// A contact came into another health band.
    HealthBandChanged(RuleHealthBandChangedTriggerInput),
    /// An account's health score, the mean of its people's, crossed a mark.
    AccountHealthScoreCrossed(RuleAccountHealthScoreCrossedTriggerInput),
    /// An account came into another health band.
    AccountHealthBandChanged(RuleAccountHealthBandChangedTriggerInput),
    /// A contact answered a survey.
    SurveyAnswered(RuleSurveyAnsweredTriggerInput),
    /// A contact came into a segment.
    ContactEnteredSegment(RuleContactEnteredSegmentTriggerInput),
    /// A contact went out of a segment.
    ContactLeftSegment(RuleContactLeftSegmentTriggerInput),
    /// An account came into a segment.
    AccountEnteredSegment(RuleAccountEnteredSegmentTriggerInput),
    /// An account went out of a segment.
    AccountLeftSegment(RuleAccountLeftSegmentTriggerInput),
    /// The clock came round; looks at every contact.
    #[graphql(name = "schedule")]
    OnSchedule(RuleScheduleTriggerInput),
}

impl RuleTriggerInput {
    /// Reads the ids, or says which cannot be read. Paths begin with `trigger`.
    pub fn into_trigger(self, ids: &dyn IdReader) -> Result<Trigger, Vec<UserError>> {
        let mut refusals = Vec::new();
        let at = Path::root("trigger");
        let trigger = self.read(ids, &at, &mut refusals);
        if refusals.is_empty() {
            Ok(trigger)
        } else {
            Err(refusals)
        }
    }
}
