//! A rule as a sentence that a person can check against what they meant.

use uuid::Uuid;

use super::{
    action::Action,
    condition::{Condition, Shape},
    reference::{IdKind, Names},
    trigger::Trigger,
};
use crate::locale::Locale;

/// Chooses by language: Japanese, English, Chinese.
macro_rules! say {
    ($phrasing:expr, $ja:expr, $en:expr, $zh:expr $(,)?) => {
        match $phrasing.locale {
            $crate::locale::Locale::Ja => $ja,
            $crate::locale::Locale::En => $en,
            $crate::locale::Locale::Zh => $zh,
        }
    };
}
pub(crate) use say;

/// The language to speak and the names to use.
pub(crate) struct Phrasing<'a> {
    pub(crate) locale: Locale,
    names: &'a dyn Names,
}

/// The whole rule as one sentence.
pub fn sentence(
    locale: Locale,
    names: &dyn Names,
    trigger: &Trigger,
    condition: &Condition,
    actions: &[Action],
) -> String {
    let phrasing = Phrasing { locale, names };
    let when = trigger.kind().phrase(&phrasing);
    let only_if = phrasing.condition(condition, true);
    let actions: Vec<String> = actions
        .iter()
        .map(|action| action.kind().phrase(&phrasing))
        .collect();
    let then = actions.join(say!(phrasing, "、", ", ", "，"));
    say!(
        phrasing,
        format!("{when}、{only_if}場合：{then}。"),
        format!("When {when} and {only_if}: {then}."),
        format!("当{when}，且{only_if}时：{then}。")
    )
}

impl Phrasing<'_> {
    fn condition(&self, condition: &Condition, outermost: bool) -> String {
        let group = |children: &[Condition], joined_by: &str| {
            let clauses: Vec<String> = children
                .iter()
                .map(|child| self.condition(child, children.len() == 1 && outermost))
                .collect();
            let joined = clauses.join(joined_by);
            if outermost || children.len() == 1 {
                joined
            } else {
                say!(
                    self,
                    format!("（{joined}）"),
                    format!("({joined})"),
                    format!("（{joined}）")
                )
            }
        };
        match condition.shape() {
            Shape::All(children) => group(children, say!(self, "、かつ", " and ", "，且")),
            Shape::Any(children) => group(children, say!(self, "、または", " or ", "，或")),
            Shape::Not(child) => {
                let inner = self.condition(child, true);
                say!(
                    self,
                    format!("（{inner}）ことがない"),
                    format!("not ({inner})"),
                    format!("并非（{inner}）")
                )
            }
            Shape::Leaf(leaf) => leaf.phrase(self),
        }
    }

    /// What someone wrote, in quotation marks.
    pub(crate) fn quote(&self, text: &str) -> String {
        say!(
            self,
            format!("「{text}」"),
            format!("“{text}”"),
            format!("“{text}”")
        )
    }

    /// The quoted name of a thing, or words that say it is gone.
    pub(crate) fn named(&self, kind: IdKind, id: Uuid) -> String {
        match self.names.name(kind, id) {
            Some(name) => self.quote(&name),
            None => say!(self, "（削除済み）", "(deleted)", "（已删除）").to_owned(),
        }
    }

    /// Items of which one is enough.
    pub(crate) fn or(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("または"),
            Locale::En => listed(items, ", ", " or "),
            Locale::Zh => listed(items, "、", "或"),
        }
    }

    /// Items that belong together.
    pub(crate) fn and(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("と"),
            Locale::En => listed(items, ", ", " and "),
            Locale::Zh => listed(items, "、", "和"),
        }
    }
}

fn listed(items: &[String], between: &str, last: &str) -> String {
    match items.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{}{last}{end}", rest.join(between)),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{
        condition::{ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest},
        samples,
    };

    struct TestNames;

    impl Names for TestNames {
        fn name(&self, kind: IdKind, id: Uuid) -> Option<String> {
            (!id.is_nil()).then(|| format!("{kind:?} {}", id.as_u128()))
        }
    }

    fn check(condition: &Condition, actions: &[Action], ja: &str, en: &str, zh: &str) {
        let trigger = Trigger::default();
        for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
            let said = sentence(locale, &TestNames, &trigger, condition, actions);
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn the_partnership_rule_reads_naturally_in_three_languages() {
        let (condition, actions) = samples::partnership(7);
        check(
            &condition,
            &actions,
            "コンタクトからメッセージを受信し、件名または本文に「パートナーシップ」または「コラボレーション」または「アフィリエイト」のいずれかが含まれる場合：会話にタグ「ConversationTag 7」を付ける。",
            "When a message from a contact arrives and the subject or the text contains “パートナーシップ”, “コラボレーション” or “アフィリエイト”: tag the conversation “ConversationTag 7”.",
            "当收到联系人的消息，且主题或正文包含“パートナーシップ”、“コラボレーション”或“アフィリエイト”时：给会话添加标签“ConversationTag 7”。",
        );
    }

    #[test]
    fn groups_negations_and_deleted_things_are_said() {
        let tags = |mode, id| {
            Condition::ContactTags(ContactTags(TagTest {
                mode,
                tag_ids: vec![id],
                with_descendants: true,
            }))
        };
        let word = Condition::Keywords(Keywords {
            fields: vec![Field::Body],
            mode: KeywordMode::NoneOf,
            matching: KeywordMatch::WholeWord,
            words: vec!["spam".to_owned()],
        });
        let condition = Condition::All(vec![
            tags(TagMode::Any, Uuid::nil()),
            Condition::Any(vec![word, tags(TagMode::None, Uuid::from_u128(3))]),
            Condition::Not(Box::new(tags(TagMode::All, Uuid::from_u128(4)))),
        ]);
        check(
            &condition,
            &[],
            "コンタクトからメッセージを受信し、コンタクトにタグ（削除済み）が付いている、かつ（本文に「spam」が単語として含まれない、またはコンタクトにタグ「ContactTag 3」が付いていない）、かつ（コンタクトにタグ「ContactTag 4」が付いている）ことがない場合：。",
            "When a message from a contact arrives and the contact is tagged (deleted) and (there is no word “spam” in the text or the contact is not tagged “ContactTag 3”) and not (the contact is tagged “ContactTag 4”): .",
            "当收到联系人的消息，且联系人带有标签（已删除），且（正文整词不包含“spam”，或联系人没有标签“ContactTag 3”），且并非（联系人带有标签“ContactTag 4”）时：。",
        );
    }
}
