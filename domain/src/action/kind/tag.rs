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

    /// The segments such things can be in.
    fn segments(self) -> Option<IdKind> {
        match self {
            Self::Conversation => None,
            Self::Contact => Some(IdKind::CONTACT_SEGMENT),
            Self::Account => Some(IdKind::ACCOUNT_SEGMENT),
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

    fn put(
        self,
        ids: &[Uuid],
        seconds: Option<i64>,
        segment: Option<Uuid>,
        phrasing: &Phrasing<'_>,
    ) -> String {
        let (noun, names) = (self.noun(phrasing), self.names(ids, phrasing));
        if let (Some(kind), Some(segment)) = (self.segments(), segment) {
            let segment = phrasing.named(kind, segment);
            return say!(
                phrasing,
                format!("{noun}にタグ{names}をセグメント{segment}にいる間だけ付ける"),
                format!("tag {noun} {names} while it is in the segment {segment}"),
                format!("给{noun}添加标签{names}，仅在细分{segment}中时保留")
            );
        }
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

    /// Refuses a segment at `at` on what is in none, and one beside another end.
    fn check_segment(self, has_other_end: bool, at: &Path, refusals: &mut Vec<UserError>) {
        if self.segments().is_none() {
            let message = "Conversations are in no segment. Leave it out.";
            refusals.push(at.refuse(UserErrorCode::KindMismatch, message));
        } else if has_other_end {
            let message = "Give `expiresInSeconds` or `whileInSegmentId`, not both.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
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
            /// The segment that the thing is in as long as it carries them: they come off when it leaves, and
            /// are not put on while it is not in it. Conversations are in none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub while_in_segment_id: Option<Uuid>,
        }

        impl ActionKind for $name {
            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                check::list(&self.tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
                let seconds = self.expires_in_seconds;
                check_seconds(seconds, &at.at("expiresInSeconds"), refusals);
                if self.while_in_segment_id.is_some() {
                    On::$on.check_segment(seconds.is_some(), &at.at("whileInSegmentId"), refusals);
                }
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let (seconds, segment) = (self.expires_in_seconds, self.while_in_segment_id);
                On::$on.put(&self.tag_ids, seconds, segment, phrasing)
            }

            fn effects(&self, wanted: &mut Vec<Effect>) {
                let (expires_in_seconds, while_in_segment_id) =
                    (self.expires_in_seconds, self.while_in_segment_id);
                let tags = self.tag_ids.iter();
                wanted.extend(tags.map(|&tag_id| Effect::$name {
                    tag_id,
                    expires_in_seconds,
                    while_in_segment_id,
                }));
            }

            fn references(&self, at: &Path, found: &mut Vec<Reference>) {
                reference::list(&at.at("tagIds"), On::$on.ids(), &self.tag_ids, found);
                if let (Some(kind), Some(id)) = (On::$on.segments(), self.while_in_segment_id) {
                    found.push(Reference::new(&at.at("whileInSegmentId"), kind, id));
                }
            }

            fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
                if kind == On::$on.ids() {
                    reference::replace(&mut self.tag_ids, from, to);
                }
                if On::$on.segments() == Some(kind) && self.while_in_segment_id == Some(from) {
                    self.while_in_segment_id = Some(to);
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
                while_in_segment_id: None,
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
                while_in_segment_id: None,
            };
            let mut refusals = Vec::new();
            action.check(&Path::root("actions"), &mut refusals);
            assert_eq!(refusals.len(), expected, "{seconds:?}");
        }
    }

    #[test]
    fn a_tag_that_stays_while_in_a_segment_says_so() {
        let (tag, segment) = (Uuid::nil(), Uuid::from_u128(1));
        let names = HashMap::from([(tag, "Hot".to_owned()), (segment, "Active".to_owned())]);
        for (locale, expected) in [
            (
                Locale::En,
                "tag the contact “Hot” while it is in the segment “Active”",
            ),
            (
                Locale::Ja,
                "コンタクトにタグ「Hot」をセグメント「Active」にいる間だけ付ける",
            ),
            (
                Locale::Zh,
                "给联系人添加标签“Hot”，仅在细分“Active”中时保留",
            ),
        ] {
            let action = TagContact {
                tag_ids: vec![tag],
                expires_in_seconds: None,
                while_in_segment_id: Some(segment),
            };
            let phrasing = Phrasing {
                locale,
                names: &names,
            };
            assert_eq!(action.phrase(&phrasing), expected);
        }
    }

    #[test]
    fn a_segment_that_cannot_end_the_tag_is_refused_where_it_stands() {
        let (tag_ids, segment) = (vec![Uuid::nil()], Some(Uuid::from_u128(1)));
        let on_conversation = TagConversation {
            tag_ids: tag_ids.clone(),
            expires_in_seconds: None,
            while_in_segment_id: segment,
        };
        let twice = TagAccount {
            tag_ids: tag_ids.clone(),
            expires_in_seconds: Some(DAY),
            while_in_segment_id: segment,
        };
        let sound = TagContact {
            tag_ids,
            expires_in_seconds: None,
            while_in_segment_id: segment,
        };
        let actions: [(&dyn ActionKind, Option<UserErrorCode>); 3] = [
            (&on_conversation, Some(UserErrorCode::KindMismatch)),
            (&twice, Some(UserErrorCode::Contradictory)),
            (&sound, None),
        ];
        for (action, expected) in actions {
            let mut refusals = Vec::new();
            action.check(&Path::root("action"), &mut refusals);
            let found: Vec<_> = refusals
                .iter()
                .map(|one| (one.path.join("."), one.code))
                .collect();
            let expected = expected.map(|code| ("action.whileInSegmentId".to_owned(), code));
            assert_eq!(found, Vec::from_iter(expected));
        }
    }

    #[test]
    fn what_was_stored_without_an_end_has_none_and_stays_the_same() {
        let stored = json!({ "tagIds": [Uuid::nil()] });
        let action: TagContact = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(action.expires_in_seconds, None);
        assert_eq!(action.while_in_segment_id, None);
        assert_eq!(json!(action), stored);
        let stored = json!({ "tagIds": [Uuid::nil()], "whileInSegmentId": Uuid::from_u128(1) });
        let action: TagAccount = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(action), stored);
    }
}
