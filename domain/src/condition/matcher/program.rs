//! The condition trees of all rules in one flat list, and their evaluation.
//!
//! Called by the matcher alone: when rules are compiled, and for each rule that its index cannot rule out. A [`Run`]
//! asks nobody anything: what it would need of the database and is not known yet leaves it without an answer.

use std::{collections::HashSet, ops::Range};

use super::{
    Part, What,
    expression::{Expressions, Place, Tried},
    literal::required,
    words::{Hits, NEVER, WordBook, Words, bit},
};
use crate::condition::{
    Anchor, Condition, Field, KeywordMode, Leaf, Shape,
    facts::Seen,
    known::{Known, Measures, Want},
    moment::Moment,
    test::Test,
    trace::{Actual, FoundWord},
};

/// The ways to find a word in any of the two texts, whole or not.
const ANYWHERE: u8 = 0b0101;

/// Every node of every rule: parents before children, rules in their order.
#[derive(Debug)]
pub(super) struct Program {
    nodes: Vec<Node>,
    /// The numbers of the words that nodes ask for.
    words: Vec<u32>,
    /// The regular expressions, each once.
    pub(super) expressions: Expressions,
    /// What deep nodes ask, each with the number of its measure.
    asks: Vec<(u32, Test)>,
    /// Everything that is asked of the database.
    pub(super) measures: Measures,
    /// The first node of each rule.
    roots: Vec<u32>,
}

#[derive(Debug)]
struct Node {
    op: Op,
    /// The first node after this one and all below it.
    end: u32,
}

#[derive(Debug)]
enum Op {
    All,
    Any,
    Not,
    Words {
        mode: KeywordMode,
        /// The ways of finding that count, one bit each.
        ways: u8,
        from: u32,
        to: u32,
    },
    /// A leaf that judges the facts itself; elsewhere, so that nodes stay small.
    Leaf(Box<Condition>),
    /// A regular expression, by its number, with words one of which every match contains; without
    /// any, if none are known.
    Pattern {
        number: u32,
        from: u32,
        to: u32,
    },
    /// Questions for the database, all of which must be answered with yes.
    Deep {
        from: u32,
        to: u32,
    },
}

/// Something that leads to a rule: a word by its number, or another fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Word(u32),
    Fact(Anchor),
}

/// What rules are led to by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Everything that is known of a message.
    All,
    /// What is known of it before its tags are read.
    AllButTags,
}

fn is_tag(anchor: &Anchor) -> bool {
    matches!(
        anchor,
        Anchor::ContactTag { .. } | Anchor::ConversationTag { .. }
    )
}

impl Key {
    /// How many messages this leads to a rule for nothing, roughly, in a thousand.
    fn cost(self, book: &WordBook) -> u32 {
        match self {
            // One letter is in every message, three kanji are in few.
            Self::Word(word) => 1 + 1_000 / book.length(word).pow(2),
            Self::Fact(Anchor::ContactTag { .. } | Anchor::ConversationTag { .. }) => 20,
            Self::Fact(Anchor::Inbox(_) | Anchor::Automatic(true)) => 100,
            Self::Fact(Anchor::Channel(_)) => 200,
            Self::Fact(Anchor::Automatic(false)) => 900,
        }
    }
}

/// The cheaper of two lists of which either suffices.
pub(super) fn cheaper(one: Vec<Key>, other: Vec<Key>, book: &WordBook) -> Vec<Key> {
    let cost = |keys: &[Key]| -> u64 { keys.iter().map(|key| u64::from(key.cost(book))).sum() };
    if cost(&other) < cost(&one) {
        other
    } else {
        one
    }
}

impl Program {
    pub(super) fn new<'a>(
        conditions: impl Iterator<Item = &'a Condition>,
        book: &mut WordBook,
    ) -> Self {
        let mut program = Self {
            nodes: Vec::new(),
            words: Vec::new(),
            expressions: Expressions::default(),
            asks: Vec::new(),
            measures: Measures::default(),
            roots: Vec::new(),
        };
        for condition in conditions {
            program.roots.push(program.nodes.len() as u32);
            program.add(condition, book);
        }
        program
    }

    fn add(&mut self, condition: &Condition, book: &mut WordBook) {
        let at = self.nodes.len();
        let (op, children) = match condition.shape() {
            Shape::All(children) => (Op::All, children),
            Shape::Any(children) => (Op::Any, children),
            Shape::Not(child) => (Op::Not, std::slice::from_ref(child)),
            Shape::Leaf(leaf) => (self.leaf(condition, leaf, book), [].as_slice()),
        };
        self.nodes.push(Node { op, end: 0 });
        for child in children {
            self.add(child, book);
        }
        self.nodes[at].end = self.nodes.len() as u32;
    }

    fn leaf(&mut self, condition: &Condition, leaf: &dyn Leaf, book: &mut WordBook) -> Op {
        if let Some(pattern) = leaf.pattern() {
            let number = self.expressions.number(pattern);
            let from = self.words.len() as u32;
            let words = required(&pattern.pattern).into_iter();
            self.words.extend(words.map(|word| book.literal(word)));
            let to = self.words.len() as u32;
            return Op::Pattern { number, from, to };
        }
        if !leaf.shallow() {
            let from = self.asks.len() as u32;
            for ask in leaf.asks() {
                self.asks
                    .push((self.measures.number(&ask.measure), ask.test));
            }
            let to = self.asks.len() as u32;
            return Op::Deep { from, to };
        }
        let Some(keywords) = leaf.keywords() else {
            return Op::Leaf(Box::new(condition.clone()));
        };
        let from = self.words.len() as u32;
        self.words.extend(book.numbers(keywords));
        let fields = keywords.fields.iter();
        Op::Words {
            mode: keywords.mode,
            ways: fields.fold(0, |ways, &field| {
                ways | 1 << bit(field as usize, keywords.whole())
            }),
            from,
            to: self.words.len() as u32,
        }
    }

    /// Keys of which at least one is found whenever the rule fires; nothing if there are none.
    pub(super) fn keys(&self, rule: usize, book: &WordBook, by: By) -> Option<Vec<Key>> {
        self.node_keys(self.roots[rule], true, book, by)
    }

    /// Keys of which at least one is found whenever the node's outcome is `wanted`.
    fn node_keys(&self, at: u32, wanted: bool, book: &WordBook, by: By) -> Option<Vec<Key>> {
        let node = &self.nodes[at as usize];
        match (&node.op, wanted) {
            // All must be so: any one child's keys will do.
            (Op::All, true) | (Op::Any, false) => self
                .children(at)
                .filter_map(|child| self.node_keys(child, wanted, book, by))
                .reduce(|one, other| cheaper(one, other, book)),
            // One must be so, whichever: the keys of all children together.
            (Op::Any, true) | (Op::All, false) => {
                let mut together = Vec::new();
                for child in self.children(at) {
                    together.extend(self.node_keys(child, wanted, book, by)?);
                }
                Some(together)
            }
            (Op::Not, _) => self.node_keys(at + 1, !wanted, book, by),
            (Op::Words { mode, from, to, .. }, _) => {
                let words = &self.words[*from as usize..*to as usize];
                let key = |&word: &u32| Key::Word(word);
                match (mode, wanted) {
                    (KeywordMode::AnyOf, true) | (KeywordMode::NoneOf, false) => {
                        let findable = words.iter().filter(|&&word| word != NEVER);
                        Some(findable.map(key).collect())
                    }
                    (KeywordMode::AllOf, true) if words.contains(&NEVER) => Some(Vec::new()),
                    (KeywordMode::AllOf, true) => {
                        let rarest = words.iter().max_by_key(|&&word| book.length(word))?;
                        Some(vec![key(rarest)])
                    }
                    _ => None,
                }
            }
            (Op::Leaf(condition), _) => match condition.shape() {
                Shape::Leaf(leaf) => {
                    let anchors = leaf.anchors(wanted)?;
                    if by == By::AllButTags && anchors.iter().any(is_tag) {
                        return None;
                    }
                    Some(anchors.into_iter().map(Key::Fact).collect())
                }
                _ => None,
            },
            (Op::Pattern { from, to, .. }, true) if from < to => {
                let words = &self.words[*from as usize..*to as usize];
                Some(words.iter().map(|&word| Key::Word(word)).collect())
            }
            (Op::Pattern { .. } | Op::Deep { .. }, _) => None,
        }
    }

    fn children(&self, at: u32) -> impl Iterator<Item = u32> {
        let end = self.nodes[at as usize].end;
        let existing = move |child: u32| (child < end).then_some(child);
        std::iter::successors(existing(at + 1), move |&child| {
            existing(self.nodes[child as usize].end)
        })
    }
}

/// The program on one message.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) program: &'a Program,
    pub(super) words: &'a Words,
    pub(super) hits: &'a Hits,
    pub(super) tried: &'a Tried,
    pub(super) seen: Seen<'a>,
    pub(super) known: &'a Known,
    pub(super) now: &'a Moment,
}

impl Run<'_> {
    /// Whether the rule's condition holds. Nothing, if that depends on what is not known yet.
    pub(super) fn fires(&self, rule: u32) -> Option<bool> {
        self.holds(self.program.roots[rule as usize])
    }

    /// Notes what has to be known to say whether the rule's condition holds.
    pub(super) fn missing(&self, rule: u32, wants: &mut HashSet<Want>) {
        let root = self.program.roots[rule as usize] as usize;
        let end = self.program.nodes[root].end as usize;
        let holders = &self.seen.facts.holders;
        for node in &self.program.nodes[root..end] {
            let Op::Deep { from, to } = node.op else {
                continue;
            };
            for &(number, _) in &self.program.asks[from as usize..to as usize] {
                let measures = &self.program.measures;
                if self.known.get(measures, number, holders).is_none() {
                    let id = holders.id(measures.holder(number));
                    wants.extend(id.map(|id| (number, id)));
                }
            }
        }
    }

    /// What made the rule's condition hold; asked only if it does.
    pub(super) fn parts(&self, rule: u32) -> Vec<Part> {
        let root = self.program.roots[rule as usize];
        let mut parts = Vec::new();
        self.collect(root, &mut parts);
        for part in &mut parts {
            part.node -= root;
        }
        parts
    }

    /// The verdict about a condition on the texts, with what was there, by what the pass over the message
    /// has found. Nothing of other conditions. `node` counts the conditions of the rule from its root.
    pub(super) fn judge_text(
        &self,
        rule: u32,
        node: usize,
        leaf: &dyn Leaf,
    ) -> Option<(bool, Actual)> {
        let at = self.program.roots[rule as usize] + node as u32;
        let facts = self.seen.facts;
        match &self.program.nodes[at as usize].op {
            Op::Pattern { number, from, to } => {
                let place = self.matches(*number, *from, *to);
                let told = leaf.pattern()?.told(facts, place.map(Place::whole));
                Some((place.is_some(), told))
            }
            Op::Words { ways, from, to, .. } => {
                let numbers = &self.program.words[*from as usize..*to as usize];
                let (mut found, mut missing) = (Vec::new(), Vec::new());
                for (word, &number) in leaf.keywords()?.words.iter().zip(numbers) {
                    match self.found_word(number, *ways) {
                        Some((field, range)) => {
                            found.push(FoundWord::new(facts, field, word, range));
                        }
                        None => missing.push(word.clone()),
                    }
                }
                Some((self.holds(at)?, Actual::Keywords { found, missing }))
            }
            _ => None,
        }
    }

    /// Three-valued: what is not known yet leaves open what depends on it, and nothing else.
    fn holds(&self, at: u32) -> Option<bool> {
        match &self.program.nodes[at as usize].op {
            Op::All => self.every(at, true),
            Op::Any => self.every(at, false),
            Op::Not => self.holds(at + 1).map(|holds| !holds),
            Op::Words {
                mode,
                ways,
                from,
                to,
            } => {
                let mut words = self.program.words[*from as usize..*to as usize].iter();
                let found = |&word: &u32| self.hits.find(word, *ways).is_some();
                Some(match mode {
                    KeywordMode::AnyOf => words.any(found),
                    KeywordMode::AllOf => words.all(found),
                    KeywordMode::NoneOf => !words.any(found),
                })
            }
            Op::Leaf(condition) => match condition.shape() {
                Shape::Leaf(leaf) => Some(leaf.holds(&self.seen)),
                _ => Some(false),
            },
            Op::Pattern { number, from, to } => Some(self.matches(*number, *from, *to).is_some()),
            Op::Deep { from, to } => {
                let mut open = false;
                for (number, test) in &self.program.asks[*from as usize..*to as usize] {
                    let holders = &self.seen.facts.holders;
                    match self.known.get(&self.program.measures, *number, holders) {
                        Some(value) if !test.holds(value, self.now) => return Some(false),
                        Some(_) => {}
                        None => open = true,
                    }
                }
                (!open).then_some(true)
            }
        }
    }

    /// With `all`, whether every child holds; without, whether any does.
    fn every(&self, at: u32, all: bool) -> Option<bool> {
        let mut open = false;
        for child in self.program.children(at) {
            match self.holds(child) {
                Some(holds) if holds != all => return Some(!all),
                Some(_) => {}
                None => open = true,
            }
        }
        (!open).then_some(all)
    }

    /// The first match of a regular expression. It is tried on the texts in which one of its words was
    /// found, those `from` and `to` tell, and once, whichever rules ask: they have the same words.
    fn matches(&self, number: u32, from: u32, to: u32) -> Option<Place> {
        self.tried.find(number, || {
            let words = &self.program.words[from as usize..to as usize];
            let ways = if words.is_empty() {
                ANYWHERE
            } else {
                let found = words.iter().map(|&word| self.hits.ways(word));
                found.fold(0, |all, ways| all | ways)
            };
            let may = |field: Field| ways & (1 << bit(field as usize, false)) != 0;
            self.program.expressions.find(number, &self.seen, may)
        })
    }

    /// Notes what made a node hold that does hold.
    fn collect(&self, at: u32, parts: &mut Vec<Part>) {
        match &self.program.nodes[at as usize].op {
            Op::All => {
                for child in self.program.children(at) {
                    self.collect(child, parts);
                }
            }
            Op::Any => {
                for child in self.program.children(at) {
                    if self.holds(child) == Some(true) {
                        self.collect(child, parts);
                    }
                }
            }
            Op::Not
            | Op::Words {
                mode: KeywordMode::NoneOf,
                ..
            } => parts.push(Part {
                node: at,
                what: What::Absent,
            }),
            Op::Words { ways, from, to, .. } => {
                let words = &self.program.words[*from as usize..*to as usize];
                for (index, &word) in words.iter().enumerate() {
                    if let Some((field, range)) = self.found_word(word, *ways) {
                        let what = What::Word {
                            word: index as u32,
                            field,
                            start: range.start as u32,
                            end: range.end as u32,
                        };
                        parts.push(Part { node: at, what });
                    }
                }
            }
            Op::Deep { .. } => parts.push(Part {
                node: at,
                what: What::Fact,
            }),
            Op::Pattern { number, from, to } => {
                if let Some(place) = self.matches(*number, *from, *to) {
                    let what = What::Pattern {
                        field: place.field,
                        start: place.start,
                        end: place.end,
                    };
                    parts.push(Part { node: at, what });
                }
            }
            Op::Leaf(condition) => {
                let from = parts.len();
                if let Shape::Leaf(leaf) = condition.shape() {
                    leaf.parts(&self.seen, parts);
                }
                for part in &mut parts[from..] {
                    part.node = at;
                }
            }
        }
    }

    /// Where a word stands first, in bytes of the original text.
    fn found_word(&self, word: u32, ways: u8) -> Option<(Field, Range<usize>)> {
        let (way, end) = self.hits.find(word, ways)?;
        let field = [Field::Subject, Field::Body][way / 2];
        let folded = (end - self.words.length(word)) as usize..end as usize;
        Some((field, self.seen.texts.0[field as usize].original(folded)))
    }
}
