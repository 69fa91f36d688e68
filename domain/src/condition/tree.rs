//! What is gathered from all of a tree: the ids it names, what can change its answer, its nodes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Condition, Leaf, Moment, Need, Pattern, Shape,
    age::Age,
    leaf::pattern::MAX_IN_CONDITION,
    measure::Source,
    path::Path,
    reference::{IdKind, Reference},
    shape::ShapeMut,
    test::Ask,
};

impl Condition {
    /// Every child with the path to it.
    pub(crate) fn children(&self, at: &Path) -> Vec<(Path, &Condition)> {
        let at = at.at(self.name());
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => children
                .iter()
                .enumerate()
                .map(|(index, child)| (at.nth(index), child))
                .collect(),
            Shape::Not(child) => vec![(at, child)],
            Shape::Leaf(_) => Vec::new(),
        }
    }

    pub(crate) fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        if let Shape::Leaf(leaf) = self.shape() {
            leaf.references(&at.at(self.name()), found);
        }
        for (path, child) in self.children(at) {
            child.references(&path, found);
        }
    }

    /// Every id it names, with the place where it does. Paths begin with `condition`.
    pub fn all_references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        self.references(&Path::root("condition"), &mut found);
        found
    }

    /// Names `to` wherever the condition named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        match self.shape_mut() {
            ShapeMut::Group(children) => {
                for child in children {
                    child.replace(kind, from, to);
                }
            }
            ShapeMut::Leaf(leaf) => leaf.replace(kind, from, to),
        }
    }

    /// The names of the facts of the change log that can give it another answer, beside those by
    /// which contacts are merged, taken apart and erased.
    pub fn depends(&self) -> BTreeSet<&'static str> {
        let mut names = BTreeSet::new();
        self.each_leaf(&mut |leaf| {
            for ask in leaf.asks() {
                names.extend(ask.measure.depends().iter().copied());
            }
        });
        names
    }

    /// The memory that its compiled regular expressions take. Beyond what one condition may take no more
    /// are compiled to find out.
    pub(crate) fn pattern_bytes(&self) -> usize {
        let mut bytes = 0;
        self.each_leaf(&mut |leaf| {
            if bytes <= MAX_IN_CONDITION {
                bytes += leaf.pattern().map_or(0, Pattern::size);
            }
        });
        bytes
    }

    /// The names of the events that can give it another answer; nothing, if an event of any name can.
    pub(crate) fn event_names(&self) -> Option<BTreeSet<String>> {
        let mut names = Some(BTreeSet::new());
        self.each_leaf(&mut |leaf| {
            for ask in leaf.asks() {
                if !ask.measure.depends().contains(&"event.recorded") {
                    continue;
                }
                let of_ask = match &ask.measure.source {
                    Source::Events(source) => source.names(),
                    _ => None,
                };
                names = names.take().zip(of_ask).map(|(mut names, more)| {
                    names.extend(more);
                    names
                });
            }
        });
        names
    }

    /// Whether it can get another answer by time passing alone.
    pub fn timed(&self) -> bool {
        let mut timed = false;
        self.each_leaf(&mut |leaf| {
            timed |= leaf.need() == Need::Nothing || leaf.asks().iter().any(Ask::timed);
        });
        timed
    }

    /// The first full minute after `moment`, at most an hour later, at which the clocks alone give a part of
    /// it another answer: business hours begin or end, a time of day comes. Clocks are asked for in minutes.
    pub(crate) fn turns(&self, moment: &Moment) -> Option<DateTime<Utc>> {
        let seconds = moment.now.timestamp();
        let minute = seconds - seconds.rem_euclid(60);
        let mut first: Option<DateTime<Utc>> = None;
        self.each_leaf(&mut |leaf| {
            let Some(answer) = leaf.constant(moment) else {
                return;
            };
            let turn = (1..=60)
                .filter_map(|ahead| DateTime::from_timestamp(minute + 60 * ahead, 0))
                .find(|&at| leaf.constant(&moment.at(at)) != Some(answer));
            first = first.into_iter().chain(turn).min();
        });
        first
    }

    /// Whether it counts days by the clocks of the workspace, so that another time zone can give it another
    /// answer.
    pub(crate) fn counts_days(&self) -> bool {
        let mut counts = false;
        self.each_leaf(&mut |leaf| {
            counts |= leaf.asks().iter().any(|ask| match &ask.measure.source {
                Source::Events(source) => source.counts_days(),
                Source::Email(source) => source.timed(),
                _ => false,
            });
        });
        counts
    }

    /// The ages at which time alone can give it another answer while it is the same day; nothing, if time can
    /// do so in other ways.
    pub(crate) fn ages(&self) -> Option<BTreeSet<Age>> {
        let mut ages = Some(BTreeSet::new());
        self.each_leaf(&mut |leaf| {
            if leaf.need() == Need::Nothing {
                ages = None;
            }
            for ask in leaf.asks().iter().filter(|ask| ask.timed()) {
                ages = ages.take().zip(ask.ages()).map(|(mut ages, more)| {
                    ages.extend(more);
                    ages
                });
            }
        });
        ages
    }

    /// Whether it asks about the account: then what happens to the account's other contacts can
    /// matter to a contact.
    pub fn asks_account(&self) -> bool {
        let mut account = false;
        self.each_leaf(&mut |leaf| account |= leaf.need() == Need::Account);
        account
    }

    /// The condition and every one inside it, parents before children: the order of a trace.
    pub fn nodes(&self) -> Vec<&Condition> {
        let mut nodes = vec![self];
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => {
                nodes.extend(children.iter().flat_map(Condition::nodes));
            }
            Shape::Not(child) => nodes.extend(child.nodes()),
            Shape::Leaf(_) => {}
        }
        nodes
    }

    pub(super) fn each_leaf(&self, visit: &mut impl FnMut(&dyn Leaf)) {
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => {
                for child in children {
                    child.each_leaf(visit);
                }
            }
            Shape::Not(child) => child.each_leaf(visit),
            Shape::Leaf(leaf) => visit(leaf),
        }
    }
}
