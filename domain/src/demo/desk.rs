//! What the team does in conversations besides answering: each that is urgent names the product it is about,
//! somebody watches one and notes something in it, and one sleeps until somebody is back. On the telephone a
//! customer also said which email is not wanted any more.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    conversation::Model,
    id::AttributeId,
    kind::{AttributeType, Channel, ConversationStatus, Priority, SubjectKind, SubscriptionState},
};

use crate::{
    access::Actor,
    attribute::{self, AttributeOption, NewAttribute, Setting, Value, definition},
    contact::subscription::{self, NewState},
    conversation::{self, Changes, ConversationFilter, ConversationOrder},
    ctx::Ctx,
    error::Result,
    note,
    page::PageRequest,
    subject::Subject,
};

/// The products a conversation may be about: key and label.
const PRODUCTS: [(&str, &str); 3] = [
    ("reports", "レポート / Reports / 报表"),
    ("automation", "自動化 / Automation / 自动化"),
    ("import", "取り込み / Import / 导入"),
];
/// How many of the urgent conversations are worked on.
const URGENT: i64 = 6;
/// Days that one of them sleeps.
const SLEEP: i64 = 3;

/// Works on the urgent conversations.
pub(super) async fn work(ctx: &Ctx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
    let product = define(ctx, actor).await?;
    let urgent = urgent(ctx, actor).await?;
    for (conversation, (key, _)) in urgent.iter().zip(PRODUCTS.into_iter().cycle()) {
        let about = vec![Setting {
            attribute: product,
            value: Some(Value::Select(key.to_owned())),
        }];
        let subject = Subject::from(conversation.id);
        attribute::set(ctx, actor, subject, &["on"], about).await?;
    }
    if let Some(first) = urgent.first() {
        watch(ctx, actor, first).await?;
    }
    if let Some(second) = urgent.get(1) {
        let asleep = Changes {
            status: Some(ConversationStatus::Snoozed),
            snoozed_until: Some(now + TimeDelta::days(SLEEP)),
            ..Changes::default()
        };
        conversation::update(ctx, actor, &[second.id], "ids", &asleep).await?;
    }
    Ok(())
}

async fn define(ctx: &Ctx, actor: &Actor) -> Result<AttributeId> {
    let options = PRODUCTS.map(|(key, label)| AttributeOption {
        key: key.to_owned(),
        label: label.to_owned(),
    });
    let new = NewAttribute {
        subject: SubjectKind::Conversation,
        key: "product".to_owned(),
        name: "製品 / Product / 产品".to_owned(),
        description: String::new(),
        value_type: AttributeType::Select,
        options: options.to_vec(),
    };
    Ok(definition::create(ctx, actor, new).await?.id)
}

/// Those that wait for an answer and were found to be urgent, the longest waiting first.
async fn urgent(ctx: &Ctx, actor: &Actor) -> Result<Vec<Model>> {
    let filter = ConversationFilter {
        statuses: vec![ConversationStatus::Open],
        priorities: vec![Priority::High],
        ..ConversationFilter::default()
    };
    let (order, page) = (ConversationOrder::ActivityAsc, PageRequest::first(URGENT));
    let found = conversation::list(ctx, actor.workspace, &filter, order, &page).await?;
    Ok(found.rows.into_iter().map(|(_, row)| row).collect())
}

/// Watches one, after a call with the customer.
async fn watch(ctx: &Ctx, actor: &Actor, conversation: &Model) -> Result<()> {
    let watched = Changes {
        watch: vec![actor.member],
        ..Changes::default()
    };
    conversation::update(ctx, actor, &[conversation.id], "ids", &watched).await?;
    let subject = Subject::from(conversation.id);
    let said = "お電話済み。条件を確認して折り返す。/ Called: we check the terms and call back. / 已致电，确认条款后回电。";
    note::add(ctx, actor, subject, &["on"], said).await?;
    let unwanted = NewState {
        channel: Channel::Email,
        topic: "newsletter".to_owned(),
        state: SubscriptionState::Unsubscribed,
        reason: "お電話でのご希望 / asked on the telephone / 来电要求".to_owned(),
    };
    subscription::set(ctx, actor, conversation.contact_id, unwanted).await?;
    Ok(())
}
