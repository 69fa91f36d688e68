//! Tag groups of which nothing, or something, is set.

use async_graphql::{InputObject, SimpleObject};
use entity::{
    id::TagGroupId,
    kind::{SubjectKind, TagKind},
};
use serde::{Deserialize, Serialize};

use super::tag::TagSource;
use crate::{
    condition::{
        Leaf, Need,
        measure::{Holder, Measure, Source},
        path::Path,
        reference::{IdKind, Reference},
        scalar::Ref,
        sentence::{Phrasing, say},
        test::{Ask, Test},
    },
    error::UserError,
};

/// Tests whether anything of a tag group is set, such as whether the industry of a customer is known.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(name = "TagGroupCondition", input_name = "TagGroupConditionInput")]
#[serde(rename_all = "camelCase")]
pub struct GroupEmpty {
    /// What has the tags: the contact, the account, or the conversation.
    pub of: SubjectKind,
    /// The group.
    pub group_id: Ref<TagGroupId>,
    /// Nothing of it is set (`true`), or something is (`false`).
    #[serde(default = "yes")]
    #[graphql(default = true)]
    pub empty: bool,
}

fn yes() -> bool {
    true
}

impl GroupEmpty {
    fn kind(&self) -> IdKind {
        IdKind::TagGroup(match self.of {
            SubjectKind::Conversation => TagKind::Conversation,
            _ => TagKind::Contact,
        })
    }
}

impl Leaf for GroupEmpty {
    fn need(&self) -> Need {
        match self.of {
            SubjectKind::Contact => Need::Contact,
            SubjectKind::Account => Need::Account,
            SubjectKind::Conversation => Need::Conversation,
        }
    }

    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn asks(&self) -> Vec<Ask> {
        let holder = match self.of {
            SubjectKind::Contact => Holder::Contact,
            SubjectKind::Account => Holder::Account,
            SubjectKind::Conversation => Holder::Conversation,
        };
        let source = Source::Tags(TagSource::OfGroup(self.group_id.uuid()));
        vec![Ask::new(
            Measure::new(holder, source),
            Test::Empty(self.empty),
        )]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = match self.of {
            SubjectKind::Contact => say!(phrasing, "コンタクト", "the contact", "联系人"),
            SubjectKind::Account => say!(phrasing, "会社", "the account", "公司"),
            SubjectKind::Conversation => say!(phrasing, "会話", "the conversation", "会话"),
        };
        let group = phrasing.named(self.kind(), self.group_id.uuid());
        if self.empty {
            say!(
                phrasing,
                format!("{subject}にタググループ{group}の値がない"),
                format!("{subject} has nothing of the tag group {group}"),
                format!("{subject}没有标签组{group}的值")
            )
        } else {
            say!(
                phrasing,
                format!("{subject}にタググループ{group}の値がある"),
                format!("{subject} has something of the tag group {group}"),
                format!("{subject}有标签组{group}的值")
            )
        }
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let id = self.group_id.uuid();
        found.push(Reference::new(&at.at("groupId"), self.kind(), id));
    }
}
