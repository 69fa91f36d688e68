//! Why a rule did or did not fire on a message: every condition with its verdict and with what
//! the message really had.

use std::ops::Range;

use entity::kind::{Author, Channel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Condition, Field, Leaf, Shape,
    facts::{MessageFacts, Seen, Texts},
    known::{Known, Measures},
    matcher::Gate,
    measure::Loaded,
    moment::Moment,
    path::Path,
};

/// The verdict of a rule on a message, explained. Nothing is skipped: conditions whose outcome no
/// longer mattered are judged too.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Whether the rule fires.
    pub fires: bool,
    /// Whether the trigger let the message in.
    pub triggered: bool,
    /// The inbox of the message.
    pub inbox_id: Uuid,
    /// Who wrote it.
    pub author: Author,
    /// Every condition in the order of the tree, parents before children.
    pub nodes: Vec<TraceNode>,
}

/// One condition's verdict.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TraceNode {
    /// Where in the rule: `condition`, `all`, `0`, `keywords`.
    pub path: Vec<String>,
    /// Whether it held.
    pub holds: bool,
    /// What the message had; absent for groups, whose children say it.
    pub actual: Option<Actual>,
}

/// What the message had where a condition looked.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Actual {
    /// Which of the words were there.
    Keywords {
        /// Each word found, at its first place.
        found: Vec<FoundWord>,
        /// Each word not found, as written in the rule.
        missing: Vec<String>,
    },
    /// Which of the listed tags were there.
    Tags {
        /// Those that were, themselves or by a descendant.
        present: Vec<Uuid>,
        /// Those that were not.
        absent: Vec<Uuid>,
    },
    /// The channel.
    Channel(Channel),
    /// Whether a machine answered.
    Automatic(bool),
    /// What the database or the clock said, as text, one for each question; `-` for nothing.
    Values(Vec<String>),
}

/// A word of a rule at a place in a message.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FoundWord {
    /// In which text.
    pub field: Field,
    /// The word as written in the rule.
    pub word: String,
    /// The same as written in the message.
    pub text: String,
    /// Where it begins in the message, in bytes of UTF-8.
    pub start: usize,
    /// Where it ends, in bytes of UTF-8.
    pub end: usize,
}

impl FoundWord {
    pub(crate) fn new(
        facts: &MessageFacts<'_>,
        field: Field,
        word: &str,
        range: Range<usize>,
    ) -> Self {
        let text = match field {
            Field::Subject => facts.subject,
            Field::Body => facts.body,
        };
        Self {
            field,
            word: word.to_owned(),
            text: text.get(range.clone()).unwrap_or_default().to_owned(),
            start: range.start,
            end: range.end,
        }
    }
}

/// Judges one rule on one message, condition by condition. Deep conditions are judged by what is
/// `known` of the questions in `measures`; what was not loaded does not hold.
pub(crate) fn explain(
    gate: &Gate,
    condition: &Condition,
    facts: &MessageFacts<'_>,
    measures: &Measures,
    known: &Known,
    now: &Moment,
) -> Trace {
    let texts = Texts::of(facts);
    let mut explainer = Explainer {
        seen: Seen {
            facts,
            texts: &texts,
        },
        measures,
        known,
        now,
        nodes: Vec::new(),
    };
    let holds = explainer.node(condition, &Path::root("condition"));
    let triggered = gate.accepts(facts);
    Trace {
        fires: triggered && holds,
        triggered,
        inbox_id: facts.inbox_id,
        author: facts.author,
        nodes: explainer.nodes,
    }
}

struct Explainer<'a> {
    seen: Seen<'a>,
    measures: &'a Measures,
    known: &'a Known,
    now: &'a Moment,
    nodes: Vec<TraceNode>,
}

impl Explainer<'_> {
    fn node(&mut self, condition: &Condition, at: &Path) -> bool {
        let place = self.nodes.len();
        self.nodes.push(TraceNode {
            path: at.at(condition.name()).steps().to_vec(),
            holds: false,
            actual: None,
        });
        let verdicts: Vec<bool> = condition
            .children(at)
            .into_iter()
            .map(|(path, child)| self.node(child, &path))
            .collect();
        let holds = match condition.shape() {
            Shape::All(_) => verdicts.iter().all(|&holds| holds),
            Shape::Any(_) => verdicts.iter().any(|&holds| holds),
            Shape::Not(_) => !verdicts.iter().any(|&holds| holds),
            Shape::Leaf(leaf) => {
                let (holds, actual) = self.leaf(leaf);
                self.nodes[place].actual = Some(actual);
                holds
            }
        };
        self.nodes[place].holds = holds;
        holds
    }

    fn leaf(&mut self, leaf: &dyn Leaf) -> (bool, Actual) {
        if leaf.shallow() {
            return (leaf.holds(&self.seen), leaf.actual(&self.seen));
        }
        let mut holds = true;
        let mut values = Vec::new();
        for ask in leaf.asks() {
            let holders = &self.seen.facts.holders;
            let number = self.measures.find(&ask.measure);
            let value = number.and_then(|number| self.known.get(self.measures, number, holders));
            holds &= value.is_some_and(|value| ask.test.holds(value, self.now));
            values.push(value.map_or_else(|| "-".to_owned(), shown));
        }
        (holds, Actual::Values(values))
    }
}

/// A loaded value as text.
pub(crate) fn shown(value: &Loaded) -> String {
    let numbers = value.numbers.iter().map(|number| match number {
        Some(number) => format!("{}", (number * 1_000.0).round() / 1_000.0),
        None => "-".to_owned(),
    });
    let mut parts: Vec<String> = numbers.collect();
    parts.extend(value.text.clone());
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(", ")
    }
}
