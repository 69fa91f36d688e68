//! Messages of the last weeks: who wrote what when, and what became of the conversations. The texts are in `talk`.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ConversationId, TagId},
    kind::{ConversationStatus, Direction, Priority},
};

use super::{DAYS, Person, activity::Habit, chance::Chance, course, people::Language, talk};
use crate::{
    access::Actor,
    conversation::{self, NewMessage},
    ctx::Ctx,
    error::Result,
    page::PageRequest,
    tag::{Request, tagging},
};

/// One to three threads for each, spread over the days; later ones for those who are still there.
pub(super) fn history(people: &[Person], now: DateTime<Utc>) -> Vec<NewMessage> {
    let mut messages = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let mut chance = Chance::new(number as u64 + 1);
        let threads = talk::threads(person.company.language);
        let first = chance.below(threads.len());
        for turn in 0..person.habit.threads() {
            let thread = &threads[(first + turn * 3) % threads.len()];
            let days_ago = person.habit.quiet_days()
                + chance.below((DAYS - person.habit.quiet_days()).max(1) as usize) as i64;
            let mut sent_at = now - TimeDelta::days(days_ago) - minutes(&mut chance, 9 * 60);
            let key = format!("demo-{number}-{turn}");
            for (position, text) in thread.messages.iter().enumerate() {
                if sent_at > now {
                    break;
                }
                let subject = if position == 0 {
                    thread.subject.to_owned()
                } else {
                    format!("Re: {}", thread.subject)
                };
                messages.push(NewMessage {
                    external_id: format!("{key}-{position}@demo.example"),
                    thread_keys: vec![format!("{key}@demo.example")],
                    whose: person.email.clone().into(),
                    name: None,
                    direction: if position % 2 == 0 {
                        Direction::Inbound
                    } else {
                        Direction::Outbound
                    },
                    author: None,
                    automatic: false,
                    subject,
                    body: (*text).to_owned(),
                    sent_at,
                });
                sent_at += TimeDelta::minutes(25) + minutes(&mut chance, 20 * 60);
            }
        }
    }
    messages
}

fn minutes(chance: &mut Chance, below: usize) -> TimeDelta {
    TimeDelta::minutes(chance.below(below) as i64)
}

/// Two important customers wrote a moment ago.
pub(super) fn just_now(people: &[Person], now: DateTime<Utc>) -> Vec<NewMessage> {
    let important = people.iter().filter(|person| person.habit == Habit::Vip);
    let written = important.zip(talk::JUST_NOW).zip([7, 2]);
    written
        .map(|((person, text), minutes_ago)| NewMessage {
            external_id: format!("demo-now-{}", person.email),
            thread_keys: Vec::new(),
            whose: person.email.clone().into(),
            name: None,
            direction: Direction::Inbound,
            author: None,
            automatic: false,
            subject: text.chars().take(18).collect(),
            body: text.to_owned(),
            sent_at: now - TimeDelta::minutes(minutes_ago),
        })
        .collect()
}

/// Puts each thread's tag on its conversations and closes those that came to an end, the way a
/// colleague would.
pub(super) async fn tend(
    ctx: &Ctx,
    actor: &Actor,
    tags: &HashMap<&'static str, TagId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut labels = Vec::new();
    let (mut ended, mut overdue) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let mut page = PageRequest::first(100);
        page.after = after;
        let filter = conversation::ConversationFilter::default();
        let found = conversation::list(
            ctx,
            actor.workspace,
            &filter,
            conversation::ConversationOrder::default(),
            &page,
        )
        .await?;
        after = found.rows.last().map(|(cursor, _)| cursor.clone());
        for (_, conversation) in &found.rows {
            let threads = [Language::Ja, Language::Zh, Language::En];
            let mut threads = threads.into_iter().flat_map(talk::threads);
            let Some(thread) = threads.find(|thread| thread.subject == conversation.subject) else {
                continue;
            };
            let tag = thread.tag.map(|tag| tags[tag]);
            labels.extend(tag.map(|tag| Request::conversation(conversation.id, tag)));
            // A thread of one message was never answered: somebody still waits.
            let is_old = conversation.last_message_at < now - TimeDelta::days(5);
            if is_old && thread.messages.len() > 1 {
                ended.push((conversation.id, conversation.last_message_at));
            } else if is_old {
                overdue.push(conversation.id);
            }
        }
        if !found.has_next {
            break;
        }
    }
    tagging::tag_many(ctx, actor, &labels, "").await?;
    course::close_step_by_step(ctx, actor, &ended).await?;
    let ended: Vec<ConversationId> = ended.into_iter().map(|(id, _)| id).collect();
    let closed = conversation::Changes {
        status: Some(ConversationStatus::Closed),
        ..conversation::Changes::default()
    };
    conversation::update(ctx, actor, &ended, "ids", &closed).await?;
    let urgent = conversation::Changes {
        priority: Some(Priority::High),
        assignee: Some(Some(actor.member)),
        ..conversation::Changes::default()
    };
    conversation::update(ctx, actor, &overdue, "ids", &urgent).await?;
    Ok(())
}
