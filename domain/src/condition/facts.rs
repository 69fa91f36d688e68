//! What is known about a message when its rules are judged.

use entity::kind::{Author, Channel};
use uuid::Uuid;

use super::{measure::Holder, moment::Moment, text::Folded};

/// The tags on one thing: those put on it, and with them every ancestor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagSet {
    direct: Vec<Uuid>,
    expanded: Vec<Uuid>,
}

impl TagSet {
    /// From the tags put on the thing and the ancestors of those tags, in any order.
    pub fn new(direct: Vec<Uuid>, ancestors: Vec<Uuid>) -> Self {
        let mut expanded = ancestors;
        expanded.extend_from_slice(&direct);
        let sorted = |mut ids: Vec<Uuid>| {
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        Self {
            direct: sorted(direct),
            expanded: sorted(expanded),
        }
    }

    /// The tags put on the thing, in order of id.
    pub fn direct(&self) -> &[Uuid] {
        &self.direct
    }

    /// The same with all their ancestors, in order of id.
    pub fn expanded(&self) -> &[Uuid] {
        &self.expanded
    }

    /// Whether the thing has the tag, or with `with_descendants` any tag below it.
    pub fn has(&self, tag_id: Uuid, with_descendants: bool) -> bool {
        let tags = if with_descendants {
            &self.expanded
        } else {
            &self.direct
        };
        // A contact has a handful of tags, where walking beats searching.
        if tags.len() <= 16 {
            tags.contains(&tag_id)
        } else {
            tags.binary_search(&tag_id).is_ok()
        }
    }
}

/// Of whom and what the facts are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Holders {
    /// The contact.
    pub contact: Option<Uuid>,
    /// The account; of a contact, the account the contact is at.
    pub account: Option<Uuid>,
    /// The conversation.
    pub conversation: Option<Uuid>,
}

impl Holders {
    pub(crate) fn id(&self, holder: Holder) -> Option<Uuid> {
        match holder {
            Holder::Contact => self.contact,
            Holder::Account => self.account,
            Holder::Conversation => self.conversation,
        }
    }
}

/// An inbound message as rules see it. Messages the company sends are never judged, so that
/// rules cannot answer each other.
#[derive(Debug, Clone)]
pub struct MessageFacts<'a> {
    /// The inbox it arrived in.
    pub inbox_id: Uuid,
    /// The channel of that inbox.
    pub channel: Channel,
    /// Who wrote it.
    pub author: Author,
    /// Whether a machine answered: an out-of-office reply, a delivery report, a mailing list.
    pub automatic: bool,
    /// The subject; empty where the channel has none.
    pub subject: &'a str,
    /// The text of the message, without quoted history where that is known.
    pub body: &'a str,
    /// When it was sent, in the workspace's time zone.
    pub moment: Moment,
    /// Whose facts deep conditions ask for.
    pub holders: Holders,
    /// The tags of the contact.
    pub contact_tags: &'a TagSet,
    /// The tags of the conversation before any rule ran on this message.
    pub conversation_tags: &'a TagSet,
}

/// The facts with their texts folded.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) facts: &'a MessageFacts<'a>,
    pub(crate) texts: &'a Texts,
}

/// The folded texts of a message, indexed by `Field as usize`.
#[derive(Debug, Default)]
pub(crate) struct Texts(pub(crate) [Folded; 2]);

impl Texts {
    pub(crate) fn of(facts: &MessageFacts<'_>) -> Self {
        Self([
            super::text::fold(facts.subject),
            super::text::fold(facts.body),
        ])
    }
}
