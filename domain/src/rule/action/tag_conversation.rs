//! Puts tags on the conversation of the message.

use async_graphql::{ID, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ActionKind;
use crate::condition::{
    check::{self, MAX_IDS},
    path::Path,
    reference::{self, IdKind, IdReader, IdWriter, Reference},
    sentence::{Phrasing, say},
};
use crate::error::UserError;
use crate::rule::plan::Effect;

/// Puts tags on the conversation of the message.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TagConversation {
    /// The tags; those already there stay as they are.
    pub tag_ids: Vec<Uuid>,
}

impl TagConversation {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> RuleTagConversationAction {
        RuleTagConversationAction {
            tag_ids: reference::write_list(ids, IdKind::ConversationTag, &self.tag_ids),
        }
    }
}

impl ActionKind for TagConversation {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = self
            .tag_ids
            .iter()
            .map(|&id| phrasing.named(IdKind::ConversationTag, id))
            .collect();
        let names = phrasing.and(&names);
        say!(
            phrasing,
            format!("会話にタグ{names}を付ける"),
            format!("tag the conversation {names}"),
            format!("给会话添加标签{names}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        let tags = self.tag_ids.iter();
        wanted.extend(tags.map(|&tag_id| Effect::TagConversation { tag_id }));
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        reference::list(
            &at.at("tagIds"),
            IdKind::ConversationTag,
            &self.tag_ids,
            found,
        );
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::ConversationTag {
            reference::replace(&mut self.tag_ids, from, to);
        }
    }
}

/// Puts tags on the conversation of the message.
#[derive(InputObject, Debug, Clone)]
pub struct RuleTagConversationActionInput {
    /// The tags, of kind `CONVERSATION`. Tags already there stay as they are.
    pub tag_ids: Vec<ID>,
}

impl RuleTagConversationActionInput {
    pub(crate) fn into_action(
        self,
        ids: &dyn IdReader,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) -> TagConversation {
        let at = at.at("tagIds");
        TagConversation {
            tag_ids: reference::read_list(
                ids,
                IdKind::ConversationTag,
                &self.tag_ids,
                &at,
                refusals,
            ),
        }
    }
}

/// Puts tags on the conversation of the message.
#[derive(SimpleObject, Debug, Clone)]
pub struct RuleTagConversationAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
}
