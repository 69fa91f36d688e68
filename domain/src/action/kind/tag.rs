//! Putting tags on the conversation, the contact or the contact's account, and taking them off.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    condition::{
        check::{self, MAX_IDS},
        path::Path,
        reference::{self, IdKind, Reference},
        sentence::{Phrasing, say},
    },
    error::UserError,
};

/// What tags are put on.
#[derive(Clone, Copy)]
enum On {
    Conversation,
    Contact,
    Account,
}

impl On {
    fn ids(self) -> IdKind {
        match self {
            Self::Conversation => IdKind::ConversationTag,
            Self::Contact | Self::Account => IdKind::ContactTag,
        }
    }

    fn needs(self) -> Needs {
        match self {
            Self::Conversation => Needs::Conversation,
            Self::Contact => Needs::Contact,
            Self::Account => Needs::Anything,
        }
    }

    fn noun(self, phrasing: &Phrasing<'_>) -> &'static str {
        match self {
            Self::Conversation => say!(phrasing, "会話", "the conversation", "会话"),
            Self::Contact => say!(phrasing, "コンタクト", "the contact", "联系人"),
            Self::Account => say!(phrasing, "会社", "the account", "公司"),
        }
    }

    fn names(self, ids: &[Uuid], phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = ids
            .iter()
            .map(|&id| phrasing.named(self.ids(), id))
            .collect();
        phrasing.and(&names)
    }

    fn put(self, ids: &[Uuid], phrasing: &Phrasing<'_>) -> String {
        let (noun, names) = (self.noun(phrasing), self.names(ids, phrasing));
        say!(
            phrasing,
            format!("{noun}にタグ{names}を付ける"),
            format!("tag {noun} {names}"),
            format!("给{noun}添加标签{names}")
        )
    }

    fn take(self, ids: &[Uuid], anyway: bool, phrasing: &Phrasing<'_>) -> String {
        let (noun, names) = (self.noun(phrasing), self.names(ids, phrasing));
        let anyway = if anyway {
            say!(
                phrasing,
                "（メンバーが付けたものも含む）",
                " even if a member set it",
                "（包括成员添加的）"
            )
        } else {
            ""
        };
        say!(
            phrasing,
            format!("{noun}からタグ{names}{anyway}を外す"),
            format!("remove {names} from {noun}{anyway}"),
            format!("从{noun}移除标签{names}{anyway}")
        )
    }
}

macro_rules! puts {
    ($(#[$doc:meta])* $name:ident, $on:ident) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The tags; those already there stay as they are.
            pub tag_ids: Vec<Uuid>,
        }

        impl ActionKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                On::$on.put(&self.tag_ids, phrasing)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                let tags = self.tag_ids.iter();
                wanted.extend(tags.map(|&tag_id| Effect::$name { tag_id }));
            }

            fn references(&self, at: &Path, found: &mut Vec<Reference>) {
                reference::list(&at.at("tagIds"), On::$on.ids(), &self.tag_ids, found);
            }

            fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
                if kind == On::$on.ids() {
                    reference::replace(&mut self.tag_ids, from, to);
                }
            }

            fn needs(&self) -> Needs {
                On::$on.needs()
            }
        }
    };
}

macro_rules! takes {
    ($(#[$doc:meta])* $name:ident, $on:ident) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The tags; what is not there is left as it is.
            pub tag_ids: Vec<Uuid>,
            /// Whether a tag that a member, a program or an import has set goes too. Otherwise only
            /// what rules and playbooks have set is taken off.
            #[serde(default)]
            pub even_if_set_by_member: bool,
        }

        impl ActionKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                On::$on.take(&self.tag_ids, self.even_if_set_by_member, phrasing)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                let even_if_set_by_member = self.even_if_set_by_member;
                let tags = self.tag_ids.iter();
                wanted.extend(tags.map(|&tag_id| Effect::$name {
                    tag_id,
                    even_if_set_by_member,
                }));
            }

            fn references(&self, at: &Path, found: &mut Vec<Reference>) {
                reference::list(&at.at("tagIds"), On::$on.ids(), &self.tag_ids, found);
            }

            fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
                if kind == On::$on.ids() {
                    reference::replace(&mut self.tag_ids, from, to);
                }
            }

            fn needs(&self) -> Needs {
                On::$on.needs()
            }
        }
    };
}

puts!(
    /// Puts tags on the conversation.
    TagConversation,
    Conversation
);
puts!(
    /// Puts tags on the contact.
    TagContact,
    Contact
);
puts!(
    /// Puts tags on the contact's account.
    TagAccount,
    Account
);
takes!(
    /// Takes tags off the conversation.
    UntagConversation,
    Conversation
);
takes!(
    /// Takes tags off the contact.
    UntagContact,
    Contact
);
takes!(
    /// Takes tags off the contact's account.
    UntagAccount,
    Account
);
