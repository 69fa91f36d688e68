//! A trigger as the API takes it, read into the one that is stored, and written again.

use async_graphql::OneofObject;

use super::{
    Trigger,
    behaviour::{
        RuleEmailEventTriggerInput, RuleEventTrackedTriggerInput,
        RuleHealthBandChangedTriggerInput, RuleHealthScoreCrossedTriggerInput,
    },
    contact::{
        RuleContactAttributeChangedTriggerInput, RuleContactChangedTriggerInput,
        RuleContactCreatedTriggerInput, RuleContactOwnerChangedTriggerInput,
        RuleContactStageChangedTriggerInput,
    },
    conversation::{
        RuleConversationAssignedTriggerInput, RuleConversationClosedTriggerInput,
        RuleConversationOpenedTriggerInput,
    },
    message_received::RuleMessageReceivedTriggerInput,
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
};
use crate::{
    condition::{
        path::Path,
        reference::{IdReader, IdWriter},
    },
    error::UserError,
};

/// What makes the rule look. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum RuleTriggerInput {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTriggerInput),
    /// A conversation began or was opened again.
    ConversationOpened(RuleConversationOpenedTriggerInput),
    /// A conversation was closed.
    ConversationClosed(RuleConversationClosedTriggerInput),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(RuleConversationAssignedTriggerInput),
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
    /// A contact did something that is tracked.
    EventTracked(RuleEventTrackedTriggerInput),
    /// Something became known about an email to a contact.
    #[graphql(name = "emailEvent")]
    EmailEventSeen(RuleEmailEventTriggerInput),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(RuleHealthScoreCrossedTriggerInput),
    /// A contact came into another health band.
    HealthBandChanged(RuleHealthBandChangedTriggerInput),
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
        let trigger =
            match self {
                Self::MessageReceived(input) => Trigger::MessageReceived(input.into_trigger(
                    ids,
                    &at.at("messageReceived"),
                    &mut refusals,
                )),
                Self::ConversationOpened(input) => Trigger::ConversationOpened(input.into_trigger(
                    ids,
                    &at.at("conversationOpened"),
                    &mut refusals,
                )),
                Self::ConversationClosed(input) => Trigger::ConversationClosed(input.into_trigger(
                    ids,
                    &at.at("conversationClosed"),
                    &mut refusals,
                )),
                Self::ConversationAssigned(input) => Trigger::ConversationAssigned(
                    input.into_trigger(ids, &at.at("conversationAssigned"), &mut refusals),
                ),
                Self::ContactTagAdded(input) => Trigger::ContactTagAdded(input.into_trigger(
                    ids,
                    &at.at("contactTagAdded"),
                    &mut refusals,
                )),
                Self::ContactTagRemoved(input) => Trigger::ContactTagRemoved(input.into_trigger(
                    ids,
                    &at.at("contactTagRemoved"),
                    &mut refusals,
                )),
                Self::AccountTagAdded(input) => Trigger::AccountTagAdded(input.into_trigger(
                    ids,
                    &at.at("accountTagAdded"),
                    &mut refusals,
                )),
                Self::AccountTagRemoved(input) => Trigger::AccountTagRemoved(input.into_trigger(
                    ids,
                    &at.at("accountTagRemoved"),
                    &mut refusals,
                )),
                Self::ConversationTagAdded(input) => Trigger::ConversationTagAdded(
                    input.into_trigger(ids, &at.at("conversationTagAdded"), &mut refusals),
                ),
                Self::ConversationTagRemoved(input) => Trigger::ConversationTagRemoved(
                    input.into_trigger(ids, &at.at("conversationTagRemoved"), &mut refusals),
                ),
                Self::ContactCreated(input) => Trigger::ContactCreated(input.into_trigger(
                    ids,
                    &at.at("contactCreated"),
                    &mut refusals,
                )),
                Self::ContactChanged(input) => Trigger::ContactChanged(input.into_trigger(
                    ids,
                    &at.at("contactChanged"),
                    &mut refusals,
                )),
                Self::ContactStageChanged(input) => Trigger::ContactStageChanged(
                    input.into_trigger(ids, &at.at("contactStageChanged"), &mut refusals),
                ),
                Self::ContactOwnerChanged(input) => Trigger::ContactOwnerChanged(
                    input.into_trigger(ids, &at.at("contactOwnerChanged"), &mut refusals),
                ),
                Self::ContactAttributeChanged(input) => Trigger::ContactAttributeChanged(
                    input.into_trigger(ids, &at.at("contactAttributeChanged"), &mut refusals),
                ),
                Self::EventTracked(input) => Trigger::EventTracked(input.into_trigger(
                    ids,
                    &at.at("eventTracked"),
                    &mut refusals,
                )),
                Self::EmailEventSeen(input) => Trigger::EmailEventSeen(input.into_trigger(
                    ids,
                    &at.at("emailEvent"),
                    &mut refusals,
                )),
                Self::HealthScoreCrossed(input) => Trigger::HealthScoreCrossed(input.into_trigger(
                    ids,
                    &at.at("healthScoreCrossed"),
                    &mut refusals,
                )),
                Self::HealthBandChanged(input) => Trigger::HealthBandChanged(input.into_trigger(
                    ids,
                    &at.at("healthBandChanged"),
                    &mut refusals,
                )),
                Self::ContactEnteredSegment(input) => Trigger::ContactEnteredSegment(
                    input.into_trigger(ids, &at.at("contactEnteredSegment"), &mut refusals),
                ),
                Self::ContactLeftSegment(input) => Trigger::ContactLeftSegment(input.into_trigger(
                    ids,
                    &at.at("contactLeftSegment"),
                    &mut refusals,
                )),
                Self::AccountEnteredSegment(input) => Trigger::AccountEnteredSegment(
                    input.into_trigger(ids, &at.at("accountEnteredSegment"), &mut refusals),
                ),
                Self::AccountLeftSegment(input) => Trigger::AccountLeftSegment(input.into_trigger(
                    ids,
                    &at.at("accountLeftSegment"),
                    &mut refusals,
                )),
                Self::SurveyAnswered(input) => Trigger::SurveyAnswered(input.into_trigger(
                    ids,
                    &at.at("surveyAnswered"),
                    &mut refusals,
                )),
                Self::OnSchedule(input) => {
                    Trigger::OnSchedule(input.into_trigger(ids, &at.at("schedule"), &mut refusals))
                }
            };
        if refusals.is_empty() {
            Ok(trigger)
        } else {
            Err(refusals)
        }
    }
}

impl Trigger {
    /// The input that is read as this trigger.
    pub fn to_input(&self, ids: &dyn IdWriter) -> RuleTriggerInput {
        match self {
            Self::MessageReceived(trigger) => {
                RuleTriggerInput::MessageReceived(trigger.to_input(ids))
            }
            Self::ConversationOpened(trigger) => {
                RuleTriggerInput::ConversationOpened(trigger.to_input(ids))
            }
            Self::ConversationClosed(trigger) => {
                RuleTriggerInput::ConversationClosed(trigger.to_input(ids))
            }
            Self::ConversationAssigned(trigger) => {
                RuleTriggerInput::ConversationAssigned(trigger.to_input(ids))
            }
            Self::ContactTagAdded(trigger) => {
                RuleTriggerInput::ContactTagAdded(trigger.to_input(ids))
            }
            Self::ContactTagRemoved(trigger) => {
                RuleTriggerInput::ContactTagRemoved(trigger.to_input(ids))
            }
            Self::AccountTagAdded(trigger) => {
                RuleTriggerInput::AccountTagAdded(trigger.to_input(ids))
            }
            Self::AccountTagRemoved(trigger) => {
                RuleTriggerInput::AccountTagRemoved(trigger.to_input(ids))
            }
            Self::ConversationTagAdded(trigger) => {
                RuleTriggerInput::ConversationTagAdded(trigger.to_input(ids))
            }
            Self::ConversationTagRemoved(trigger) => {
                RuleTriggerInput::ConversationTagRemoved(trigger.to_input(ids))
            }
            Self::ContactCreated(trigger) => {
                RuleTriggerInput::ContactCreated(trigger.to_input(ids))
            }
            Self::ContactChanged(trigger) => {
                RuleTriggerInput::ContactChanged(trigger.to_input(ids))
            }
            Self::ContactStageChanged(trigger) => {
                RuleTriggerInput::ContactStageChanged(trigger.to_input(ids))
            }
            Self::ContactOwnerChanged(trigger) => {
                RuleTriggerInput::ContactOwnerChanged(trigger.to_input(ids))
            }
            Self::ContactAttributeChanged(trigger) => {
                RuleTriggerInput::ContactAttributeChanged(trigger.to_input(ids))
            }
            Self::EventTracked(trigger) => RuleTriggerInput::EventTracked(trigger.to_input(ids)),
            Self::EmailEventSeen(trigger) => {
                RuleTriggerInput::EmailEventSeen(trigger.to_input(ids))
            }
            Self::HealthScoreCrossed(trigger) => {
                RuleTriggerInput::HealthScoreCrossed(trigger.to_input(ids))
            }
            Self::HealthBandChanged(trigger) => {
                RuleTriggerInput::HealthBandChanged(trigger.to_input(ids))
            }
            Self::SurveyAnswered(trigger) => {
                RuleTriggerInput::SurveyAnswered(trigger.to_input(ids))
            }
            Self::ContactEnteredSegment(trigger) => {
                RuleTriggerInput::ContactEnteredSegment(trigger.to_input(ids))
            }
            Self::ContactLeftSegment(trigger) => {
                RuleTriggerInput::ContactLeftSegment(trigger.to_input(ids))
            }
            Self::AccountEnteredSegment(trigger) => {
                RuleTriggerInput::AccountEnteredSegment(trigger.to_input(ids))
            }
            Self::AccountLeftSegment(trigger) => {
                RuleTriggerInput::AccountLeftSegment(trigger.to_input(ids))
            }
            Self::OnSchedule(trigger) => RuleTriggerInput::OnSchedule(trigger.to_input(ids)),
        }
    }
}
