//! A tag was put on something or taken off.

use entity::kind::TagTarget;
use uuid::Uuid;

use super::{Happened, Key, TriggerKind, shape};
use crate::{
    condition::{
        AccountTags, Condition, ContactTags, Context, ConversationTags, TagMode, TagTest,
        check::{self, MAX_IDS},
        path::Path,
        reference::IdKind,
        sentence::{Phrasing, say},
    },
    error::UserError,
};

macro_rules! tag_trigger {
    ($(#[$doc:meta])* $name:ident, $output:ident, $input:ident, $added:literal, $target:ident, $kind:ident) => {
        shape::trigger! {
            $(#[$doc])*
            $name, $output, $input;
            required {
                /// The tags, up to 500; one of them is enough.
                tag_ids: ids $kind,
            }
            optional {
                /// Only the tags themselves. Otherwise a tag below a listed one counts as the listed
                /// one.
                direct_only: flag,
            }
        }

        impl TriggerKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
            }

            shape::naming!();

            fn context(&self) -> Context {
                match TagTarget::$target {
                    TagTarget::Contact => Context::Contact,
                    TagTarget::Account => Context::Account,
                    TagTarget::Conversation => Context::Conversation,
                }
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let names: Vec<String> = self
                    .tag_ids
                    .iter()
                    .map(|&id| phrasing.named(IdKind::$kind, id))
                    .collect();
                tag_phrase($added, TagTarget::$target, &phrasing.or(&names), phrasing)
            }

            fn implies(&self) -> Vec<Condition> {
                let test = still($added, &self.tag_ids, self.direct_only);
                test.map(|test| tags_of(TagTarget::$target, test))
                    .into_iter()
                    .collect()
            }

            fn keys(&self) -> Vec<Key> {
                let tags = self.tag_ids.iter();
                tags.map(|&tag| Key::Tag {
                    added: $added,
                    target: TagTarget::$target,
                    tag,
                })
                .collect()
            }

            fn accepts(&self, happened: &Happened<'_>) -> bool {
                let Happened::Tag {
                    added,
                    target,
                    tag,
                    above,
                } = happened
                else {
                    return false;
                };
                *added == $added
                    && *target == TagTarget::$target
                    && (self.tag_ids.contains(tag)
                        || !self.direct_only
                            && above.iter().any(|above| self.tag_ids.contains(above)))
            }
        }
    };
}

/// What is so of the tags of a thing once one of some was put on or taken off.
fn still(added: bool, tag_ids: &[Uuid], direct_only: bool) -> Option<TagTest> {
    // Of several only one was taken off, and another tag below may be there still.
    let goes = tag_ids.len() == 1 && direct_only;
    let mode = if added { TagMode::Any } else { TagMode::None };
    (added || goes).then(|| TagTest {
        mode,
        tag_ids: tag_ids.to_vec(),
        with_descendants: !direct_only,
    })
}

fn tags_of(target: TagTarget, test: TagTest) -> Condition {
    match target {
        TagTarget::Contact => Condition::ContactTags(ContactTags(test)),
        TagTarget::Account => Condition::AccountTags(AccountTags(test)),
        TagTarget::Conversation => Condition::ConversationTags(ConversationTags(test)),
    }
}

fn tag_phrase(added: bool, target: TagTarget, names: &str, phrasing: &Phrasing<'_>) -> String {
    let noun = match target {
        TagTarget::Contact => say!(phrasing, "コンタクト", "a contact", "联系人"),
        TagTarget::Account => say!(phrasing, "会社", "an account", "公司"),
        TagTarget::Conversation => say!(phrasing, "会話", "a conversation", "会话"),
    };
    if added {
        say!(
            phrasing,
            format!("{noun}にタグ{names}が付き"),
            format!("{noun} is tagged {names}"),
            format!("{noun}被添加标签{names}")
        )
    } else {
        say!(
            phrasing,
            format!("{noun}からタグ{names}が外れ"),
            format!("{names} is removed from {noun}"),
            format!("{noun}被移除标签{names}")
        )
    }
}

tag_trigger!(
    /// Looks at contacts as they are given a tag.
    ContactTagAdded, RuleContactTagAddedTrigger, RuleContactTagAddedTriggerInput, true, Contact, ContactTag
);
tag_trigger!(
    /// Looks at contacts as they lose a tag.
    ContactTagRemoved, RuleContactTagRemovedTrigger, RuleContactTagRemovedTriggerInput, false, Contact, ContactTag
);
tag_trigger!(
    /// Looks at accounts as they are given a tag.
    AccountTagAdded, RuleAccountTagAddedTrigger, RuleAccountTagAddedTriggerInput, true, Account, ContactTag
);
tag_trigger!(
    /// Looks at accounts as they lose a tag.
    AccountTagRemoved, RuleAccountTagRemovedTrigger, RuleAccountTagRemovedTriggerInput, false, Account, ContactTag
);
tag_trigger!(
    /// Looks at conversations as they are given a tag.
    ConversationTagAdded, RuleConversationTagAddedTrigger, RuleConversationTagAddedTriggerInput, true, Conversation, ConversationTag
);
tag_trigger!(
    /// Looks at conversations as they lose a tag.
    ConversationTagRemoved, RuleConversationTagRemovedTrigger, RuleConversationTagRemovedTriggerInput, false, Conversation, ConversationTag
);
