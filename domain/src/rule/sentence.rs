//! A rule as a sentence that a person can check against what they meant.

use super::{
    definition::{Definition, is_always},
    limits::{Limits, OncePer, QuietHours},
    trigger::Trigger,
};
use crate::{
    action::Action,
    condition::{
        Condition, Context,
        reference::Names,
        sentence::{Phrasing, say},
        trace::TraceNode,
    },
    locale::Locale,
    text::counted,
};

/// The rule as one sentence, without its limits.
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
        .map(|action| action.kind().phrase_in(&phrasing, trigger.context()))
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

/// Each part of a kept verdict in words, in its order: the conditions, and the trigger for what it asks of
/// the very occasion.
pub fn judged(
    locale: Locale,
    names: &dyn Names,
    definition: &Definition,
    nodes: &[TraceNode],
) -> Vec<String> {
    let phrasing = Phrasing { locale, names };
    let mut conditions = definition.condition.nodes().into_iter();
    let said = |node: &TraceNode| {
        if node.path.first().is_some_and(|step| step == "condition") {
            let condition = conditions.next();
            return condition.map_or_else(String::new, |one| phrasing.condition(one, true));
        }
        let when = definition.trigger.kind().phrase(&phrasing);
        say!(
            phrasing,
            format!("{when}次第"),
            format!("when {when}"),
            format!("当{when}时")
        )
    };
    nodes.iter().map(said).collect()
}

/// What was said of a rule on what is known in `context`, with a short sentence for each of its limits.
pub(crate) fn limited(locale: Locale, said: String, context: Context, limits: &Limits) -> String {
    let mut sentences = vec![said];
    sentences.extend(limits.once_per.map(|each| once(locale, each)));
    let cool_down = limits.cool_down_minutes;
    sentences.extend(cool_down.map(|minutes| cooling(locale, minutes, context)));
    if limits.stop_after_match {
        let stop = match locale {
            Locale::Ja => "実行したら、後のルールは評価しない。",
            Locale::En => "No rule behind it is asked then.",
            Locale::Zh => "执行后不再判断后面的规则。",
        };
        sentences.push(stop.to_owned());
    }
    sentences.extend(held(
        locale,
        limits.quiet_hours,
        limits.notify_in_business_hours,
    ));
    let between = match locale {
        Locale::En => " ",
        Locale::Ja | Locale::Zh => "",
    };
    sentences.join(between)
}

fn once(locale: Locale, each: OncePer) -> String {
    let (ja, en, zh) = match each {
        OncePer::Contact => ("コンタクト", "contact", "联系人"),
        OncePer::Account => ("会社", "account", "公司"),
        OncePer::Conversation => ("会話", "conversation", "会话"),
    };
    match locale {
        Locale::Ja => format!("{ja}ごとに1回だけ実行する。"),
        Locale::En => format!("Only once for each {en}."),
        Locale::Zh => format!("每个{zh}只执行一次。"),
    }
}

fn cooling(locale: Locale, minutes: i64, context: Context) -> String {
    let (ja, en, zh) = match context {
        Context::Account => ("会社", "account", "公司"),
        Context::Message | Context::Conversation | Context::Contact => {
            ("コンタクト", "contact", "联系人")
        }
    };
    match locale {
        Locale::Ja => format!("同じ{ja}には{minutes}分間、再び実行しない。"),
        Locale::En => format!(
            "Not again for the same {en} within {}.",
            counted(minutes, "minute")
        ),
        Locale::Zh => format!("{minutes}分钟内不对同一{zh}再次执行。"),
    }
}

/// When notices wait, in short sentences.
pub(crate) fn held(
    locale: Locale,
    quiet_hours: Option<QuietHours>,
    in_business: bool,
) -> Vec<String> {
    let mut sentences: Vec<String> = quiet_hours
        .iter()
        .map(|hours| quiet(locale, hours))
        .collect();
    if in_business {
        let business = match locale {
            Locale::Ja => "通知は営業時間になるまで待つ。",
            Locale::En => "Notices wait for business hours.",
            Locale::Zh => "通知等到营业时间再发出。",
        };
        sentences.push(business.to_owned());
    }
    sentences
}

fn quiet(locale: Locale, hours: &QuietHours) -> String {
    let time = |hour: i64, minute: i64| format!("{hour:02}:{minute:02}");
    let from = time(hours.from_hour, hours.from_minute);
    let to = time(hours.to_hour, hours.to_minute);
    match locale {
        Locale::Ja => format!("通知は{from}から{to}まで待つ。"),
        Locale::En => format!("Notices wait from {from} to {to}."),
        Locale::Zh => format!("{from}至{to}暂缓发出通知。"),
    }
}

#[cfg(test)]
mod tests {
    use entity::kind::{ConversationStatus, SurveyKind};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        condition::{
            ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
            reference::IdKind,
        },
        rule::{
            samples,
            trigger::{
                ContactAttributeChanged, ContactCreated, ContactOwnerChanged, ConversationClosed,
                ConversationOpened, SurveyAnswered,
            },
        },
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
            "コンタクトからメッセージを受信し、コンタクトにタグ（削除済み）が付いている、かつ（本文に「spam」が単語として含まれない、またはコンタクトにタグ「ContactTag 3」が付いていない）、かつ（コンタクトにタグ「ContactTag 4」が付いている）に該当しない場合：。",
            "When a message from a contact arrives and the contact is tagged (deleted) and (there is no word “spam” in the text or the contact is not tagged “ContactTag 3”) and not (the contact is tagged “ContactTag 4”): .",
            "当收到联系人的消息，且联系人带有标签（已删除），且（正文整词不包含“spam”，或联系人没有标签“ContactTag 3”），且并非（联系人带有标签“ContactTag 4”）时：。",
        );
    }

    #[track_caller]
    fn check_trigger(trigger: &Trigger, ja: &str, en: &str, zh: &str) {
        for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
            let names = &TestNames;
            let phrasing = Phrasing { locale, names };
            assert_eq!(trigger.kind().phrase(&phrasing), expected);
        }
    }

    #[test]
    fn what_narrows_a_trigger_is_said() {
        let seats = |from, to| {
            Trigger::ContactAttributeChanged(ContactAttributeChanged {
                attribute_id: Uuid::nil(),
                from,
                to,
            })
        };
        let number = |number: f64| Some(json!({ "number": number }));
        check_trigger(
            &seats(number(5.0), number(10.0)),
            "コンタクトの属性（削除済み）が「5」から「10」になり",
            "the (deleted) of a contact changes from “5” to “10”",
            "联系人的属性（已删除）从“5”变为“10”",
        );
        check_trigger(
            &seats(number(5.0), None),
            "コンタクトの属性（削除済み）が「5」から変わり",
            "the (deleted) of a contact changes from “5”",
            "联系人的属性（已删除）从“5”变更",
        );
        check_trigger(
            &Trigger::ContactOwnerChanged(ContactOwnerChanged {
                from_member_ids: vec![Uuid::from_u128(1)],
                to_member_ids: Vec::new(),
            }),
            "コンタクトの担当者が「Member 1」から変わり",
            "the owner of a contact changes from “Member 1”",
            "联系人的负责人从“Member 1”变更",
        );
        check_trigger(
            &Trigger::ContactCreated(ContactCreated {
                except_imported: true,
            }),
            "コンタクトがインポート以外で新しく登録され",
            "a contact comes to be known, but not by an import",
            "新增联系人（导入除外）",
        );
        check_trigger(
            &Trigger::ConversationClosed(ConversationClosed {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: vec![ConversationStatus::Pending],
            }),
            "会話が保留中から完了し",
            "a conversation is closed from pending",
            "会话从待定被关闭",
        );
        check_trigger(
            &Trigger::ConversationOpened(ConversationOpened {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: vec![ConversationStatus::Closed],
                reopened_only: false,
            }),
            "会話が完了から再開され",
            "a conversation is opened again from closed",
            "会话从已关闭重新打开",
        );
        check_trigger(
            &Trigger::SurveyAnswered(SurveyAnswered {
                kinds: vec![SurveyKind::Nps],
                survey_keys: vec!["x".to_owned()],
                ..SurveyAnswered::default()
            }),
            "コンタクトがNPS「x」に回答し",
            "a contact answers NPS “x”",
            "联系人回答NPS“x”",
        );
    }

    #[test]
    fn limits_are_said_behind_the_rule() {
        let definition = Definition {
            trigger: Trigger::default(),
            condition: Condition::All(Vec::new()),
            actions: Vec::new(),
            limits: Limits {
                stop_after_match: true,
                cool_down_minutes: Some(60),
                once_per: Some(OncePer::Conversation),
                quiet_hours: Some(QuietHours {
                    from_hour: 22,
                    from_minute: 30,
                    to_hour: 8,
                    to_minute: 0,
                }),
                notify_in_business_hours: true,
            },
        };
        for (locale, expected) in [
            (
                Locale::Ja,
                "会話ごとに1回だけ実行する。同じコンタクトには60分間、再び実行しない。実行したら、後のルールは評価しない。通知は22:30から08:00まで待つ。通知は営業時間になるまで待つ。",
            ),
            (
                Locale::En,
                " Only once for each conversation. Not again for the same contact within 60 minutes. No rule behind it is asked then. Notices wait from 22:30 to 08:00. Notices wait for business hours.",
            ),
            (
                Locale::Zh,
                "每个会话只执行一次。60分钟内不对同一联系人再次执行。执行后不再判断后面的规则。22:30至08:00暂缓发出通知。通知等到营业时间再发出。",
            ),
        ] {
            let unlimited = Definition {
                limits: Limits::default(),
                ..definition.clone()
            };
            let without = unlimited.sentence(locale, &TestNames);
            let with = definition.sentence(locale, &TestNames);
            assert_eq!(with, format!("{without}{expected}"));
        }
    }
}
