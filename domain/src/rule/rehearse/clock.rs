//! A rule that waits for the clock, shown the contacts of today as if its next time had come.
//!
//! Where there are many contacts, an even part of them is looked at, as in the preview of a segment, and the numbers
//! are extrapolated. How many notices a week brings is found by letting the times of a week come one after the
//! other: the rule's limits, and the tags it would have put on itself, count. For a saved rule with limits it counts
//! when it really fired as well.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, ContactId, Id, RuleId},
    kind::SegmentSubject,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    Expected, Rehearsal,
    changes::Changed,
    past::{PAGE, Past},
    trial::{Read, Trial},
};
use crate::{
    action::{Case, Effect, board::ids_here},
    error::{Error, Result},
    rule::{
        definition::Definition,
        occasion::{Occasion, What},
        trigger::{Happened, OnSchedule},
    },
    segment::preview,
    store::{Query, Tx},
    workspace,
};

/// When the rule really fired for something, as its limits remember it.
#[derive(FromQueryResult)]
struct Mark {
    target_id: Uuid,
    fired_at: DateTime<Utc>,
}

/// Someone the rule is shown.
#[derive(FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: Option<AccountId>,
}

pub(super) async fn run(
    tx: &Tx<'_>,
    definition: &Definition,
    schedule: &OnSchedule,
    own: Option<RuleId>,
) -> Result<Rehearsal> {
    let zone = workspace::zone_of(tx).await?;
    let ticks = schedule.coming(zone, tx.now, TimeDelta::weeks(1));
    let Some((&next, later)) = ticks.split_first() else {
        return Err(Error::Internal("a schedule that never comes".to_owned()));
    };
    let population =
        preview::population(tx.connection(), tx.workspace, SegmentSubject::Contact).await?;
    let stride = preview::stride(population);
    let people = people(tx, stride).await?;
    let mut trial = Trial::begin(tx, definition, own).await?;
    if let Some(rule) = own.filter(|_| definition.limits.remember()) {
        remember(tx, &mut trial, &people, rule).await?;
    }
    show(tx, &mut trial, &people, next).await?;
    let (matches, samples, effects) = trial.so_far();
    // The later times say how many notices there are, and nothing else: also where there is none at the next, as
    // on a day on which the condition does not hold, or while the rule cools down.
    if trial.stage.effects.iter().any(is_notice) {
        for &at in later {
            show(tx, &mut trial, &people, at).await?;
        }
    }
    let read = Read {
        since: tx.now,
        complete: stride == 1,
        messages: 0,
        changes: 0,
    };
    let whole = trial.finish(tx, definition, own, read).await?;
    let a_time = notices(&whole.effects) as f64 / ticks.len() as f64;
    let times = |times: i64| times * stride;
    let counted = |one: Expected| Expected {
        times: times(one.times),
        ..one
    };
    let day = next.with_timezone(&zone).date_naive();
    let that_day = whole.days.into_iter().filter(|(date, _)| *date == day);
    Ok(Rehearsal {
        contacts: people.len() as i64,
        matches: times(matches),
        days: that_day.map(|(day, fired)| (day, times(fired))).collect(),
        samples,
        effects: effects.into_iter().map(counted).collect(),
        notices_per_week: a_time * schedule.times_a_week() * stride as f64,
        next_at: Some(next),
        ..whole
    })
}

fn is_notice(effect: &Effect) -> bool {
    matches!(effect, Effect::Notify { .. })
}

/// How many notices are among what was done.
fn notices(effects: &[Expected]) -> i64 {
    let notices = effects.iter().filter(|one| is_notice(&one.effect));
    notices.map(|one| one.times).sum()
}

/// Every `stride`-th contact who was not merged into another, in the order of their ids.
async fn people(tx: &Tx<'_>, stride: i64) -> Result<Vec<Person>> {
    Ok(Query::new(
        "SELECT p.id, p.account_id FROM (
             SELECT c.id, c.account_id, ROW_NUMBER() OVER (ORDER BY c.id) AS place FROM contact c
             WHERE c.workspace_id = $1 AND c.merged_into_id IS NULL) AS p
         WHERE p.place % $2 = 0 ORDER BY p.id",
    )
    .bind(tx.workspace)
    .bind(stride)
    .all(tx.connection())
    .await?)
}

/// Shows all of them to the rule, as they are looked at when its time comes at `at`.
async fn show(
    tx: &Tx<'_>,
    trial: &mut Trial<'_>,
    people: &[Person],
    at: DateTime<Utc>,
) -> Result<()> {
    for page in people.chunks(PAGE as usize) {
        let changed: Vec<Changed<'_>> = page
            .iter()
            .map(|one| Changed::ticked(tick(one, at)))
            .collect();
        let past = Past::load(tx, things(page)).await?;
        trial.show(tx, &past, &changed).await?;
    }
    Ok(())
}

/// Reads for whom the rule really fired.
async fn remember(
    tx: &Tx<'_>,
    trial: &mut Trial<'_>,
    people: &[Person],
    rule: RuleId,
) -> Result<()> {
    for page in people.chunks(PAGE as usize) {
        let marks: Vec<Mark> = Query::new(
            "SELECT m.target_id, m.fired_at FROM {r} CROSS JOIN rule_mark m
             WHERE m.workspace_id = r.workspace_id AND m.target_id = r.id AND m.rule_id = $1",
        )
        .bind(rule)
        .rows("r", ids_here(tx.workspace, things(page).into_iter()))
        .all(tx.connection())
        .await?;
        for mark in marks {
            trial.stage.remember(mark.target_id, mark.fired_at);
        }
    }
    Ok(())
}

/// The contacts and their accounts.
fn things(people: &[Person]) -> BTreeSet<Uuid> {
    let things = people.iter();
    let things = things.flat_map(|one| [Some(one.id.uuid()), one.account_id.map(Id::uuid)]);
    things.flatten().collect()
}

fn tick(person: &Person, at: DateTime<Utc>) -> Occasion<'static> {
    Occasion {
        entry: None,
        subject: person.id.uuid(),
        case: Case {
            contact: Some(person.id),
            account: person.account_id,
            ..Case::default()
        },
        what: What::Other(Happened::Tick),
        at,
        from_archive: false,
    }
}
