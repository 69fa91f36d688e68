//! From entries of the log to what rules look at: the thing, its contact, account and conversation,
//! and what happened to it.
//!
//! What the entries leave out is read for the whole batch at once, and only if some rule waits for it
//! (`lore`).

mod detail;
mod lore;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, AttributeId, ContactId, ConversationId, Id as _, MessageId},
    kind::{ConversationStatus, EmailEventOrigin, SubjectKind, TagTarget},
};
use uuid::Uuid;

use self::lore::Message;
use super::{
    cache::Compiled,
    trigger::{Happened, Place, WaitLength},
};
use crate::{
    access::Origin,
    action::{Case, Effect},
    work::change::{Entry, Fact},
};

pub(crate) use self::lore::Lore;

/// How many steps away from the outside something may be and still be looked at: where rules lead to
/// changes and changes to rules, the circle ends here.
pub const MAX_DEPTH: i64 = 5;

/// How long before it came in a message of an archive was sent, at most, for people to be reached
/// because of it.
pub(super) const OLD: TimeDelta = TimeDelta::days(7);

/// Something that rules may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The entry that tells it; none when the clock came round.
    pub(crate) entry: Option<&'a Entry>,
    /// The thing: a message, conversation, contact or account.
    pub(crate) subject: Uuid,
    pub(crate) case: Case,
    pub(crate) what: What<'a>,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// Whether an import brought it in from an archive long after it was sent. It is tagged and filed, but
    /// nobody is told, asked or given work because of it.
    pub(crate) from_archive: bool,
}

/// What it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What<'a> {
    /// A message came in, or was sent.
    Message(&'a Message),
    /// Anything else.
    Other(Happened<'a>),
}

impl Occasion<'_> {
    /// How many steps it is away from the outside.
    pub(crate) fn depth(&self) -> i64 {
        self.entry.map_or(0, |entry| entry.depth)
    }

    /// Whether an effect is not for it, because it reaches people and this is long past.
    pub(crate) fn leaves_out(&self, effect: &Effect) -> bool {
        self.from_archive && effect.reaches_people()
    }

    /// Where its cascade began, as firings keep it. That of a wait is the wait itself: a rule fires once in it,
    /// also where it is edited to wait for longer meanwhile.
    pub(crate) fn root(&self) -> String {
        if let What::Other(Happened::Waited { since, .. }) = self.what {
            return format!("wait {}", since.timestamp_micros());
        }
        match self.entry {
            Some(entry) => entry.root.to_string(),
            None => format!("tick {}", self.at.timestamp()),
        }
    }
}

/// The entries of a batch that some rule waits for: those that are looked at, and those that are the last
/// links of their chains and are not.
pub(crate) fn heard<'a>(
    entries: &'a [Entry],
    rules: &Compiled,
) -> (Vec<&'a Entry>, Vec<&'a Entry>) {
    let waited_for = entries.iter().filter(|entry| rules.waits_for(&entry.fact));
    waited_for.partition(|entry| entry.depth <= MAX_DEPTH)
}

impl Lore {
    fn of_conversation(&self, id: ConversationId) -> Option<(Case, Place)> {
        let conversation = self.conversations.get(&id)?;
        let case = Case {
            conversation: Some(id),
            ..self.of_contact(conversation.contact_id)
        };
        let place = Place {
            inbox: conversation.inbox_id.uuid(),
            channel: conversation.channel,
        };
        Some((case, place))
    }

    /// What an entry gives rules to look at; a message that begins a conversation is two things.
    pub(crate) fn occasions<'a>(&'a self, entry: &'a Entry, found: &mut Vec<Occasion<'a>>) {
        match &entry.fact {
            Fact::MessageReceived {
                message_id,
                conversation_id,
                opened,
                ..
            }
            | Fact::MessageSent {
                message_id,
                conversation_id,
                opened,
                ..
            } => {
                // One that was sent is read only where some rule waits for it.
                found.extend(self.message(entry, *message_id));
                if *opened {
                    found.extend(self.opened(entry, *conversation_id, None));
                }
            }
            Fact::ConversationStatusChanged {
                conversation_id,
                from,
                to,
            } => found.extend(self.turned(entry, *conversation_id, *from, *to)),
            Fact::ConversationAssigned {
                conversation_id,
                from,
                to,
            } => found.extend(self.of_conversation(*conversation_id).map(|(case, place)| {
                let happened = Happened::Assigned {
                    from: *from,
                    to: *to,
                    place,
                };
                other(entry, conversation_id.uuid(), case, happened)
            })),
            Fact::ConversationPriorityChanged {
                conversation_id,
                from,
                to,
            } => found.extend(self.of_conversation(*conversation_id).map(|(case, place)| {
                let happened = Happened::Priority {
                    from: *from,
                    to: *to,
                    place,
                };
                other(entry, conversation_id.uuid(), case, happened)
            })),
            Fact::ConversationWaited {
                conversation_id,
                waiting_since,
                minutes,
                business_hours,
            } => {
                let length = WaitLength {
                    minutes: *minutes,
                    business_hours: *business_hours,
                };
                found.extend(self.waited(entry, *conversation_id, *waiting_since, length));
            }
            Fact::TaggingAdded {
                tag_id,
                target,
                target_id,
                ..
            } => found.extend(self.tagged(entry, true, tag_id.uuid(), *target, *target_id)),
            Fact::TaggingRemoved {
                tag_id,
                target,
                target_id,
                ..
            } => found.extend(self.tagged(entry, false, tag_id.uuid(), *target, *target_id)),
            Fact::SegmentEntered {
                segment_id,
                subject: SubjectKind::Account,
                subject_id,
            } => found.push(of_segment(entry, *subject_id, true, segment_id.uuid())),
            Fact::SegmentLeft {
                segment_id,
                subject: SubjectKind::Account,
                subject_id,
            } => found.push(of_segment(entry, *subject_id, false, segment_id.uuid())),
            Fact::AttributeSet {
                attribute_id,
                subject: SubjectKind::Account,
                subject_id,
                from,
                to,
            } => {
                let happened = of_attribute(*attribute_id, from.as_ref(), to.as_ref());
                found.push(of_account(entry, *subject_id, happened));
            }
            Fact::AttributeSet {
                attribute_id,
                subject: SubjectKind::Conversation,
                subject_id,
                from,
                to,
            } => {
                let happened = of_attribute(*attribute_id, from.as_ref(), to.as_ref());
                let id = ConversationId(*subject_id);
                let case = self.of_conversation(id).map(|(case, _)| case);
                found.extend(case.map(|case| other(entry, *subject_id, case, happened)));
            }
            Fact::AccountHealthChanged {
                account_id,
                score,
                previous_score,
                band,
                previous_band,
            } => {
                let happened = Happened::Health {
                    of: SubjectKind::Account,
                    score: *score,
                    previous: *previous_score,
                    band: *band,
                    previous_band: *previous_band,
                };
                found.push(of_account(entry, account_id.uuid(), happened));
            }
            fact => {
                let contact = match fact {
                    Fact::StageChanged {
                        subject,
                        subject_id,
                        ..
                    }
                    | Fact::OwnerChanged {
                        subject,
                        subject_id,
                        ..
                    }
                    | Fact::AttributeSet {
                        subject,
                        subject_id,
                        ..
                    } => (*subject == SubjectKind::Contact).then_some(ContactId(*subject_id)),
                    _ => entry.contact,
                };
                let happened = self
                    .of_what_a_contact_did(entry)
                    .or_else(|| of_contact(entry));
                if let (Some(contact), Some(happened)) = (contact, happened) {
                    let case = self.of_contact(contact);
                    found.push(other(entry, contact.uuid(), case, happened));
                }
            }
        }
    }

    /// What an entry says a contact did, with what triggers ask of it besides.
    fn of_what_a_contact_did<'a>(&'a self, entry: &'a Entry) -> Option<Happened<'a>> {
        Some(match &entry.fact {
            Fact::EventRecorded {
                event_id,
                name: Some(name),
            } => Happened::Event {
                name,
                properties: self.details.properties.get(event_id),
            },
            Fact::EmailEventRecorded {
                email_event_id,
                event: Some(kind),
                campaign_id,
                ..
            } => {
                let told = self.details.emails.get(email_event_id);
                Happened::Email {
                    kind: *kind,
                    campaign: campaign_id.map(|id| id.0),
                    origin: self
                        .origins
                        .get(email_event_id)
                        .copied()
                        .unwrap_or(EmailEventOrigin::Unknown),
                    url: told.and_then(|told| told.url.as_deref()),
                    bounce: told.and_then(|told| told.bounce),
                }
            }
            Fact::SurveyAnswered {
                answer_id,
                survey_key,
                survey,
                score,
                is_new,
                previous_score,
                ..
            } if *is_new || previous_score.is_some() => Happened::Survey {
                kind: *survey,
                survey_key,
                score: *score,
                previous: *previous_score,
                comment: self.details.comments.get(answer_id).map(String::as_str),
            },
            _ => return None,
        })
    }

    fn message<'a>(&'a self, entry: &'a Entry, id: MessageId) -> Option<Occasion<'a>> {
        let message = self.messages.get(&id)?;
        let case = Case {
            conversation: Some(message.conversation_id),
            message: Some(id),
            ..self.of_contact(message.contact_id)
        };
        Some(Occasion {
            entry: Some(entry),
            subject: id.uuid(),
            case,
            what: What::Message(message),
            at: entry.at,
            from_archive: is_from_archive(entry, message.sent_at),
        })
    }

    fn opened<'a>(
        &'a self,
        entry: &'a Entry,
        id: ConversationId,
        from: Option<ConversationStatus>,
    ) -> Option<Occasion<'a>> {
        let (case, place) = self.of_conversation(id)?;
        let began = self.conversations.get(&id)?.first_message_at;
        let happened = Happened::Opened { from, place };
        Some(Occasion {
            from_archive: from.is_none() && is_from_archive(entry, began),
            ..other(entry, id.uuid(), case, happened)
        })
    }

    fn turned<'a>(
        &'a self,
        entry: &'a Entry,
        id: ConversationId,
        from: Option<ConversationStatus>,
        to: Option<ConversationStatus>,
    ) -> Option<Occasion<'a>> {
        match to? {
            // Entries of the first release do not say from where; then it was closed.
            ConversationStatus::Open => {
                self.opened(entry, id, from.or(Some(ConversationStatus::Closed)))
            }
            ConversationStatus::Closed => {
                let (case, place) = self.of_conversation(id)?;
                Some(other(
                    entry,
                    id.uuid(),
                    case,
                    Happened::Closed { from, place },
                ))
            }
            ConversationStatus::Pending | ConversationStatus::Snoozed => None,
        }
    }

    /// A wait that is not over meanwhile.
    fn waited<'a>(
        &'a self,
        entry: &'a Entry,
        id: ConversationId,
        since: DateTime<Utc>,
        length: WaitLength,
    ) -> Option<Occasion<'a>> {
        let (case, place) = self.of_conversation(id)?;
        let waits = self.conversations.get(&id)?.waiting_since == Some(since);
        let happened = Happened::Waited {
            length,
            since,
            place,
        };
        waits.then(|| other(entry, id.uuid(), case, happened))
    }

    fn tagged<'a>(
        &'a self,
        entry: &'a Entry,
        added: bool,
        tag: Uuid,
        target: TagTarget,
        target_id: Uuid,
    ) -> Option<Occasion<'a>> {
        let case = match target {
            TagTarget::Contact => self.of_contact(ContactId(target_id)),
            TagTarget::Account => Case {
                account: Some(AccountId(target_id)),
                ..Case::default()
            },
            TagTarget::Conversation => self.of_conversation(ConversationId(target_id))?.0,
        };
        let happened = Happened::Tag {
            added,
            target,
            tag,
            above: self.above.get(&tag).map_or(&[], Vec::as_slice),
        };
        Some(other(entry, target_id, case, happened))
    }
}

fn other<'a>(entry: &'a Entry, subject: Uuid, case: Case, happened: Happened<'a>) -> Occasion<'a> {
    Occasion {
        entry: Some(entry),
        subject,
        case,
        what: What::Other(happened),
        at: entry.at,
        from_archive: false,
    }
}

/// Whether what was sent at a moment is old, and an import is what brought it in.
fn is_from_archive(entry: &Entry, sent_at: DateTime<Utc>) -> bool {
    entry.origin == Origin::Import && is_old(sent_at, entry.at)
}

/// Whether what was sent at a moment came in so much later that it is long past.
pub(crate) fn is_old(sent_at: DateTime<Utc>, came_in: DateTime<Utc>) -> bool {
    came_in.signed_duration_since(sent_at) > OLD
}

/// An account came into a segment or went out of it.
fn of_segment(entry: &Entry, id: Uuid, entered: bool, segment: Uuid) -> Occasion<'_> {
    of_account(entry, id, Happened::Segment { entered, segment })
}

/// Something happened to an account.
fn of_account<'a>(entry: &'a Entry, id: Uuid, happened: Happened<'a>) -> Occasion<'a> {
    let case = Case {
        account: Some(AccountId(id)),
        ..Case::default()
    };
    other(entry, id, case, happened)
}

/// A value of a custom attribute is another.
fn of_attribute<'a>(
    attribute: AttributeId,
    from: Option<&'a serde_json::Value>,
    to: Option<&'a serde_json::Value>,
) -> Happened<'a> {
    Happened::Attribute {
        attribute: attribute.uuid(),
        from,
        to,
    }
}

/// What an entry says happened to a contact.
fn of_contact(entry: &Entry) -> Option<Happened<'_>> {
    Some(match &entry.fact {
        Fact::ContactCreated { .. } => Happened::ContactCreated {
            imported: entry.origin == Origin::Import,
        },
        Fact::ContactChanged { fields, .. } => Happened::ContactChanged { fields },
        Fact::StageChanged { from, to, .. } => Happened::Stage {
            from: *from,
            to: *to,
        },
        Fact::OwnerChanged { from, to, .. } => Happened::Owner {
            from: *from,
            to: *to,
        },
        Fact::AttributeSet {
            attribute_id,
            from,
            to,
            ..
        } => of_attribute(*attribute_id, from.as_ref(), to.as_ref()),
        Fact::HealthChanged {
            score,
            previous_score,
            band,
            previous_band,
            ..
        } => Happened::Health {
            of: SubjectKind::Contact,
            score: *score,
            previous: *previous_score,
            band: *band,
            previous_band: *previous_band,
        },
        Fact::SegmentEntered { segment_id, .. } => Happened::Segment {
            entered: true,
            segment: segment_id.uuid(),
        },
        Fact::SegmentLeft { segment_id, .. } => Happened::Segment {
            entered: false,
            segment: segment_id.uuid(),
        },
        _ => return None,
    })
}

/// The ids of all things occasions are about that can carry tags.
pub(crate) fn things(occasions: &[Occasion<'_>]) -> HashSet<Uuid> {
    occasions
        .iter()
        .flat_map(|occasion| occasion.case.things().collect::<Vec<_>>())
        .collect()
}
