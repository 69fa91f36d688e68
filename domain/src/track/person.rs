//! Who is who among the people of a request: decided in memory, from who has which identity. Pure.
//!
//! - A visitor nobody knows becomes whom they say they are.
//! - Two people who are known stay two: that they seem to be one is noted, and a member decides.
//! - Two users are two people, though they have an address in common, as families and offices have.
//! - A cookie alone never gives somebody known another person's id: two people may share a device.

use std::collections::{HashMap, HashSet};

use entity::{id::ContactId, kind::IdentityKind};

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

    /// The id of a user.
    fn user(&self) -> Option<&Key> {
        let mut sure = self.sure.iter();
        sure.find(|(kind, _)| *kind == IdentityKind::ExternalId)
    }
}

/// Who is who, and what follows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    holders: HashMap<Key, Slot>,
    known: HashSet<Slot>,
    users: HashSet<Slot>,
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
            if holder.user {
                plan.users.insert(slot);
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
        // Whoever is another user already does not become this one as well.
        let is_new_user = person
            .user()
            .is_some_and(|key| !self.holders.contains_key(key));
        let mut fitting = sure.iter();
        let first = fitting.find(|slot| !(is_new_user && self.users.contains(*slot)));
        let target = match (first, visitor) {
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
        if person.user().and_then(|key| self.holders.get(key)) == Some(&target) {
            self.users.insert(target);
        }
        target
    }

    /// The identities by which the person at this place, who is `person`, is one with their visitor: those
    /// that somebody else has say nothing.
    pub(super) fn uniting(&self, place: usize, person: &Person) -> Vec<Key> {
        let target = self.slots.get(place);
        let theirs = person.sure.iter();
        let theirs = theirs.filter(|key| self.holders.get(*key) == target);
        theirs.chain(person.visitor.as_ref()).cloned().collect()
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
            let user = owner.user().is_some();
            let contact = Uuid::from_u128(place as u128 + 1).into();
            for key in owner.keys() {
                let holder = Holder {
                    contact,
                    known,
                    user,
                };
                holders.insert(key.clone(), holder);
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
    fn two_users_are_two_people_who_seem_to_be_one() {
        use Slot::Made;
        for (held, people, slots, suspects) in [
            // One address, whoever comes first, and whether both were seen before or not.
            (
                &["u1 e1"][..],
                &["u2 e1"][..],
                vec![Made(0)],
                vec![(Made(0), there(1))],
            ),
            (
                &[],
                &["u1 e1", "u2 e1"],
                vec![Made(0), Made(1)],
                vec![(Made(1), Made(0))],
            ),
            (
                &["u1 e1", "u2"],
                &["u2 e1"],
                vec![there(2)],
                vec![(there(2), there(1))],
            ),
            (
                &["e1"],
                &["u1 e1", "u2 e1"],
                vec![there(1), Made(0)],
                vec![(Made(0), there(1))],
            ),
            // A visitor nobody knows becomes the second user.
            (
                &["u1 e1", "a1"],
                &["u2 e1 a1"],
                vec![there(2)],
                vec![(there(2), there(1))],
            ),
            // Another of the addresses is nobody's yet.
            (
                &["u1 e1", "e2"],
                &["u2 e1 e2"],
                vec![there(2)],
                vec![(there(2), there(1))],
            ),
            // Without an id of a user an address is who has it.
            (&["u1 e1"], &["e1"], vec![there(1)], vec![]),
        ] {
            let plan = plan(held, people);
            assert_eq!(plan.slots, slots, "{held:?} {people:?}");
            assert_eq!(plan.suspects, suspects, "{held:?} {people:?}");
            assert!(plan.merging.is_empty(), "{held:?} {people:?}");
        }
    }

    #[test]
    fn a_visitor_is_merged_by_what_is_the_persons_own() {
        let people = [person("u2 e1 e2 a1")];
        let plan = plan(&["u1 e1", "e2", "a1"], &["u2 e1 e2 a1"]);
        assert_eq!(plan.merging, [0]);
        let keys: Vec<Key> = ["u2", "e2", "a1"].map(key).into();
        assert_eq!(plan.uniting(0, &people[0]), keys);
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
