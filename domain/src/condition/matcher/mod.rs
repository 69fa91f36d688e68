//! Finds which of all active rules fire on a message, at a cost that hardly grows with their
//! number.
//!
//! - `words` holds every keyword of every rule in one automaton and reads each text once;
//! - `program` holds the condition trees, flat, with words replaced by numbers;
//! - `expression` holds the regular expressions, and tries each at most once on a message;
//! - `literal` finds the word without which a regular expression cannot match;
//! - `index` leads from the facts of a message to the few rules that could fire on it;
//! - `describe` says what made a rule fire, and why it did or did not.
//!
//! A matcher is immutable and shared between threads; each thread brings a [`Scratch`]. When a
//! rule changes, the caller compiles the workspace's rules anew.

mod describe;
mod expression;
mod index;
mod literal;
mod program;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashSet;

use entity::{
    id::WorkspaceId,
    kind::{Author, Channel},
};
use uuid::Uuid;

use self::{
    expression::Tried,
    index::{Index, Once},
    program::{By, Program, Run},
    words::{Hits, WordBook, Words},
};
use super::{
    Condition, Shape,
    facts::{MessageFacts, Seen, Texts},
    known::{Known, Want},
    moment::Moment,
};
use crate::{error::Result, store::Place};

pub use self::describe::{Matched, MatchedPart, Part, What};

/// An active rule as the matcher needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// The rule.
    pub id: Uuid,
    /// Which version of it, for the log of firings.
    pub version: i64,
    /// Its place among the workspace's rules; lower comes first, equal places go by id.
    pub position: i64,
    /// Which messages it looks at.
    pub gate: Gate,
    /// What must be true.
    pub condition: Condition,
}

/// Which messages a rule looks at, whatever its condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The inboxes; empty for every one.
    pub inbox_ids: Vec<Uuid>,
    /// The channels; empty for every one.
    pub channels: Vec<Channel>,
    /// Who may have written.
    pub authors: Vec<Author>,
}

impl Gate {
    /// Whether a message of these facts is looked at.
    pub fn accepts(&self, facts: &MessageFacts<'_>) -> bool {
        self.authors.contains(&facts.author)
            && (self.inbox_ids.is_empty() || self.inbox_ids.contains(&facts.inbox_id))
            && (self.channels.is_empty() || self.channels.contains(&facts.channel))
    }
}

/// The rules of a workspace, ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    rules: Vec<RuleSource>,
    /// What every evaluation asks of each rule that could fire: one [`author_bit`] for each author its
    /// gate lets in, and [`EVERYWHERE`].
    gates: Vec<u8>,
    program: Program,
    words: Words,
    index: Index,
    /// Leads to the rules that could fire whatever the tags are.
    tagless: Index,
    /// What each rule asks the database, by the numbers of the questions.
    asked: Vec<Vec<u32>>,
}

/// That a gate lets every inbox and channel in.
const EVERYWHERE: u8 = 1 << 7;

fn author_bit(author: Author) -> u8 {
    1 << author as u8
}

fn gate_bits(gate: &Gate) -> u8 {
    let authors = gate.authors.iter();
    let bits = authors.fold(0, |bits, &author| bits | author_bit(author));
    if gate.inbox_ids.is_empty() && gate.channels.is_empty() {
        bits | EVERYWHERE
    } else {
        bits
    }
}

/// The keywords of a workspace's rules do not fit into one automaton.
#[derive(Debug, thiserror::Error)]
#[error("build the automaton over {words} keywords")]
pub struct CompileError {
    words: usize,
    source: Box<aho_corasick::BuildError>,
}

/// Buffers of one thread, reused from message to message. Any matcher can use any scratch.
#[derive(Debug, Default)]
pub struct Scratch {
    texts: Texts,
    hits: Hits,
    tried: Tried,
    once: Once,
    candidates: Vec<u32>,
    wants: HashSet<Want>,
    /// The rules that the wants decide.
    undecided: Vec<u32>,
}

impl Scratch {
    /// Whether the last evaluation left rules undecided, because facts of the database are not known
    /// yet that decide them.
    pub fn is_undecided(&self) -> bool {
        !self.wants.is_empty()
    }
}

/// A rule that fires; [`Matcher::describe`] says what made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The rule.
    pub rule_id: Uuid,
    /// The version that was asked.
    pub rule_version: i64,
    /// The rule's number.
    pub(crate) rule: u32,
}

impl Matcher {
    /// Prepares the rules, which come in any order.
    pub fn compile(mut rules: Vec<RuleSource>) -> std::result::Result<Self, CompileError> {
        rules.sort_by_key(|rule| (rule.position, rule.id));
        let mut book = WordBook::default();
        let program = Program::new(rules.iter().map(|rule| &rule.condition), &mut book);
        let index = Index::new(&rules, &program, &book, By::All);
        let tagless = Index::new(&rules, &program, &book, By::AllButTags);
        let asked = rules.iter().map(|rule| questions(rule, &program)).collect();
        Ok(Self {
            words: book.build()?,
            gates: rules.iter().map(|rule| gate_bits(&rule.gate)).collect(),
            rules,
            program,
            index,
            tagless,
            asked,
        })
    }

    /// The rules that fire, in the order of their positions, by what is `known` of the database.
    /// Rules that depend on more are left out, and the scratch says so: let [`Matcher::learn`] ask
    /// the database, and evaluate again. Windows of deep conditions end at `now`.
    pub fn evaluate(
        &self,
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match> {
        self.words
            .scan(facts, &mut scratch.texts, &mut scratch.hits);
        let mut candidates = std::mem::take(&mut scratch.candidates);
        candidates.clear();
        scratch.once.begin(self.rules.len());
        self.index.candidates(facts, &scratch.hits, |number| {
            if scratch.once.is_first(number) && self.lets_in(number, facts) {
                candidates.push(number);
            }
        });
        let mut matches = self.judge(&candidates, facts, known, now, scratch);
        // Far fewer than the candidates.
        matches.sort_unstable_by_key(|found| found.rule);
        scratch.candidates = candidates;
        matches
    }

    /// Like [`Self::evaluate`], of the rules of these numbers only, in the order of the numbers. A
    /// rule's number is its place among all, by position and then by id.
    pub(crate) fn evaluate_among(
        &self,
        numbers: &[u32],
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match> {
        self.words
            .scan(facts, &mut scratch.texts, &mut scratch.hits);
        self.judge(numbers, facts, known, now, scratch)
    }

    /// Whether some rule could fire on a message with the right tags. The tags among the facts are not
    /// looked at: where none could, they need not be read.
    pub(crate) fn could_fire(&self, facts: &MessageFacts<'_>, scratch: &mut Scratch) -> bool {
        self.words
            .scan(facts, &mut scratch.texts, &mut scratch.hits);
        let mut could = false;
        self.tagless.candidates(facts, &scratch.hits, |number| {
            could = could || self.lets_in(number, facts);
        });
        could
    }

    /// Whether the gate of a rule lets the message in.
    fn lets_in(&self, number: u32, facts: &MessageFacts<'_>) -> bool {
        let gate = self.gates[number as usize];
        gate & author_bit(facts.author) != 0
            && (gate & EVERYWHERE != 0 || self.rules[number as usize].gate.accepts(facts))
    }

    /// Which of these rules fire, by the words that were found.
    fn judge(
        &self,
        numbers: &[u32],
        facts: &MessageFacts<'_>,
        known: &Known,
        now: &Moment,
        scratch: &mut Scratch,
    ) -> Vec<Match> {
        scratch.tried.begin(self.program.expressions.len());
        let run = Run {
            program: &self.program,
            words: &self.words,
            hits: &scratch.hits,
            tried: &scratch.tried,
            seen: Seen {
                facts,
                texts: &scratch.texts,
            },
            known,
            now,
        };
        scratch.wants.clear();
        scratch.undecided.clear();
        let mut matches = Vec::new();
        for &number in numbers {
            let Some(rule) = self.rules.get(number as usize) else {
                continue;
            };
            match run.fires(number) {
                Some(true) => matches.push(Match {
                    rule_id: rule.id,
                    rule_version: rule.version,
                    rule: number,
                }),
                Some(false) => {}
                None => {
                    run.missing(number, &mut scratch.wants);
                    scratch.undecided.push(number);
                }
            }
        }
        matches
    }

    /// The numbers of the rules that the last evaluation with this scratch had to look at, whether they
    /// fire or not.
    pub(crate) fn looked_at(scratch: &Scratch) -> &[u32] {
        &scratch.candidates
    }

    /// The rules that the last evaluation with this scratch left undecided.
    pub(crate) fn undecided<'s>(&'s self, scratch: &'s Scratch) -> impl Iterator<Item = Uuid> + 's {
        let numbers = scratch.undecided.iter();
        numbers.filter_map(|&number| self.rules.get(number as usize).map(|rule| rule.id))
    }

    /// How many rules there are; their numbers begin with 0.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rule of a number, if its gate lets a message of these facts in.
    pub(crate) fn admits(&self, number: u32, facts: &MessageFacts<'_>) -> Option<Uuid> {
        let rule = self.rules.get(number as usize)?;
        rule.gate.accepts(facts).then_some(rule.id)
    }

    /// Everything that the condition of a rule asks the database, whether it matters or not: what has
    /// to be known to explain it whole.
    pub(crate) fn ask_all(&self, number: u32, facts: &MessageFacts<'_>, wanted: &mut Wanted) {
        let asked = self.asked.get(number as usize).into_iter().flatten();
        wanted.0.extend(asked.filter_map(|&question| {
            let holder = self.program.measures.holder(question);
            Some((question, facts.holders.id(holder)?))
        }));
    }

    /// The numbers of the rules that fire by the last evaluation with this scratch, and of those that it
    /// left undecided.
    pub(crate) fn may_fire(scratch: &Scratch, matches: &[Match]) -> Vec<u32> {
        let fire = matches.iter().map(|one| one.rule);
        fire.chain(scratch.undecided.iter().copied()).collect()
    }

    /// Asks the database what the evaluations that ended with these scratches could not decide. The
    /// number of statements depends on the number of different questions, not on that of messages.
    pub async fn learn(
        &self,
        connection: &impl Place,
        workspace: WorkspaceId,
        now: &Moment,
        wanted: &Wanted,
        known: &mut Known,
    ) -> Result<()> {
        let measures = &self.program.measures;
        known
            .load(connection, workspace, now, measures, &wanted.0)
            .await
    }

    /// Whether any rule has a deep condition.
    pub(crate) fn asks_the_database(&self) -> bool {
        !self.program.measures.is_empty()
    }

    /// The memory of the automaton, in bytes: nearly all that a matcher needs.
    pub fn memory_bytes(&self) -> usize {
        self.words.memory_bytes()
    }
}

/// What a rule asks the database.
fn questions(rule: &RuleSource, program: &Program) -> Vec<u32> {
    let mut questions = Vec::new();
    for node in rule.condition.nodes() {
        if let Shape::Leaf(leaf) = node.shape() {
            let asks = leaf.asks().into_iter();
            questions.extend(asks.filter_map(|ask| program.measures.find(&ask.measure)));
        }
    }
    questions.sort_unstable();
    questions.dedup();
    questions
}

/// What evaluations could not decide without asking the database.
#[derive(Debug, Default)]
pub struct Wanted(HashSet<Want>);

impl Wanted {
    /// Adds what the last evaluation with this scratch could not decide.
    pub fn add(&mut self, scratch: &Scratch) {
        self.0.extend(scratch.wants.iter().copied());
    }

    /// Whether everything was decided.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
