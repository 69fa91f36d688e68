//! Whether a condition makes sense where it is used: its size, its depth, its values, and what may be asked there.
//!
//! Called before a rule, a segment, a playbook or a list takes a condition. It never asks the database: whether
//! what a condition names is there is looked up by `reference`.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    Condition, Context, Need, NumberTest, Shape, TextTest, TimeTest,
    contradiction::{contradictions, require},
    leaf::pattern::{FEW_PATTERNS, MAX_IN_CONDITION},
    path::Path,
    too_deep,
};
use crate::error::{UserError, UserErrorCode};

/// How many levels of conditions a rule may have.
pub const MAX_DEPTH: usize = 8;
/// How many conditions and groups a rule may have in all.
pub const MAX_NODES: usize = 200;
/// How many words one keyword condition may list.
pub const MAX_WORDS: usize = 500;
/// How many words all conditions of a rule may list together: they share one automaton with the
/// words of every other rule, so one rule must not fill it.
pub const MAX_WORDS_IN_RULE: usize = 2_000;
/// How long a word may be, as a person counts characters.
pub const MAX_WORD_GRAPHEMES: usize = 200;
/// The same in bytes: one character can carry any number of accents.
pub const MAX_WORD_BYTES: usize = 2_400;
/// How many ids, names and values all conditions of a rule, segment or list may name together, the words
/// of keyword conditions aside: each is bound in the statements that ask the database.
pub const MAX_VALUES: usize = 2_000;
/// How many tags, inboxes or the like one list may name.
pub const MAX_IDS: usize = 500;

/// What a condition is a part of, for saying what is wrong with it in the words of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A rule.
    Rule,
    /// A segment.
    Segment,
    /// The filter of a list.
    Filter,
    /// What a step of a playbook waits for.
    Wait,
    /// A branch of a playbook.
    Branch,
    /// The goal of a playbook.
    Goal,
    /// What people leave a playbook by.
    Exit,
}

impl Use {
    fn noun(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Segment => "segment",
            Self::Filter => "filter",
            Self::Wait => "wait",
            Self::Branch => "branch",
            Self::Goal => "goal",
            Self::Exit => "exit",
        }
    }

    /// What comes of a condition that can never hold.
    fn in_vain(self) -> &'static str {
        match self {
            Self::Rule => "the rule would never fire",
            Self::Segment => "the segment would never have a member",
            Self::Filter => "the list would always be empty",
            Self::Wait => "everybody would wait until the timeout",
            Self::Branch => "nobody would ever take this branch",
            Self::Goal => "nobody would ever reach this goal",
            Self::Exit => "nobody would ever leave by this exit",
        }
    }
}

/// Everything wrong with a condition that is used in `context`; empty if it can be saved. Paths
/// begin with `condition`. Whether the ids it names exist is asked of the database by the caller,
/// with `Condition::references`.
pub fn check(condition: &Condition, context: Context, of: Use) -> Vec<UserError> {
    check_given(condition, &[], context, of)
}

/// The same of a condition that is asked only when others hold, each with the place that says so.
pub(crate) fn check_given(
    condition: &Condition,
    given: &[(Path, Condition)],
    context: Context,
    of: Use,
) -> Vec<UserError> {
    let mut refusals = Vec::new();
    check_condition(condition, given, context, of, &mut refusals);
    refusals
}

/// What of a condition that is right in itself can never hold; `given` as above.
pub(super) fn contradictory(
    condition: &Condition,
    given: &[(Path, Condition)],
    of: Use,
) -> Vec<UserError> {
    let mut refusals = Vec::new();
    let at = Path::root("condition");
    check_contradictions(condition, given, of, &at, &mut refusals);
    refusals
}

fn check_condition(
    condition: &Condition,
    given: &[(Path, Condition)],
    context: Context,
    of: Use,
    refusals: &mut Vec<UserError>,
) {
    let noun = of.noun();
    let at = Path::root("condition");
    let mut size = Size::default();
    size.measure(condition, &at, 1);
    if let Some(refusal) = size.too_deep {
        // Nothing below walks a tree of unknown depth.
        refusals.push(refusal);
        return;
    }
    if size.nodes > MAX_NODES {
        refusals.push(at.refuse(
            UserErrorCode::TooLong,
            format!("A {noun} may have {MAX_NODES} conditions. Split it into several {noun}s."),
        ));
        return;
    }
    if size.words > MAX_WORDS_IN_RULE {
        refusals.push(at.refuse(
            UserErrorCode::TooLong,
            format!(
                "A {noun} may list {MAX_WORDS_IN_RULE} words in all. Split it into several {noun}s."
            ),
        ));
        return;
    }
    if size.values > MAX_VALUES {
        refusals.push(at.refuse(
            UserErrorCode::TooLong,
            format!(
                "A condition may name {MAX_VALUES} ids, names and values in all. Split it, or put what \
                 they have in common into a tag, an attribute or a segment and ask for that."
            ),
        ));
        return;
    }
    // So few cannot be too large together: each has a limit of its own.
    if size.patterns > FEW_PATTERNS && condition.pattern_bytes() > MAX_IN_CONDITION {
        let message = "The regular expressions of this condition are too large together. Use smaller \
                       repetitions, [0-9] or [a-z] in place of \\d or \\w, or fewer of them.";
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
        return;
    }
    check_node(condition, context, &at, refusals);
    check_contradictions(condition, given, of, &at, refusals);
}

#[derive(Default)]
struct Size {
    nodes: usize,
    words: usize,
    values: usize,
    patterns: usize,
    too_deep: Option<UserError>,
}

impl Size {
    fn measure(&mut self, condition: &Condition, at: &Path, depth: usize) {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            self.too_deep.get_or_insert_with(|| too_deep(at));
        } else if self.nodes <= MAX_NODES && self.too_deep.is_none() {
            if let Shape::Leaf(leaf) = condition.shape() {
                match (leaf.keywords(), leaf.pattern()) {
                    (Some(keywords), _) => self.words += keywords.words.len(),
                    (_, Some(_)) => self.patterns += 1,
                    _ => self.values += values(condition),
                }
            }
            for (path, child) in condition.children(at) {
                self.measure(child, &path, depth + 1);
            }
        }
    }
}

/// How many entries the lists of a leaf have.
fn values(leaf: &Condition) -> usize {
    fn count(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(items) => items.iter().map(|item| 1 + count(item)).sum(),
            serde_json::Value::Object(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    // What is stored is what is bound. Nothing in it can fail to become JSON.
    serde_json::to_value(leaf).map_or(0, |stored| count(&stored))
}

/// Whether a leaf can be asked of the contact or of the account.
fn has_of(leaf: &Condition) -> bool {
    serde_json::to_value(leaf).is_ok_and(|stored| stored[leaf.name()].get("of").is_some())
}

fn check_node(condition: &Condition, context: Context, at: &Path, refusals: &mut Vec<UserError>) {
    let inside = at.at(condition.name());
    match condition.shape() {
        Shape::All(children) | Shape::Any(children) => {
            if children.is_empty() {
                refusals.push(inside.refuse(
                    UserErrorCode::Required,
                    "Put at least one condition into this group, or remove it.",
                ));
            }
            for (index, child) in children.iter().enumerate() {
                if children[..index].contains(child) {
                    refusals.push(inside.nth(index).refuse(
                        UserErrorCode::Invalid,
                        "Remove this condition: an earlier one in this group is the same.",
                    ));
                }
            }
        }
        Shape::Not(_) => {}
        Shape::Leaf(leaf) if !context.knows(leaf.need()) => {
            let remedy = if leaf.need() == Need::Contact && has_of(condition) {
                "Add of: ACCOUNT, or remove this."
            } else {
                "Remove this."
            };
            let message = format!(
                "{} cannot be asked in {}. {remedy}",
                leaf.need().noun(),
                context.noun()
            );
            refusals.push(inside.refuse(UserErrorCode::Invalid, message));
        }
        Shape::Leaf(leaf) => leaf.check(&inside, refusals),
    }
    for (path, child) in condition.children(at) {
        check_node(child, context, &path, refusals);
    }
}

/// Notes what must hold together and never can: within the condition, and with what is `given`.
fn check_contradictions(
    condition: &Condition,
    given: &[(Path, Condition)],
    of: Use,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
    let mut required = Vec::new();
    for (at, condition) in given {
        require(condition, at, true, &mut required);
    }
    let own = required.len();
    require(condition, at, true, &mut required);
    for found in contradictions(&required) {
        if found.last < own {
            // What is given is checked where it is said.
            continue;
        }
        let at = &required[found.last].at;
        let others = found.with.iter().map(|&place| required[place].at.steps());
        let others: Vec<String> = others.map(|steps| steps.join(".")).collect();
        let message = never_together(&others, of);
        refusals.push(at.refuse(UserErrorCode::Contradictory, message));
    }
    for one in &required[own..] {
        // Each way of a group of which one is enough, by itself.
        if one.holds {
            for (path, child) in one.condition.children(&one.at) {
                check_contradictions(child, &[], of, &path, refusals);
            }
        }
    }
}

fn never_together(others: &[String], of: Use) -> String {
    let in_vain = of.in_vain();
    match others {
        [] => format!("This can never hold, so {in_vain}. Change a part of it."),
        [other] => format!(
            "This can never hold together with {other}, so {in_vain}. Change one of the two."
        ),
        others => format!(
            "This can never hold together with {}, so {in_vain}. Change one of them.",
            others.join(" and ")
        ),
    }
}

/// Notes an empty list, one that is too long, and every repeated entry.
pub(crate) fn list<T: PartialEq>(
    items: &[T],
    max: usize,
    at: &Path,
    refusals: &mut Vec<UserError>,
    noun: &str,
) {
    if length(items.len(), max, at, refusals, noun) {
        for (index, item) in items.iter().enumerate() {
            if items[..index].contains(item) {
                refusals.push(at.nth(index).refuse(
                    UserErrorCode::Invalid,
                    format!("Remove this {noun}: it is already listed."),
                ));
            }
        }
    }
}

/// Notes an empty list and one that is too long; says whether it is neither.
pub(crate) fn length(
    length: usize,
    max: usize,
    at: &Path,
    refusals: &mut Vec<UserError>,
    noun: &str,
) -> bool {
    if length == 0 {
        refusals.push(at.refuse(UserErrorCode::Required, format!("Add at least one {noun}.")));
    } else if length > max {
        let message = format!("List at most {max} here; this has {length}.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
    }
    (1..=max).contains(&length)
}

/// How many characters a person would count, up to `enough`.
pub(crate) fn graphemes(text: &str, enough: usize) -> usize {
    text.graphemes(true).take(enough).count()
}

/// Checks the fields of a leaf, each where it stands.
pub(crate) struct Checks<'a> {
    at: &'a Path,
    refusals: &'a mut Vec<UserError>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(at: &'a Path, refusals: &'a mut Vec<UserError>) -> Self {
        Self { at, refusals }
    }

    pub(crate) fn text(&mut self, name: &str, test: Option<&TextTest>) {
        if let Some(test) = test {
            test.check(&self.at.at(name), self.refusals);
        }
    }

    pub(crate) fn time(&mut self, name: &str, test: Option<&TimeTest>) {
        if let Some(test) = test {
            test.check(&self.at.at(name), self.refusals);
        }
    }

    /// The same of a moment that only ever passes, such as that of the last message.
    pub(crate) fn past(&mut self, name: &str, test: Option<&TimeTest>) {
        self.time(name, test);
        if let Some(test) = test {
            test.check_past(&self.at.at(name), self.refusals);
        }
    }

    pub(crate) fn number(
        &mut self,
        name: &str,
        test: Option<&NumberTest>,
        least: f64,
        greatest: f64,
    ) {
        if let Some(test) = test {
            test.check(least, greatest, &self.at.at(name), self.refusals);
        }
    }

    pub(crate) fn count(&mut self, name: &str, test: Option<&NumberTest>) {
        if let Some(test) = test {
            test.check_count(0.0, f64::INFINITY, &self.at.at(name), self.refusals);
        }
    }

    pub(crate) fn list<T: PartialEq>(&mut self, name: &str, items: Option<&Vec<T>>) {
        if let Some(items) = items {
            list(items, MAX_IDS, &self.at.at(name), self.refusals, "entry");
        }
    }

    /// A list of keys that other systems or the workspace gave.
    pub(crate) fn keys(&mut self, name: &str, keys: Option<&Vec<String>>) {
        self.list(name, keys);
        for (index, key) in keys.into_iter().flatten().enumerate().take(MAX_IDS) {
            if key.is_empty() || key.len() > MAX_WORD_BYTES || key.contains('\0') {
                let at = self.at.at(name).nth(index);
                let message = "Give a key of visible characters, at most 2400 bytes.";
                self.refusals
                    .push(at.refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    /// A list of values beside the question whether there is any.
    pub(crate) fn choice<T: PartialEq>(
        &mut self,
        name: &str,
        items: Option<&Vec<T>>,
        has_name: &str,
        has: Option<bool>,
    ) {
        self.list(name, items);
        if items.is_some() && has == Some(false) {
            let message =
                format!("This can never hold together with {name}. Remove one of the two.");
            let at = self.at.at(has_name);
            self.refusals
                .push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    /// Refuses a leaf that asks for nothing.
    pub(crate) fn something(&mut self, nothing: bool) {
        if nothing {
            let message = "Say what must hold: give at least one field.";
            self.refusals
                .push(self.at.refuse(UserErrorCode::Required, message));
        }
    }
}

#[cfg(test)]
mod tests;
