//! What happened, as triggers look at it, and the keys that lead from it to the rules that may care.
//! Made of facts in `rule::occasion`.

use chrono::{DateTime, Utc};
use entity::{
    id::MemberId,
    kind::{
        BounceKind, Channel, ContactField, ConversationStatus, EmailEventKind, EmailEventOrigin,
        HealthBand, LifecycleStage, Priority, SubjectKind, SurveyKind, TagTarget,
    },
};
use uuid::Uuid;

/// Where a conversation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) inbox: Uuid,
    pub(crate) channel: Channel,
}

/// How long a contact waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WaitLength {
    pub(crate) minutes: i64,
    /// Whether only those within the business hours of the workspace count.
    pub(crate) business_hours: bool,
}

/// What a change leads to rules by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Opened,
    Closed,
    Assigned,
    Priority,
    Waited(WaitLength),
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
    Health(SubjectKind),
    Survey,
    Segment {
        entered: bool,
        segment: Uuid,
    },
}

/// What triggers ask of what happened besides what the change log tells of it, to be read before they look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    /// The properties of events.
    pub(crate) properties: bool,
    /// The links that were followed, and why emails came back.
    pub(crate) emails: bool,
    /// What was written with answers.
    pub(crate) comments: bool,
}

/// What happened, as triggers look at it. What no trigger asks for is not there.
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
    /// A conversation is more or less urgent.
    Priority {
        from: Priority,
        to: Priority,
        place: Place,
    },
    /// A contact has waited so long for an answer.
    Waited {
        length: WaitLength,
        /// When the first message without an answer was sent.
        since: DateTime<Utc>,
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
        properties: Option<&'a serde_json::Value>,
    },
    Email {
        kind: EmailEventKind,
        campaign: Option<Uuid>,
        /// Who is taken to have caused it.
        origin: EmailEventOrigin,
        /// The link that was followed.
        url: Option<&'a str>,
        /// Why it came back.
        bounce: Option<BounceKind>,
    },
    /// The health of a contact or an account is another.
    Health {
        of: SubjectKind,
        score: Option<f64>,
        previous: Option<f64>,
        band: HealthBand,
        previous_band: HealthBand,
    },
    Survey {
        kind: SurveyKind,
        survey_key: &'a str,
        score: i64,
        /// The score before, of an answer that was corrected.
        previous: Option<i64>,
        /// What was written with it, as it stands now.
        comment: Option<&'a str>,
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
            Self::Priority { .. } => Key::Priority,
            Self::Waited { length, .. } => Key::Waited(length),
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
            Self::Event { name, .. } => Key::Event(name.to_owned()),
            Self::Email { kind, .. } => Key::Email(kind),
            Self::Health { of, .. } => Key::Health(of),
            Self::Survey { .. } => Key::Survey,
            Self::Segment { entered, segment } => Key::Segment { entered, segment },
            Self::Tick => return Vec::new(),
        }]
    }
}
