//! How segments are made, changed and named in filters.

use async_graphql::{ID, InputObject, MaybeUndefined, OneofObject};
use domain::{condition::ConditionInput, locale::Locale, segment::Filter};
use entity::kind::SegmentSubject;

use crate::graphql::{account::AccountFilterInput, contact::ContactFilterInput, few::few_ids};

/// Which segments a contact or an account must and must not be in; every part given must hold. An empty
/// list is refused.
#[derive(InputObject, Default)]
pub(crate) struct SegmentFilterInput {
    /// In at least one of these.
    any: Option<Vec<ID>>,
    /// In every one of these.
    all: Option<Vec<ID>>,
    /// In none of these.
    none: Option<Vec<ID>>,
}

impl SegmentFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<Filter> {
        let read = |ids: Option<Vec<ID>>, part: &str| few_ids(ids, &["filter", "segments", part]);
        Ok(Filter {
            any: read(self.any, "any")?,
            all: read(self.all, "all")?,
            none: read(self.none, "none")?,
        })
    }
}

/// A segment to be made. It is filled in the background; its `state` says when it is complete.
#[derive(InputObject)]
pub(crate) struct CreateSegmentInput {
    /// The name shown, at most 100 characters; no two segments have the same.
    pub(super) name: String,
    /// What it is for, in words; at most 1,000 characters.
    #[graphql(default)]
    pub(super) description: String,
    /// What its members are.
    pub(super) subject: SegmentSubject,
    /// What must hold for its members. Left out, the members are kept by hand.
    pub(super) condition: Option<ConditionInput>,
}

/// Changes to a segment; what is left out stays. `null` is refused where a field does not say what it
/// means.
#[derive(InputObject)]
pub(crate) struct UpdateSegmentInput {
    /// The segment's global id.
    pub(super) id: ID,
    /// The name shown.
    pub(super) name: MaybeUndefined<String>,
    /// What it is for, in words; `null` for nothing.
    pub(super) description: MaybeUndefined<String>,
    /// What must hold for its members. With another condition than before everybody is evaluated in the
    /// background; whoever is in it stays until their turn.
    pub(super) condition: MaybeUndefined<ConditionInput>,
}

/// A segment to be made like another.
#[derive(InputObject)]
pub(crate) struct DuplicateSegmentInput {
    /// The global id of the segment it is made like.
    pub(super) id: ID,
    /// The name shown, at most 100 characters; left out, that of the other segment with "(copy)" behind it.
    pub(super) name: Option<String>,
    /// The language of what is put behind the name.
    #[graphql(default)]
    pub(super) locale: Locale,
}

/// A segment to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteSegmentInput {
    /// The segment's global id.
    pub(super) id: ID,
}

/// A segment to be evaluated anew.
#[derive(InputObject)]
pub(crate) struct RebuildSegmentInput {
    /// The segment's global id.
    pub(super) id: ID,
}

/// Everything of one kind that a filter finds. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum SegmentThingsInput {
    /// Contacts.
    Contacts(ContactFilterInput),
    /// Accounts.
    Accounts(AccountFilterInput),
}

/// Contacts or accounts to be put into a segment that is kept by hand. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum SegmentAdditionInput {
    /// Contacts, by their global ids; at most 1,000.
    ContactIds(Vec<ID>),
    /// Accounts, by their global ids; at most 1,000.
    AccountIds(Vec<ID>),
    /// Lines of CSV; at most 10,000. The first column of each names a contact by its global id, its email
    /// address or the id another system gave, or an account by its global id, its domain or the id
    /// another system gave. A heading is passed over.
    Csv(String),
    /// Everything a filter finds. This goes on as an operation, whose count is `added`.
    Things(Box<SegmentThingsInput>),
}

/// Contacts or accounts to be put into a segment that is kept by hand.
#[derive(InputObject)]
pub(crate) struct AddToSegmentInput {
    /// The segment's global id.
    pub(super) id: ID,
    /// Who or what is put in.
    pub(super) members: SegmentAdditionInput,
}

/// Contacts or accounts to be taken out of a segment. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum SegmentRemovalInput {
    /// Contacts, by their global ids; at most 1,000.
    ContactIds(Vec<ID>),
    /// Accounts, by their global ids; at most 1,000.
    AccountIds(Vec<ID>),
}

/// Contacts or accounts to be taken out of a segment that is kept by hand.
#[derive(InputObject)]
pub(crate) struct RemoveFromSegmentInput {
    /// The segment's global id.
    pub(super) id: ID,
    /// Who or what is taken out.
    pub(super) members: SegmentRemovalInput,
}
