//! Why a rule did or did not fire on a message: every condition with its verdict and with what
//! the message really had.

use std::ops::Range;

use entity::kind::{Author, Channel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Condition, Field, Leaf, Shape,
    facts::{MessageFacts, Seen},
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
    /// Every condition in the order of the tree, parents before children; before them what the trigger asks of
    /// what happened. None for a condition that asks nothing.
    pub nodes: Vec<TraceNode>,
    /// Whether something was left out for the sake of its size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// How much a stored trace tells, in bytes of what was there, about.
const MAX_WEIGHT: usize = 8_000;
/// How many conditions a stored trace tells of.
const MAX_NODES: usize = 200;
/// How many words, tags or values are kept of one condition.
const MAX_ITEMS: usize = 20;
/// How many characters are kept of a word or a value.
const MAX_CHARS: usize = 200;

impl Trace {
    /// A stored one. Where a condition asks nothing, earlier builds told a verdict on it all the same.
    pub(crate) fn stored(stored: &serde_json::Value) -> serde_json::Result<Self> {
        let mut trace = Self::deserialize(stored)?;
        // What is in a group stands behind it, unless it was left out.
        let is_of_nothing = |last: &TraceNode| last.path == ["condition", "all"];
        if !trace.cut && trace.nodes.last().is_some_and(is_of_nothing) {
            trace.nodes.pop();
        }
        Ok(trace)
    }

    /// What is to be said where the trigger itself did not let in what happened: its verdicts alone.
    pub(crate) fn turned_away(nodes: Vec<TraceNode>) -> Self {
        Self {
            fires: false,
            triggered: false,
            inbox_id: Uuid::nil(),
            author: Author::Contact,
            nodes,
            cut: false,
        }
    }

    /// The same behind the verdicts of the trigger.
    pub(crate) fn behind(mut self, mut nodes: Vec<TraceNode>) -> Self {
        nodes.append(&mut self.nodes);
        self.nodes = nodes;
        self.bounded()
    }

    /// The same, of a size that may be stored with every firing: verdicts come first, and of what was
    /// there long lists and texts are cut.
    pub(crate) fn bounded(mut self) -> Self {
        self.cut |= self.nodes.len() > MAX_NODES;
        self.nodes.truncate(MAX_NODES);
        let mut room = MAX_WEIGHT;
        for node in &mut self.nodes {
            let Some(actual) = &mut node.actual else {
                continue;
            };
            self.cut |= actual.clip();
            if let Some(rest) = room.checked_sub(actual.weight()) {
                room = rest;
            } else {
                node.actual = None;
                self.cut = true;
            }
        }
        self
    }
}

impl TraceNode {
    /// The verdict on what a trigger asks of what happened, and what that had.
    pub(crate) fn of_trigger(at: &Path, holds: bool, actual: Option<&str>) -> Self {
        let mut actual = Actual::Values(vec![actual.unwrap_or("-").to_owned()]);
        actual.clip();
        Self {
            path: at.steps().to_vec(),
            holds,
            actual: Some(actual),
        }
    }
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

impl Actual {
    /// Cuts long lists and texts; says whether there were any.
    fn clip(&mut self) -> bool {
        match self {
            Self::Keywords { found, missing } => {
                let mut cut = clip_list(found) | clip_list(missing);
                for word in found {
                    cut |= clip_text(&mut word.word) | clip_text(&mut word.text);
                }
                missing
                    .iter_mut()
                    .fold(cut, |cut, word| clip_text(word) | cut)
            }
            Self::Tags { present, absent } => clip_list(present) | clip_list(absent),
            Self::Values(values) => {
                let cut = clip_list(values);
                values
                    .iter_mut()
                    .fold(cut, |cut, value| clip_text(value) | cut)
            }
            Self::Channel(_) | Self::Automatic(_) => false,
        }
    }

    /// The bytes it takes, about.
    fn weight(&self) -> usize {
        let texts = |texts: &[String]| -> usize { texts.iter().map(|text| text.len() + 3).sum() };
        match self {
            Self::Keywords { found, missing } => {
                let words = found.iter();
                let found: usize = words.map(|one| one.word.len() + one.text.len() + 60).sum();
                found + texts(missing)
            }
            Self::Tags { present, absent } => (present.len() + absent.len()) * 39,
            Self::Values(values) => texts(values),
            Self::Channel(_) | Self::Automatic(_) => 10,
        }
    }
}

fn clip_list<T>(list: &mut Vec<T>) -> bool {
    let is_long = list.len() > MAX_ITEMS;
    list.truncate(MAX_ITEMS);
    is_long
}

fn clip_text(text: &mut String) -> bool {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => {
            text.truncate(end);
            text.push('…');
            true
        }
        None => false,
    }
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

/// The verdict about a leaf with what was there, where somebody knows it already. Leaves go by their places
/// among all conditions, parents before children.
pub(crate) type Found<'a> = &'a dyn Fn(usize, &dyn Leaf) -> Option<(bool, Actual)>;

/// What a rule is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// The message.
    pub(crate) seen: Seen<'a>,
    /// The questions of deep conditions, by their numbers.
    pub(crate) measures: &'a Measures,
    /// What the database said to them; what was not loaded does not hold.
    pub(crate) known: &'a Known,
    /// When it is judged.
    pub(crate) now: &'a Moment,
    /// What was found in the texts; leaves of which it says nothing look by themselves.
    pub(crate) found: Found<'a>,
}

/// Judges one rule on one message, condition by condition.
pub(crate) fn explain(gate: &Gate, condition: &Condition, by: Evidence<'_>) -> Trace {
    let facts = by.seen.facts;
    let mut explainer = Explainer {
        by,
        nodes: Vec::new(),
    };
    // Where nothing is asked, as of a rule without a condition, there is no verdict to tell.
    let asks_nothing = matches!(condition.shape(), Shape::All([]));
    let holds = asks_nothing || explainer.node(condition, &Path::root("condition"));
    let triggered = gate.accepts(facts);
    Trace {
        fires: triggered && holds,
        triggered,
        inbox_id: facts.inbox_id,
        author: facts.author,
        nodes: explainer.nodes,
        cut: false,
    }
}

struct Explainer<'a> {
    by: Evidence<'a>,
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
                let (holds, actual) = self.leaf(place, leaf);
                self.nodes[place].actual = Some(actual);
                holds
            }
        };
        self.nodes[place].holds = holds;
        holds
    }

    fn leaf(&self, place: usize, leaf: &dyn Leaf) -> (bool, Actual) {
        let by = &self.by;
        if leaf.shallow() {
            return (by.found)(place, leaf).unwrap_or_else(|| leaf.judge(&by.seen));
        }
        let mut holds = true;
        let mut values = Vec::new();
        for ask in leaf.asks() {
            let holders = &by.seen.facts.holders;
            let number = by.measures.find(&ask.measure);
            let value = number.and_then(|number| by.known.get(by.measures, number, holders));
            holds &= value.is_some_and(|value| ask.test.holds(value, by.now));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn node(actual: Actual) -> TraceNode {
        TraceNode {
            path: vec!["condition".to_owned()],
            holds: true,
            actual: Some(actual),
        }
    }

    fn trace(nodes: Vec<TraceNode>) -> Trace {
        Trace {
            fires: true,
            triggered: true,
            inbox_id: Uuid::nil(),
            author: Author::Contact,
            nodes,
            cut: false,
        }
    }

    #[test]
    fn a_trace_keeps_its_verdicts_and_is_stored_in_a_few_thousand_bytes() {
        let small = trace(vec![node(Actual::Values(vec!["3".to_owned()]))]);
        assert_eq!(small.clone().bounded(), small);
        let missing = (0..2_000).map(|n| format!("word {n} {}", "縁".repeat(500)));
        let words = Actual::Keywords {
            found: Vec::new(),
            missing: missing.collect(),
        };
        let tags = Actual::Tags {
            present: vec![Uuid::nil(); 2_000],
            absent: Vec::new(),
        };
        let nodes = vec![node(words), node(tags)].into_iter();
        let large = trace(nodes.cycle().take(1_000).collect()).bounded();
        assert!(large.cut);
        assert_eq!(large.nodes.len(), MAX_NODES);
        assert!(large.nodes.iter().all(|node| node.holds));
        let stored = serde_json::to_string(&large).unwrap();
        assert!(stored.len() < 40_000, "{}", stored.len());
    }

    #[test]
    fn stored_traces_keep_decoding() {
        let id = Uuid::from_u128(1);
        let actual = [
            serde_json::json!(null),
            serde_json::json!({ "keywords": { "found": [], "missing": ["trial"] } }),
            serde_json::json!({ "tags": { "present": [id], "absent": [] } }),
            serde_json::json!({ "channel": "EMAIL" }),
            serde_json::json!({ "automatic": false }),
            serde_json::json!({ "values": ["3", "-"] }),
        ];
        let nodes = actual.map(|actual| {
            serde_json::json!({ "path": ["condition", "all", "0"], "holds": true, "actual": actual })
        });
        let stored = serde_json::json!({
            "fires": true, "triggered": true, "inboxId": id, "author": "CONTACT", "nodes": nodes,
        });
        let trace = Trace::stored(&stored).unwrap();
        assert_eq!(serde_json::json!(trace), stored);
    }

    #[test]
    fn a_stored_verdict_on_a_condition_that_asks_nothing_is_not_told() {
        let [asked, group, part] = [
            &["trigger", "eventTracked", "where", "0"][..],
            &["condition", "all"],
            &["condition", "all", "0", "keywords"],
        ]
        .map(|path| TraceNode {
            path: path.iter().map(|&step| step.to_owned()).collect(),
            holds: true,
            actual: None,
        });
        let told = |nodes: &[&TraceNode], cut| {
            let nodes = nodes.iter().copied().cloned().collect();
            let written = Trace {
                cut,
                ..trace(nodes)
            };
            let read = Trace::stored(&serde_json::json!(written)).unwrap();
            read.nodes.len()
        };
        assert_eq!(told(&[&asked, &group], false), 1);
        assert_eq!(told(&[&asked, &group, &part], false), 3);
        assert_eq!(told(&[&asked, &group], true), 2);
    }
}
