//! What makes a rule look: the kinds of change that rules wait for.
//!
//! A trigger says which entries of the log it waits for by their `Key`, so that a change leads to
//! the few rules that may care, and then looks at what `Happened`. Messages go another way: all
//! their rules are asked at once by the [matcher](crate::condition::matcher).
//!
//! To add one: a struct with its `TriggerKind` in the file of its like (`shape::trigger!` writes the
//! forms of the API); its line in the lists below, in `input` and in `output`; its `Key` and `Happened`
//! (`happened`), and where the rules' projection makes them of a fact (`rule::occasion`); then its
//! sample in `samples/`.

mod behaviour;
mod contact;
mod conversation;
mod happened;
mod input;
mod message_received;
mod output;
mod schedule;
mod segment;
mod shape;
mod survey;
mod tagging;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    condition::{
        Condition, Context,
        matcher::Gate,
        path::Path,
        reference::{IdKind, Reference},
        sentence::Phrasing,
    },
    error::UserError,
};

pub(crate) use self::happened::{Happened, Key, Place};
pub use behaviour::{
    Direction, EmailEventSeen, EventTracked, HealthBandChanged, HealthScoreCrossed,
};
pub use contact::{
    ContactAttributeChanged, ContactChanged, ContactCreated, ContactOwnerChanged,
    ContactStageChanged,
};
pub use conversation::{ConversationAssigned, ConversationClosed, ConversationOpened};
pub use input::RuleTriggerInput;
pub use message_received::MessageReceived;
pub use output::RuleTrigger;
pub use schedule::{Cadence, OnSchedule};
pub use segment::{
    AccountEnteredSegment, AccountLeftSegment, ContactEnteredSegment, ContactLeftSegment,
};
pub use survey::SurveyAnswered;
pub use tagging::{
    AccountTagAdded, AccountTagRemoved, ContactTagAdded, ContactTagRemoved, ConversationTagAdded,
    ConversationTagRemoved,
};

/// What every trigger knows about itself.
pub(crate) trait TriggerKind {
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// Notes every id it names.
    fn references(&self, at: &Path, found: &mut Vec<Reference>);
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid);
    /// What the rule's condition can ask about.
    fn context(&self) -> Context;
    /// What holds once it has made the rule look. Only what cannot be otherwise, unless it has changed
    /// again since.
    fn implies(&self) -> Vec<Condition> {
        Vec::new()
    }
    /// The changes that lead to it; none for what comes another way.
    fn keys(&self) -> Vec<Key>;
    /// Whether what happened makes the rule look.
    fn accepts(&self, happened: &Happened<'_>) -> bool;
}

impl Default for Trigger {
    /// A contact wrote, to whichever inbox.
    fn default() -> Self {
        Self::MessageReceived(MessageReceived::default())
    }
}

/// The change a rule waits for. Stored as JSON, so a change here must keep decoding what older
/// programs wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A message came in.
    MessageReceived(MessageReceived),
    /// A conversation began or was opened again.
    ConversationOpened(ConversationOpened),
    /// A conversation was closed.
    ConversationClosed(ConversationClosed),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(ConversationAssigned),
    /// A contact was given a tag.
    ContactTagAdded(ContactTagAdded),
    /// A contact lost a tag.
    ContactTagRemoved(ContactTagRemoved),
    /// An account was given a tag.
    AccountTagAdded(AccountTagAdded),
    /// An account lost a tag.
    AccountTagRemoved(AccountTagRemoved),
    /// A conversation was given a tag.
    ConversationTagAdded(ConversationTagAdded),
    /// A conversation lost a tag.
    ConversationTagRemoved(ConversationTagRemoved),
    /// A contact came to be known.
    ContactCreated(ContactCreated),
    /// A contact's own data changed.
    ContactChanged(ContactChanged),
    /// A contact went from one lifecycle stage to another.
    ContactStageChanged(ContactStageChanged),
    /// Another member looks after a contact, or nobody does.
    ContactOwnerChanged(ContactOwnerChanged),
    /// The value of a custom attribute of a contact changed.
    ContactAttributeChanged(ContactAttributeChanged),
    /// A contact did something that is tracked.
    EventTracked(EventTracked),
    /// Something became known about an email to a contact.
    #[serde(rename = "emailEvent")]
    EmailEventSeen(EmailEventSeen),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(HealthScoreCrossed),
    /// A contact came into another health band.
    HealthBandChanged(HealthBandChanged),
    /// A contact answered a survey.
    SurveyAnswered(SurveyAnswered),
    /// A contact came into a segment.
    ContactEnteredSegment(ContactEnteredSegment),
    /// A contact went out of a segment.
    ContactLeftSegment(ContactLeftSegment),
    /// An account came into a segment.
    AccountEnteredSegment(AccountEnteredSegment),
    /// An account went out of a segment.
    AccountLeftSegment(AccountLeftSegment),
    /// The clock came round; looks at every contact.
    #[serde(rename = "schedule")]
    OnSchedule(OnSchedule),
}

impl Trigger {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageReceived(_) => "messageReceived",
            Self::ConversationOpened(_) => "conversationOpened",
            Self::ConversationClosed(_) => "conversationClosed",
            Self::ConversationAssigned(_) => "conversationAssigned",
            Self::ContactTagAdded(_) => "contactTagAdded",
            Self::ContactTagRemoved(_) => "contactTagRemoved",
            Self::AccountTagAdded(_) => "accountTagAdded",
            Self::AccountTagRemoved(_) => "accountTagRemoved",
            Self::ConversationTagAdded(_) => "conversationTagAdded",
            Self::ConversationTagRemoved(_) => "conversationTagRemoved",
            Self::ContactCreated(_) => "contactCreated",
            Self::ContactChanged(_) => "contactChanged",
            Self::ContactStageChanged(_) => "contactStageChanged",
            Self::ContactOwnerChanged(_) => "contactOwnerChanged",
            Self::ContactAttributeChanged(_) => "contactAttributeChanged",
            Self::EventTracked(_) => "eventTracked",
            Self::EmailEventSeen(_) => "emailEvent",
            Self::HealthScoreCrossed(_) => "healthScoreCrossed",
            Self::HealthBandChanged(_) => "healthBandChanged",
            Self::SurveyAnswered(_) => "surveyAnswered",
            Self::ContactEnteredSegment(_) => "contactEnteredSegment",
            Self::ContactLeftSegment(_) => "contactLeftSegment",
            Self::AccountEnteredSegment(_) => "accountEnteredSegment",
            Self::AccountLeftSegment(_) => "accountLeftSegment",
            Self::OnSchedule(_) => "schedule",
        }
    }

    pub(crate) fn kind(&self) -> &dyn TriggerKind {
        match self {
            Self::MessageReceived(trigger) => trigger,
            Self::ConversationOpened(trigger) => trigger,
            Self::ConversationClosed(trigger) => trigger,
            Self::ConversationAssigned(trigger) => trigger,
            Self::ContactTagAdded(trigger) => trigger,
            Self::ContactTagRemoved(trigger) => trigger,
            Self::AccountTagAdded(trigger) => trigger,
            Self::AccountTagRemoved(trigger) => trigger,
            Self::ConversationTagAdded(trigger) => trigger,
            Self::ConversationTagRemoved(trigger) => trigger,
            Self::ContactCreated(trigger) => trigger,
            Self::ContactChanged(trigger) => trigger,
            Self::ContactStageChanged(trigger) => trigger,
            Self::ContactOwnerChanged(trigger) => trigger,
            Self::ContactAttributeChanged(trigger) => trigger,
            Self::EventTracked(trigger) => trigger,
            Self::EmailEventSeen(trigger) => trigger,
            Self::HealthScoreCrossed(trigger) => trigger,
            Self::HealthBandChanged(trigger) => trigger,
            Self::SurveyAnswered(trigger) => trigger,
            Self::ContactEnteredSegment(trigger) => trigger,
            Self::ContactLeftSegment(trigger) => trigger,
            Self::AccountEnteredSegment(trigger) => trigger,
            Self::AccountLeftSegment(trigger) => trigger,
            Self::OnSchedule(trigger) => trigger,
        }
    }

    /// Names `to` wherever the trigger named `from`.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        match self {
            Self::MessageReceived(trigger) => trigger.replace(kind, from, to),
            Self::ConversationOpened(trigger) => trigger.replace(kind, from, to),
            Self::ConversationClosed(trigger) => trigger.replace(kind, from, to),
            Self::ConversationAssigned(trigger) => trigger.replace(kind, from, to),
            Self::ContactTagAdded(trigger) => trigger.replace(kind, from, to),
            Self::ContactTagRemoved(trigger) => trigger.replace(kind, from, to),
            Self::AccountTagAdded(trigger) => trigger.replace(kind, from, to),
            Self::AccountTagRemoved(trigger) => trigger.replace(kind, from, to),
            Self::ConversationTagAdded(trigger) => trigger.replace(kind, from, to),
            Self::ConversationTagRemoved(trigger) => trigger.replace(kind, from, to),
            Self::ContactCreated(trigger) => trigger.replace(kind, from, to),
            Self::ContactChanged(trigger) => trigger.replace(kind, from, to),
            Self::ContactStageChanged(trigger) => trigger.replace(kind, from, to),
            Self::ContactOwnerChanged(trigger) => trigger.replace(kind, from, to),
            Self::ContactAttributeChanged(trigger) => trigger.replace(kind, from, to),
            Self::EventTracked(trigger) => trigger.replace(kind, from, to),
            Self::EmailEventSeen(trigger) => trigger.replace(kind, from, to),
            Self::HealthScoreCrossed(trigger) => trigger.replace(kind, from, to),
            Self::HealthBandChanged(trigger) => trigger.replace(kind, from, to),
            Self::SurveyAnswered(trigger) => trigger.replace(kind, from, to),
            Self::ContactEnteredSegment(trigger) => trigger.replace(kind, from, to),
            Self::ContactLeftSegment(trigger) => trigger.replace(kind, from, to),
            Self::AccountEnteredSegment(trigger) => trigger.replace(kind, from, to),
            Self::AccountLeftSegment(trigger) => trigger.replace(kind, from, to),
            Self::OnSchedule(trigger) => trigger.replace(kind, from, to),
        }
    }

    /// Which messages make the rule look, if it waits for messages.
    pub fn gate(&self) -> Option<Gate> {
        match self {
            Self::MessageReceived(trigger) => Some(trigger.gate()),
            _ => None,
        }
    }

    /// What the rule's condition can ask about.
    pub fn context(&self) -> Context {
        self.kind().context()
    }
}
