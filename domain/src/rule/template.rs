//! Ready-made rules, in three languages: what is common to many companies, with the tags and targets
//! of the workspace put in.

use async_graphql::Enum;
use entity::{
    id::{Id, TagId, TargetId},
    kind::{EmailEventKind, HealthBand, LifecycleStage, Priority, SurveyKind},
};
use uuid::Uuid;

use super::{
    definition::{Definition, always},
    limits::Limits,
    trigger::{
        ConversationOpened, ConversationWaiting, EmailEventSeen, EventTracked, HealthBandChanged,
        SurveyAnswered, Trigger,
    },
    write::{NewRule, create},
};
use crate::{
    access::Actor,
    action::{
        Action, Notify, SetContactStage, SetConversationPriority, TagContact, TagConversation,
    },
    condition::{
        Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
    },
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    rule::Rule,
};

/// What a template needs from the workspace.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "RuleTemplateSlot")]
pub enum Slot {
    /// A tag for conversations.
    ConversationTag,
    /// A tag for contacts.
    ContactTag,
    /// A notification target.
    Target,
}

/// A ready-made rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its key, the same in every language.
    pub key: &'static str,
    /// What has to be put in.
    pub slots: &'static [Slot],
    names: [&'static str; 3],
    descriptions: [&'static str; 3],
}

/// What is put into a template.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filling {
    /// The tag for conversations.
    pub conversation_tag: Option<TagId>,
    /// The tag for contacts.
    pub contact_tag: Option<TagId>,
    /// The notification target.
    pub target: Option<TargetId>,
}

/// Every template.
pub const TEMPLATES: &[Template] = &[
    Template {
        key: "partnership",
        slots: &[Slot::ConversationTag],
        names: [
            "提携の問い合わせを見つける",
            "Find partnership inquiries",
            "发现合作咨询",
        ],
        descriptions: [
            "パートナーシップ、コラボレーション、アフィリエイトなどを含むメッセージの会話にタグを付けます。",
            "Tags the conversation of a message that speaks of partnership, collaboration or affiliates.",
            "为提到合作、联名或联盟推广的消息的会话添加标签。",
        ],
    },
    Template {
        key: "vip-message",
        slots: &[Slot::ContactTag, Slot::Target],
        names: [
            "VIPからのメッセージを知らせる",
            "Tell of messages from VIPs",
            "通知VIP的消息",
        ],
        descriptions: [
            "タグの付いたコンタクトからメッセージが届いたら、すぐに通知します。",
            "Notifies a target as soon as a contact with the tag writes.",
            "带有该标签的联系人发来消息时立即通知。",
        ],
    },
    Template {
        key: "complaint",
        slots: &[Slot::ConversationTag, Slot::Target],
        names: [
            "クレームを急ぎにする",
            "Make complaints urgent",
            "将投诉设为紧急",
        ],
        descriptions: [
            "不満や返金を訴えるメッセージの会話を緊急にし、タグを付けて通知します。",
            "Makes the conversation of a message that complains urgent, tags it and notifies a target.",
            "将投诉或要求退款的消息的会话设为紧急，添加标签并通知。",
        ],
    },
    Template {
        key: "cancellation",
        slots: &[Slot::ContactTag, Slot::Target],
        names: [
            "解約の兆しを知らせる",
            "Tell of signs of cancellation",
            "通知解约迹象",
        ],
        descriptions: [
            "解約や乗り換えに触れたコンタクトにタグを付け、一日に一度まで通知します。",
            "Tags contacts who speak of cancelling or switching, and notifies at most once a day for each.",
            "为提到解约或更换的联系人添加标签，每人每天最多通知一次。",
        ],
    },
    Template {
        key: "health-at-risk",
        slots: &[Slot::Target],
        names: [
            "健全度の悪化を知らせる",
            "Tell when health is at risk",
            "健康等级转为有风险时通知",
        ],
        descriptions: [
            "コンタクトの健全度が危険になったら、夜間を避けて通知します。",
            "Notifies a target when a contact's health comes to be at risk, but not at night.",
            "联系人的健康等级转为有风险时通知，夜间除外。",
        ],
    },
    Template {
        key: "reopened",
        slots: &[],
        names: [
            "再開された会話の優先度を上げる",
            "Raise reopened conversations",
            "提高重新打开的会话的优先级",
        ],
        descriptions: [
            "完了した会話が再開されたら、優先度を高くします。",
            "Gives a conversation that is opened again a high priority.",
            "会话重新打开时将其优先级设为高。",
        ],
    },
    Template {
        key: "unanswered",
        slots: &[Slot::Target],
        names: [
            "返信の遅れを知らせる",
            "Tell of late answers",
            "通知回复延迟",
        ],
        descriptions: [
            "コンタクトが営業時間で4時間返信を待っている会話の優先度を高くし、通知します。",
            "Gives a conversation in which a contact has waited 4 business hours for an answer a high priority, and notifies a target.",
            "联系人等待回复满4个营业小时后，将会话的优先级设为高并通知。",
        ],
    },
    Template {
        key: "detractor",
        slots: &[Slot::ContactTag, Slot::Target],
        names: [
            "NPSの批判者に気づく",
            "Notice NPS detractors",
            "关注NPS贬损者",
        ],
        descriptions: [
            "NPSで6点以下を付けたコンタクトにタグを付けて通知します。",
            "Tags contacts who answer an NPS survey with 6 or less, and notifies a target.",
            "为NPS打6分及以下的联系人添加标签并通知。",
        ],
    },
    Template {
        key: "signed-up",
        slots: &[],
        names: [
            "登録した人をリードにする",
            "Make those who sign up leads",
            "将注册者设为线索",
        ],
        descriptions: [
            "「Signed up」のイベントがあったコンタクトを、リードのステージに移します。",
            "Moves contacts to the lifecycle stage lead when the event “Signed up” is tracked.",
            "记录到“Signed up”事件时，将联系人移到线索阶段。",
        ],
    },
    Template {
        key: "unsubscribed",
        slots: &[Slot::ContactTag],
        names: [
            "配信停止した人にタグを付ける",
            "Tag those who unsubscribe",
            "为退订者添加标签",
        ],
        descriptions: [
            "メールの配信を停止した、または迷惑メールとして報告したコンタクトにタグを付けます。",
            "Tags contacts who unsubscribe from an email or report it as spam.",
            "为退订邮件或将其举报为垃圾邮件的联系人添加标签。",
        ],
    },
];

fn at(locale: Locale) -> usize {
    match locale {
        Locale::Ja => 0,
        Locale::En => 1,
        Locale::Zh => 2,
    }
}

impl Template {
    /// The name of the rule it makes.
    pub fn name(&self, locale: Locale) -> &'static str {
        self.names[at(locale)]
    }

    /// What the rule does.
    pub fn description(&self, locale: Locale) -> &'static str {
        self.descriptions[at(locale)]
    }

    /// The rule, with what it needs put in, or what is missing or too much.
    fn definition(&self, filling: &Filling, locale: Locale) -> Result<Definition> {
        let mut wrong = Vec::new();
        for (slot, field, is_given) in [
            (
                Slot::ConversationTag,
                "conversationTagId",
                filling.conversation_tag.is_some(),
            ),
            (
                Slot::ContactTag,
                "contactTagId",
                filling.contact_tag.is_some(),
            ),
            (Slot::Target, "targetId", filling.target.is_some()),
        ] {
            match (self.slots.contains(&slot), is_given) {
                (true, false) => wrong.push(UserError::new(
                    &[field],
                    UserErrorCode::Required,
                    "This template needs one. Choose it.",
                )),
                // Left without a word, it would seem to have had an effect.
                (false, true) => wrong.push(UserError::new(
                    &[field],
                    UserErrorCode::Invalid,
                    "This template has no use for one. Leave it out.",
                )),
                _ => {}
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Refused(wrong));
        }
        Ok(made(self.key, filling, locale))
    }
}

/// Makes a rule of a template; it is active at once.
pub async fn apply(
    ctx: &Ctx,
    actor: &Actor,
    key: &str,
    locale: Locale,
    filling: &Filling,
    name: Option<String>,
) -> Result<Rule> {
    let template = TEMPLATES
        .iter()
        .find(|template| template.key == key)
        .ok_or_else(|| Error::not_found(&["key"], "template"))?;
    let Definition {
        trigger,
        condition,
        actions,
        limits,
    } = template.definition(filling, locale)?;
    let new = NewRule {
        name: name.unwrap_or_else(|| template.name(locale).to_owned()),
        trigger,
        condition,
        actions,
        limits,
    };
    create(ctx, actor, new).await
}

fn words(words: [&[&str]; 3], locale: Locale) -> Condition {
    Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode: KeywordMode::AnyOf,
        matching: KeywordMatch::Substring,
        words: words[at(locale)]
            .iter()
            .map(|&word| word.to_owned())
            .collect(),
    })
}

fn made(key: &str, filling: &Filling, locale: Locale) -> Definition {
    let id = |tag: Option<TagId>| tag.map_or(Uuid::nil(), Id::uuid);
    let tag_conversation = || {
        Action::TagConversation(TagConversation {
            tag_ids: vec![id(filling.conversation_tag)],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })
    };
    let tag_contact = || {
        Action::TagContact(TagContact {
            tag_ids: vec![id(filling.contact_tag)],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })
    };
    let notify = || {
        Action::Notify(Notify {
            target_id: filling.target.map_or(Uuid::nil(), Id::uuid),
            title: None,
            text: None,
        })
    };
    let of_messages = |condition: Condition, actions: Vec<Action>| Definition {
        trigger: Trigger::default(),
        condition,
        actions,
        limits: Limits::default(),
    };
    let of = |trigger: Trigger, actions: Vec<Action>| Definition {
        trigger,
        condition: always(),
        actions,
        limits: Limits::default(),
    };
    match key {
        "partnership" => of_messages(words(PARTNERSHIP, locale), vec![tag_conversation()]),
        "vip-message" => of_messages(
            Condition::ContactTags(ContactTags(TagTest {
                mode: TagMode::Any,
                tag_ids: vec![id(filling.contact_tag)],
                with_descendants: true,
            })),
            vec![notify()],
        ),
        "complaint" => of_messages(
            words(COMPLAINT, locale),
            vec![
                Action::SetConversationPriority(SetConversationPriority {
                    priority: Priority::Urgent,
                }),
                tag_conversation(),
                notify(),
            ],
        ),
        "cancellation" => Definition {
            limits: Limits {
                cool_down_minutes: Some(24 * 60),
                ..Limits::default()
            },
            ..of_messages(words(CANCELLATION, locale), vec![tag_contact(), notify()])
        },
        "health-at-risk" => Definition {
            limits: Limits {
                quiet_hours: Some(super::QuietHours {
                    from_hour: 20,
                    from_minute: 0,
                    to_hour: 8,
                    to_minute: 0,
                }),
                ..Limits::default()
            },
            ..of(
                Trigger::HealthBandChanged(HealthBandChanged {
                    from: Vec::new(),
                    to: vec![HealthBand::AtRisk],
                }),
                vec![notify()],
            )
        },
        "reopened" => of(
            Trigger::ConversationOpened(ConversationOpened {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: Vec::new(),
                reopened_only: true,
            }),
            vec![Action::SetConversationPriority(SetConversationPriority {
                priority: Priority::High,
            })],
        ),
        "unanswered" => of(
            Trigger::ConversationWaiting(ConversationWaiting {
                minutes: 4 * 60,
                business_hours_only: true,
                inbox_ids: Vec::new(),
                channels: Vec::new(),
            }),
            vec![
                Action::SetConversationPriority(SetConversationPriority {
                    priority: Priority::High,
                }),
                notify(),
            ],
        ),
        "detractor" => of(
            Trigger::SurveyAnswered(SurveyAnswered {
                kinds: vec![SurveyKind::Nps],
                max_score: Some(6),
                ..SurveyAnswered::default()
            }),
            vec![tag_contact(), notify()],
        ),
        "signed-up" => of(
            Trigger::EventTracked(EventTracked {
                names: vec!["Signed up".to_owned(), "Signed Up".to_owned()],
                ..EventTracked::default()
            }),
            vec![Action::SetContactStage(SetContactStage {
                stage: Some(LifecycleStage::Lead),
            })],
        ),
        // The list of templates has no other key.
        _ => of(
            Trigger::EmailEventSeen(EmailEventSeen {
                kinds: vec![EmailEventKind::Unsubscribed, EmailEventKind::Complained],
                ..EmailEventSeen::default()
            }),
            vec![tag_contact()],
        ),
    }
}

const PARTNERSHIP: [&[&str]; 3] = [
    &[
        "パートナーシップ",
        "コラボレーション",
        "アフィリエイト",
        "業務提携",
    ],
    &["partnership", "collaboration", "affiliate", "joint venture"],
    &["合作伙伴", "商务合作", "联名", "联盟推广"],
];
const COMPLAINT: [&[&str]; 3] = [
    &[
        "クレーム",
        "返金",
        "不良品",
        "ひどい",
        "納得できない",
        "責任者",
    ],
    &[
        "complaint",
        "refund",
        "unacceptable",
        "disappointed",
        "terrible",
    ],
    &["投诉", "退款", "质量问题", "太差", "不满意"],
];
const CANCELLATION: [&[&str]; 3] = [
    &["解約", "退会", "乗り換え", "契約を終了", "更新しない"],
    &[
        "cancel our",
        "cancel my",
        "terminate the contract",
        "switch to another",
        "not renew",
    ],
    &["解约", "退订服务", "终止合同", "不再续约", "换供应商"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_makes_a_sensible_rule_in_every_language() {
        let id = Uuid::from_u128(7);
        let all = Filling {
            conversation_tag: Some(TagId(id)),
            contact_tag: Some(TagId(id)),
            target: Some(TargetId(id)),
        };
        let mut triggers = std::collections::HashSet::new();
        for template in TEMPLATES {
            let needs = |slot| template.slots.contains(&slot);
            let filling = Filling {
                conversation_tag: all
                    .conversation_tag
                    .filter(|_| needs(Slot::ConversationTag)),
                contact_tag: all.contact_tag.filter(|_| needs(Slot::ContactTag)),
                target: all.target.filter(|_| needs(Slot::Target)),
            };
            for locale in [Locale::Ja, Locale::En, Locale::Zh] {
                let definition = template.definition(&filling, locale).unwrap();
                assert!(definition.check().is_empty(), "{}", template.key);
                assert!(!template.name(locale).is_empty());
                assert!(!template.description(locale).is_empty());
                triggers.insert((template.key, definition.trigger.name()));
            }
            let needs_something = !template.slots.is_empty();
            let without = template.definition(&Filling::default(), Locale::En);
            assert_eq!(without.is_err(), needs_something, "{}", template.key);
            let too_much = template.definition(&all, Locale::En);
            assert_eq!(
                too_much.is_err(),
                template.slots.len() < 3,
                "{}",
                template.key
            );
        }
        assert!(triggers.contains(&("unsubscribed", "emailEvent")));
        assert_eq!(
            triggers.len(),
            TEMPLATES.len(),
            "a key is in the list twice"
        );
    }
}
