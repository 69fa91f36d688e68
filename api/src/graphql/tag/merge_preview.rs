//! What merging tags would do, over GraphQL.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    tag::catalogue::{Conflict, Follows, Joined, MergePreview},
};
use entity::kind::TagTarget;

use super::{Tag, TagGroup, lifecycle::TagUse};
use crate::boxed;
use crate::graphql::context::loaded;

/// What `mergeTags` would do.
#[derive(SimpleObject)]
pub(crate) struct TagMergePreview {
    /// What would become of the taggings on contacts.
    contacts: TagMergeTaggings,
    /// What would become of the taggings on accounts.
    accounts: TagMergeTaggings,
    /// What would become of the taggings on conversations.
    conversations: TagMergeTaggings,
    /// Things that would carry several values of a `SINGLE` group. Without `keepNewest` the merge is then
    /// refused; with it only the newest stays on each.
    single_conflict: Option<TagMergeConflict>,
    /// The tags below those that go. Those below one that only comes to hang elsewhere follow it and are not
    /// listed.
    children: Vec<TagMergeChild>,
    /// What names one of the tags that go, and would name the one that stays.
    uses: Vec<TagUse>,
    /// What would be refused; empty when the tags could be merged.
    user_errors: Vec<UserError>,
}

impl From<MergePreview> for TagMergePreview {
    fn from(preview: MergePreview) -> Self {
        let of = |target: TagTarget| {
            let found = preview.follows.iter().find(|one| one.target == target);
            found.map(TagMergeTaggings::from).unwrap_or_default()
        };
        Self {
            contacts: of(TagTarget::Contact),
            accounts: of(TagTarget::Account),
            conversations: of(TagTarget::Conversation),
            single_conflict: preview.conflict.map(TagMergeConflict::from),
            children: preview.joined.into_iter().map(TagMergeChild).collect(),
            uses: preview.uses.into_iter().map(TagUse::from).collect(),
            user_errors: preview.errors,
        }
    }
}

/// What would become of the taggings on one kind of thing when tags are merged.
#[derive(SimpleObject, Default)]
pub(crate) struct TagMergeTaggings {
    /// Things that would come to carry a tag that stays and do not carry it now.
    moved: i64,
    /// Taggings that would end because their thing carries several of the tags that become one.
    doubled: i64,
    /// Taggings that ended earlier and would be in the history of a tag that stays.
    past: i64,
}

impl From<&Follows> for TagMergeTaggings {
    fn from(follows: &Follows) -> Self {
        Self {
            moved: follows.moved,
            doubled: follows.doubled,
            past: follows.past,
        }
    }
}

/// Things that would carry several values of a `SINGLE` group when tags are merged.
#[derive(SimpleObject)]
pub(crate) struct TagMergeConflict {
    /// The group.
    group: TagGroup,
    /// How many things these are.
    things: i64,
    /// How many values would be taken off with `keepNewest`.
    surplus: i64,
}

impl From<Conflict> for TagMergeConflict {
    fn from(conflict: Conflict) -> Self {
        Self {
            group: TagGroup(conflict.group),
            things: conflict.things,
            surplus: conflict.surplus,
        }
    }
}

/// A tag below one that goes when tags are merged.
pub(crate) struct TagMergeChild(Joined);

/// A tag below one that goes when tags are merged.
#[Object]
impl TagMergeChild {
    /// The tag.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, Some(self.0.tag), Tag::from).await
    }

    /// The tag it would become, or would hang below.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, Some(self.0.into), Tag::from).await
    }

    /// Whether it would become that tag, because both have the same name; otherwise it would hang below it.
    fn is_merged(&self) -> bool {
        self.0.is_merged
    }
}
