//! A rule as a sentence that a person can check against what they meant.

use super::{definition::is_always, trigger::Trigger};
use crate::{
    action::Action,
    condition::{
        Condition,
        reference::Names,
        sentence::{Phrasing, say},
    },
    locale::Locale,
};

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
    let actions: Vec<String> = actions
        .iter()
        .map(|action| action.kind().phrase(&phrasing))
        .collect();
    let then = actions.join(say!(phrasing, "、", ", ", "，"));
    if is_always(condition) {
        return say!(
            phrasing,
            format!("{when}次第：{then}。"),
            format!("When {when}: {then}."),
            format!("当{when}时：{then}。")
        );
    }
    let only_if = phrasing.condition(condition, true);
    say!(
        phrasing,
        format!("{when}、{only_if}場合：{then}。"),
        format!("When {when} and {only_if}: {then}."),
        format!("当{when}，且{only_if}时：{then}。")
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        condition::{
            ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
            reference::IdKind,
        },
        rule::samples,
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
