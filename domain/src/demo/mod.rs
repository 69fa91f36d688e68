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
//! The cast: `people`, `profile`, `tags` and `talk` hold the data, `letters` makes messages of it, `activity`
//! events and email events, `provider` what email providers tell by themselves, `visitor` what a web page does,
//! `business` what other systems tell, `company` and `curate` companies and tags that were put in order, `course`
//! owners and statuses as they changed, `desk` work on conversations besides answers, `outreach` tracked links,
//! `ask` a survey, `follow` segments, tasks and a playbook, `rules` rules on what customers write, `automate`
//! rules on more than that, `rank` what compares customers, `verdict` and `review` what reports show, `chance` the
//! variety.

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
mod letters;
mod outreach;
mod people;
mod profile;
mod provider;
mod rank;
mod review;
mod rules;
mod tags;
mod talk;
mod verdict;
mod visitor;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{InboxId, TagId},
    kind::{Channel, IdentityKind},
};

use crate::{
    access::Actor,
    account::{self, NewAccount},
    contact::{self, ContactFilter, ContactOrder, NewContact},
    conversation,
    ctx::Ctx,
    email,
    error::{Error, Result},
    event, inbox,
    page::PageRequest,
    port::{ManualClock, Work},
    report::quality,
    tag::{Request, tagging},
    work::projection::{self, Outcome, Projection},
};
use activity::Habit;
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
    let tags = tags::make(&past, actor).await?;
    let verdicts = Verdicts::prepare(&past, actor).await?;
    let people = make_people(ctx, actor, &tags, begin, verdicts).await?;
    course::hand_over(ctx, actor, &people, now).await?;
    rules::mark_partnerships(ctx, actor, tags[tags::PARTNERSHIP]).await?;
    automate::mark_answers(ctx, actor, tags[tags::MATERIAL]).await?;
    let messages = letters::history(&people, now);
    for batch in messages.chunks(BATCH) {
        conversation::ingest(ctx, actor, inbox, batch.to_vec()).await?;
    }
    letters::tend(ctx, actor, &tags, now).await?;
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
    rules::announce_important(ctx, actor, tags[tags::VIP]).await?;
    let segment = automate::make_segment(ctx, actor).await?;
    rank::score(ctx, actor, now).await?;
    rank::watch(ctx, actor).await?;
    ask::ask(ctx, actor, &people).await?;
    follow::follow(ctx, actor, &people, tags[tags::VIP]).await?;
    automate::watch(ctx, actor, &tags, segment).await?;
    automate::happen(ctx, actor, &people, now).await?;
    settle(ctx, actor, |_| true).await?;
    automate::help(ctx, actor, &people, now).await?;
    conversation::ingest(ctx, actor, inbox, letters::just_now(&people, now)).await?;
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
