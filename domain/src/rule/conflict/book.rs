//! Rules with what leads from one to the other, and the conflicts found in it. Built once for all
//! rules that are asked about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{RuleId, TagId};
use uuid::Uuid;

use super::{
    Conflict, ConflictKind,
    listening::Listening,
    overlap::{always_ends, may_fire_together, opposed, opposed_values, shadowed},
};
use crate::{
    action::Effect,
    rule::{
        cache::Stored,
        lead::{Act, effects, tag_act},
        plan::Slot,
    },
};

/// Conflicts told at most.
const MAX_CONFLICTS: usize = 20;

/// Rules compared at most for what they do to the same tags, and for what they set.
const MAX_PAIRS: usize = 200;

/// How many rules a circle may lead through to be found.
const MAX_CIRCLE: usize = 5;

/// Rules with what leads from one to the other.
pub(super) struct Book<'r> {
    pub(super) rules: &'r [Stored],
    pub(super) active: Vec<bool>,
    pub(super) acts: Vec<Vec<Act>>,
    /// Which rules do something to a tag.
    pub(super) doers: HashMap<Act, Vec<usize>>,
    /// Which rules what is done to a tag itself leads to.
    pub(super) listeners: HashMap<Act, Vec<usize>>,
    pub(super) askers: HashMap<Uuid, Vec<usize>>,
    /// The same of what is done to a tag below.
    pub(super) listeners_above: HashMap<Act, Vec<usize>>,
    pub(super) askers_above: HashMap<Uuid, Vec<usize>>,
    pub(super) above: HashMap<Uuid, Vec<Uuid>>,
    /// Which rules set a field, and to what.
    setters: HashMap<Slot, Vec<(usize, Effect)>>,
}

impl<'r> Book<'r> {
    pub(super) fn new(
        rules: &'r [Stored],
        active: Vec<bool>,
        above: HashMap<Uuid, Vec<Uuid>>,
    ) -> Self {
        let mut book = Self {
            rules,
            active,
            acts: rules.iter().map(tag_acts).collect(),
            doers: HashMap::new(),
            listeners: HashMap::new(),
            askers: HashMap::new(),
            listeners_above: HashMap::new(),
            askers_above: HashMap::new(),
            above,
            setters: HashMap::new(),
        };
        for (place, rule) in rules.iter().enumerate() {
            for &act in &book.acts[place] {
                book.doers.entry(act).or_default().push(place);
            }
            for (field, effect) in values(rule) {
                book.setters.entry(field).or_default().push((place, effect));
            }
            let listening = Listening::of(rule);
            for act in listening.triggers {
                book.listeners.entry(act).or_default().push(place);
                if listening.with_descendants {
                    book.listeners_above.entry(act).or_default().push(place);
                }
            }
            for tag in listening.conditions {
                book.askers.entry(tag).or_default().push(place);
            }
            for tag in listening.conditions_above {
                book.askers_above.entry(tag).or_default().push(place);
            }
        }
        book
    }

    /// The conflicts of the rule at `at`.
    pub(super) fn conflicts(&self, at: usize) -> Vec<Conflict> {
        let mut found = self.opposed(at);
        found.extend(self.opposed_values(at));
        found.extend(self.circle(at));
        found.extend(self.shadowing(at));
        found.sort_by_key(|conflict| conflict.kind);
        found.truncate(MAX_CONFLICTS);
        found
    }

    fn opposed(&self, at: usize) -> Vec<Conflict> {
        let rule = &self.rules[at];
        // Of each other rule the first tag it is about, in the order of the rules.
        let mut others: BTreeMap<usize, (Uuid, bool)> = BTreeMap::new();
        for &(target, tag, puts) in &self.acts[at] {
            let doers = self.doers.get(&(target, tag, !puts));
            for &place in doers.into_iter().flatten() {
                if place != at && self.active[place] {
                    others.entry(place).or_insert((tag, puts));
                }
            }
        }
        let told = others.into_iter().take(MAX_PAIRS);
        let told = told.filter_map(|(place, (tag, puts))| {
            let other = &self.rules[place];
            may_fire_together(&rule.definition, &other.definition, &self.above)
                .then(|| opposed(other, tag, puts))
        });
        told.take(MAX_CONFLICTS).collect()
    }

    /// Those that set a field to another value on the same change. Where the first of two ends the evaluation,
    /// the other never has its turn on the same.
    fn opposed_values(&self, at: usize) -> Vec<Conflict> {
        let rule = &self.rules[at];
        let mut others: BTreeSet<usize> = BTreeSet::new();
        for (field, effect) in values(rule) {
            for (place, other) in self.setters.get(&field).into_iter().flatten() {
                if *place != at && self.active[*place] && *other != effect {
                    others.insert(*place);
                }
            }
        }
        let told = others.into_iter().take(MAX_PAIRS);
        let told = told.filter_map(|place| {
            let other = &self.rules[place];
            let first = if place < at { other } else { rule };
            let both = !first.definition.limits.stop_after_match
                && may_fire_together(&rule.definition, &other.definition, &self.above);
            both.then(|| opposed_values(other))
        });
        told.take(MAX_CONFLICTS).collect()
    }

    fn shadowing(&self, at: usize) -> Vec<Conflict> {
        let rule = &self.rules[at];
        let active = |place: &usize| self.active[*place];
        let before = (0..at).filter(active).filter_map(|place| {
            let other = &self.rules[place];
            shadowed(other, rule, ConflictKind::Shadowed, other)
        });
        let mut found: Vec<Conflict> = before.take(MAX_CONFLICTS).collect();
        if always_ends(rule) {
            let behind = (at + 1..self.rules.len()).filter(active);
            let behind = behind.filter_map(|place| {
                let other = &self.rules[place];
                shadowed(rule, other, ConflictKind::Shadows, other)
            });
            found.extend(behind.take(MAX_CONFLICTS));
        }
        found
    }

    /// The rules that what a rule does leads to, in their order, each with the first tag that does.
    fn follow(&self, from: usize) -> BTreeMap<usize, Uuid> {
        let mut next = BTreeMap::new();
        for act in &self.acts[from] {
            let &(target, tag, puts) = act;
            let mut led: Vec<&[usize]> = Vec::new();
            led.extend(self.listeners.get(act).map(Vec::as_slice));
            led.extend(self.askers.get(&tag).map(Vec::as_slice));
            for &above in self.above.get(&tag).into_iter().flatten() {
                let act = (target, above, puts);
                led.extend(self.listeners_above.get(&act).map(Vec::as_slice));
                led.extend(self.askers_above.get(&above).map(Vec::as_slice));
            }
            for &place in led.into_iter().flatten() {
                // What a rule has done once it does not do again: none leads to itself.
                if place != from {
                    next.entry(place).or_insert(tag);
                }
            }
        }
        next
    }

    /// The shortest circle that leads from the rule's tags through other rules back to it.
    fn circle(&self, at: usize) -> Option<Conflict> {
        // Breadth first: the first way back is the shortest.
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut frontier = vec![at];
        let mut seen: BTreeSet<usize> = BTreeSet::from([at]);
        for _ in 0..MAX_CIRCLE {
            let mut next = Vec::new();
            for &from in &frontier {
                for (to, tag) in self.follow(from) {
                    if to == at {
                        return Some(told(self.rules, at, from, &came_from, tag));
                    }
                    if self.active[to] && seen.insert(to) {
                        came_from.insert(to, from);
                        next.push(to);
                    }
                }
            }
            frontier = next;
        }
        None
    }
}

/// What a rule does to tags.
pub(super) fn tag_acts(rule: &Stored) -> Vec<Act> {
    effects(&rule.definition)
        .iter()
        .filter_map(tag_act)
        .collect()
}

/// What a rule sets: fields that take one value, tags left out.
fn values(rule: &Stored) -> Vec<(Slot, Effect)> {
    let effects = effects(&rule.definition).into_iter();
    effects
        .filter_map(|effect| {
            let slot = Slot::of(&effect, |tag| tag)?;
            let is_field = !matches!(slot, Slot::Tag(..) | Slot::Playbook(_));
            is_field.then_some((slot, effect))
        })
        .collect()
}

fn told(
    rules: &[Stored],
    at: usize,
    last: usize,
    came_from: &HashMap<usize, usize>,
    tag: Uuid,
) -> Conflict {
    let mut way = Vec::new();
    let mut place = last;
    while place != at {
        way.push(place);
        place = came_from.get(&place).copied().unwrap_or(at);
    }
    way.reverse();
    let names: Vec<String> = way
        .iter()
        .map(|&place| format!("“{}”", rules[place].name))
        .collect();
    let message = format!(
        "What this rule does to tags leads to {} and back to it. Each fires once in a cascade; change \
         one of them if that is not meant.",
        names.join(", then ")
    );
    Conflict {
        kind: ConflictKind::TagCycle,
        others: way.iter().map(|&place| RuleId(rules[place].id)).collect(),
        tag: Some(TagId(tag)),
        message,
    }
}
