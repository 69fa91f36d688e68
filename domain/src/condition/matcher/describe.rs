//! What made a rule fire, and why it did or did not: asked of what the evaluation saw, after it, of the few rules
//! that somebody wants to hear about. Nothing is decided here.

use entity::kind::Channel;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Match, Matcher, Scratch, program::Run};
use crate::condition::{
    Condition, Field, Leaf, Shape,
    facts::{MessageFacts, Seen},
    known::Known,
    leaf::clock,
    moment::Moment,
    path::Path,
    trace::{self, Evidence, FoundWord, Trace, shown},
};

/// One thing that made a condition hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The condition, counted from the root in the order of the tree.
    pub node: u32,
    /// What was there.
    pub what: What,
}

impl Part {
    pub(crate) fn new(what: What) -> Self {
        Self { node: 0, what }
    }
}

/// What made a condition hold, without owning anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A word, at its first place.
    Word {
        /// Its index in the condition's list.
        word: u32,
        /// In which text.
        field: Field,
        /// Where it begins in the original text, in bytes.
        start: u32,
        /// Where it ends, in bytes.
        end: u32,
    },
    /// A listed tag of the contact.
    ContactTag(Uuid),
    /// A listed tag of the conversation.
    ConversationTag(Uuid),
    /// The channel.
    Channel(Channel),
    /// Whether a machine answered.
    Automatic(bool),
    /// What a regular expression matched.
    Pattern {
        /// In which text.
        field: Field,
        /// Where it begins, in bytes.
        start: u32,
        /// Where it ends, in bytes.
        end: u32,
    },
    /// The time.
    Time,
    /// What the database knows.
    Fact,
    /// What the condition forbids is not there.
    Absent,
}

/// One thing that made a rule fire, for people and for the log of firings.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MatchedPart {
    /// The condition that it satisfied: `condition`, `all`, `0`, `keywords`.
    pub path: Vec<String>,
    /// What was there.
    pub matched: Matched,
}

/// What made a condition hold.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Matched {
    /// A word, at its first place.
    Keyword(FoundWord),
    /// A listed tag of the contact, itself or by a descendant.
    ContactTag(Uuid),
    /// A listed tag of the conversation, itself or by a descendant.
    ConversationTag(Uuid),
    /// The channel.
    Channel(Channel),
    /// Whether a machine answered.
    Automatic(bool),
    /// What the database or the clock said, as text, one for each question.
    Values(Vec<String>),
    /// What the condition forbids is not there.
    Absent,
}

impl Matcher {
    /// Why the rule of a number did or did not fire, by what is `known`. The scratch is that of the last
    /// evaluation, which was of the same facts.
    pub(crate) fn explain(
        &self,
        number: u32,
        facts: &MessageFacts<'_>,
        scratch: &Scratch,
        known: &Known,
        now: &Moment,
    ) -> Option<Trace> {
        let rule = self.rules.get(number as usize)?;
        let run = self.run(facts, scratch, known, now);
        // Every firing is explained: what the evaluation found in the texts is not looked for again, and
        // expressions are not compiled for it.
        let found = |node: usize, leaf: &dyn Leaf| run.judge_text(number, node, leaf);
        let by = Evidence {
            seen: run.seen,
            measures: &self.program.measures,
            known,
            now,
            found: &found,
        };
        Some(trace::explain(&rule.gate, &rule.condition, by).bounded())
    }

    /// What made a rule fire, with paths and texts. `found` must come from the last evaluation with this
    /// scratch, which was of these facts and by no more knowledge.
    pub fn describe(
        &self,
        found: &Match,
        facts: &MessageFacts<'_>,
        scratch: &Scratch,
        known: &Known,
        now: &Moment,
    ) -> Vec<MatchedPart> {
        let Some(rule) = self.rules.get(found.rule as usize) else {
            return Vec::new();
        };
        let parts = self.run(facts, scratch, known, now).parts(found.rule);
        let mut nodes = Vec::new();
        flatten(&rule.condition, &Path::root("condition"), &mut nodes);
        let described = parts.iter().filter_map(|part| {
            let (path, condition) = nodes.get(part.node as usize)?;
            Some(MatchedPart {
                path: path.at(condition.name()).steps().to_vec(),
                matched: self.describe_part(part.what, condition, facts, known)?,
            })
        });
        described.collect()
    }

    /// What the last evaluation with this scratch saw, to be asked for more.
    pub(super) fn run<'a>(
        &'a self,
        facts: &'a MessageFacts<'_>,
        scratch: &'a Scratch,
        known: &'a Known,
        now: &'a Moment,
    ) -> Run<'a> {
        Run {
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
        }
    }

    fn describe_part(
        &self,
        what: What,
        condition: &Condition,
        facts: &MessageFacts<'_>,
        known: &Known,
    ) -> Option<Matched> {
        let Shape::Leaf(leaf) = condition.shape() else {
            return (what == What::Absent).then_some(Matched::Absent);
        };
        Some(match what {
            What::Word {
                word,
                field,
                start,
                end,
            } => {
                let word = leaf.keywords()?.words.get(word as usize)?;
                let range = start as usize..end as usize;
                Matched::Keyword(FoundWord::new(facts, field, word, range))
            }
            What::Pattern { field, start, end } => {
                let pattern = &leaf.pattern()?.pattern;
                let range = start as usize..end as usize;
                Matched::Keyword(FoundWord::new(facts, field, pattern, range))
            }
            What::ContactTag(id) => Matched::ContactTag(id),
            What::ConversationTag(id) => Matched::ConversationTag(id),
            What::Channel(channel) => Matched::Channel(channel),
            What::Automatic(automatic) => Matched::Automatic(automatic),
            What::Time => Matched::Values(vec![clock::shown(&facts.moment)]),
            What::Fact => {
                let measures = &self.program.measures;
                let asks = leaf.asks().into_iter();
                let values = asks.filter_map(|ask| {
                    let number = measures.find(&ask.measure)?;
                    known.get(measures, number, &facts.holders)
                });
                Matched::Values(values.map(shown).collect())
            }
            What::Absent => Matched::Absent,
        })
    }
}

/// The nodes in the order in which [`Program`](super::program::Program) numbers them.
fn flatten<'a>(condition: &'a Condition, at: &Path, nodes: &mut Vec<(Path, &'a Condition)>) {
    nodes.push((at.clone(), condition));
    for (path, child) in condition.children(at) {
        flatten(child, &path, nodes);
    }
}
