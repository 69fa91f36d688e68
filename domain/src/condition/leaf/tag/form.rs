//! Tests of tags as the API takes and shows them.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{AccountTags, ContactTags, ConversationTags, Owner as _, TagMode, TagTest};
use crate::{
    condition::{
        path::Path,
        reference::{self, IdKind, IdReader, IdWriter},
    },
    error::UserError,
};

/// Tests the tags of a contact, an account or a conversation.
#[derive(InputObject, Debug, Clone)]
pub struct TagsConditionInput {
    /// How many of the tags must be there.
    pub mode: TagMode,
    /// The tags, up to 500.
    pub tag_ids: Vec<ID>,
    /// Whether a tag below a listed one in the tree counts as the listed one.
    #[graphql(default = true)]
    pub with_descendants: bool,
}

impl TagTest {
    pub(crate) fn to_input(&self, ids: &dyn IdWriter, kind: IdKind) -> TagsConditionInput {
        TagsConditionInput {
            mode: self.mode,
            tag_ids: reference::write_list(ids, kind, &self.tag_ids),
            with_descendants: self.with_descendants,
        }
    }
}

impl TagsConditionInput {
    pub(crate) fn into_test(
        self,
        ids: &dyn IdReader,
        kind: IdKind,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) -> TagTest {
        TagTest {
            mode: self.mode,
            tag_ids: reference::read_list(ids, kind, &self.tag_ids, &at.at("tagIds"), refusals),
            with_descendants: self.with_descendants,
        }
    }
}

/// Tests the tags of the contact.
#[derive(SimpleObject, Debug, Clone)]
pub struct ContactTagsCondition {
    /// How many of the tags must be there.
    pub mode: TagMode,
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether a tag below a listed one in the tree counts as the listed one.
    pub with_descendants: bool,
}

/// Tests the tags of the conversation, as they were before any rule ran on the message.
#[derive(SimpleObject, Debug, Clone)]
pub struct ConversationTagsCondition {
    /// How many of the tags must be there.
    pub mode: TagMode,
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether a tag below a listed one in the tree counts as the listed one.
    pub with_descendants: bool,
}

/// Tests the tags of the account.
#[derive(SimpleObject, Debug, Clone)]
pub struct AccountTagsCondition {
    /// How many of the tags must be there.
    pub mode: TagMode,
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether a tag below a listed one in the tree counts as the listed one.
    pub with_descendants: bool,
}

impl ContactTags {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> ContactTagsCondition {
        ContactTagsCondition {
            mode: self.0.mode,
            tag_ids: reference::write_list(ids, Self::KIND, &self.0.tag_ids),
            with_descendants: self.0.with_descendants,
        }
    }
}

impl ConversationTags {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> ConversationTagsCondition {
        ConversationTagsCondition {
            mode: self.0.mode,
            tag_ids: reference::write_list(ids, Self::KIND, &self.0.tag_ids),
            with_descendants: self.0.with_descendants,
        }
    }
}

impl AccountTags {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> AccountTagsCondition {
        AccountTagsCondition {
            mode: self.0.mode,
            tag_ids: reference::write_list(ids, Self::KIND, &self.0.tag_ids),
            with_descendants: self.0.with_descendants,
        }
    }
}
