//! Whether a condition makes sense where it is used, before it is saved.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    Condition, Context, NumberTest, Shape, TextTest, TimeTest,
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
    let mut refusals = Vec::new();
    check_condition(condition, context, of, &mut refusals);
    refusals
}

fn check_condition(
    condition: &Condition,
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
    check_node(condition, context, of, &at, refusals);
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

fn check_node(
    condition: &Condition,
    context: Context,
    of: Use,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
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
            let message = format!(
                "{} cannot be asked in {}. Remove this.",
                leaf.need().noun(),
                context.noun()
            );
            refusals.push(inside.refuse(UserErrorCode::Invalid, message));
        }
        Shape::Leaf(leaf) => leaf.check(&inside, refusals),
    }
    if matches!(condition, Condition::All(_)) {
        check_contradictions(condition, of, at, refusals);
    }
    for (path, child) in condition.children(at) {
        check_node(child, context, of, &path, refusals);
    }
}

/// Finds two conditions that must both hold but never can. Only plain cases: what looks possible
/// here may still be impossible, never the reverse.
fn check_contradictions(all: &Condition, of: Use, at: &Path, refusals: &mut Vec<UserError>) {
    let mut required = Vec::new();
    gather_required(all, at, &mut required);
    for (index, (path, later)) in required.iter().enumerate() {
        let mut earlier = required[..index].iter();
        if let Some((other, _)) = earlier.find(|(_, earlier)| exclude(earlier, later)) {
            let (other, in_vain) = (other.steps().join("."), of.in_vain());
            refusals.push(path.refuse(
                UserErrorCode::Contradictory,
                format!(
                    "This can never hold together with {other}, so {in_vain}. Change one of the two."
                ),
            ));
        }
    }
}

/// The conditions that must all hold, looking through groups of `all` inside `all`.
fn gather_required<'a>(all: &'a Condition, at: &Path, required: &mut Vec<(Path, &'a Condition)>) {
    for (path, child) in all.children(at) {
        if matches!(child, Condition::All(_)) {
            gather_required(child, &path, required);
        } else {
            required.push((path, child));
        }
    }
}

fn exclude(one: &Condition, other: &Condition) -> bool {
    let negates = |not: &Condition, what: &Condition| match not.shape() {
        Shape::Not(child) => child == what,
        _ => false,
    };
    let leaf_excludes = |one: &Condition, other: &Condition| match one.shape() {
        Shape::Leaf(leaf) => leaf.excludes(other),
        _ => false,
    };
    negates(one, other)
        || negates(other, one)
        || leaf_excludes(one, other)
        || leaf_excludes(other, one)
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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use UserErrorCode::{Contradictory, Invalid, Required, TooLong};

    fn refusals(stored: &Value, context: Context) -> Vec<(String, UserErrorCode)> {
        let condition: Condition = serde_json::from_value(stored.clone()).unwrap();
        let found = super::check(&condition, context, Use::Segment).into_iter();
        found
            .map(|refusal| (refusal.path.join("."), refusal.code))
            .collect()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the tables below read better without a borrow each"
    )]
    #[track_caller]
    fn check(stored: Value, expected: &[(&str, UserErrorCode)]) {
        let found = refusals(&stored, Context::Contact);
        let found: Vec<_> = found
            .iter()
            .map(|(path, code)| (path.as_str(), *code))
            .collect();
        assert_eq!(found, expected, "{stored}");
    }

    #[test]
    fn a_leaf_that_asks_for_nothing_is_refused() {
        check(json!({"contact": {}}), &[("condition.contact", Required)]);
        check(json!({"account": {}}), &[("condition.account", Required)]);
        check(json!({"health": {}}), &[("condition.health", Required)]);
        check(json!({"email": {}}), &[("condition.email", Required)]);
        check(
            json!({"contact": {"name": {}}}),
            &[("condition.contact.name", Required)],
        );
        check(
            json!({"segments": {"segmentIds": []}}),
            &[("condition.segments.segmentIds", Required)],
        );
    }

    #[test]
    fn what_can_never_be_is_refused_where_it_stands() {
        check(
            json!({"health": {"score": {"atLeast": 60, "lessThan": 60}}}),
            &[("condition.health.score", Contradictory)],
        );
        check(
            json!({"health": {"score": {"moreThan": 100}}}),
            &[("condition.health.score", Contradictory)],
        );
        check(
            json!({"contact": {"created": {"withinDays": 7, "moreThanDaysAgo": 7}}}),
            &[("condition.contact.created", Contradictory)],
        );
        check(
            json!({"contact": {"stages": ["LEAD"], "hasStage": false}}),
            &[("condition.contact.hasStage", Contradictory)],
        );
        check(
            json!({"contact": {"name": {"anyOf": ["Ａ"], "noneOf": ["a", "b"]}}}),
            &[("condition.contact.name.noneOf", Contradictory)],
        );
        check(
            json!({"events": {"withinDays": 30, "tests": [
                {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 60}},
            ]}}),
            &[("condition.events.tests.0.is", Contradictory)],
        );
        check(
            json!({"email": {"tests": [{"measure": "OPEN_RATE", "is": {"moreThan": 1}}]}}),
            &[("condition.email.tests.0.is", Contradictory)],
        );
        check(
            json!({"invoices": {"statuses": ["PAID"], "overdue": true}}),
            &[("condition.invoices.overdue", Contradictory)],
        );
        check(
            json!({"all": [
                {"health": {"score": {"lessThan": 40}}},
                {"health": {"score": {"atLeast": 40}}},
            ]}),
            &[("condition.all.1", Contradictory)],
        );
    }

    #[test]
    fn what_can_never_hold_is_told_in_the_words_of_what_is_saved() {
        let stored = json!({"all": [
            {"health": {"score": {"lessThan": 40}}},
            {"health": {"score": {"atLeast": 40}}},
        ]});
        let condition: Condition = serde_json::from_value(stored).unwrap();
        for (of, said) in [
            (Use::Rule, "the rule would never fire"),
            (Use::Segment, "the segment would never have a member"),
            (Use::Filter, "the list would always be empty"),
            (Use::Branch, "nobody would ever take this branch"),
        ] {
            let found = super::check(&condition, Context::Contact, of);
            let expected = format!(
                "This can never hold together with condition.all.0, so {said}. Change one of the two."
            );
            assert_eq!(found[0].message, expected);
        }
    }

    #[test]
    fn each_part_says_what_is_wrong_with_it() {
        check(
            json!({"events": {"names": [" "], "withinDays": 0, "tests": [
                {"measure": "SUM", "is": {"atLeast": 1}},
                {"measure": "COUNT", "property": "x", "is": {}},
            ]}}),
            &[
                ("condition.events.names.0", Required),
                ("condition.events.withinDays", Invalid),
                ("condition.events.tests.0.property", Required),
                ("condition.events.tests.1.property", Invalid),
                ("condition.events.tests.1.is", Required),
            ],
        );
        check(
            json!({"orders": {"total": {"currency": "YEN", "amount": {"atLeast": 1}}}}),
            &[("condition.orders.total.currency", Invalid)],
        );
        check(
            json!({"events": {"names": ["Signed up", " Signed up "]}}),
            &[("condition.events.names.1", Invalid)],
        );
        check(
            json!({"timeOfDay": {"weekdays": [], "from": "9:00"}}),
            &[
                ("condition.timeOfDay.weekdays", Required),
                ("condition.timeOfDay.from", Invalid),
            ],
        );
        let id = uuid::Uuid::nil();
        check(
            json!({"attribute": {"attributeId": id, "of": "CONTACT", "boolean": true, "isSet": true}}),
            &[("condition.attribute", Invalid)],
        );
    }

    #[test]
    fn regular_expressions_are_read_and_measured() {
        let of = |pattern: &str| json!({"regex": {"fields": ["BODY"], "pattern": pattern}});
        let found = |pattern: &str| refusals(&of(pattern), Context::Message);
        assert_eq!(found("INV-[0-9]+"), []);
        let at = |code| vec![("condition.regex.pattern".to_owned(), code)];
        assert_eq!(found("("), at(Invalid));
        assert_eq!(found("(?=a)"), at(Invalid));
        assert_eq!(found("a*"), at(Invalid));
        assert_eq!(found(""), at(Required));
        assert_eq!(found("\\w{1000}{1000}"), at(TooLong));
        assert_eq!(found(&"a".repeat(1_025)), at(TooLong));
    }

    #[test]
    fn the_values_of_all_conditions_together_are_limited() {
        let list = |from: u128, count: u128| -> Vec<uuid::Uuid> {
            (from..from + count).map(uuid::Uuid::from_u128).collect()
        };
        let of = |count: u128| {
            let tags = |from: u128, count: u128| json!({"contactTags": {"mode": "ANY", "tagIds": list(from, count)}});
            let mut any: Vec<Value> = (0..3).map(|n| tags(n * 500, 500)).collect();
            any.push(tags(1_500, count));
            json!({ "any": any })
        };
        assert_eq!(refusals(&of(500), Context::Contact), []);
        let found = refusals(&of(501), Context::Contact);
        assert_eq!(found, [("condition".to_owned(), TooLong)]);
        // Words have a limit of their own.
        let words: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
        let keywords = json!({"keywords": {"fields": ["BODY"], "mode": "ANY_OF", "words": words}});
        assert_eq!(refusals(&keywords, Context::Message), []);
    }

    #[test]
    fn regular_expressions_are_limited_in_sum() {
        let of = |patterns: usize| {
            let patterns = (0..patterns).map(|n| format!("{n}\\w{{20}}"));
            let regex =
                |pattern: String| json!({"regex": {"fields": ["BODY"], "pattern": pattern}});
            json!({ "any": patterns.map(regex).collect::<Vec<_>>() })
        };
        assert_eq!(refusals(&of(2), Context::Message), []);
        let found = refusals(&of(190), Context::Message);
        assert_eq!(found, [("condition".to_owned(), TooLong)]);
    }

    #[test]
    fn what_is_not_known_where_it_is_asked_is_refused() {
        let words = json!({"keywords": {"fields": ["BODY"], "mode": "ANY_OF", "words": ["a"]}});
        let refused = [("condition.keywords".to_owned(), Invalid)];
        assert_eq!(refusals(&words, Context::Message), []);
        for context in [Context::Conversation, Context::Contact, Context::Account] {
            assert_eq!(refusals(&words, context), refused);
        }
        let events = json!({"events": {"names": ["a"]}});
        let refused = [("condition.events".to_owned(), Invalid)];
        assert_eq!(refusals(&events, Context::Account), refused);
        let events = json!({"events": {"of": "ACCOUNT", "names": ["a"]}});
        for context in [Context::Message, Context::Contact, Context::Account] {
            assert_eq!(refusals(&events, context), []);
        }
    }
}
