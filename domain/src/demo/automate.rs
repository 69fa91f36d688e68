//! Rules that look at more than what customers write: at what we answer, at a page somebody looks at, at how long
//! an important customer waits, at who comes into a segment. What sets them off happened a moment ago, so that
//! there are tags that end by themselves, and one that has.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{SegmentId, TagId},
    kind::{Priority, SegmentSubject, TaskPriority, TicketPriority, TicketStatus},
};
use serde_json::json;

use super::{HANDED_OVER, Person, back_then, tags};
use crate::{
    access::Actor,
    action::{
        Action, CreateTask, SetConversationPriority, TagContact, TagConversation, TaskAssignee,
    },
    condition::{
        Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, PropertyTest, TagMode,
        TagTest, Tickets,
    },
    ctx::Ctx,
    error::Result,
    event::{self, NewEvent},
    fact::{ContactRef, Party, ingest::Head},
    operation::{self, Limits},
    rule::{
        self, NewRule,
        definition::always,
        trigger::{ContactEnteredSegment, ConversationWaiting, EventTracked, MessageSent, Trigger},
    },
    segment::{self, NewSegment},
    ticket::{self, NewTicket},
};

/// Seconds that the tag of those who look at prices stays.
const INTEREST: i64 = 7 * 24 * 60 * 60;
/// Minutes that an important customer may wait.
const WAIT: i64 = 5;
/// Who has looked at prices, by the places among the people: one of each language.
const INTERESTED: [usize; 3] = [4, 24, 47];
/// Who needs help, by the place among the people, and what for. The second is helped at once.
const TROUBLED: [(usize, &str); 2] = [
    (HANDED_OVER[1], "自动化规则没有触发"),
    (HANDED_OVER[2], "Export stops at 90%"),
];

/// Marks conversations in which we sent something that was asked for.
pub(super) async fn mark_answers(ctx: &Ctx, actor: &Actor, tag: TagId) -> Result<()> {
    let words = ["添付", "資料もお送り", "附上", "报价单已发", "attached"];
    let new = NewRule {
        name: "資料を送った会話 / Material sent / 已发送资料".to_owned(),
        trigger: Trigger::MessageSent(MessageSent::default()),
        condition: Condition::Keywords(Keywords {
            fields: vec![Field::Body],
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

/// Makes the segment of those with an open ticket, and fills it: before it is full nobody comes in by what
/// happens.
pub(super) async fn make_segment(ctx: &Ctx, actor: &Actor) -> Result<SegmentId> {
    let new = NewSegment {
        name: "対応中のお客様 / Open tickets / 工单未结的客户".to_owned(),
        description: "未解決のチケットがある人".to_owned(),
        subject: SegmentSubject::Contact,
        condition: Some(Condition::Tickets(Box::new(Tickets {
            statuses: Some(vec![TicketStatus::Open]),
            ..Tickets::default()
        }))),
    };
    let segment = segment::create(ctx, actor, new).await?;
    let kinds = crate::operations();
    operation::run_due(ctx, kinds, Some(actor.workspace), Limits::none()).await?;
    Ok(segment.id)
}

/// Makes the rules that wait for what happens next.
pub(super) async fn watch(
    ctx: &Ctx,
    actor: &Actor,
    tags: &HashMap<&'static str, TagId>,
    segment: SegmentId,
) -> Result<()> {
    let helped = NewRule {
        name: "対応が終わるまでの印 / Until we have helped / 处理完之前的标记".to_owned(),
        trigger: Trigger::ContactEnteredSegment(ContactEnteredSegment {
            segment_ids: vec![segment.0],
        }),
        condition: always(),
        actions: vec![Action::TagContact(TagContact {
            tag_ids: vec![tags[tags::HELPED].0],
            expires_in_seconds: None,
            while_in_segment_id: Some(segment.0),
        })],
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, helped).await?;
    let interested = NewRule {
        name: "料金を見た人は 1 週間ホット / Hot for a week / 看过价格，一周内重点跟进".to_owned(),
        trigger: Trigger::EventTracked(EventTracked {
            names: vec!["page_viewed".to_owned()],
            properties: vec![PropertyTest {
                property: "path".to_owned(),
                any_of: Some(vec!["/pricing".to_owned()]),
                ..PropertyTest::default()
            }],
        }),
        condition: always(),
        actions: vec![Action::TagContact(TagContact {
            tag_ids: vec![tags[tags::HOT].0],
            expires_in_seconds: Some(INTEREST),
            while_in_segment_id: None,
        })],
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, interested).await?;
    // Who had waited so long before a rule began to wait is nobody it looks at.
    let earlier = back_then(ctx, ctx.clock.now() - TimeDelta::hours(1));
    rule::create(&earlier, actor, waiting(tags[tags::VIP])).await?;
    Ok(())
}

/// An important customer waits: that is urgent, and somebody's task.
fn waiting(vip: TagId) -> NewRule {
    NewRule {
        name: "VIP を 5 分待たせたら急ぐ / A VIP has waited / VIP 等待过久".to_owned(),
        trigger: Trigger::ConversationWaiting(ConversationWaiting {
            minutes: WAIT,
            business_hours_only: false,
            inbox_ids: Vec::new(),
            channels: Vec::new(),
        }),
        condition: Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![vip.0],
            with_descendants: true,
        })),
        actions: vec![
            Action::SetConversationPriority(SetConversationPriority {
                priority: Priority::Urgent,
            }),
            Action::CreateTask(CreateTask {
                title: "すぐに返信する / Answer now / 请立即回复".to_owned(),
                description: String::new(),
                priority: TaskPriority::High,
                due_in_minutes: Some(30),
                assignee: TaskAssignee::Owner,
            }),
        ],
        limits: rule::Limits::default(),
    }
}

/// Lets some look at prices, and others ask for help.
pub(super) async fn happen(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    let interested = INTERESTED.into_iter().filter_map(|place| people.get(place));
    let views = interested
        .zip([16, 11, 4])
        .map(|(person, minutes)| NewEvent {
            external_id: format!("demo-prices-{}", person.email),
            whose: person.email.clone().into(),
            name: "page_viewed".to_owned(),
            properties: json!({ "path": "/pricing", "dwellSeconds": 20 * minutes }),
            occurred_at: now - TimeDelta::minutes(minutes),
        });
    event::ingest(ctx, actor, views.collect()).await?;
    ticket::ingest(ctx, actor, tickets(people, now)).await?;
    Ok(())
}

/// Solves the ticket of one of those who asked for help, whose tag goes by that.
pub(super) async fn help(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    let solved = tickets(people, now).pop().map(|ticket| NewTicket {
        head: Head {
            updated_at: Some(now - TimeDelta::minutes(1)),
            ..ticket.head
        },
        status: TicketStatus::Solved,
        csat: Some(5),
        solved_at: Some(now - TimeDelta::minutes(1)),
        ..ticket
    });
    ticket::ingest(ctx, actor, solved.into_iter().collect()).await?;
    Ok(())
}

fn tickets(people: &[Person], now: DateTime<Utc>) -> Vec<NewTicket> {
    let opened_at = now - TimeDelta::minutes(25);
    let troubled = TROUBLED.into_iter();
    let troubled = troubled.filter_map(|(place, subject)| Some((people.get(place)?, subject)));
    troubled
        .map(|(person, subject)| NewTicket {
            head: Head {
                external_id: format!("demo-help-{}", person.email),
                party: Party {
                    contact: Some(ContactRef::Email(person.email.clone())),
                    account: None,
                },
                updated_at: Some(opened_at),
            },
            subject: subject.to_owned(),
            status: TicketStatus::Open,
            priority: TicketPriority::High,
            csat: None,
            opened_at,
            solved_at: None,
        })
        .collect()
}
