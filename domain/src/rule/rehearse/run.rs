//! The messages shown to the rule, page after page.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use entity::id::{Id as _, RuleId};
use uuid::Uuid;

use super::{
    Rehearsal, Sample,
    follower::followers,
    past::{PAGE, Past, page, reach},
    stage::Stage,
};
use crate::{
    action::Effect,
    condition::{
        Moment,
        known::Known,
        matcher::{Scratch, Wanted},
    },
    error::Result,
    port::first_id_at,
    rule::{
        cache::{Stored, compile},
        definition::Definition,
    },
    store::Tx,
};

/// Matches shown.
const SAMPLES: usize = 10;

pub(super) async fn run(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
    days: i64,
) -> Result<Rehearsal> {
    let asked = tx.now - TimeDelta::days(days);
    let first = first_id_at(asked);
    let reached = reach(tx, first).await?;
    let now = Moment::of(tx.connection(), tx.workspace, tx.now).await?;
    let zone = now.zone;
    let id = own.map_or(Uuid::nil(), |id| id.0);
    let compiled = compile(vec![Stored {
        id,
        name: String::new(),
        version: 0,
        position: 0,
        definition: definition.clone(),
    }])?;
    let mut stage = Stage::load(tx, definition).await?;
    let mut scratch = Scratch::default();
    let mut known = Known::default();
    let mut rehearsal = Rehearsal {
        since: reached.as_ref().map_or(asked, |reached| reached.created_at),
        complete: reached.is_none(),
        messages: 0,
        matches: 0,
        late_matches: 0,
        days: BTreeMap::new(),
        samples: Vec::new(),
        effects: Vec::new(),
        notices_per_week: 0.0,
        followers: Vec::new(),
    };
    let mut from = reached.map_or(first, |reached| reached.id.uuid());
    loop {
        let messages = page(tx, from, asked).await?;
        let Some(last) = messages.last() else { break };
        from = Uuid::from_u128(last.id.uuid().as_u128().saturating_add(1));
        rehearsal.messages += messages.len() as i64;
        let past = Past::load(tx, &messages).await?;
        // Deep conditions are answered as of now: what the database said then is not kept.
        let mut wanted = Wanted::default();
        if compiled.matcher.asks_the_database() {
            for message in &messages {
                let (contact, conversation) = stage.tags(&past, message);
                let facts = message.facts(&now, &contact, &conversation);
                compiled
                    .matcher
                    .evaluate(&facts, &known, &now, &mut scratch);
                wanted.add(&scratch);
            }
        }
        if !wanted.is_empty() {
            compiled
                .matcher
                .learn(tx.connection(), tx.workspace, &now, &wanted, &mut known)
                .await?;
        }
        for message in &messages {
            let (contact, conversation) = stage.tags(&past, message);
            let facts = message.facts(&now, &contact, &conversation);
            let mut matches = compiled
                .matcher
                .evaluate(&facts, &known, &now, &mut scratch);
            if scratch.is_undecided() {
                let mut wanted = Wanted::default();
                wanted.add(&scratch);
                compiled
                    .matcher
                    .learn(tx.connection(), tx.workspace, &now, &wanted, &mut known)
                    .await?;
                matches = compiled
                    .matcher
                    .evaluate(&facts, &known, &now, &mut scratch);
            }
            let Some(found) = matches.first() else {
                continue;
            };
            if !stage.act(&past, message) {
                continue;
            }
            rehearsal.matches += 1;
            rehearsal.late_matches += i64::from(message.is_late());
            let day = message.sent_at.with_timezone(&zone).date_naive();
            *rehearsal.days.entry(day).or_default() += 1;
            rehearsal.samples.push(Sample {
                message: message.id,
                matched: compiled.matcher.describe(found, &facts, &known),
            });
            if rehearsal.samples.len() > SAMPLES {
                rehearsal.samples.remove(0);
            }
        }
        if (messages.len() as i64) < PAGE {
            break;
        }
    }
    rehearsal.samples.reverse();
    let weeks = (tx.now - rehearsal.since).as_seconds_f64() / TimeDelta::weeks(1).as_seconds_f64();
    let notices: i64 = stage
        .done
        .iter()
        .filter(|one| matches!(one.effect, Effect::Notify { .. }))
        .map(|one| one.times)
        .sum();
    rehearsal.notices_per_week = notices as f64 / weeks.max(f64::EPSILON);
    rehearsal.effects = stage.done;
    rehearsal.followers = followers(tx, definition, own).await?;
    Ok(rehearsal)
}
