//! What makes a rule look: the kinds of change that rules wait for.
//!
//! A trigger says which entries of the log it waits for by their `Key`, so that a change leads to
//! the few rules that may care, and then looks at what `Happened`. Messages go another way: all
//! their rules are asked at once by the [matcher](crate::condition::matcher).
//!
//! To add one: a struct with its `TriggerKind` in the file of its like (`shape::trigger!` writes the
//! forms of the API); its line in the list below, in `each`, in `input` and in `output`; its `Key` and
//! `Happened` (`happened`), and where the rules' projection makes them of a fact (`rule::occasion`); then its
//! sample in `samples/`.

mod attribute;
mod contact;
mod conversation;
mod each;
mod email_event;
mod event;
mod happened;
mod health;
mod input;
mod message_received;
mod message_sent;
mod output;
mod schedule;
mod segment;
mod shape;
mod survey;
mod tagging;
mod waiting;
mod word;
mod words;

use entity::kind;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    condition::{
        Condition, Context,
        matcher::Gate,
        path::Path,
        reference::{IdKind, Reference},
        sentence::Phrasing,
        trace::TraceNode,
    },
    error::UserError,
};

pub(crate) use self::happened::{Asked, Happened, Key, Place, WaitLength};
pub use attribute::{
    AccountAttributeChanged, ContactAttributeChanged, ConversationAttributeChanged,
};
pub use contact::{ContactChanged, ContactCreated, ContactOwnerChanged, ContactStageChanged};
pub use conversation::{
    ConversationAssigned, ConversationClosed, ConversationOpened, ConversationPriorityChanged,
};
pub use email_event::EmailEventSeen;
pub use event::EventTracked;
pub use health::{
    AccountHealthBandChanged, AccountHealthScoreCrossed, Direction, HealthBandChanged,
    HealthScoreCrossed,
};
pub use input::RuleTriggerInput;
pub use message_received::MessageReceived;
pub use message_sent::MessageSent;
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
pub use waiting::ConversationWaiting;
pub use word::TriggerWord;

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
    /// Notes what it asks that the change log does not tell.
    fn note_asked(&self, _asked: &mut Asked) {}
    /// The verdict on each thing it asks of the very occasion, such as a property of the event. Nothing if it
    /// asks none, or does not wait for what happened.
    fn judge(&self, _happened: &Happened<'_>) -> Vec<TraceNode> {
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
    /// A message was sent to a contact.
    MessageSent(MessageSent),
    /// A conversation began or was opened again.
    ConversationOpened(ConversationOpened),
    /// A conversation was closed.
    ConversationClosed(ConversationClosed),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(ConversationAssigned),
    /// A conversation became more or less urgent.
    ConversationPriorityChanged(ConversationPriorityChanged),
    /// A contact has waited for an answer in a conversation.
    ConversationWaiting(ConversationWaiting),
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
    /// The value of a custom attribute of an account changed.
    AccountAttributeChanged(AccountAttributeChanged),
    /// The value of a custom attribute of a conversation changed.
    ConversationAttributeChanged(ConversationAttributeChanged),
    /// A contact did something that is tracked.
    EventTracked(EventTracked),
    /// Something became known about an email to a contact.
    #[serde(rename = "emailEvent")]
    EmailEventSeen(EmailEventSeen),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(HealthScoreCrossed),
    /// A contact came into another health band.
    HealthBandChanged(HealthBandChanged),
    /// An account's health score crossed a mark.
    AccountHealthScoreCrossed(AccountHealthScoreCrossed),
    /// An account came into another health band.
    AccountHealthBandChanged(AccountHealthBandChanged),
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
    /// Which messages make the rule look, if it waits for messages.
    pub fn gate(&self) -> Option<Gate> {
        match self {
            Self::MessageReceived(trigger) => Some(trigger.gate()),
            Self::MessageSent(trigger) => Some(trigger.gate()),
            _ => None,
        }
    }

    /// Which way the messages go that make the rule look, if it waits for messages.
    pub(crate) fn message_direction(&self) -> Option<kind::Direction> {
        match self {
            Self::MessageReceived(_) => Some(kind::Direction::Inbound),
            Self::MessageSent(_) => Some(kind::Direction::Outbound),
            _ => None,
        }
    }

    /// What the rule's condition can ask about.
    pub fn context(&self) -> Context {
        self.kind().context()
    }
}
