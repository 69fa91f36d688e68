//! Conditions that must hold together and never can, found before they are saved.
//!
//! What a condition asks the database, and what it asks of the clock, are claims about facts. All claims
//! about one fact are tried, with the very tests that judge it later, on the few values that can tell
//! them apart: if none passes all, they contradict each other. Other conditions, such as words of a message, say
//! themselves whom they exclude (`Leaf::excludes`).
//!
//! Only plain cases are found: what looks possible here may still be impossible, never the reverse.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;

use super::{
    Condition, Leaf, Moment, NumberTest, Shape, TimeOfDay, TimeTest,
    measure::{Loaded, Measure},
    path::Path,
    test::{Ask, Element, Mode, Test},
};

/// A condition that must hold, or must not, with its place.
pub(super) struct Required<'c> {
    pub(super) at: Path,
    pub(super) condition: &'c Condition,
    pub(super) holds: bool,
}

/// Required conditions that never hold together, by their numbers.
pub(super) struct Contradiction {
    /// The last of them.
    pub(super) last: usize,
    /// Those before it; none if it contradicts itself.
    pub(super) with: Vec<usize>,
}

/// Whether it cannot be seen that the conditions never all hold.
pub(crate) fn may_hold_together<'c>(conditions: impl IntoIterator<Item = &'c Condition>) -> bool {
    let mut required = Vec::new();
    for condition in conditions {
        require(condition, &Path::default(), true, &mut required);
    }
    contradictions(&required).is_empty()
}

/// Gathers what must hold, and what must not, for a condition to hold, or not to: looks through groups
/// of which everything is required.
pub(super) fn require<'c>(
    condition: &'c Condition,
    at: &Path,
    holds: bool,
    required: &mut Vec<Required<'c>>,
) {
    if let Shape::Not(child) = condition.shape() {
        // What is wrong with a single condition is told where its negation stands.
        let at = match child.shape() {
            Shape::Leaf(_) => at.clone(),
            _ => at.at(condition.name()),
        };
        return require(child, &at, !holds, required);
    }
    let is_all = matches!(condition, Condition::All(_));
    if !(is_all && holds) {
        required.push(Required {
            at: at.clone(),
            condition,
            holds,
        });
    }
    if is_all == holds {
        // All of them, or none of any of them.
        for (path, child) in condition.children(at) {
            require(child, &path, holds, required);
        }
    }
}

/// What of `required` can never hold together, in its order.
pub(super) fn contradictions(required: &[Required<'_>]) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    for (last, later) in required.iter().enumerate() {
        let mut earlier = required[..last].iter();
        if let Some(other) = earlier.position(|earlier| exclude(earlier, later)) {
            let with = vec![other];
            found.push(Contradiction { last, with });
        }
    }
    for claims in by_fact(required) {
        if let Some(contradiction) = contradicted(&claims)
            && found.iter().all(|one| one.last != contradiction.last)
        {
            found.push(contradiction);
        }
    }
    found.sort_by_key(|one| one.last);
    found
}

fn exclude(one: &Required<'_>, other: &Required<'_>) -> bool {
    if one.holds != other.holds {
        return one.condition == other.condition;
    }
    let excludes = |one: &Condition, other: &Condition| match one.shape() {
        Shape::Leaf(leaf) => leaf.excludes(other),
        _ => false,
    };
    one.holds
        && (excludes(one.condition, other.condition) || excludes(other.condition, one.condition))
}

/// What claims are about.
#[derive(PartialEq, Eq, Hash)]
enum Fact {
    /// A value the database has.
    Value(Measure),
    /// What the workspace's clocks show.
    Clock,
}

/// What is asked of a fact.
enum Question {
    Value(Test),
    Clock(TimeOfDay),
}

/// What the answer to a question has to be, for the sake of one of the required conditions.
struct Claim {
    place: usize,
    question: Question,
    holds: bool,
}

/// The claims of the required conditions, those about one fact together.
fn by_fact(required: &[Required<'_>]) -> Vec<Vec<Claim>> {
    let mut places: HashMap<Fact, usize> = HashMap::new();
    let mut facts: Vec<Vec<Claim>> = Vec::new();
    for (place, one) in required.iter().enumerate() {
        let Shape::Leaf(leaf) = one.condition.shape() else {
            continue;
        };
        for (fact, question, holds) in claims(leaf, one.holds) {
            let number = *places.entry(fact).or_insert(facts.len());
            if number == facts.len() {
                facts.push(Vec::new());
            }
            facts[number].push(Claim {
                place,
                question,
                holds,
            });
        }
    }
    facts
}

/// What a leaf claims if it has to hold, or not to.
fn claims(leaf: &dyn Leaf, holds: bool) -> Vec<(Fact, Question, bool)> {
    let mut asked: Vec<(Fact, Question)> = Vec::new();
    if let Some(clock) = leaf.clock() {
        asked.push((Fact::Clock, Question::Clock(clock.clone())));
    }
    asked.extend(leaf.asks().into_iter().flat_map(apart));
    // That several do not all hold says of none of them that it does not.
    if asked.is_empty() || !holds && asked.len() > 1 {
        return Vec::new();
    }
    let mut mistakes = Vec::new();
    leaf.check(&Path::default(), &mut mistakes);
    if !mistakes.is_empty() {
        // What is wrong in itself has been told.
        return Vec::new();
    }
    let there = asked.iter().filter_map(|(fact, question)| {
        let (Fact::Value(measure), Question::Value(test)) = (fact, question) else {
            return None;
        };
        // What nothing passes asks for a value, whatever it has to be.
        let needs_a_value = holds && !test.holds(&Loaded::default(), &some_moment());
        let whole = measure.whole().filter(|_| needs_a_value)?;
        Some((Fact::Value(whole), Question::Value(Test::IsSet(true)), true))
    });
    let there: Vec<_> = there.collect();
    let asked = asked.into_iter();
    asked
        .map(|(fact, question)| (fact, question, holds))
        .chain(there)
        .collect()
}

/// The numbers of a measure each by itself, so that two conditions that count different things of the
/// same events are compared.
fn apart(ask: Ask) -> Vec<(Fact, Question)> {
    let Ask { measure, test } = ask;
    match test {
        Test::Numbers(tests) => tests
            .into_iter()
            .enumerate()
            .map(|(place, test)| {
                let test = Test::Numbers(vec![test]);
                (Fact::Value(measure.number(place)), Question::Value(test))
            })
            .collect(),
        test => vec![(Fact::Value(measure), Question::Value(test))],
    }
}

/// The first claim that leaves no answer together with those before it.
fn contradicted(claims: &[Claim]) -> Option<Contradiction> {
    let claims: Vec<&Claim> = claims.iter().collect();
    if claims.len() < 2 || possible(&claims) {
        return None;
    }
    // What is impossible stays so, whatever is claimed besides.
    let sizes: Vec<usize> = (1..=claims.len()).collect();
    let first = sizes.partition_point(|&size| possible(&claims[..size]));
    let (last, before) = (claims.get(first)?, &claims[..first]);
    let alone = before.iter().find(|one| !possible(&[**one, *last]));
    let mut with: Vec<usize> = match alone {
        Some(one) => vec![one.place],
        None => needed(before, last)
            .into_iter()
            .map(|one| one.place)
            .collect(),
    };
    with.retain(|&place| place != last.place);
    with.dedup();
    let last = last.place;
    Some(Contradiction { last, with })
}

/// Those of `before` without which `last` would be possible.
fn needed<'c>(before: &[&'c Claim], last: &'c Claim) -> Vec<&'c Claim> {
    let mut needed = before.to_vec();
    let mut place = 0;
    while place < needed.len() {
        let one = needed.remove(place);
        let mut others = needed.clone();
        others.push(last);
        if possible(&others) {
            needed.insert(place, one);
            place += 1;
        }
    }
    needed
}

/// Whether there may be an answer that satisfies all of them.
fn possible(claims: &[&Claim]) -> bool {
    let mut clocks = Vec::new();
    let mut tests = Vec::new();
    for claim in claims {
        match &claim.question {
            Question::Clock(clock) => clocks.push((clock, claim.holds)),
            Question::Value(test) => tests.push((test, claim.holds)),
        }
    }
    some_hour(&clocks)
        && some_number(&tests)
        && some_time(&tests)
        && some_text(&tests)
        && some_set(&tests)
}

/// Any moment: windows of days are compared with each other only.
fn some_moment() -> Moment {
    Moment::usual(DateTime::UNIX_EPOCH, Tz::UTC)
}

fn some_hour(clocks: &[(&TimeOfDay, bool)]) -> bool {
    let mut edges: Vec<_> = clocks.iter().flat_map(|(clock, _)| clock.edges()).collect();
    edges.sort_unstable();
    edges.dedup();
    edges.is_empty()
        || edges.into_iter().any(|local| {
            let mut clocks = clocks.iter();
            clocks.all(|(clock, holds)| clock.at_local(local) == *holds)
        })
}

/// Whether a number, or that there is none, passes. The tests change their answers at their bounds only.
fn some_number(tests: &[(&Test, bool)]) -> bool {
    let mut bounds: Vec<f64> = Vec::new();
    let mut asked = Vec::new();
    for (test, holds) in tests {
        if let Test::Numbers(numbers) | Test::AnyNumber(numbers) = test {
            let parts = numbers.iter().flat_map(NumberTest::parts);
            bounds.extend(parts.map(|(_, bound)| bound));
            asked.push((test, holds));
        }
    }
    if asked.is_empty() {
        return true;
    }
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let between: Vec<f64> = bounds
        .windows(2)
        .map(|pair| f64::midpoint(pair[0], pair[1]))
        .collect();
    let outside = [f64::NEG_INFINITY, f64::INFINITY];
    let numbers = bounds.into_iter().chain(between).chain(outside);
    let moment = some_moment();
    numbers.map(Some).chain([None]).any(|number| {
        let value = Loaded {
            numbers: vec![number],
            text: None,
        };
        let mut asked = asked.iter();
        asked.all(|(test, holds)| test.holds(&value, &moment) == **holds)
    })
}

/// Whether a moment, or that there is none, passes. Days ago and moments are not compared with each
/// other: nobody knows when it will be asked.
fn some_time(tests: &[(&Test, bool)]) -> bool {
    let mut asked: Vec<(&TimeTest, bool)> = Vec::new();
    for (test, holds) in tests {
        if let Test::Time(test) = test {
            asked.push((test, *holds));
        }
    }
    asked.is_empty()
        || passes_some(&asked, TimeTest::in_days) && passes_some(&asked, TimeTest::in_moments)
}

fn passes_some(asked: &[(&TimeTest, bool)], part: fn(&TimeTest) -> TimeTest) -> bool {
    let moment = some_moment();
    let asked: Vec<(TimeTest, bool)> = asked
        .iter()
        .map(|(test, holds)| (part(test), *test, *holds))
        // That a part does not hold follows only where it is all.
        .filter(|(part, test, holds)| *holds || part == *test)
        .map(|(part, _, holds)| (part, holds))
        .collect();
    let bounds = asked.iter().flat_map(|(test, _)| test.bounds(&moment));
    let times: Vec<Option<String>> = bounds
        .flat_map(|at| [Some(at), at.checked_sub_signed(TimeDelta::seconds(1))])
        .flatten()
        .chain([moment.now])
        .map(|at| Some(at.to_rfc3339()))
        .chain([None])
        .collect();
    times.iter().any(|time| {
        let mut asked = asked.iter();
        asked.all(|(test, holds)| test.holds(time.as_deref(), &moment) == *holds)
    })
}

/// Whether a text, or that there is none, passes.
fn some_text(tests: &[(&Test, bool)]) -> bool {
    let moment = some_moment();
    let mut asked = Vec::new();
    for (test, holds) in tests {
        match test {
            // Each text is tried on all the others.
            Test::Text(text) => asked.push((*test, Some(text.keyed()), *holds)),
            Test::OneOf(_) | Test::IsSet(_) => asked.push((*test, None, *holds)),
            _ => {}
        }
    }
    let passes = |text: Option<&str>| {
        let value = Loaded {
            numbers: Vec::new(),
            text: text.map(str::to_owned),
        };
        asked.iter().all(|(test, keyed, holds)| {
            let passed = match keyed {
                Some(keyed) => keyed.holds_by_keys(text),
                None => test.holds(&value, &moment),
            };
            passed == *holds
        })
    };
    if asked.is_empty() || passes(None) {
        return true;
    }
    let mut wanted = asked.iter().filter(|(_, _, holds)| *holds);
    match wanted.find_map(|(test, _, _)| test.listed()) {
        Some(texts) => texts.iter().any(|text| passes(Some(text.as_str()))),
        // There are more texts than anybody lists, unless there must be none.
        None => !asked
            .iter()
            .any(|(test, _, holds)| wants_none(test, *holds)),
    }
}

/// Whether a test can have its answer only where there is no value.
fn wants_none(test: &Test, holds: bool) -> bool {
    match test {
        Test::IsSet(wanted) => *wanted != holds,
        Test::Text(test) if holds => test.is_set == Some(false),
        _ => false,
    }
}

/// Whether a set passes.
fn some_set(tests: &[(&Test, bool)]) -> bool {
    let mut every: HashSet<&Element> = HashSet::new();
    let mut none: HashSet<&Element> = HashSet::new();
    let mut some: Vec<&[Element]> = Vec::new();
    let mut never_all: Vec<&[Element]> = Vec::new();
    let (mut is_empty, mut is_filled) = (false, false);
    for (test, holds) in tests {
        match (test, holds) {
            (Test::Empty(wanted), holds) if wanted == holds => is_empty = true,
            (Test::Empty(_), _) => is_filled = true,
            (Test::Has { mode, of }, holds) => match (mode, holds) {
                (Mode::All, true) => every.extend(of),
                (Mode::Any, true) | (Mode::None, false) => some.push(of),
                (Mode::None, true) | (Mode::Any, false) => none.extend(of),
                (Mode::All, false) if of.len() == 1 => none.extend(of),
                (Mode::All, false) => never_all.push(of),
            },
            _ => {}
        }
    }
    is_filled |= !every.is_empty() || !some.is_empty();
    // One of one is every one.
    every.extend(some.iter().copied().filter_map(|of| match of {
        [one] => Some(one),
        _ => None,
    }));
    let is_out = |element: &Element| none.contains(&element);
    let is_in = |element: &Element| every.contains(&element);
    let is_impossible = is_empty && is_filled
        || never_all.into_iter().any(|of| of.iter().all(is_in))
        || every.iter().copied().any(is_out)
        || some.into_iter().any(|of| of.iter().all(is_out));
    !is_impossible
}
