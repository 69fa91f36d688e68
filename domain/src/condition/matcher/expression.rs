//! The regular expressions of all rules, each once, and what became of them on a message.

use std::{cell::Cell, collections::HashMap, ops::Range, sync::OnceLock};

use regex::Regex;

use crate::condition::{Field, Pattern, facts::Seen};

/// Every expression of a workspace's rules, by number.
///
/// One is compiled when it is first tried: most messages hold no word that leads to most of them, and
/// an edit of one rule must not wait for the expressions of all others.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    list: Vec<Expression>,
    numbers: HashMap<Pattern, u32>,
}

#[derive(Debug)]
struct Expression {
    pattern: Pattern,
    /// Nothing for one that cannot be compiled, which never matches.
    compiled: OnceLock<Option<Regex>>,
}

/// Where an expression matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// In which text.
    pub(super) field: Field,
    /// Where the match begins, in bytes.
    pub(super) start: u32,
    /// Where it ends, in bytes.
    pub(super) end: u32,
}

impl Place {
    /// Both together.
    pub(super) fn whole(self) -> (Field, Range<usize>) {
        (self.field, self.start as usize..self.end as usize)
    }
}

impl Expressions {
    /// The number of an expression, whichever rules ask for it.
    pub(super) fn number(&mut self, pattern: &Pattern) -> u32 {
        if let Some(&number) = self.numbers.get(pattern) {
            return number;
        }
        let number = self.list.len() as u32;
        self.numbers.insert(pattern.clone(), number);
        self.list.push(Expression {
            pattern: pattern.clone(),
            compiled: OnceLock::new(),
        });
        number
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The first match of one in the texts that `may` have one.
    pub(super) fn find(
        &self,
        number: u32,
        seen: &Seen<'_>,
        may: impl Fn(Field) -> bool,
    ) -> Option<Place> {
        let Expression { pattern, compiled } = &self.list[number as usize];
        if !pattern.fields.iter().copied().any(&may) {
            return None;
        }
        let regex = compiled.get_or_init(|| pattern.compile().ok());
        let (field, range) = pattern.find(regex.as_ref()?, seen, may)?;
        Some(Place {
            field,
            start: range.start as u32,
            end: range.end as u32,
        })
    }
}

/// What became of each expression on one message: many rules may ask for the same.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Counts messages; an outcome of another message counts for nothing.
    message: u32,
    outcomes: Vec<Cell<Outcome>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    message: u32,
    place: Option<Place>,
}

impl Tried {
    /// Begins another message, of a matcher with so many expressions.
    pub(super) fn begin(&mut self, expressions: usize) {
        self.message = self.message.wrapping_add(1);
        if self.message == 0 {
            self.outcomes.clear();
            self.message = 1;
        }
        if self.outcomes.len() < expressions {
            self.outcomes.resize_with(expressions, Cell::default);
        }
    }

    /// What became of an expression, by `find` the first time.
    pub(super) fn find(&self, number: u32, find: impl FnOnce() -> Option<Place>) -> Option<Place> {
        let outcome = &self.outcomes[number as usize];
        let known = outcome.get();
        if known.message == self.message {
            return known.place;
        }
        let place = find();
        outcome.set(Outcome {
            message: self.message,
            place,
        });
        place
    }
}
