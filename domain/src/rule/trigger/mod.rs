//! What makes a rule look: the kinds of change that rules wait for.
//!
//! A trigger says which entries of the log it waits for by their `Key`, so that a change leads to
//! the few rules that may care, and then looks at what `Happened`. Messages go another way: all
//! their rules are asked at once by the [matcher](crate::condition::matcher).
//!
//! To add one: a struct with its `TriggerKind` in the file of its like (`shape::trigger!` writes the
//! forms of the API); its line in the list below; its `Key` and `Happened`, and where the rules'
//! projection makes them of a fact (`rule::occasion`); then its sample in `samples/`.

mod behaviour;
mod contact;
mod conversation;
mod message_received;
mod schedule;
mod segment;
mod shape;
mod survey;
mod tagging;

use async_graphql::{OneofObject, Union};
use entity::{
    id::MemberId,
    kind::{
        Channel, ContactField, ConversationStatus, EmailEventKind, HealthBand, LifecycleStage,
        SurveyKind, TagTarget,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use behaviour::{
    Direction, EmailEventSeen, EventTracked, HealthBandChanged, HealthScoreCrossed,
};
pub use contact::{
    ContactAttributeChanged, ContactChanged, ContactCreated, ContactOwnerChanged,
    ContactStageChanged,
};
pub use conversation::{ConversationAssigned, ConversationClosed, ConversationOpened};
pub use message_received::MessageReceived;
pub use schedule::{Cadence, OnSchedule};
pub use segment::{
    AccountEnteredSegment, AccountLeftSegment, ContactEnteredSegment, ContactLeftSegment,
};
pub use survey::SurveyAnswered;
pub use tagging::{
    AccountTagAdded, AccountTagRemoved, ContactTagAdded, ContactTagRemoved, ConversationTagAdded,
    ConversationTagRemoved,
};

use self::{
    behaviour::{
        RuleEmailEventTrigger, RuleEmailEventTriggerInput, RuleEventTrackedTrigger,
        RuleEventTrackedTriggerInput, RuleHealthBandChangedTrigger,
        RuleHealthBandChangedTriggerInput, RuleHealthScoreCrossedTrigger,
        RuleHealthScoreCrossedTriggerInput,
    },
    contact::{
        RuleContactAttributeChangedTrigger, RuleContactAttributeChangedTriggerInput,
        RuleContactChangedTrigger, RuleContactChangedTriggerInput, RuleContactCreatedTrigger,
        RuleContactCreatedTriggerInput, RuleContactOwnerChangedTrigger,
        RuleContactOwnerChangedTriggerInput, RuleContactStageChangedTrigger,
        RuleContactStageChangedTriggerInput,
    },
    conversation::{
        RuleConversationAssignedTrigger, RuleConversationAssignedTriggerInput,
        RuleConversationClosedTrigger, RuleConversationClosedTriggerInput,
        RuleConversationOpenedTrigger, RuleConversationOpenedTriggerInput,
    },
    message_received::{RuleMessageReceivedTrigger, RuleMessageReceivedTriggerInput},
    schedule::{RuleScheduleTrigger, RuleScheduleTriggerInput},
    segment::{
        RuleAccountEnteredSegmentTrigger, RuleAccountEnteredSegmentTriggerInput,
        RuleAccountLeftSegmentTrigger, RuleAccountLeftSegmentTriggerInput,
        RuleContactEnteredSegmentTrigger, RuleContactEnteredSegmentTriggerInput,
        RuleContactLeftSegmentTrigger, RuleContactLeftSegmentTriggerInput,
    },
    survey::{RuleSurveyAnsweredTrigger, RuleSurveyAnsweredTriggerInput},
    tagging::{
        RuleAccountTagAddedTrigger, RuleAccountTagAddedTriggerInput, RuleAccountTagRemovedTrigger,
        RuleAccountTagRemovedTriggerInput, RuleContactTagAddedTrigger,
        RuleContactTagAddedTriggerInput, RuleContactTagRemovedTrigger,
        RuleContactTagRemovedTriggerInput, RuleConversationTagAddedTrigger,
        RuleConversationTagAddedTriggerInput, RuleConversationTagRemovedTrigger,
        RuleConversationTagRemovedTriggerInput,
    },
};
use crate::{
    condition::{
        Context,
        matcher::Gate,
        path::Path,
        reference::{IdKind, IdReader, IdWriter, Reference},
        sentence::Phrasing,
    },
    error::UserError,
};

/// Where a conversation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) inbox: Uuid,
    pub(crate) channel: Channel,
}

/// What a change leads to rules by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Opened,
    Closed,
    Assigned,
    Tag {
        added: bool,
        target: TagTarget,
        tag: Uuid,
    },
    ContactCreated,
    ContactChanged,
    Stage,
    Owner,
    Attribute(Uuid),
    Event(String),
    Email(EmailEventKind),
    Health,
    Survey,
    Segment {
        entered: bool,
        segment: Uuid,
    },
}

/// What happened, as triggers look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happened<'a> {
    /// A conversation is open; nothing before if it began.
    Opened {
        from: Option<ConversationStatus>,
        place: Place,
    },
    Closed {
        from: Option<ConversationStatus>,
        place: Place,
    },
    Assigned {
        from: Option<MemberId>,
        to: Option<MemberId>,
        place: Place,
    },
    Tag {
        added: bool,
        target: TagTarget,
        tag: Uuid,
        /// The tags that follow from it, itself included.
        above: &'a [Uuid],
    },
    ContactCreated {
        imported: bool,
    },
    ContactChanged {
        fields: &'a [ContactField],
    },
    Stage {
        from: Option<LifecycleStage>,
        to: Option<LifecycleStage>,
    },
    Owner {
        from: Option<MemberId>,
        to: Option<MemberId>,
    },
    Attribute {
        attribute: Uuid,
        from: Option<&'a serde_json::Value>,
        to: Option<&'a serde_json::Value>,
    },
    Event {
        name: &'a str,
    },
    Email {
        kind: EmailEventKind,
        campaign: Option<Uuid>,
    },
    Health {
        score: Option<f64>,
        previous: Option<f64>,
        band: HealthBand,
        previous_band: HealthBand,
    },
    Survey {
        kind: SurveyKind,
        survey_key: &'a str,
        score: i64,
    },
    Segment {
        entered: bool,
        segment: Uuid,
    },
    /// The clock came round.
    Tick,
}

impl Happened<'_> {
    /// The keys that lead to the rules that may care.
    pub(crate) fn keys(&self) -> Vec<Key> {
        vec![match *self {
            Self::Opened { .. } => Key::Opened,
            Self::Closed { .. } => Key::Closed,
            Self::Assigned { .. } => Key::Assigned,
            Self::Tag {
                added,
                target,
                tag,
                above,
            } => {
                let mut tags = above.to_vec();
                tags.push(tag);
                tags.sort_unstable();
                tags.dedup();
                return tags
                    .into_iter()
                    .map(|tag| Key::Tag { added, target, tag })
                    .collect();
            }
            Self::ContactCreated { .. } => Key::ContactCreated,
            Self::ContactChanged { .. } => Key::ContactChanged,
            Self::Stage { .. } => Key::Stage,
            Self::Owner { .. } => Key::Owner,
            Self::Attribute { attribute, .. } => Key::Attribute(attribute),
            Self::Event { name } => Key::Event(name.to_owned()),
            Self::Email { kind, .. } => Key::Email(kind),
            Self::Health { .. } => Key::Health,
            Self::Survey { .. } => Key::Survey,
            Self::Segment { entered, segment } => Key::Segment { entered, segment },
            Self::Tick => return Vec::new(),
        }]
    }
}

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

    /// The trigger as the API shows it.
    pub fn to_output(&self, ids: &dyn IdWriter) -> RuleTrigger {
        match self {
            Self::MessageReceived(trigger) => RuleTrigger::MessageReceived(trigger.to_output(ids)),
            Self::ConversationOpened(trigger) => {
                RuleTrigger::ConversationOpened(trigger.to_output(ids))
            }
            Self::ConversationClosed(trigger) => {
                RuleTrigger::ConversationClosed(trigger.to_output(ids))
            }
            Self::ConversationAssigned(trigger) => {
                RuleTrigger::ConversationAssigned(trigger.to_output(ids))
            }
            Self::ContactTagAdded(trigger) => RuleTrigger::ContactTagAdded(trigger.to_output(ids)),
            Self::ContactTagRemoved(trigger) => {
                RuleTrigger::ContactTagRemoved(trigger.to_output(ids))
            }
            Self::AccountTagAdded(trigger) => RuleTrigger::AccountTagAdded(trigger.to_output(ids)),
            Self::AccountTagRemoved(trigger) => {
                RuleTrigger::AccountTagRemoved(trigger.to_output(ids))
            }
            Self::ConversationTagAdded(trigger) => {
                RuleTrigger::ConversationTagAdded(trigger.to_output(ids))
            }
            Self::ConversationTagRemoved(trigger) => {
                RuleTrigger::ConversationTagRemoved(trigger.to_output(ids))
            }
            Self::ContactCreated(trigger) => RuleTrigger::ContactCreated(trigger.to_output(ids)),
            Self::ContactChanged(trigger) => RuleTrigger::ContactChanged(trigger.to_output(ids)),
            Self::ContactStageChanged(trigger) => {
                RuleTrigger::ContactStageChanged(trigger.to_output(ids))
            }
            Self::ContactOwnerChanged(trigger) => {
                RuleTrigger::ContactOwnerChanged(trigger.to_output(ids))
            }
            Self::ContactAttributeChanged(trigger) => {
                RuleTrigger::ContactAttributeChanged(trigger.to_output(ids))
            }
            Self::EventTracked(trigger) => RuleTrigger::EventTracked(trigger.to_output(ids)),
            Self::EmailEventSeen(trigger) => RuleTrigger::EmailEventSeen(trigger.to_output(ids)),
            Self::HealthScoreCrossed(trigger) => {
                RuleTrigger::HealthScoreCrossed(trigger.to_output(ids))
            }
            Self::HealthBandChanged(trigger) => {
                RuleTrigger::HealthBandChanged(trigger.to_output(ids))
            }
            Self::SurveyAnswered(trigger) => RuleTrigger::SurveyAnswered(trigger.to_output(ids)),
            Self::ContactEnteredSegment(trigger) => {
                RuleTrigger::ContactEnteredSegment(trigger.to_output(ids))
            }
            Self::ContactLeftSegment(trigger) => {
                RuleTrigger::ContactLeftSegment(trigger.to_output(ids))
            }
            Self::AccountEnteredSegment(trigger) => {
                RuleTrigger::AccountEnteredSegment(trigger.to_output(ids))
            }
            Self::AccountLeftSegment(trigger) => {
                RuleTrigger::AccountLeftSegment(trigger.to_output(ids))
            }
            Self::OnSchedule(trigger) => RuleTrigger::OnSchedule(trigger.to_output(ids)),
        }
    }
}

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

/// What makes a rule look.
#[derive(Union, Debug, Clone)]
pub enum RuleTrigger {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTrigger),
    /// A conversation began or was opened again.
    ConversationOpened(RuleConversationOpenedTrigger),
    /// A conversation was closed.
    ConversationClosed(RuleConversationClosedTrigger),
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned(RuleConversationAssignedTrigger),
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
    /// A contact did something that is tracked.
    EventTracked(RuleEventTrackedTrigger),
    /// Something became known about an email to a contact.
    EmailEventSeen(RuleEmailEventTrigger),
    /// A contact's health score crossed a mark.
    HealthScoreCrossed(RuleHealthScoreCrossedTrigger),
    /// A contact came into another health band.
    HealthBandChanged(RuleHealthBandChangedTrigger),
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
