//! No sentence shows a word of the API where people have one of their own.

use std::collections::HashMap;

use entity::kind::{
    Author, BounceKind, Channel, ContactField, ConversationStatus, EmailEventKind,
    EmailEventOrigin, HealthBand, InvoiceStatus, LifecycleStage, OpportunityStatus, OrderStatus,
    Priority, SubscriptionState, SurveyKind, TicketStatus,
};
use sea_orm::Iterable;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    definition::Definition,
    samples::SAMPLES,
    trigger::{
        ContactChanged, ContactStageChanged, ConversationClosed, Direction, EmailEventSeen,
        HealthBandChanged, HealthScoreCrossed, MessageReceived, MessageSent, Trigger,
    },
};
use crate::{condition::sentence::Phrasing, locale::Locale};

/// What people call by capital letters too.
const NAMES: [&str; 6] = ["CSAT", "JPY", "LINE", "NPS", "RFM", "SMS"];

/// What is left of a sentence without what stands in quotation marks, which somebody wrote.
fn unquoted(sentence: &str) -> String {
    let mut depth = 0_u32;
    let mut left = String::new();
    for letter in sentence.chars() {
        match letter {
            '「' | '“' => depth += 1,
            '」' | '”' => depth = depth.saturating_sub(1),
            letter if depth == 0 => left.push(letter),
            _ => {}
        }
    }
    left
}

#[track_caller]
fn check_no_raw_word(stored: Value) {
    let names: HashMap<Uuid, String> = HashMap::new();
    let definition = Definition::from_stored(stored).unwrap();
    for locale in [Locale::Ja, Locale::En, Locale::Zh] {
        let sentence = definition.sentence(locale, &names);
        let unquoted = unquoted(&sentence);
        let raw = unquoted
            .split(|letter: char| !letter.is_ascii_uppercase() && letter != '_')
            .find(|word| word.len() >= 3 && !NAMES.contains(word));
        assert_eq!(raw, None, "{sentence}");
    }
}

/// Every word of a list.
fn every<T: Iterable + Serialize>() -> Value {
    let words: Vec<T> = T::iter().collect();
    json!(words)
}

#[test]
fn no_kind_of_trigger_condition_or_action_shows_a_word_of_the_api() {
    for (_, text) in SAMPLES {
        // A pattern stands between strokes.
        let text = text.replace("INV-", "");
        check_no_raw_word(serde_json::from_str(&text).unwrap());
    }
}

#[test]
fn every_word_of_the_api_has_one_of_people_in_triggers() {
    for trigger in [
        json!({"contactChanged": {"fields": every::<ContactField>()}}),
        json!({"contactStageChanged": {
            "from": every::<LifecycleStage>(), "to": every::<LifecycleStage>()}}),
        json!({"healthBandChanged": {"from": every::<HealthBand>(), "to": every::<HealthBand>()}}),
        json!({"emailEvent": {
            "kinds": every::<EmailEventKind>(), "origins": every::<EmailEventOrigin>()}}),
        json!({"emailEvent": {"kinds": ["BOUNCED"], "bounceKinds": every::<BounceKind>()}}),
        json!({"conversationOpened": {
            "channels": every::<Channel>(), "from": every::<ConversationStatus>()}}),
        json!({"surveyAnswered": {"kinds": every::<SurveyKind>()}}),
    ] {
        check_no_raw_word(json!({
            "version": 1, "trigger": trigger, "condition": {"all": []}, "actions": [],
        }));
    }
}

#[test]
fn every_word_of_the_api_has_one_of_people_in_conditions_and_actions() {
    for condition in [
        json!({"contact": {"stages": every::<LifecycleStage>(), "sourceChannels": every::<Channel>()}}),
        json!({"account": {"stages": every::<LifecycleStage>()}}),
        json!({"conversation": {
            "statuses": every::<ConversationStatus>(), "priorities": every::<Priority>()}}),
        json!({"channel": {"anyOf": every::<Channel>()}}),
        json!({"health": {"bands": every::<HealthBand>()}}),
        json!({"subscription": {"channel": "WEB_FORM", "states": every::<SubscriptionState>()}}),
        json!({"orders": {"statuses": every::<OrderStatus>()}}),
        json!({"invoices": {"statuses": every::<InvoiceStatus>()}}),
        json!({"tickets": {"statuses": every::<TicketStatus>()}}),
        json!({"opportunities": {"statuses": every::<OpportunityStatus>()}}),
    ] {
        check_no_raw_word(json!({"version": 1, "condition": condition, "actions": []}));
    }
    for stage in LifecycleStage::iter() {
        let actions = json!([{"setContactStage": {"stage": stage}}]);
        check_no_raw_word(json!({"version": 1, "condition": {"all": []}, "actions": actions}));
    }
}

#[track_caller]
fn check(trigger: &Trigger, ja: &str, en: &str, zh: &str) {
    let names: HashMap<Uuid, String> = HashMap::new();
    for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
        let names = &names;
        let phrasing = Phrasing { locale, names };
        assert_eq!(trigger.kind().phrase(&phrasing), expected);
    }
}

#[test]
fn messages_read_as_people_say_them() {
    check(
        &Trigger::MessageReceived(MessageReceived {
            channels: vec![Channel::Line],
            ..MessageReceived::default()
        }),
        "LINEでコンタクトからメッセージを受信し",
        "a message from a contact arrives in LINE",
        "在LINE收到联系人的消息",
    );
    check(
        &Trigger::MessageSent(MessageSent::default()),
        "メンバーまたは自動処理がメッセージを送信し",
        "a member or a program sends a message",
        "成员或自动程序发送消息",
    );
    check(
        &Trigger::MessageSent(MessageSent {
            channels: vec![Channel::Line],
            authors: vec![Author::Automation],
            ..MessageSent::default()
        }),
        "LINEで自動処理がメッセージを送信し",
        "a program sends a message in LINE",
        "在LINE自动程序发送消息",
    );
}

#[test]
fn changes_of_contacts_read_as_people_say_them() {
    check(
        &Trigger::ContactChanged(ContactChanged {
            fields: vec![ContactField::Name, ContactField::Email],
        }),
        "コンタクトの名前またはメールアドレスが変わり",
        "the name or email address of a contact changes",
        "联系人的姓名或邮箱地址变更",
    );
    let stages = |from: &[LifecycleStage], to: &[LifecycleStage]| {
        Trigger::ContactStageChanged(ContactStageChanged {
            from: from.to_vec(),
            to: to.to_vec(),
        })
    };
    check(
        &stages(&[], &[LifecycleStage::Lead]),
        "コンタクトのライフサイクルステージがリードになり",
        "the lifecycle stage of a contact becomes lead",
        "联系人的生命周期阶段变为线索",
    );
    check(
        &stages(&[LifecycleStage::Lead], &[LifecycleStage::Customer]),
        "コンタクトのライフサイクルステージがリードから顧客になり",
        "the lifecycle stage of a contact changes from lead to customer",
        "联系人的生命周期阶段从线索变为客户",
    );
    check(
        &stages(&[], &[]),
        "コンタクトのライフサイクルステージが変わり",
        "the lifecycle stage of a contact changes",
        "联系人的生命周期阶段变更",
    );
}

#[test]
fn changes_of_health_read_as_people_say_them() {
    let bands = |from: &[HealthBand], to: &[HealthBand]| {
        Trigger::HealthBandChanged(HealthBandChanged {
            from: from.to_vec(),
            to: to.to_vec(),
        })
    };
    check(
        &bands(&[], &[]),
        "コンタクトの健全度の区分が変わり",
        "the health band of a contact changes",
        "联系人的健康等级变更",
    );
    check(
        &bands(&[HealthBand::Healthy], &[]),
        "コンタクトの健全度の区分が良好から変わり",
        "the health band of a contact changes from healthy",
        "联系人的健康等级从健康变更",
    );
    check(
        &bands(&[], &[HealthBand::AtRisk]),
        "コンタクトの健全度の区分が危険になり",
        "the health band of a contact becomes at risk",
        "联系人的健康等级变为有风险",
    );
    check(
        &Trigger::HealthScoreCrossed(HealthScoreCrossed {
            score: 40,
            direction: Direction::Down,
        }),
        "コンタクトの健全度スコアが40を下回り",
        "the health score of a contact falls below 40",
        "联系人的健康分降到40以下",
    );
}

#[test]
fn changes_of_the_health_of_accounts_read_as_people_say_them() {
    let trigger = |stored: Value| serde_json::from_value::<Trigger>(stored).unwrap();
    check(
        &trigger(json!({"accountHealthScoreCrossed": {"score": 40, "direction": "DOWN"}})),
        "会社の健全度スコアが40を下回り",
        "the health score of an account falls below 40",
        "公司的健康分降到40以下",
    );
    check(
        &trigger(json!({"accountHealthBandChanged": {"from": [], "to": ["AT_RISK"]}})),
        "会社の健全度の区分が危険になり",
        "the health band of an account becomes at risk",
        "公司的健康等级变为有风险",
    );
}

#[test]
fn what_happens_to_emails_and_conversations_reads_as_people_say_it() {
    check(
        &Trigger::EmailEventSeen(EmailEventSeen {
            kinds: vec![EmailEventKind::Clicked, EmailEventKind::Opened],
            ..EmailEventSeen::default()
        }),
        "コンタクト宛のメールのクリックまたは開封（人による）があり",
        "an email to a contact is clicked or opened by a person",
        "发给联系人的邮件被点击或打开（由人引起）",
    );
    check(
        &Trigger::EmailEventSeen(EmailEventSeen {
            kinds: vec![EmailEventKind::Bounced],
            campaign_ids: vec![Uuid::nil()],
            ..EmailEventSeen::default()
        }),
        "キャンペーン（削除済み）のメールのバウンスがあり",
        "an email of (deleted) is bounced",
        "活动（已删除）的邮件被退回",
    );
    check(
        &Trigger::ConversationClosed(ConversationClosed {
            inbox_ids: Vec::new(),
            channels: vec![Channel::Email, Channel::WebForm],
            from: Vec::new(),
        }),
        "メールまたはWebフォームで会話が完了し",
        "a conversation in email or web form is closed",
        "邮件或网页表单中的会话被关闭",
    );
}

#[test]
fn who_caused_it_is_said_of_what_somebody_causes() {
    check(
        &Trigger::EmailEventSeen(EmailEventSeen {
            kinds: vec![
                EmailEventKind::Delivered,
                EmailEventKind::Opened,
                EmailEventKind::Replied,
            ],
            ..EmailEventSeen::default()
        }),
        "コンタクト宛のメールの開封または返信（人による）または到達があり",
        "an email to a contact is opened or replied to by a person or delivered",
        "发给联系人的邮件被打开或回复（由人引起）或送达",
    );
}

#[test]
fn segments_and_members_read_as_people_say_them() {
    let trigger = |stored: Value| serde_json::from_value::<Trigger>(stored).unwrap();
    let segments = json!({"segmentIds": [Uuid::nil()]});
    check(
        &trigger(json!({"contactLeftSegment": segments})),
        "コンタクトがセグメント（削除済み）から外れ",
        "a contact leaves the segment (deleted)",
        "联系人离开细分（已删除）",
    );
    check(
        &trigger(json!({"conversationAssigned": {}})),
        "会話がメンバーに割り当てられ",
        "a conversation is assigned to a member",
        "会话被分配给某位成员",
    );
    check(
        &trigger(json!({"accountAttributeChanged": {
            "attributeId": Uuid::nil(), "to": {"number": 5.0},
        }})),
        "会社の属性（削除済み）が「5」になり",
        "the (deleted) of an account becomes “5”",
        "公司的属性（已删除）变为“5”",
    );
    check(
        &trigger(json!({"conversationAttributeChanged": {"attributeId": Uuid::nil()}})),
        "会話の属性（削除済み）が変わり",
        "the (deleted) of a conversation changes",
        "会话的属性（已删除）变更",
    );
    check(
        &trigger(json!({"conversationPriorityChanged": {
            "channels": ["EMAIL"], "from": ["NORMAL"], "to": ["HIGH", "URGENT"],
        }})),
        "メールで会話の優先度が通常から高または緊急になり",
        "the priority of a conversation in email changes from normal to high or urgent",
        "邮件中的会话的优先级从普通变为高或紧急",
    );
}

#[test]
fn waits_read_as_people_say_them() {
    let trigger = |stored: Value| {
        let stored = json!({"conversationWaiting": stored});
        serde_json::from_value::<Trigger>(stored).unwrap()
    };
    check(
        &trigger(json!({"minutes": 240, "businessHoursOnly": true})),
        "会話の返信待ちが営業時間で4時間に達し",
        "a conversation has waited 4 hours of business time for an answer",
        "会话等待回复已满营业时间4小时",
    );
    check(
        &trigger(json!({"minutes": 1530, "channels": ["EMAIL"]})),
        "メールで会話の返信待ちが1日1時間30分に達し",
        "a conversation in email has waited 1 day 1 hour 30 minutes for an answer",
        "邮件中的会话等待回复已满1天1小时30分钟",
    );
}

#[test]
fn what_is_asked_of_the_very_occasion_is_said() {
    let trigger = |stored: Value| serde_json::from_value::<Trigger>(stored).unwrap();
    check(
        &trigger(json!({"eventTracked": {
            "names": ["form_sent"], "where": [{"property": "form", "anyOf": ["pricing"]}],
        }})),
        "コンタクトのイベント「form_sent」（「form」が「pricing」）が記録され",
        "a contact does “form_sent” (“form” is “pricing”)",
        "联系人发生事件“form_sent”（“form”为“pricing”）",
    );
    check(
        &trigger(json!({"emailEvent": {
            "kinds": ["CLICKED"], "url": {"contains": ["/pricing"]},
        }})),
        "コンタクト宛のメールのクリック（人による）（リンクに「/pricing」が含まれる）があり",
        "an email to a contact is clicked by a person (the link contains “/pricing”)",
        "发给联系人的邮件被点击（由人引起）（链接包含“/pricing”）",
    );
    check(
        &trigger(json!({"emailEvent": {"kinds": ["BOUNCED"], "bounceKinds": ["HARD", "BLOCK"]}})),
        "コンタクト宛のメールのバウンス（恒久的な不達または受信拒否）があり",
        "an email to a contact is bounced (for good or as blocked)",
        "发给联系人的邮件被退回（永久退信或被拒收）",
    );
    check(
        &trigger(json!({"surveyAnswered": {
            "kinds": ["NPS"], "comment": {"contains": ["price"]},
        }})),
        "コンタクトがNPSに回答し（コメントに「price」が含まれる）",
        "a contact answers NPS (the comment contains “price”)",
        "联系人回答NPS（评论包含“price”）",
    );
}

#[test]
fn what_actions_change_reads_as_people_say_it() {
    let names: HashMap<Uuid, String> = HashMap::from([(Uuid::from_u128(1), "Hana".to_owned())]);
    let (hana, nil) = (Uuid::from_u128(1), Uuid::nil());
    for (action, ja, en, zh) in [
        (
            json!({"assignConversation": {"toOwner": true}}),
            "会話の担当をコンタクトの担当者にする",
            "assign the conversation to the contact's owner",
            "将会话分配给联系人的负责人",
        ),
        (
            json!({"watchConversation": {"memberIds": [hana]}}),
            "「Hana」を会話のウォッチャーにする",
            "have “Hana” watch the conversation",
            "让“Hana”关注会话",
        ),
        (
            json!({"setContactOwner": {"memberId": hana}}),
            "コンタクトの担当者を「Hana」にする",
            "make “Hana” the contact's owner",
            "将联系人的负责人设为“Hana”",
        ),
        (
            json!({"setAccountOwner": {"memberId": null}}),
            "会社の担当者を外す",
            "leave the account without an owner",
            "清除公司的负责人",
        ),
        (
            json!({"setAccountStage": {"stage": null}}),
            "会社のライフサイクルステージを外す",
            "take the account out of the lifecycle",
            "清除公司的生命周期阶段",
        ),
        (
            json!({"setAccountAttribute": {"attributeId": nil, "value": {"text": "gold"}}}),
            "会社の属性（削除済み）を「gold」にする",
            "set the account's (deleted) to “gold”",
            "将公司的属性（已删除）设为“gold”",
        ),
        (
            json!({"setConversationAttribute": {"attributeId": nil}}),
            "会話の属性（削除済み）を空にする",
            "clear the conversation's (deleted)",
            "清空会话的属性（已删除）",
        ),
        (
            json!({"createTask": {"title": "Call", "dueInMinutes": 2880}}),
            "タスク「Call」（期限：2日後）を作る",
            "create the task “Call” (due in 2 days)",
            "创建任务“Call”（2天后到期）",
        ),
        (
            json!({"createTask": {"title": "Call", "dueInMinutes": 90, "assignee": "owner"}}),
            "コンタクトの担当者にタスク「Call」（期限：90分後）を作る",
            "create the task “Call” (due in 90 minutes) for the contact's owner",
            "为联系人的负责人创建任务“Call”（90分钟后到期）",
        ),
        (
            json!({"createTask": {"title": "Call", "dueInMinutes": 0}}),
            "タスク「Call」（期限：すぐ）を作る",
            "create the task “Call” (due at once)",
            "创建任务“Call”（立即到期）",
        ),
    ] {
        let action: crate::action::Action = serde_json::from_value(action).unwrap();
        for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
            let names = &names;
            let phrasing = Phrasing { locale, names };
            assert_eq!(action.kind().phrase(&phrasing), expected);
        }
    }
}

#[test]
fn the_owner_for_whom_a_task_is_made_is_that_of_what_the_rule_looks_at() {
    let names: HashMap<Uuid, String> = HashMap::new();
    let tags = json!({"tagIds": [Uuid::nil()]});
    let task = json!({"createTask": {"title": "Call", "assignee": "owner"}});
    for (trigger, ja, en, zh) in [
        (
            json!({"accountTagAdded": tags}),
            "会社にタグ（削除済み）が付き次第：会社の担当者にタスク「Call」を作る。",
            "When an account is tagged (deleted): create the task “Call” for the account's owner.",
            "当公司被添加标签（已删除）时：为公司的负责人创建任务“Call”。",
        ),
        (
            json!({"contactTagAdded": tags}),
            "コンタクトにタグ（削除済み）が付き次第：コンタクトの担当者にタスク「Call」を作る。",
            "When a contact is tagged (deleted): create the task “Call” for the contact's owner.",
            "当联系人被添加标签（已删除）时：为联系人的负责人创建任务“Call”。",
        ),
    ] {
        let stored = json!({
            "version": 1, "trigger": trigger, "condition": {"all": []}, "actions": [task],
        });
        let definition = Definition::from_stored(stored).unwrap();
        for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
            assert_eq!(definition.sentence(locale, &names), expected);
        }
    }
}
