//! Rules on what customers write: one marks a conversation, one tells of important customers.

use entity::{id::TagId, kind::TargetKind};

use crate::{
    access::Actor,
    action::{Action, Notify, TagConversation},
    condition::{
        Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
    },
    ctx::Ctx,
    error::Result,
    notification::{
        Receivers,
        manage::{self as targets, NewTarget, TargetChanges},
    },
    rule::{self, NewRule, trigger::Trigger},
};

/// Marks conversations about working together.
pub(super) async fn mark_partnerships(ctx: &Ctx, actor: &Actor, tag: TagId) -> Result<()> {
    let words = ["パートナーシップ", "コラボレーション", "アフィリエイト"];
    let new = NewRule {
        name: "パートナーシップの問い合わせに印を付ける".to_owned(),
        trigger: Trigger::default(),
        condition: Condition::Keywords(Keywords {
            fields: vec![Field::Subject, Field::Body],
            mode: KeywordMode::AnyOf,
            matching: KeywordMatch::Substring,
            words: words.map(str::to_owned).to_vec(),
        }),
        actions: vec![Action::TagConversation(TagConversation {
            tag_ids: vec![tag.0],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })],
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, new).await.map(drop)
}

/// Important customers are announced in the lists of all members, and would be in a channel, if there
/// were one.
pub(super) async fn announce_important(ctx: &Ctx, actor: &Actor, tag: TagId) -> Result<()> {
    let everybody = Receivers {
        everybody: true,
        ..Receivers::default()
    };
    let new = NewTarget::to(TargetKind::InApp, "営業のお知らせ", everybody);
    let (inside, _) = targets::create(ctx, actor, new).await?;
    let url = "https://hooks.slack.invalid/services/T0/B0/demo";
    let new = NewTarget::at(TargetKind::Slack, "営業チャンネル (Slack)", url);
    let (target, _) = targets::create(ctx, actor, new).await?;
    let new = NewRule {
        name: "VIP からのメッセージを営業に知らせる".to_owned(),
        trigger: Trigger::default(),
        condition: Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![tag.0],
            with_descendants: true,
        })),
        actions: [inside.id, target.id]
            .map(|target| {
                Action::Notify(Notify {
                    target_id: target.0,
                    title: None,
                    text: None,
                })
            })
            .to_vec(),
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, new).await?;
    // It shows where a real webhook goes and must never call anybody.
    let off = TargetChanges {
        enabled: Some(false),
        ..TargetChanges::default()
    };
    targets::update(ctx, actor, target.id, off).await.map(drop)
}
