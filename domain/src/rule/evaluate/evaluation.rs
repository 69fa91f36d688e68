//! A batch of occasions being evaluated: one pass to ask the database for all of them at once, then
//! each in its turn, with what the ones before it decided.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{Id as _, RuleId, TagId},
    kind::MissReason,
};
use uuid::Uuid;

use super::{Evaluated, Fired, Miss, Wanted, facts::facts, memory::Memory};
use crate::{
    action::{
        self, Action, OutcomeResult,
        board::{Decision, Tags, Usable, decide},
    },
    condition::{
        Moment,
        facts::MessageFacts,
        known::Known,
        matcher::{self, Match, MatchedPart, Matcher, Scratch},
        trace::Trace,
    },
    error::Result,
    rule::{
        cache::{Active, Compiled},
        occasion::{Occasion, What},
        plan::{Firing, plan},
        sample::{self, MISSES_IN_ALL},
        trigger::Happened,
    },
    store::Tx,
};

pub(super) async fn run<'a>(
    tx: &Tx<'_>,
    rules: &'a Compiled,
    tick: Option<u32>,
    occasions: &[Occasion<'a>],
) -> Result<Evaluated<'a>> {
    let memory = Memory::load(tx, rules, occasions).await?;
    let now = Moment::of(tx.connection(), tx.workspace, tx.now).await?;
    let tags = Tags::load(tx, tagged(rules, occasions, &now), &rules.wanted).await?;
    let mut evaluation = Evaluation {
        rules,
        tick,
        now,
        known: Learned::default(),
        expected: BTreeSet::new(),
        tags,
        memory,
        usable: None,
        scratch: Scratch::default(),
        evaluated: Evaluated::default(),
    };
    evaluation.foresee(tx, occasions).await?;
    for occasion in occasions {
        let matches = evaluation.ask(tx, occasion).await?;
        let firings = evaluation.admit(occasion, matches);
        if !firings.is_empty() {
            evaluation.decide(tx, occasion, firings).await?;
        }
    }
    let mut evaluated = evaluation.evaluated;
    evaluated.usable = evaluation.usable.unwrap_or_default();
    Ok(evaluated)
}

/// The things whose tags can matter: those of occasions on which some rule could fire, or whose misses are
/// noted. Most messages have no word that a rule waits for, and their tags need not be read.
fn tagged(rules: &Compiled, occasions: &[Occasion<'_>], now: &Moment) -> HashSet<Uuid> {
    let (none, mut scratch) = (Tags::default(), Scratch::default());
    let matter = |occasion: &&Occasion<'_>| match &occasion.what {
        What::Message(_) => {
            let facts = facts(occasion, &none, now);
            sample::has(occasion) || rules.matcher.could_fire(&facts, &mut scratch)
        }
        What::Other(Happened::Tick) => true,
        What::Other(happened) => !rules.listening(happened).is_empty(),
    };
    let matter = occasions.iter().filter(matter);
    matter.flat_map(|one| one.case.things()).collect()
}

struct Evaluation<'a> {
    rules: &'a Compiled,
    /// The rule that is asked when the clock came round.
    tick: Option<u32>,
    now: Moment,
    /// What the database has said to deep conditions.
    known: Learned,
    /// The rules whose effects are looked up together: with few rules all, else those that fire as
    /// far as can be foreseen.
    expected: BTreeSet<Uuid>,
    tags: Tags,
    memory: Memory,
    usable: Option<Usable>,
    scratch: Scratch,
    evaluated: Evaluated<'a>,
}

/// What the database has said, to the rules on messages and to the others: each matcher numbers its
/// questions by itself.
#[derive(Default)]
struct Learned {
    messages: Known,
    others: Known,
}

impl Learned {
    fn of(&self, what: &What<'_>) -> &Known {
        match what {
            What::Message(_) => &self.messages,
            What::Other(_) => &self.others,
        }
    }
}

/// With more names than this, only what rules that fire name is looked up.
const MANY: usize = 200;

/// A rule whose trigger and condition hold.
struct Matched<'a> {
    rule_id: RuleId,
    rule: &'a Active,
    parts: Vec<MatchedPart>,
    trace: Option<Trace>,
}

impl<'a> Evaluation<'a> {
    /// Asks the database what deep conditions need to know of all occasions at once, after a first look
    /// at what the occasions themselves decide.
    async fn foresee(&mut self, tx: &Tx<'_>, occasions: &[Occasion<'a>]) -> Result<()> {
        let rules = self.rules;
        let narrow = rules.wanted.len() > MANY;
        let asks = rules.matcher.asks_the_database() || rules.others.asks_the_database();
        if !narrow && !asks {
            return Ok(());
        }
        let mut wanted = [matcher::Wanted::default(), matcher::Wanted::default()];
        for occasion in occasions {
            let (matcher, matches, numbers) = self.look(occasion);
            let is_message = matches!(occasion.what, What::Message(_));
            let wanted = &mut wanted[usize::from(!is_message)];
            wanted.add(&self.scratch);
            if asks {
                // What is logged says of every condition what was there, whether it mattered or not.
                let facts = facts(occasion, &self.tags, &self.now);
                let mut logged = Matcher::may_fire(&self.scratch, &matches);
                logged.extend(self.missed(occasion, matcher, &facts, &matches, &numbers));
                for number in logged {
                    matcher.ask_all(number, &facts, wanted);
                }
            }
            if narrow {
                self.expected.extend(matches.iter().map(|one| one.rule_id));
            }
        }
        let [of_messages, of_others] = wanted;
        self.learn(tx, true, &of_messages).await?;
        self.learn(tx, false, &of_others).await
    }

    async fn learn(
        &mut self,
        tx: &Tx<'_>,
        of_messages: bool,
        wanted: &matcher::Wanted,
    ) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let (matcher, known) = if of_messages {
            (&self.rules.matcher, &mut self.known.messages)
        } else {
            (&self.rules.others, &mut self.known.others)
        };
        matcher
            .learn(tx.connection(), tx.workspace, &self.now, wanted, known)
            .await
    }

    /// Looks up what the effects of the rules that fire name, unless that was done.
    async fn look_up(&mut self, tx: &Tx<'_>, matches: &[Matched<'a>]) -> Result<()> {
        if self.rules.wanted.len() <= MANY {
            if self.usable.is_none() {
                self.usable = Some(Usable::load(tx, &self.rules.wanted).await?);
            }
            return Ok(());
        }
        let before = self.expected.len();
        self.expected
            .extend(matches.iter().map(|one| one.rule_id.uuid()));
        if self.usable.is_some() && self.expected.len() == before {
            return Ok(());
        }
        let mut wanted = action::board::Wanted::default();
        let rules = self.expected.iter().filter_map(|&id| self.rules.rule(id));
        for effect in rules.flat_map(|rule| rule.actions.iter().flat_map(Action::effects)) {
            wanted.note(&effect);
        }
        self.usable = Some(Usable::load(tx, &wanted).await?);
        Ok(())
    }

    /// The rules that fire by what is known so far, and which were asked.
    fn look(&mut self, occasion: &Occasion<'a>) -> (&'a Matcher, Vec<Match>, Vec<u32>) {
        let rules = self.rules;
        let facts = facts(occasion, &self.tags, &self.now);
        match occasion.what {
            What::Message(_) => {
                let (known, scratch) = (&self.known.messages, &mut self.scratch);
                let matches = rules.matcher.evaluate(&facts, known, &self.now, scratch);
                (&rules.matcher, matches, Vec::new())
            }
            What::Other(happened) => {
                let numbers: Vec<u32> = match happened {
                    Happened::Tick => self.tick.iter().copied().collect(),
                    _ => rules.listening(&happened),
                };
                let (known, scratch) = (&self.known.others, &mut self.scratch);
                let matches = rules
                    .others
                    .evaluate_among(&numbers, &facts, known, &self.now, scratch);
                (&rules.others, matches, numbers)
            }
        }
    }

    /// The numbers of rules that do not fire and are noted, as far as can be said by now.
    fn missed(
        &self,
        occasion: &Occasion<'a>,
        matcher: &Matcher,
        facts: &MessageFacts<'_>,
        matches: &[Match],
        numbers: &[u32],
    ) -> Vec<u32> {
        match occasion.what {
            // Whom the clock does not concern is no news.
            What::Other(Happened::Tick) => Vec::new(),
            _ if !sample::has(occasion) => Vec::new(),
            What::Message(_) => {
                sample::of_message(matcher, &self.scratch, occasion.subject, facts, matches)
            }
            What::Other(_) => {
                let fired: HashSet<Uuid> = matches.iter().map(|one| one.rule_id).collect();
                let missed = |number| {
                    let rule = self.rules.number(number);
                    rule.is_some_and(|id| !fired.contains(&id))
                };
                sample::of_numbers(numbers, occasion.subject, missed)
            }
        }
    }

    async fn ask(&mut self, tx: &Tx<'_>, occasion: &Occasion<'a>) -> Result<Vec<Matched<'a>>> {
        let rules = self.rules;
        let is_message = matches!(occasion.what, What::Message(_));
        let (matcher, mut matches, mut numbers) = self.look(occasion);
        if self.scratch.is_undecided() {
            // A tag that an earlier occasion of the batch brought made another question matter.
            let mut wanted = matcher::Wanted::default();
            wanted.add(&self.scratch);
            self.learn(tx, is_message, &wanted).await?;
            (_, matches, numbers) = self.look(occasion);
        }
        let mut wanted = matcher::Wanted::default();
        let missed = {
            let facts = facts(occasion, &self.tags, &self.now);
            let missed = self.missed(occasion, matcher, &facts, &matches, &numbers);
            let fire = matches.iter().map(|one| one.rule);
            for number in fire.chain(missed.iter().copied()) {
                matcher.ask_all(number, &facts, &mut wanted);
            }
            missed
        };
        // Nearly always known by now.
        self.learn(tx, is_message, &wanted).await?;
        let Self {
            tags,
            now,
            known,
            scratch,
            evaluated,
            ..
        } = self;
        if scratch.is_undecided() {
            for id in matcher.undecided(scratch) {
                *evaluated.unanswered.entry(RuleId(id)).or_default() += 1;
            }
        }
        let known = known.of(&occasion.what);
        let facts = facts(occasion, tags, now);
        let asked = sample::Asked {
            facts: &facts,
            scratch,
            known,
            now,
        };
        sample::note(rules, matcher, occasion, &asked, &missed, evaluated);
        Ok(matches
            .iter()
            .filter_map(|found| {
                let rule = rules.rule(found.rule_id)?;
                let trace = matcher.explain(found.rule, &facts, scratch, known, now);
                Some(Matched {
                    rule_id: RuleId(found.rule_id),
                    rule,
                    parts: matcher.describe(found, &facts, scratch, known, now),
                    trace: trace.map(|trace| trace.behind(sample::judged(rule, occasion))),
                })
            })
            .collect())
    }

    /// Those whose limits let them fire, in their order, up to the first that ends the evaluation.
    fn admit(&mut self, occasion: &Occasion<'a>, matches: Vec<Matched<'a>>) -> Vec<Matched<'a>> {
        let mut admitted = Vec::with_capacity(matches.len());
        let mut stopped = false;
        for matched in matches {
            let refused = if stopped {
                Some(MissReason::Stopped)
            } else {
                self.memory.refuses(occasion, matched.rule_id, matched.rule)
            };
            if let Some(reason) = refused {
                if self.evaluated.misses.len() < MISSES_IN_ALL {
                    self.evaluated.misses.push(Miss {
                        rule_id: matched.rule_id,
                        rule_version: matched.rule.version,
                        subject: occasion.subject,
                        case: occasion.case,
                        reason,
                        trace: matched.trace,
                    });
                }
                continue;
            }
            self.memory.note(occasion, matched.rule_id, matched.rule);
            stopped = matched.rule.limits.stop_after_match;
            admitted.push(matched);
        }
        admitted
    }

    /// Decides about the effects of the rules that fire on one occasion.
    async fn decide(
        &mut self,
        tx: &Tx<'_>,
        occasion: &Occasion<'a>,
        matches: Vec<Matched<'a>>,
    ) -> Result<()> {
        self.look_up(tx, &matches).await?;
        let firings = matches.iter().map(|matched| Firing {
            rule_id: matched.rule_id.uuid(),
            rule_version: matched.rule.version,
            actions: &matched.rule.actions,
            not_before: matched.rule.limits.notices_from(&self.now),
        });
        let usable = self.usable.as_ref();
        let plan = plan(firings, |tag| {
            usable.map_or(tag, |usable| usable.slot(TagId(tag)))
        });
        let first = self.evaluated.fired.len();
        let mut places = HashMap::new();
        for matched in matches {
            places.insert(matched.rule_id.uuid(), self.evaluated.fired.len());
            let not_before = matched.rule.limits.notices_from(&self.now);
            self.evaluated.fired.push(Fired {
                id: tx.id(),
                occasion: *occasion,
                rule_id: matched.rule_id,
                rule: matched.rule,
                matched: matched.parts,
                trace: matched.trace,
                wanted: Vec::new(),
                not_before,
            });
        }
        for repeated in &plan.repeated {
            let (Some(&place), Some(owner)) = (
                places.get(&repeated.rule_id),
                plan.effects.get(repeated.effect),
            ) else {
                continue;
            };
            let result = if occasion.leaves_out(&owner.effect) {
                OutcomeResult::FromArchive
            } else {
                OutcomeResult::Repeated {
                    rule_id: RuleId(owner.rule_id),
                }
            };
            self.evaluated.fired[place].wanted.push(Wanted {
                action: repeated.action,
                effect: owner.effect.clone(),
                decision: Decision::Nothing(result),
            });
        }
        if let Some(usable) = &self.usable {
            for planned in plan.effects {
                let Some(&place) = places.get(&planned.rule_id) else {
                    continue;
                };
                let decision = if occasion.leaves_out(&planned.effect) {
                    Decision::Nothing(OutcomeResult::FromArchive)
                } else {
                    decide(&planned.effect, &occasion.case, &mut self.tags, usable)
                };
                self.evaluated.fired[place].wanted.push(Wanted {
                    decision,
                    action: planned.action,
                    effect: planned.effect,
                });
            }
        }
        for fired in &mut self.evaluated.fired[first..] {
            // Stable: an action's own effects stay in their order.
            fired.wanted.sort_by_key(|wanted| wanted.action);
        }
        Ok(())
    }
}
