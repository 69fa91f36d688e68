//! The rule being tried: shown one thing after the other, with what it would have changed before.

use std::collections::{BTreeMap, HashSet, VecDeque};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::id::RuleId;
use uuid::Uuid;

use super::{Expected, Rehearsal, Sample, follower::followers, past::Past, stage::Stage};
use crate::{
    action::{Case, Effect},
    condition::{
        Moment,
        facts::{MessageFacts, TagSet},
        known::Known,
        matcher::{Match, MatchedPart, Matcher, Scratch, Wanted},
    },
    error::Result,
    rule::{
        cache::{Compiled, Stored, compile},
        definition::Definition,
    },
    store::Tx,
};

/// Matches shown.
const SAMPLES: usize = 10;

/// What a thing is about, and when it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) case: Case,
    pub(super) at: DateTime<Utc>,
}

/// Something the rule looks at: a message, or a change.
pub(super) trait Thing {
    fn look(&self) -> Look;
    /// What is known about it, with these tags of its contact and its conversation.
    fn facts<'f>(
        &'f self,
        now: &Moment,
        contact_tags: &'f TagSet,
        conversation_tags: &'f TagSet,
    ) -> MessageFacts<'f>;
    /// Where the rule is compiled that looks at such things.
    fn matcher(rules: &Compiled) -> &Matcher;
    /// Whether the rule fires, by what is known so far.
    fn ask(
        &self,
        matcher: &Matcher,
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match>;
    /// The thing and the cascade it belongs to, in which a rule fires on it once.
    fn cascade(&self) -> Option<(Uuid, String)>;
    /// Whether an archive brought it in long after it happened.
    fn is_late(&self) -> bool;
}

/// What was read.
pub(super) struct Read {
    pub(super) since: DateTime<Utc>,
    pub(super) complete: bool,
    pub(super) messages: i64,
    pub(super) changes: i64,
}

/// The rule being tried.
pub(super) struct Trial<'d> {
    pub(super) rules: Compiled,
    pub(super) stage: Stage<'d>,
    now: Moment,
    scratch: Scratch,
    known: Known,
    cascades: HashSet<(Uuid, String)>,
    matches: i64,
    late_matches: i64,
    days: BTreeMap<NaiveDate, i64>,
    samples: VecDeque<Sample>,
}

impl<'d> Trial<'d> {
    pub(super) async fn begin(
        tx: &Tx<'_>,
        definition: &'d Definition,
        own: Option<RuleId>,
    ) -> Result<Self> {
        let rules = compile(vec![Stored {
            id: own.map_or(Uuid::nil(), |id| id.0),
            name: String::new(),
            version: 0,
            position: 0,
            definition: definition.clone(),
        }])?;
        Ok(Self {
            rules,
            stage: Stage::load(tx, definition).await?,
            now: Moment::of(tx.connection(), tx.workspace, tx.now).await?,
            scratch: Scratch::default(),
            known: Known::default(),
            cascades: HashSet::new(),
            matches: 0,
            late_matches: 0,
            days: BTreeMap::new(),
            samples: VecDeque::new(),
        })
    }

    /// Shows things to the rule, in the order in which they happened.
    pub(super) async fn show<T: Thing>(
        &mut self,
        tx: &Tx<'_>,
        past: &Past,
        things: &[T],
    ) -> Result<()> {
        // Deep conditions are answered as of now: what the database said then is not kept.
        let mut wanted = Wanted::default();
        if T::matcher(&self.rules).asks_the_database() {
            for thing in things {
                self.ask(past, thing);
                wanted.add(&self.scratch);
            }
        }
        self.learn::<T>(tx, &wanted).await?;
        for thing in things {
            let mut matches = self.ask(past, thing);
            if self.scratch.is_undecided() {
                let mut wanted = Wanted::default();
                wanted.add(&self.scratch);
                self.learn::<T>(tx, &wanted).await?;
                matches = self.ask(past, thing);
            }
            if let Some(found) = matches.first() {
                self.fire(past, thing, found);
            }
        }
        Ok(())
    }

    fn ask<T: Thing>(&mut self, past: &Past, thing: &T) -> Vec<Match> {
        let (contact, conversation) = self.stage.tags(past, &thing.look());
        let facts = thing.facts(&self.now, &contact, &conversation);
        let matcher = T::matcher(&self.rules);
        thing.ask(matcher, &facts, &self.known, &self.now, &mut self.scratch)
    }

    async fn learn<T: Thing>(&mut self, tx: &Tx<'_>, wanted: &Wanted) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let matcher = T::matcher(&self.rules);
        let known = &mut self.known;
        matcher
            .learn(tx.connection(), tx.workspace, &self.now, wanted, known)
            .await
    }

    fn describe<T: Thing>(&self, past: &Past, thing: &T, found: &Match) -> Vec<MatchedPart> {
        let (contact, conversation) = self.stage.tags(past, &thing.look());
        let facts = thing.facts(&self.now, &contact, &conversation);
        T::matcher(&self.rules).describe(found, &facts, &self.scratch, &self.known, &self.now)
    }

    /// Notes what the rule would do, unless its limits or a circle keep it from firing.
    fn fire<T: Thing>(&mut self, past: &Past, thing: &T, found: &Match) {
        let (look, cascade) = (thing.look(), thing.cascade());
        let goes_round = cascade
            .as_ref()
            .is_some_and(|one| self.cascades.contains(one));
        if goes_round {
            return;
        }
        // What it changes is not there yet.
        let matched = self.describe(past, thing, found);
        if !self.stage.act(past, &look) {
            return;
        }
        self.cascades.extend(cascade);
        self.matches += 1;
        self.late_matches += i64::from(thing.is_late());
        let day = look.at.with_timezone(&self.now.zone).date_naive();
        *self.days.entry(day).or_default() += 1;
        self.samples.push_front(Sample {
            case: look.case,
            at: look.at,
            matched,
            notices: Vec::new(),
        });
        self.samples.truncate(SAMPLES);
    }

    /// How often it would have fired so far, on what, and what it would have done.
    pub(super) fn so_far(&self) -> (i64, Vec<Sample>, Vec<Expected>) {
        let samples = self.samples.iter().cloned().collect();
        (self.matches, samples, self.stage.done.clone())
    }

    /// What the rule would have done on all it was shown.
    pub(super) async fn finish(
        self,
        tx: &Tx<'_>,
        definition: &Definition,
        own: Option<RuleId>,
        read: Read,
    ) -> Result<Rehearsal> {
        let effects = self.stage.done;
        let notices = effects.iter();
        let notices = notices.filter(|one| matches!(one.effect, Effect::Notify { .. }));
        let notices: i64 = notices.map(|one| one.times).sum();
        let week = TimeDelta::weeks(1).as_seconds_f64();
        let weeks = (tx.now - read.since).as_seconds_f64() / week;
        Ok(Rehearsal {
            since: read.since,
            complete: read.complete,
            messages: read.messages,
            changes: read.changes,
            contacts: 0,
            next_at: None,
            matches: self.matches,
            late_matches: self.late_matches,
            days: self.days,
            samples: self.samples.into(),
            effects,
            notices_per_week: notices as f64 / weeks.max(f64::EPSILON),
            followers: followers(tx, definition, own).await?,
        })
    }
}
