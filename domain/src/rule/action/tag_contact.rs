//! Puts tags on the contact who wrote.

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

/// Puts tags on the contact who wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TagContact {
    /// The tags; those already there stay as they are.
    pub tag_ids: Vec<Uuid>,
}

impl TagContact {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> RuleTagContactAction {
        RuleTagContactAction {
            tag_ids: reference::write_list(ids, IdKind::ContactTag, &self.tag_ids),
        }
    }
}

impl ActionKind for TagContact {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = self
            .tag_ids
            .iter()
            .map(|&id| phrasing.named(IdKind::ContactTag, id))
            .collect();
        let names = phrasing.and(&names);
        say!(
            phrasing,
            format!("コンタクトにタグ{names}を付ける"),
            format!("tag the contact {names}"),
            format!("给联系人添加标签{names}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        let tags = self.tag_ids.iter();
        wanted.extend(tags.map(|&tag_id| Effect::TagContact { tag_id }));
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        reference::list(&at.at("tagIds"), IdKind::ContactTag, &self.tag_ids, found);
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::ContactTag {
            reference::replace(&mut self.tag_ids, from, to);
        }
    }
}

/// Puts tags on the contact who wrote.
#[derive(InputObject, Debug, Clone)]
pub struct RuleTagContactActionInput {
    /// The tags, of kind `CONTACT`. Tags already there stay as they are.
    pub tag_ids: Vec<ID>,
}

impl RuleTagContactActionInput {
    pub(crate) fn into_action(
        self,
        ids: &dyn IdReader,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) -> TagContact {
        let at = at.at("tagIds");
        TagContact {
            tag_ids: reference::read_list(ids, IdKind::ContactTag, &self.tag_ids, &at, refusals),
        }
    }
}

/// Puts tags on the contact who wrote.
#[derive(SimpleObject, Debug, Clone)]
pub struct RuleTagContactAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
}
