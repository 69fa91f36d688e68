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
    error::{UserError, UserErrorCode},
};

/// The longest a tag stays that is to come off by itself, in seconds: ten years.
const MAX_SECONDS: i64 = 10 * 366 * 24 * 60 * 60;

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

    fn put(self, ids: &[Uuid], seconds: Option<i64>, phrasing: &Phrasing<'_>) -> String {
        let (noun, names) = (self.noun(phrasing), self.names(ids, phrasing));
        let Some(span) = seconds.map(|seconds| span(seconds, phrasing)) else {
            return say!(
                phrasing,
                format!("{noun}にタグ{names}を付ける"),
                format!("tag {noun} {names}"),
                format!("给{noun}添加标签{names}")
            );
        };
        say!(
            phrasing,
            format!("{noun}にタグ{names}を{span}付ける"),
            format!("tag {noun} {names} for {span}"),
            format!("给{noun}添加标签{names}，保留{span}")
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

/// So many seconds in the largest unit that says them exactly.
fn span(seconds: i64, phrasing: &Phrasing<'_>) -> String {
    let units = [
        (24 * 60 * 60, "日間", "day", "天"),
        (60 * 60, "時間", "hour", "小时"),
        (60, "分間", "minute", "分钟"),
        (1, "秒間", "second", "秒"),
    ];
    let [.., smallest] = units;
    let fits = |unit: &(i64, &str, &str, &str)| seconds % unit.0 == 0;
    let (length, ja, en, zh) = units.into_iter().find(fits).unwrap_or(smallest);
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    say!(
        phrasing,
        format!("{count}{ja}"),
        format!("{count} {en}{plural}"),
        format!("{count}{zh}")
    )
}

fn check_seconds(seconds: Option<i64>, at: &Path, refusals: &mut Vec<UserError>) {
    if seconds.is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds)) {
        let message = "Choose from one second to ten years of seconds.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

macro_rules! puts {
    ($(#[$doc:meta])* $name:ident, $on:ident) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The tags; those already there stay as they are, but for their end.
            pub tag_ids: Vec<Uuid>,
            /// After how many seconds they come off by themselves; never if nothing. Where a rule, a
            /// playbook or a tracked link has put the tag on before, the later end counts.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub expires_in_seconds: Option<i64>,
        }

        impl ActionKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
                let at = at.at("expiresInSeconds");
                check_seconds(self.expires_in_seconds, &at, refusals);
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                On::$on.put(&self.tag_ids, self.expires_in_seconds, phrasing)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                let expires_in_seconds = self.expires_in_seconds;
                let tags = self.tag_ids.iter();
                wanted.extend(tags.map(|&tag_id| Effect::$name {
                    tag_id,
                    expires_in_seconds,
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::locale::Locale;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn what_comes_off_by_itself_is_said_with_how_long_it_stays() {
        let names = HashMap::from([(Uuid::nil(), "Hot".to_owned())]);
        for (seconds, locale, expected) in [
            (None, Locale::En, "tag the contact “Hot”"),
            (
                Some(14 * DAY),
                Locale::En,
                "tag the contact “Hot” for 14 days",
            ),
            (Some(DAY), Locale::En, "tag the contact “Hot” for 1 day"),
            (
                Some(36 * 60 * 60),
                Locale::En,
                "tag the contact “Hot” for 36 hours",
            ),
            (Some(61), Locale::En, "tag the contact “Hot” for 61 seconds"),
            (
                Some(14 * DAY),
                Locale::Ja,
                "コンタクトにタグ「Hot」を14日間付ける",
            ),
            (
                Some(90 * 60),
                Locale::Zh,
                "给联系人添加标签“Hot”，保留90分钟",
            ),
        ] {
            let action = TagContact {
                tag_ids: vec![Uuid::nil()],
                expires_in_seconds: seconds,
            };
            assert_eq!(
                action.phrase(&Phrasing {
                    locale,
                    names: &names
                }),
                expected
            );
        }
    }

    #[test]
    fn an_end_that_is_none_or_never_comes_is_refused() {
        for (seconds, expected) in [
            (None, 0),
            (Some(1), 0),
            (Some(MAX_SECONDS), 0),
            (Some(0), 1),
            (Some(MAX_SECONDS + 1), 1),
        ] {
            let action = TagContact {
                tag_ids: vec![Uuid::nil()],
                expires_in_seconds: seconds,
            };
            let mut refusals = Vec::new();
            action.check(&Path::root("actions"), &mut refusals);
            assert_eq!(refusals.len(), expected, "{seconds:?}");
        }
    }

    #[test]
    fn what_was_stored_without_an_end_has_none_and_stays_the_same() {
        let stored = json!({ "tagIds": [Uuid::nil()] });
        let action: TagContact = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(action.expires_in_seconds, None);
        assert_eq!(json!(action), stored);
    }
}
