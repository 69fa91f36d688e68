//! The things that rules, segments and playbooks name by id: reading and writing these ids, whether the things
//! are there (`known`), and what they are called (`names`).
//!
//! Called by conditions, triggers, actions and steps, and by whoever looks for what names something before it is
//! changed (`crate::naming`). It never changes the things that are named.

mod known;
mod names;

use chrono_tz::Tz;
use entity::{
    id::{
        AccountId, AttributeId, CampaignId, Id, InboxId, MemberId, PlaybookId, SegmentId, SurveyId,
        TagGroupId, TagId, TargetId, TeamId,
    },
    kind::{AttributeType, SubjectKind, SurveyKind, TagKind},
};
use uuid::Uuid;

pub(crate) use self::known::{keep, refuse_gone_groups};
pub use self::{known::unknown, names::names};

use super::{path::Path, scalar::Ref};
use crate::error::{UserError, UserErrorCode};

/// A kind of thing that a rule can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// A contact tag.
    ContactTag,
    /// A conversation tag.
    ConversationTag,
    /// An inbox.
    Inbox,
    /// A notification target, such as a Slack channel.
    NotificationTarget,
    /// A tag group of tags of this kind.
    TagGroup(TagKind),
    /// A member.
    Member,
    /// An account.
    Account,
    /// An email campaign.
    Campaign,
    /// A custom attribute of this kind of thing that holds this.
    Attribute(SubjectKind, Holds),
    /// A segment of this kind of thing.
    Segment(SubjectKind),
    /// A playbook that is not archived.
    Playbook,
    /// A survey that is not archived.
    Survey,
    /// The key of a survey of this kind. It is no id: surveys of other systems have keys as well, so only
    /// one of the workspace's own that is of another kind is refused.
    SurveyKey(SurveyKind),
    /// A team.
    Team,
}

/// What a custom attribute must hold so that a test of it makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// Text or web addresses.
    Text,
    /// Numbers.
    Number,
    /// True or false.
    Boolean,
    /// Days or moments.
    Time,
    /// Options.
    Options,
    /// Whatever it is.
    Anything,
}

impl Holds {
    fn accepts(self, value_type: AttributeType) -> bool {
        match self {
            Self::Text => matches!(value_type, AttributeType::Text | AttributeType::Url),
            Self::Number => value_type == AttributeType::Number,
            Self::Boolean => value_type == AttributeType::Boolean,
            Self::Time => matches!(value_type, AttributeType::Date | AttributeType::DateTime),
            Self::Options => {
                matches!(
                    value_type,
                    AttributeType::Select | AttributeType::MultiSelect
                )
            }
            Self::Anything => true,
        }
    }
}

impl IdKind {
    /// A tag of this kind.
    pub(crate) fn of_tag(kind: TagKind) -> Self {
        match kind {
            TagKind::Contact => Self::ContactTag,
            TagKind::Conversation => Self::ConversationTag,
        }
    }

    /// Whether it is a tag, of whichever kind.
    pub(crate) fn is_tag(self) -> bool {
        matches!(self, Self::ContactTag | Self::ConversationTag)
    }

    /// A custom attribute of contacts, whatever it holds.
    pub(crate) const CONTACT_ATTRIBUTE: Self =
        Self::Attribute(SubjectKind::Contact, Holds::Anything);

    fn noun(self) -> &'static str {
        match self {
            Self::ContactTag => "contact tag",
            Self::ConversationTag => "conversation tag",
            Self::Inbox => "inbox",
            Self::NotificationTarget => "notification target",
            Self::TagGroup(TagKind::Contact) => "group of contact tags",
            Self::TagGroup(TagKind::Conversation) => "group of conversation tags",
            Self::Member => "member",
            Self::Account => "account",
            Self::Campaign => "campaign",
            Self::Attribute(SubjectKind::Contact, _) => "attribute of contacts",
            Self::Attribute(SubjectKind::Account, _) => "attribute of accounts",
            Self::Attribute(SubjectKind::Conversation, _) => "attribute of conversations",
            Self::Segment(SubjectKind::Account) => "segment of accounts",
            Self::Segment(_) => "segment of contacts",
            Self::Playbook => "playbook",
            Self::Survey | Self::SurveyKey(_) => "survey",
            Self::Team => "team",
        }
    }
}

/// Turns the text form of an id into the id. Implemented where ids are parsed.
pub trait IdReader {
    /// The id, or nothing if the text is not an id of that kind.
    fn read(&self, kind: IdKind, text: &str) -> Option<Uuid>;
}

/// Turns an id into its text form.
pub trait IdWriter {
    /// The text form of the id.
    fn write(&self, kind: IdKind, id: Uuid) -> String;
}

/// The ids of this installation's tables.
#[derive(Debug, Default, Clone, Copy)]
pub struct TypedIds;

impl IdReader for TypedIds {
    fn read(&self, kind: IdKind, text: &str) -> Option<Uuid> {
        match kind {
            IdKind::ContactTag | IdKind::ConversationTag => text.parse().map(TagId::uuid).ok(),
            IdKind::Inbox => text.parse().map(InboxId::uuid).ok(),
            IdKind::NotificationTarget => text.parse().map(TargetId::uuid).ok(),
            IdKind::TagGroup(_) => text.parse().map(TagGroupId::uuid).ok(),
            IdKind::Member => text.parse().map(MemberId::uuid).ok(),
            IdKind::Account => text.parse().map(AccountId::uuid).ok(),
            IdKind::Campaign => text.parse().map(CampaignId::uuid).ok(),
            IdKind::Attribute(..) => text.parse().map(AttributeId::uuid).ok(),
            IdKind::Segment(_) => text.parse().map(SegmentId::uuid).ok(),
            IdKind::Playbook => text.parse().map(PlaybookId::uuid).ok(),
            IdKind::Survey => text.parse().map(SurveyId::uuid).ok(),
            IdKind::SurveyKey(_) => None,
            IdKind::Team => text.parse().map(TeamId::uuid).ok(),
        }
    }
}

impl IdWriter for TypedIds {
    fn write(&self, kind: IdKind, id: Uuid) -> String {
        match kind {
            IdKind::ContactTag | IdKind::ConversationTag => TagId(id).to_string(),
            IdKind::Inbox => InboxId(id).to_string(),
            IdKind::NotificationTarget => TargetId(id).to_string(),
            IdKind::TagGroup(_) => TagGroupId(id).to_string(),
            IdKind::Member => MemberId(id).to_string(),
            IdKind::Account => AccountId(id).to_string(),
            IdKind::Campaign => CampaignId(id).to_string(),
            IdKind::Attribute(..) => AttributeId(id).to_string(),
            IdKind::Segment(_) => SegmentId(id).to_string(),
            IdKind::Playbook => PlaybookId(id).to_string(),
            IdKind::Survey => SurveyId(id).to_string(),
            IdKind::SurveyKey(_) => String::new(),
            IdKind::Team => TeamId(id).to_string(),
        }
    }
}

/// Knows what things are called, for sentences.
pub trait Names {
    /// The name people use, or nothing if the thing is gone.
    fn name(&self, kind: IdKind, id: Uuid) -> Option<String>;
    /// The time zone that sentences give moments in: the workspace's, where there is one.
    fn zone(&self) -> Tz {
        Tz::UTC
    }
}

/// One place where a rule names something by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where in the rule.
    pub path: Vec<String>,
    /// What kind of thing.
    pub kind: IdKind,
    /// Which one.
    pub id: Uuid,
    /// The keys of the options that it names of an attribute, at `options` beside the attribute's id; or the
    /// key of the survey that it names by key.
    pub options: Vec<String>,
}

impl Reference {
    /// Whether it names one of `tags`.
    pub(crate) fn is_tag_of(&self, tags: &[TagId]) -> bool {
        self.kind.is_tag() && tags.iter().any(|tag| tag.uuid() == self.id)
    }

    pub(crate) fn new(at: &Path, kind: IdKind, id: Uuid) -> Self {
        Self {
            path: at.steps().to_vec(),
            kind,
            id,
            options: Vec::new(),
        }
    }

    /// Names a survey of this kind by its key.
    pub(crate) fn to_survey(at: &Path, kind: SurveyKind, key: &str) -> Self {
        Self {
            options: vec![key.to_owned()],
            ..Self::new(at, IdKind::SurveyKey(kind), Uuid::nil())
        }
    }

    /// The refusal to answer with when the workspace has no such thing.
    pub fn not_found(&self) -> UserError {
        UserError {
            path: self.path.clone(),
            code: UserErrorCode::NotFound,
            message: not_found(self.kind),
        }
    }
}

fn not_found(kind: IdKind) -> String {
    let noun = kind.noun();
    format!("This workspace has no such {noun}. Choose one of its own.")
}

/// Notes a reference for each id of a list.
pub(crate) fn list(at: &Path, kind: IdKind, ids: &[Uuid], found: &mut Vec<Reference>) {
    for (index, &id) in ids.iter().enumerate() {
        found.push(Reference::new(&at.nth(index), kind, id));
    }
}

/// Puts `to` in the place of `from`, without listing it twice.
pub(crate) fn replace(ids: &mut Vec<Uuid>, from: Uuid, to: Uuid) {
    if !ids.contains(&from) {
        return;
    }
    if ids.contains(&to) {
        ids.retain(|&id| id != from);
    } else {
        for id in ids.iter_mut().filter(|id| **id == from) {
            *id = to;
        }
    }
}

/// Reads a list of ids as the API sends them, refusing each one that is not an id.
pub(crate) fn read_list(
    reader: &dyn IdReader,
    kind: IdKind,
    texts: &[async_graphql::ID],
    at: &Path,
    refusals: &mut Vec<UserError>,
) -> Vec<Uuid> {
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match reader.read(kind, text) {
            Some(id) => ids.push(id),
            None => refusals.push(
                at.nth(index)
                    .refuse(UserErrorCode::NotFound, not_found(kind)),
            ),
        }
    }
    ids
}

/// Reads one id as the API sends it.
pub(crate) fn read_one(
    reader: &dyn IdReader,
    kind: IdKind,
    text: &async_graphql::ID,
    at: &Path,
    refusals: &mut Vec<UserError>,
) -> Uuid {
    reader.read(kind, text).unwrap_or_else(|| {
        refusals.push(at.refuse(UserErrorCode::NotFound, not_found(kind)));
        Uuid::nil()
    })
}

/// Writes a list of ids as the API shows them.
pub(crate) fn write_list(
    writer: &dyn IdWriter,
    kind: IdKind,
    ids: &[Uuid],
) -> Vec<async_graphql::ID> {
    ids.iter()
        .map(|&id| writer.write(kind, id).into())
        .collect()
}

/// Notes a reference for each id of a leaf's field.
pub(crate) fn refs<I: Id>(
    at: &Path,
    field: &str,
    kind: IdKind,
    ids: Option<&Vec<Ref<I>>>,
    found: &mut Vec<Reference>,
) {
    if let Some(ids) = ids {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        list(&at.at(field), kind, &ids, found);
    }
}

/// Puts `to` in the place of `from` in a leaf's field, without listing it twice.
pub(crate) fn replace_refs<I: Id>(refs: &mut Vec<Ref<I>>, from: Uuid, to: Uuid) {
    let mut ids: Vec<Uuid> = refs.iter().map(|id| id.uuid()).collect();
    replace(&mut ids, from, to);
    *refs = ids.into_iter().map(Ref::from_uuid).collect();
}
