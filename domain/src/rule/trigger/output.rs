//! A trigger as the API shows it.

use async_graphql::Union;

use super::{
    attribute::{
        RuleAccountAttributeChangedTrigger, RuleContactAttributeChangedTrigger,
        RuleConversationAttributeChangedTrigger,
    },
    contact::{
        RuleContactChangedTrigger, RuleContactCreatedTrigger, RuleContactOwnerChangedTrigger,
        RuleContactStageChangedTrigger,
    },
    conversation::{
        RuleConversationAssignedTrigger, RuleConversationClosedTrigger,
        RuleConversationOpenedTrigger, RuleConversationPriorityChangedTrigger,
    },
    email_event::RuleEmailEventTrigger,
    event::RuleEventTrackedTrigger,
    health::{
        RuleAccountHealthBandChangedTrigger, RuleAccountHealthScoreCrossedTrigger,
        RuleHealthBandChangedTrigger, RuleHealthScoreCrossedTrigger,
    },
    message_received::RuleMessageReceivedTrigger,
    message_sent::RuleMessageSentTrigger,
    schedule::RuleScheduleTrigger,
    segment::{
        RuleAccountEnteredSegmentTrigger, RuleAccountLeftSegmentTrigger,
        RuleContactEnteredSegmentTrigger, RuleContactLeftSegmentTrigger,
    },
    survey::RuleSurveyAnsweredTrigger,
    tagging::{
        RuleAccountTagAddedTrigger, RuleAccountTagRemovedTrigger, RuleContactTagAddedTrigger,
        RuleContactTagRemovedTrigger, RuleConversationTagAddedTrigger,
        RuleConversationTagRemovedTrigger,
    },
    waiting::RuleConversationWaitingTrigger,
};

/// What makes a rule look.
#[derive(Union, Debug, Clone)]
pub enum RuleTrigger {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTrigger),
    /// A message was sent to a contact.
    MessageSent(RuleMessageSentTrigger),
    /// A conversation began or was opened again.
    ConversationOpened(RuleConversationOpenedTrigger),
    /// A conversation was closed.
    ConversationClosed(RuleConversationClosedTrigger),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(RuleConversationAssignedTrigger),
    /// A conversation became more or less urgent.
    ConversationPriorityChanged(RuleConversationPriorityChangedTrigger),
    /// A contact has waited for an answer in a conversation.
    ConversationWaiting(RuleConversationWaitingTrigger),
    /// A contact was given a tag.
    ContactTagAdded(RuleContactTagAddedTrigger),
    /// A contact lost a tag.
    ContactTagRemoved(RuleContactTagRemovedTrigger),
    /// An account was given a tag.
    AccountTagAdded(RuleAccountTagAddedTrigger),
    /// An account lost a tag.
    AccountTagRemoved(RuleAccountTagRemovedTrigger),
    /// A conversation was given a tag.
    ConversationTagAdded(RuleConversationTagAddedTrigger),
    /// A conversation lost a tag.
    ConversationTagRemoved(RuleConversationTagRemovedTrigger),
    /// A contact came to be known.
    ContactCreated(RuleContactCreatedTrigger),
    /// A contact's own data changed.
    ContactChanged(RuleContactChangedTrigger),
    /// A contact went from one lifecycle stage to another.
    ContactStageChanged(RuleContactStageChangedTrigger),
    /// Another member looks after a contact, or nobody does.
    ContactOwnerChanged(RuleContactOwnerChangedTrigger),
    /// The value of a custom attribute of a contact changed.
    ContactAttributeChanged(RuleContactAttributeChangedTrigger),
    /// The value of a custom attribute of an account changed.
    AccountAttributeChanged(RuleAccountAttributeChangedTrigger),
    /// The value of a custom attribute of a conversation changed.
    ConversationAttributeChanged(RuleConversationAttributeChangedTrigger),
    /// A contact did something that is tracked.
    EventTracked(RuleEventTrackedTrigger),
    /// Something became known about an email to a contact.
    EmailEventSeen(RuleEmailEventTrigger),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(RuleHealthScoreCrossedTrigger),
    /// A contact came into another health band.
    HealthBandChanged(RuleHealthBandChangedTrigger),
    /// An account's health score, the mean of its people's, crossed a mark.
    AccountHealthScoreCrossed(RuleAccountHealthScoreCrossedTrigger),
    /// An account came into another health band.
    AccountHealthBandChanged(RuleAccountHealthBandChangedTrigger),
    /// A contact answered a survey.
    SurveyAnswered(RuleSurveyAnsweredTrigger),
    /// A contact came into a segment.
    ContactEnteredSegment(RuleContactEnteredSegmentTrigger),
    /// A contact went out of a segment.
    ContactLeftSegment(RuleContactLeftSegmentTrigger),
    /// An account came into a segment.
    AccountEnteredSegment(RuleAccountEnteredSegmentTrigger),
    /// An account went out of a segment.
    AccountLeftSegment(RuleAccountLeftSegmentTrigger),
    /// The clock came round; looks at every contact.
    OnSchedule(RuleScheduleTrigger),
}
