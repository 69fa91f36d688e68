//! What is said in the same words of every kind of trigger, over one list of them.

use uuid::Uuid;

use super::{RuleTrigger, RuleTriggerInput, Trigger, TriggerKind, TriggerWord};
use crate::{
    condition::{
        path::Path,
        reference::{IdKind, IdReader, IdWriter},
    },
    error::UserError,
};

macro_rules! each {
    ($($trigger:ident $name:literal,)*) => {
        impl Trigger {
            /// The name of the kind: in stored JSON, in GraphQL and in paths.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$trigger(_) => $name,)*
                }
            }

            /// The kind as a word.
            pub fn word(&self) -> TriggerWord {
                match self {
                    $(Self::$trigger(_) => TriggerWord::$trigger,)*
                }
            }

            pub(crate) fn kind(&self) -> &dyn TriggerKind {
                match self {
                    $(Self::$trigger(trigger) => trigger,)*
                }
            }

            /// Names `to` wherever the trigger named `from`.
            pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
                match self {
                    $(Self::$trigger(trigger) => trigger.replace(kind, from, to),)*
                }
            }

            /// The input that is read as this trigger.
            pub fn to_input(&self, ids: &dyn IdWriter) -> RuleTriggerInput {
                match self {
                    $(Self::$trigger(trigger) => RuleTriggerInput::$trigger(trigger.to_input(ids)),)*
                }
            }

            /// The trigger as the API shows it.
            pub fn to_output(&self, ids: &dyn IdWriter) -> RuleTrigger {
                match self {
                    $(Self::$trigger(trigger) => RuleTrigger::$trigger(trigger.to_output(ids)),)*
                }
            }
        }

        impl RuleTriggerInput {
            /// Reads it, and notes below `at` the ids that cannot be read.
            pub(super) fn read(
                self,
                ids: &dyn IdReader,
                at: &Path,
                refusals: &mut Vec<UserError>,
            ) -> Trigger {
                match self {
                    $(Self::$trigger(input) => {
                        Trigger::$trigger(input.into_trigger(ids, &at.at($name), refusals))
                    })*
                }
            }
        }
    };
}

each! {
    MessageReceived "messageReceived",
    MessageSent "messageSent",
    ConversationOpened "conversationOpened",
    ConversationClosed "conversationClosed",
    ConversationAssigned "conversationAssigned",
    ConversationPriorityChanged "conversationPriorityChanged",
    ConversationWaiting "conversationWaiting",
    ContactTagAdded "contactTagAdded",
    ContactTagRemoved "contactTagRemoved",
    AccountTagAdded "accountTagAdded",
    AccountTagRemoved "accountTagRemoved",
    ConversationTagAdded "conversationTagAdded",
    ConversationTagRemoved "conversationTagRemoved",
    ContactCreated "contactCreated",
    ContactChanged "contactChanged",
    ContactStageChanged "contactStageChanged",
    ContactOwnerChanged "contactOwnerChanged",
    ContactAttributeChanged "contactAttributeChanged",
    AccountAttributeChanged "accountAttributeChanged",
    ConversationAttributeChanged "conversationAttributeChanged",
    EventTracked "eventTracked",
    EmailEventSeen "emailEvent",
    HealthScoreCrossed "healthScoreCrossed",
    HealthBandChanged "healthBandChanged",
    AccountHealthScoreCrossed "accountHealthScoreCrossed",
    AccountHealthBandChanged "accountHealthBandChanged",
    SurveyAnswered "surveyAnswered",
    ContactEnteredSegment "contactEnteredSegment",
    ContactLeftSegment "contactLeftSegment",
    AccountEnteredSegment "accountEnteredSegment",
    AccountLeftSegment "accountLeftSegment",
    OnSchedule "schedule",
}
