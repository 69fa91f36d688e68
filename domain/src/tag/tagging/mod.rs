//! Putting tags on things and taking them off, many at once.
//!
//! A tagging is an interval: who put the tag on, when and why, and the same for its removal; it is
//! never deleted. Every change goes through `write`, which also keeps the rank index and the counters
//! (`super::rank`), in a number of statements that does not depend on how many things are tagged.
//!
//! - `write`: adding and removing inside a transaction, for everything that tags; `plan` decides,
//!   `renew` ends what gives way and lets go on what gets another end, `hold` keeps others waiting;
//! - `fresh`: adding to things that were just made; `ask`: the same on a member's behalf, checked by
//!   `fit`;
//! - `read`: what holds, what held at a moment, and what ever held; `worn`: what things carry that are
//!   about to be given more;
//! - `bulk`: tagging everything a filter finds, as an operation; `which`: what that finds; `mass`: its
//!   statements;
//! - `expire`: taggings that end by themselves;
//! - `segment`: taggings that end when their thing leaves a segment;
//! - `withdraw`: taking back what a rule has put on.
//!
//! A thing carries a tag once, and one value of a SINGLE group: two unique indexes see to it.

mod ask;
mod bulk;
mod expire;
mod fit;
mod fresh;
mod hold;
mod mass;
mod plan;
mod read;
mod renew;
mod segment;
mod which;
mod withdraw;
mod worn;
mod write;

use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, TagId, TaggingId},
    kind::TagTarget,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    access::Origin,
    work::change::{Change, Entry, Fact},
};

pub use ask::{NewTaggings, Tagged, tag_many, tag_things, untag_many, untag_things};
pub use bulk::{Imagined, MAX_TAGS, NewBulk, TagByFilter, tag_by_filter, tag_by_filter_making};
pub use expire::expire;
pub(crate) use fit::refuse_unfit;
pub(crate) use fresh::add_first;
pub(crate) use hold::hold_usable;
pub(in crate::tag) use hold::{hold_tags, hold_tags_on, hold_things};
pub(in crate::tag) use mass::Range;
pub(crate) use plan::{AUTOMATIC, ends_later, joined_by, outlasts};
pub use read::{
    TaggingFilter, TaggingWithTag, find, history, list, load, load_active, load_at, load_with_tags,
};
pub use segment::{BoundTo, load_segments};
pub(crate) use segment::{Left, leave};
pub use which::Which;
pub(crate) use withdraw::ask as ask_to_withdraw;
pub use withdraw::{WithdrawRuleTags, withdraw};
pub(crate) use worn::{Worn, worn};
pub(crate) use write::{Addition, Removal, add, put, remove, remove_each};

/// The table of the things of a kind.
pub(crate) fn table_of(target: TagTarget) -> &'static str {
    match target {
        TagTarget::Contact => "contact",
        TagTarget::Account => "account",
        TagTarget::Conversation => "conversation",
    }
}

/// One tag on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The kind of thing.
    pub target: TagTarget,
    /// The thing.
    pub target_id: Uuid,
    /// The tag.
    pub tag: TagId,
}

impl Request {
    /// `tag` on a contact.
    pub fn contact(id: ContactId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Contact,
            target_id: id.uuid(),
            tag,
        }
    }

    /// `tag` on a conversation.
    pub fn conversation(id: ConversationId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Conversation,
            target_id: id.uuid(),
            tag,
        }
    }

    /// `tag` on an account.
    pub fn account(id: AccountId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Account,
            target_id: id.uuid(),
            tag,
        }
    }

    /// The contact it concerns, if it is about one.
    fn of_contact(&self) -> Option<ContactId> {
        (self.target == TagTarget::Contact).then_some(ContactId(self.target_id))
    }
}

/// Who tags, why, and what made them do it.
#[derive(Debug, Clone)]
pub struct Reason<'a> {
    /// Who.
    pub origin: Origin,
    /// Why, in words.
    pub text: String,
    /// The log entry it follows from, if it follows from one.
    pub cause: Option<&'a Entry>,
}

impl Reason<'_> {
    fn removed(&self, tagging: &Touched) -> Change {
        let fact = Fact::TaggingRemoved {
            tagging_id: tagging.id,
            tag_id: tagging.tag_id,
            target: tagging.target,
            target_id: tagging.target_id,
        };
        self.change(tagging.request().of_contact(), fact)
    }

    fn change(&self, contact: Option<ContactId>, fact: Fact) -> Change {
        match self.cause {
            Some(cause) => Change::caused(cause, self.origin, contact, fact),
            None => Change::new(self.origin, contact, fact),
        }
    }
}

/// A tagging that was just made or ended.
#[derive(Debug, FromQueryResult)]
pub(super) struct Touched {
    pub(super) id: TaggingId,
    pub(super) tag_id: TagId,
    pub(super) target: TagTarget,
    pub(super) target_id: Uuid,
}

impl Touched {
    pub(super) fn request(&self) -> Request {
        Request {
            target: self.target,
            target_id: self.target_id,
            tag: self.tag_id,
        }
    }
}
