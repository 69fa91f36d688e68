//! Which rules that did not fire are noted, with each condition's verdict.
//!
//! Of a message of the sample: up to two of the rules that had to be looked at, and one of all whose
//! trigger lets it in, by chance. A rule whose words are not there is never looked at; by that one it
//! shows as well what it misses, at a cost that does not grow with the number of rules.

use entity::{id::RuleId, kind::MissReason};
use uuid::Uuid;

use super::{
    cache::{Active, Compiled},
    evaluate::{Evaluated, Miss},
    occasion::{Occasion, What},
};
use crate::condition::{
    Moment,
    facts::MessageFacts,
    known::Known,
    matcher::{Match, Matcher, Scratch},
    trace::{Trace, TraceNode},
};

/// Of how many messages and other changes one is looked at more closely.
const SAMPLE: u8 = 16;
/// How many of the rules that were looked at are noted for a thing.
const MISSES: usize = 2;
/// How many are noted for a batch.
pub(super) const MISSES_IN_ALL: usize = 40;
/// How many rules are drawn at most to find one whose trigger lets the message in.
const DRAWS: u64 = 8;

/// Whether an occasion is in the sample: by the id of a message, and by the place in the log of any
/// other change, since the things that changes are about come again and again.
pub(super) fn has(occasion: &Occasion<'_>) -> bool {
    let number = match (&occasion.what, occasion.entry) {
        (What::Other(_), Some(entry)) => {
            // Mixed: entries of one kind may stand at every second place.
            let mixed = entry.position.seq.wrapping_mul(0x1e37_79b9_7f4a_7c15);
            mixed.to_be_bytes()[0]
        }
        _ => occasion.subject.as_bytes()[15],
    };
    number.is_multiple_of(SAMPLE)
}

/// A number by chance, the same whenever it is asked for the same thing.
fn chance(thing: Uuid) -> u64 {
    let (_, low) = thing.as_u64_pair();
    // The end decides about the sample, the beginning is the same for all.
    (low >> 4) & 0xffff_ffff
}

/// The numbers of the rules to be noted for a message, after they were asked with this scratch.
pub(super) fn of_message(
    matcher: &Matcher,
    scratch: &Scratch,
    message: Uuid,
    facts: &MessageFacts<'_>,
    matches: &[Match],
) -> Vec<u32> {
    let missed = |number: u32| {
        let rule = matcher.admits(number, facts);
        rule.is_some_and(|rule| matches.iter().all(|one| one.rule_id != rule))
    };
    let mut picked = of_numbers(Matcher::looked_at(scratch), message, missed);
    let all = matcher.len() as u64;
    if all > 0 {
        let first = chance(message) % all;
        // Neighbours are often alike: the draws lie apart.
        let step = all / DRAWS + 1;
        let mut draws = (0..DRAWS.min(all)).map(|draw| ((first + draw * step) % all) as u32);
        let drawn = draws.find(|&number| !picked.contains(&number) && missed(number));
        picked.extend(drawn);
    }
    picked
}

/// Some of the rules of these numbers, beginning anywhere, so that the last ones have their turn.
pub(super) fn of_numbers(numbers: &[u32], thing: Uuid, missed: impl Fn(u32) -> bool) -> Vec<u32> {
    if numbers.is_empty() {
        return Vec::new();
    }
    let first = (chance(thing) % numbers.len() as u64) as usize;
    let (before, from) = numbers.split_at(first);
    let turn = from.iter().chain(before).copied();
    turn.filter(|&number| missed(number)).take(MISSES).collect()
}

/// What rules were asked about, and by what knowledge.
pub(super) struct Asked<'f> {
    pub(super) facts: &'f MessageFacts<'f>,
    pub(super) scratch: &'f Scratch,
    pub(super) known: &'f Known,
    pub(super) now: &'f Moment,
}

/// Notes rules of a matcher that did not fire.
pub(super) fn note(
    rules: &Compiled,
    matcher: &Matcher,
    occasion: &Occasion<'_>,
    asked: &Asked<'_>,
    missed: &[u32],
    evaluated: &mut Evaluated<'_>,
) {
    for &number in missed {
        if evaluated.misses.len() >= MISSES_IN_ALL {
            return;
        }
        let id = matcher.admits(number, asked.facts);
        let Some((id, rule)) = id.and_then(|id| Some((id, rules.rule(id)?))) else {
            continue;
        };
        evaluated.misses.push(Miss {
            rule_id: RuleId(id),
            rule_version: rule.version,
            subject: occasion.subject,
            case: occasion.case,
            reason: MissReason::Condition,
            trace: matcher
                .explain(number, asked.facts, asked.scratch, asked.known, asked.now)
                .map(|trace| trace.behind(judged(rule, occasion))),
        });
    }
    note_turned_away(rules, occasion, evaluated);
}

/// What the trigger of a rule asks of the very occasion, with its verdicts.
pub(super) fn judged(rule: &Active, occasion: &Occasion<'_>) -> Vec<TraceNode> {
    match &occasion.what {
        What::Message(_) => Vec::new(),
        What::Other(happened) => rule.trigger.kind().judge(happened),
    }
}

/// Notes some of the rules whose triggers turned away a change of the sample for what it has with it.
fn note_turned_away(rules: &Compiled, occasion: &Occasion<'_>, evaluated: &mut Evaluated<'_>) {
    let What::Other(happened) = &occasion.what else {
        return;
    };
    if !has(occasion) {
        return;
    }
    for (id, rule, verdicts) in rules.turned_away(happened).take(MISSES) {
        if evaluated.misses.len() >= MISSES_IN_ALL {
            return;
        }
        evaluated.misses.push(Miss {
            rule_id: RuleId(id),
            rule_version: rule.version,
            subject: occasion.subject,
            case: occasion.case,
            reason: MissReason::Trigger,
            trace: Some(Trace::turned_away(verdicts)),
        });
    }
}
