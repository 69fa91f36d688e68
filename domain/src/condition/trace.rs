//! Why a rule did or did not fire on a message: every condition with its verdict and with what
//! the message really had.

use std::ops::Range;

use entity::kind::{Author, Channel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Condition, Field, Shape,
    facts::{MessageFacts, Seen, Texts},
    matcher::Gate,
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

/// Judges one rule on one message, condition by condition.
pub fn explain(gate: &Gate, condition: &Condition, facts: &MessageFacts<'_>) -> Trace {
    let texts = Texts::of(facts);
    let seen = Seen {
        facts,
        texts: &texts,
    };
    let mut nodes = Vec::new();
    let holds = explain_node(condition, &Path::root("condition"), &seen, &mut nodes);
    let triggered = gate.accepts(facts);
    Trace {
        fires: triggered && holds,
        triggered,
        inbox_id: facts.inbox_id,
        author: facts.author,
        nodes,
    }
}

fn explain_node(
    condition: &Condition,
    at: &Path,
    seen: &Seen<'_>,
    nodes: &mut Vec<TraceNode>,
) -> bool {
    let place = nodes.len();
    nodes.push(TraceNode {
        path: at.at(condition.name()).steps().to_vec(),
        holds: false,
        actual: None,
    });
    let verdicts: Vec<bool> = condition
        .children(at)
        .into_iter()
        .map(|(path, child)| explain_node(child, &path, seen, nodes))
        .collect();
    let holds = match condition.shape() {
        Shape::All(_) => verdicts.iter().all(|&holds| holds),
        Shape::Any(_) => verdicts.iter().any(|&holds| holds),
        Shape::Not(_) => !verdicts.iter().any(|&holds| holds),
        Shape::Leaf(leaf) => {
            nodes[place].actual = Some(leaf.actual(seen));
            leaf.holds(seen)
        }
    };
    nodes[place].holds = holds;
    holds
}
