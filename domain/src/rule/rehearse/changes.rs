//! What happened otherwise, as the change log tells it, shown to the rule page after page.
//!
//! Entries become what rules look at by the code that shows them to rules at work (`rule::occasion`).

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::id::RuleId;
use uuid::Uuid;

use super::{
    Rehearsal,
    past::{PAGE, Past},
    trial::{Look, Read, Thing, Trial},
    window::window,
};
use crate::{
    condition::{
        Moment,
        facts::{MessageFacts, TagSet},
        known::Known,
        matcher::{Match, Matcher, Scratch},
    },
    error::Result,
    rule::{
        cache::{Compiled, facts_of},
        definition::Definition,
        evaluate::facts_with,
        occasion::{Lore, MAX_DEPTH, Occasion, What, things},
    },
    store::Tx,
    work::change::{Entry, read_facts},
};

pub(super) async fn run(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
    days: i64,
) -> Result<Rehearsal> {
    let facts = facts_of(&definition.trigger);
    let window = window(tx, tx.now - TimeDelta::days(days), facts).await?;
    let mut trial = Trial::begin(tx, definition, own).await?;
    let mut read = Read {
        since: window.since,
        complete: window.complete,
        messages: 0,
        changes: 0,
    };
    let (connection, workspace) = (tx.connection(), tx.workspace);
    let (mut after, upto) = (window.after, window.upto);
    loop {
        let page = read_facts(connection, workspace, after, upto, facts, PAGE).await?;
        after = match page.last() {
            Some(Ok(entry)) => entry.position,
            Some(Err(unreadable)) => unreadable.position,
            None => break,
        };
        let is_last = (page.len() as i64) < PAGE;
        read.changes += page.len() as i64;
        let entries: Vec<Entry> = page
            .into_iter()
            .filter_map(std::result::Result::ok)
            .collect();
        show(tx, &mut trial, &entries).await?;
        if is_last {
            break;
        }
    }
    trial.finish(tx, definition, own, read).await
}

async fn show(tx: &Tx<'_>, trial: &mut Trial<'_>, entries: &[Entry]) -> Result<()> {
    let entries = entries.iter().filter(|entry| entry.depth <= MAX_DEPTH);
    let entries: Vec<&Entry> = entries.collect();
    let lore = Lore::load(tx, &trial.rules, &entries).await?;
    let mut occasions = Vec::with_capacity(entries.len());
    for entry in entries {
        lore.occasions(entry, &mut occasions);
    }
    let things: BTreeSet<Uuid> = things(&occasions).into_iter().collect();
    let past = Past::load(tx, things).await?;
    let occasions = occasions.into_iter();
    let changed = occasions.filter_map(|occasion| Changed::of(&trial.rules, occasion));
    let changed: Vec<Changed<'_>> = changed.collect();
    trial.show(tx, &past, &changed).await
}

/// A change that makes the rule look.
pub(super) struct Changed<'a> {
    occasion: Occasion<'a>,
    /// The numbers of the rules that look, of which there is one.
    numbers: Vec<u32>,
}

impl<'a> Changed<'a> {
    fn of(rules: &Compiled, occasion: Occasion<'a>) -> Option<Self> {
        let What::Other(happened) = &occasion.what else {
            return None;
        };
        let numbers = rules.listening(happened);
        (!numbers.is_empty()).then_some(Self { occasion, numbers })
    }

    /// That the clock came round for the one rule there is, which looks at something.
    pub(super) fn ticked(occasion: Occasion<'a>) -> Self {
        Self {
            occasion,
            numbers: vec![0],
        }
    }
}

impl Thing for Changed<'_> {
    fn look(&self) -> Look {
        Look {
            case: self.occasion.case,
            at: self.occasion.at,
        }
    }

    fn facts<'f>(
        &'f self,
        now: &Moment,
        contact_tags: &'f TagSet,
        conversation_tags: &'f TagSet,
    ) -> MessageFacts<'f> {
        facts_with(&self.occasion, contact_tags, conversation_tags, now)
    }

    fn matcher(rules: &Compiled) -> &Matcher {
        &rules.others
    }

    fn ask(
        &self,
        matcher: &Matcher,
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match> {
        matcher.evaluate_among(&self.numbers, facts, known, now, scratch)
    }

    fn cascade(&self) -> Option<(Uuid, String)> {
        Some((self.occasion.subject, self.occasion.root()))
    }

    fn is_late(&self) -> bool {
        self.occasion.from_archive
    }
}
