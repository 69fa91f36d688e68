//! A workspace full of life, to look at before there are customers of one's own.
//!
//! `enishi --demo` and `enishi demo` call [`fill`]. Everything goes through the use cases members
//! and integrations use, so what it shows is what the product does. The same contacts do the same
//! things at every fill, told relative to now. Nothing is sent anywhere: members are notified in
//! their lists, the one target outside is switched off, and the rule that sends a survey is paused.
//!
//! Customers came one company after the other, over most of a year, and were judged as time went by, so
//! that reports show a course: those use cases are called with a clock that shows when it was.
//!
//! The cast: `people`, `profile`, `tags` and `talk` hold the data, `activity` makes events and email
//! events of it, `provider` what email providers tell by themselves, `visitor` what a web page does,
//! `business` what other systems tell, `company` and `curate` companies and tags that were put in order, `course`
//! owners and statuses as they changed, `desk` work on conversations besides answers, `outreach` tracked links,
//! `ask` a survey, `follow` segments, tasks and a playbook, `automate` rules on more than what customers write,
//! `rank` what compares customers, `verdict` and `review` what reports show, `chance` the variety.

mod activity;
mod ask;
mod automate;
mod business;
mod chance;
mod company;
mod course;
mod curate;
mod desk;
mod follow;
mod outreach;
mod people;
mod profile;
mod provider;
mod rank;
mod review;
mod tags;
mod talk;
mod verdict;
mod visitor;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ConversationId, InboxId, TagId},
    kind::{Channel, ConversationStatus, Direction, IdentityKind, Priority, TargetKind},
};

use crate::{
    access::Actor,
    account::{self, NewAccount},
    action::{Action, Notify, TagConversation},
    condition::{
        Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
    },
    contact::{self, ContactFilter, ContactOrder, NewContact},
    conversation::{self, NewMessage},
    ctx::Ctx,
    email,
    error::{Error, Result},
    event, inbox,
    notification::{
        Receivers,
        manage::{self as targets, NewTarget, TargetChanges},
    },
    page::PageRequest,
    port::{ManualClock, Work},
    report::quality,
    rule::{self, NewRule, trigger::Trigger},
    tag::{NewTag, Request, catalogue, tagging},
    work::projection::{self, Outcome, Projection},
};
use activity::Habit;
use chance::Chance;
use people::{COMPANIES, Company};
use verdict::Verdicts;

/// Days ago when the first company came.
const FIRST: i64 = 340;
/// Days from one company to the next.
const APART: i64 = 27;
/// Days that conversations and events reach back.
const DAYS: i64 = 60;
/// Messages and events of one call.
const BATCH: usize = 500;
/// Whom the member has looked after for a while, by the places among the people: one of each language.
const HANDED_OVER: [usize; 3] = [1, 21, 41];
/// How long what follows from the sample may take before it is left to the workers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A customer of the sample.
struct Person {
    email: String,
    company: &'static Company,
    habit: Habit,
}

/// What became of filling in sample data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// It has just been filled in.
    Now,
    /// It was there.
    Before,
    /// A part of it was there, because a fill was broken off; it stays as it is.
    BrokenOff,
    /// There are contacts of somebody's own; nothing was filled in.
    NotEmpty,
}

/// Fills the actor's workspace, if there is no contact in it yet.
pub async fn fill(ctx: &Ctx, actor: &Actor) -> Result<Filled> {
    let one = PageRequest::first(1);
    let (everybody, order) = (ContactFilter::default(), ContactOrder::default());
    let contacts = contact::list(ctx, actor.workspace, everybody, order, &one).await?;
    if !contacts.rows.is_empty() {
        return found(ctx, actor).await;
    }
    let now = ctx.clock.now();
    let inbox = email_inbox(ctx, actor).await?;
    let begin = now - TimeDelta::days(FIRST);
    let past = back_then(ctx, begin);
    let tags = make_tags(&past, actor).await?;
    let verdicts = Verdicts::prepare(&past, actor).await?;
    let people = make_people(ctx, actor, &tags, begin, verdicts).await?;
    course::hand_over(ctx, actor, &people, now).await?;
    make_partnership_rule(ctx, actor, tags[tags::PARTNERSHIP]).await?;
    automate::mark_answers(ctx, actor, tags[tags::MATERIAL]).await?;
    let messages = history(&people, now);
    for batch in messages.chunks(BATCH) {
        conversation::ingest(ctx, actor, inbox, batch.to_vec()).await?;
    }
    tend_conversations(ctx, actor, &tags, now).await?;
    Box::pin(desk::work(ctx, actor, now)).await?;
    Box::pin(curate::put_in_order(ctx, actor, &people, &tags, now)).await?;
    for batch in activity::events(&people, now).chunks(BATCH) {
        event::ingest(ctx, actor, batch.to_vec()).await?;
    }
    for batch in activity::email_events(&people, now).chunks(BATCH) {
        email::ingest(ctx, actor, batch.to_vec()).await?;
    }
    provider::connect(ctx, actor, &people, now).await?;
    visitor::tell(ctx, actor, now).await?;
    business::tell(ctx, actor, &people, now).await?;
    outreach::spread(ctx, actor, &people, tags[tags::FOLLOWED_UP], now).await?;
    company::put_in_order(ctx, actor).await?;
    review::try_out(ctx, actor, &people, now).await?;
    review::merge_a_double(ctx, actor, &people).await?;
    review::leave_a_double(ctx, actor, &people).await?;
    // The announcement of important customers begins after the history: nobody wants to be told
    // about two months of messages.
    settle(ctx, actor, |projection| projection.work() == Work::Rules).await?;
    make_vip_rule(ctx, actor, tags[tags::VIP]).await?;
    let segment = automate::make_segment(ctx, actor).await?;
    rank::score(ctx, actor, now).await?;
    rank::watch(ctx, actor).await?;
    ask::ask(ctx, actor, &people).await?;
    follow::follow(ctx, actor, &people, tags[tags::VIP]).await?;
    automate::watch(ctx, actor, &tags, segment).await?;
    automate::happen(ctx, actor, &people, now).await?;
    settle(ctx, actor, |_| true).await?;
    automate::help(ctx, actor, &people, now).await?;
    conversation::ingest(ctx, actor, inbox, just_now(&people, now)).await?;
    settle(ctx, actor, |_| true).await?;
    rank::look_back(ctx, actor, now).await?;
    review::audit(ctx, actor).await?;
    Ok(Filled::Now)
}

/// Whose the contacts are that are there. The audit of the tags is what a fill ends with.
async fn found(ctx: &Ctx, actor: &Actor) -> Result<Filled> {
    let (workspace, kind) = (actor.workspace, IdentityKind::ExternalId);
    let first = external_id(0);
    let first = contact::find_by_identity(ctx, workspace, kind, &first).await?;
    Ok(match first {
        None => Filled::NotEmpty,
        Some(_) if quality::latest(ctx, workspace).await?.is_some() => Filled::Before,
        Some(_) => Filled::BrokenOff,
    })
}

fn external_id(person: usize) -> String {
    format!("demo-{}", person + 1)
}

/// The business at an earlier time. What happens at it is to be told in its order.
fn back_then(ctx: &Ctx, at: DateTime<Utc>) -> Ctx {
    Ctx {
        clock: Arc::new(ManualClock::new(at)),
        ..ctx.clone()
    }
}

async fn email_inbox(ctx: &Ctx, actor: &Actor) -> Result<InboxId> {
    let inboxes = inbox::list(ctx, actor.workspace).await?;
    let email = inboxes.iter().find(|inbox| inbox.channel == Channel::Email);
    email
        .map(|inbox| inbox.id)
        .ok_or_else(|| Error::not_found(&["inbox"], "inbox"))
}

/// The tags by name; no name is in two trees.
async fn make_tags(ctx: &Ctx, actor: &Actor) -> Result<HashMap<&'static str, TagId>> {
    let mut made = HashMap::new();
    for tree in tags::TREES {
        let (root, description) = tree.root;
        let parent = make_tag(ctx, actor, tree, root, description, None).await?;
        for name in tree.tags {
            made.insert(
                *name,
                make_tag(ctx, actor, tree, name, "", Some(parent)).await?,
            );
        }
    }
    Ok(made)
}

async fn make_tag(
    ctx: &Ctx,
    actor: &Actor,
    tree: &tags::Tree,
    name: &str,
    description: &str,
    parent: Option<TagId>,
) -> Result<TagId> {
    let new = NewTag {
        kind: tree.kind,
        name: name.to_owned(),
        description: description.to_owned(),
        colour: Some(tree.colour.to_owned()),
        parent,
        group: None,
    };
    Ok(catalogue::create(ctx, actor, new).await?.id)
}

/// Makes the companies with their people, each at its time, and judges those who are there meanwhile.
async fn make_people(
    ctx: &Ctx,
    actor: &Actor,
    tags: &HashMap<&'static str, TagId>,
    begin: DateTime<Utc>,
    mut verdicts: Verdicts,
) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    let attributes = profile::define(&back_then(ctx, begin), actor).await?;
    let now = ctx.clock.now();
    for (number, company) in COMPANIES.iter().enumerate() {
        let came = begin + TimeDelta::days(APART * number as i64);
        verdicts.give_until(ctx, actor, came).await?;
        let past = back_then(ctx, came);
        let new = NewAccount {
            name: company.name.to_owned(),
            domain: Some(company.domain.to_owned()),
            details: profile::of_company(number, actor, &attributes, now),
            ..NewAccount::default()
        };
        let account = account::create(&past, actor, new).await?;
        let mut labels = Vec::new();
        for (name, local) in company.people {
            let email = format!("{local}@{}", company.domain);
            let number = people.len();
            let habit = Habit::of(number);
            let language = company.language;
            let known = profile::of_person(number, habit, language, actor, &attributes);
            let new = NewContact {
                name: name.to_owned(),
                email: Some(email.clone()),
                external_id: Some(external_id(number)),
                locale: Some(company.language.tag().to_owned()),
                account: Some(account.id),
                profile: known.clone(),
            };
            let id = contact::create(&past, actor, new).await?.id;
            Box::pin(profile::introduce(&past, actor, id, &known, local)).await?;
            if habit == Habit::Vip {
                profile::annotate(&past, actor, id, language).await?;
            }
            let names = company.tags.iter().chain(habit.tags());
            labels.extend(names.map(|name| Request::contact(id, tags[name])));
            verdicts.expect(number, habit, id, came);
            people.push(Person {
                email,
                company,
                habit,
            });
        }
        let reason = "見本データ / sample data / 示例数据";
        tagging::tag_many(&past, actor, &labels, reason).await?;
    }
    verdicts.give_until(ctx, actor, now).await?;
    Ok(people)
}

/// One to three threads for each, spread over the days; later ones for those who are still there.
fn history(people: &[Person], now: DateTime<Utc>) -> Vec<NewMessage> {
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
fn just_now(people: &[Person], now: DateTime<Utc>) -> Vec<NewMessage> {
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
async fn tend_conversations(
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
            let threads = [
                people::Language::Ja,
                people::Language::Zh,
                people::Language::En,
            ];
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

async fn make_partnership_rule(ctx: &Ctx, actor: &Actor, tag: TagId) -> Result<()> {
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
async fn make_vip_rule(ctx: &Ctx, actor: &Actor, tag: TagId) -> Result<()> {
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

/// Lets what follows from the sample happen now, so that there is something to see at once. What
/// does not come to rest in time is left to the workers.
async fn settle(ctx: &Ctx, actor: &Actor, wanted: fn(&dyn Projection) -> bool) -> Result<()> {
    let projections = || crate::projections().iter().filter(|it| wanted(**it));
    let settling = async {
        loop {
            let mut is_idle = true;
            for projection in projections() {
                let outcome = projection::run(ctx, *projection, actor.workspace).await?;
                is_idle &= outcome == Outcome::Idle;
            }
            if is_idle {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settling)
        .await
        .unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use entity::kind::TagKind;

    use super::*;

    #[test]
    fn the_sample_is_consistent() {
        let names: Vec<&str> = tags::TREES
            .iter()
            .flat_map(|tree| tree.tags)
            .copied()
            .collect();
        let known: HashSet<&str> = names.iter().copied().collect();
        assert_eq!(known.len(), names.len(), "a name is in two trees");
        let people = COMPANIES.iter().flat_map(|company| company.people);
        assert_eq!(people.count(), 60);
        for company in COMPANIES {
            assert!(
                company.tags.iter().all(|tag| known.contains(tag)),
                "{}",
                company.name
            );
            for thread in talk::threads(company.language) {
                assert!(
                    thread.tag.is_none_or(|tag| known.contains(tag)),
                    "{}",
                    thread.subject
                );
            }
        }
        let of_contacts = tags::TREES
            .iter()
            .filter(|tree| tree.kind == TagKind::Contact);
        assert_eq!(of_contacts.count(), 5);
    }
}
