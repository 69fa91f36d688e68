//! Who is who among the people of a request: decided in memory, from who has which identity. Pure.
//!
//! - A visitor nobody knows becomes whom they say they are.
//! - Two people who are known stay two: that they seem to be one is noted, and a member decides.
//! - A cookie alone never gives somebody known another person's id: two people may share a device.

use std::collections::{HashMap, HashSet};

use entity::id::ContactId;

use crate::contact::{bulk::Key, introduce::Holder};

/// A contact who is there, or one who is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Slot {
    /// One who is there.
    There(ContactId),
    /// The one at this place of [`Plan::made`].
    Made(usize),
}

/// The ways in which one call says who somebody is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Person {
    /// Identities that are a person's, the surest first.
    pub(super) sure: Vec<Key>,
    /// The id of a visitor.
    pub(super) visitor: Option<Key>,
}

impl Person {
    /// All of them.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.sure.iter().chain(self.visitor.as_ref())
    }
}

/// Who is who, and what follows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    holders: HashMap<Key, Slot>,
    known: HashSet<Slot>,
    /// The contact of each person, in their order.
    pub(super) slots: Vec<Slot>,
    /// By which identity each contact is found, or is to be made.
    pub(super) found_by: HashMap<Slot, Key>,
    /// What contacts to be made are found by.
    pub(super) made: Vec<Key>,
    /// Identities to be given.
    pub(super) given: Vec<(Key, Slot)>,
    /// Contacts who seem to be one person.
    pub(super) suspects: Vec<(Slot, Slot)>,
    /// The places of people whose visitor has a contact of their own and is to be merged into them.
    pub(super) merging: Vec<usize>,
}

impl Plan {
    /// Goes through the people in their order, as if each came in a request of their own.
    pub(super) fn of(people: &[Person], holders: &HashMap<Key, Holder>) -> Self {
        let mut plan = Self::default();
        for (key, holder) in holders {
            let slot = Slot::There(holder.contact);
            plan.holders.insert(key.clone(), slot);
            if holder.known {
                plan.known.insert(slot);
            }
        }
        for (place, person) in people.iter().enumerate() {
            let slot = plan.settle(place, person);
            plan.slots.push(slot);
        }
        plan
    }

    fn settle(&mut self, place: usize, person: &Person) -> Slot {
        let mut sure: Vec<Slot> = Vec::new();
        for slot in person.sure.iter().filter_map(|key| self.holders.get(key)) {
            if !sure.contains(slot) {
                sure.push(*slot);
            }
        }
        let visitor = person.visitor.as_ref();
        let visitor = visitor.and_then(|key| self.holders.get(key)).copied();
        let is_known = visitor.is_some_and(|slot| self.known.contains(&slot));
        let target = match (sure.first(), visitor) {
            (Some(slot), _) => *slot,
            (None, Some(slot)) if person.sure.is_empty() || !is_known => slot,
            _ => self.make(person),
        };
        if let Some(other) = visitor.filter(|other| *other != target) {
            if is_known {
                self.suspects.push((target, other));
            } else {
                self.merging.push(place);
            }
        }
        for other in sure.iter().filter(|other| **other != target) {
            self.suspects.push((target, *other));
        }
        for key in person.keys() {
            match self.holders.get(key).copied() {
                Some(slot) if slot == target => {
                    self.found_by.entry(target).or_insert_with(|| key.clone());
                }
                Some(_) => {}
                None => {
                    self.holders.insert(key.clone(), target);
                    self.given.push((key.clone(), target));
                }
            }
        }
        if !person.sure.is_empty() {
            self.known.insert(target);
        }
        target
    }

    /// A new contact, who has the surest identity at once.
    fn make(&mut self, person: &Person) -> Slot {
        let slot = Slot::Made(self.made.len());
        if let Some(key) = person.keys().next() {
            self.holders.insert(key.clone(), slot);
            self.found_by.insert(slot, key.clone());
            self.made.push(key.clone());
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use entity::kind::IdentityKind;
    use uuid::Uuid;

    use super::*;

    fn key(word: &str) -> Key {
        let kind = match &word[..1] {
            "u" => IdentityKind::ExternalId,
            "e" => IdentityKind::Email,
            _ => IdentityKind::AnonymousId,
        };
        (kind, word.to_owned())
    }

    /// `u1 e1 a1` is a person with these identities.
    fn person(words: &str) -> Person {
        let keys = words.split_whitespace().map(key);
        let (visitors, sure): (Vec<Key>, Vec<Key>) =
            keys.partition(|(kind, _)| *kind == IdentityKind::AnonymousId);
        Person {
            sure,
            visitor: visitors.into_iter().next(),
        }
    }

    fn there(number: u128) -> Slot {
        Slot::There(Uuid::from_u128(number).into())
    }

    /// `u1 a1` at a place of the list are the identities of the contact with this number, from 1.
    fn plan(held: &[&str], people: &[&str]) -> Plan {
        let mut holders = HashMap::new();
        for (place, words) in held.iter().enumerate() {
            let owner = person(words);
            let known = !owner.sure.is_empty();
            let contact = Uuid::from_u128(place as u128 + 1).into();
            for key in owner.keys() {
                holders.insert(key.clone(), Holder { contact, known });
            }
        }
        let people: Vec<Person> = people.iter().map(|words| person(words)).collect();
        Plan::of(&people, &holders)
    }

    #[test]
    fn everybody_is_found_or_made_and_given_what_is_new() {
        use Slot::Made;
        for (held, people, slots, given) in [
            // Nobody is there.
            (&[][..], &["u1 e1 a1"][..], vec![Made(0)], vec!["e1", "a1"]),
            (&[], &["a1"], vec![Made(0)], vec![]),
            // Who is there is found, and found again.
            (
                &["u1"],
                &["u1 a1", "u1 a1"],
                vec![there(1), there(1)],
                vec!["a1"],
            ),
            (&["e1"], &["u1 e1"], vec![there(1)], vec!["u1"]),
            // A visitor becomes known, also within one request.
            (&["a1"], &["u1 e1 a1"], vec![there(1)], vec!["u1", "e1"]),
            (&[], &["a1", "u1 a1"], vec![Made(0), Made(0)], vec!["u1"]),
            // Somebody else on the same device is somebody else.
            (&["u1 a1"], &["u2 a1"], vec![Made(0)], vec![]),
            (&[], &["u1 a1", "u2 a1"], vec![Made(0), Made(1)], vec!["a1"]),
            // Whoever is only a cookie is whom the cookie belongs to.
            (&["u1 a1"], &["a1"], vec![there(1)], vec![]),
        ] {
            let plan = plan(held, people);
            assert_eq!(plan.slots, slots, "{held:?} {people:?}");
            let found: Vec<&str> = plan.given.iter().map(|((_, v), _)| v.as_str()).collect();
            assert_eq!(found, given, "{held:?} {people:?}");
            assert!(plan.merging.is_empty(), "{held:?} {people:?}");
            for slot in &plan.slots {
                assert!(plan.found_by.contains_key(slot), "{held:?} {people:?}");
            }
        }
    }

    #[test]
    fn only_visitors_nobody_knows_are_merged() {
        for (held, people, merging, suspects) in [
            (&["u1", "a1"][..], &["u1 a1"][..], vec![0], vec![]),
            (&["e1", "a1"], &["a2", "u1 e1 a1"], vec![1], vec![]),
            (
                &["u1", "u2 a1"],
                &["u1 a1"],
                vec![],
                vec![(there(1), there(2))],
            ),
            (
                &["u1", "e1"],
                &["u1 e1"],
                vec![],
                vec![(there(1), there(2))],
            ),
            (
                &["u1 a1"],
                &["u2 a1"],
                vec![],
                vec![(Slot::Made(0), there(1))],
            ),
        ] {
            let plan = plan(held, people);
            assert_eq!(plan.merging, merging, "{held:?} {people:?}");
            assert_eq!(plan.suspects, suspects, "{held:?} {people:?}");
        }
    }
}
