//! What wakes an enrolment: the kinds of facts, one bit each, that can make a condition hold for which it
//! is looked at. Whatever else happens to the contact leaves it where it waits. Which bit is whose says
//! `condition::bearing`: they are stored with the enrolments that wait.

use crate::{
    condition::{
        Condition,
        bearing::{Bearing, bearing},
    },
    playbook::definition::{Definition, StepKind},
    work::change::{Fact, FactKind},
};

/// Everything.
pub(super) const ALL: i64 = i64::MAX;

/// The first of the bits that stand for events by their names, several names for each.
const EVENTS: u32 = 40;
/// Bits in all: the column they are stored in has a sign.
const BITS: u32 = 63;

/// What has happened by a fact.
pub(super) fn of_fact(fact: &Fact) -> i64 {
    match fact {
        Fact::EventRecorded { name, .. } => of_event(name.as_deref()),
        // What has no bit wakes everybody.
        fact => bit(fact.kind()).unwrap_or(ALL),
    }
}

/// What may end an enrolment at the step of this place early, or the wait it is in there; nothing, where
/// only time moves it.
pub(super) fn at_step(definition: &Definition, place: usize) -> i64 {
    let endings = definition.goals.iter().chain(&definition.exits);
    let mut heard = 0;
    for ending in endings {
        heard |= of_condition(&ending.condition);
    }
    if let Some(StepKind::WaitFor(wait)) = definition.steps.get(place).map(|step| &step.kind) {
        heard |= of_condition(&wait.condition);
    }
    heard
}

/// What may make a condition hold.
fn of_condition(condition: &Condition) -> i64 {
    let mut heard = 0;
    for kind in condition.depends() {
        if kind == "event.recorded" {
            heard |= match condition.event_names() {
                Some(names) => names
                    .iter()
                    .fold(0, |heard, name| heard | of_event(Some(name))),
                None => of_event(None),
            };
        } else {
            // Nobody is told of what happened when somebody was made, or to an account.
            heard |= of_kind(kind).unwrap_or(0);
        }
    }
    if condition.asks_account() {
        // Whoever goes to another company is asked about that one.
        for kind in ["contact.changed", "contact.moved"] {
            heard |= of_kind(kind).unwrap_or(0);
        }
    }
    heard
}

fn of_kind(kind: &str) -> Option<i64> {
    bit(FactKind::named(kind)?)
}

fn bit(kind: FactKind) -> Option<i64> {
    match bearing(kind) {
        Bearing::Answer(place) => Some(1 << place),
        _ => None,
    }
}

/// An event of this name; of any, where none is given.
fn of_event(name: Option<&str>) -> i64 {
    match name {
        // FNV-1a: the same in every process and release.
        Some(name) => {
            let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            1 << (EVENTS + (hash % u64::from(BITS - EVENTS)) as u32)
        }
        None => (ALL >> EVENTS) << EVENTS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn heard(stored: serde_json::Value) -> i64 {
        of_condition(&serde_json::from_value(stored).unwrap())
    }

    fn event(name: Option<&str>) -> Fact {
        Fact::EventRecorded {
            event_id: uuid::Uuid::nil().into(),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn a_condition_hears_what_it_asks_for_and_nothing_else() {
        let bought = heard(serde_json::json!({"events": {"names": ["bought"]}}));
        assert_ne!(bought & of_fact(&event(Some("bought"))), 0);
        assert_eq!(bought & of_fact(&event(Some("seen"))), 0);
        // An entry of the first release has no name.
        assert_ne!(bought & of_fact(&event(None)), 0);
        assert_eq!(bought & of_kind("tagging.added").unwrap(), 0);
        let any = heard(serde_json::json!({"events": {}}));
        assert_ne!(any & of_fact(&event(Some("seen"))), 0);
        let tagged = heard(serde_json::json!({"contactTags": {
            "mode": "ANY", "tagIds": ["0190a8f0-5c1e-7000-8000-000000000001"]}}));
        assert_ne!(tagged & of_kind("tagging.added").unwrap(), 0);
        assert_ne!(tagged & of_kind("tag.merged").unwrap(), 0);
        assert_eq!(tagged & of_fact(&event(None)), 0);
        assert_eq!(heard(serde_json::json!({"businessHours": {}})), 0);
        let active = heard(serde_json::json!({"contact": {"lastActivity": {"withinDays": 1}}}));
        let written = heard(serde_json::json!({"contact": {"lastMessage": {"withinDays": 1}}}));
        for kind in [
            "contact.seen",
            "order.recorded",
            "survey.answered",
            "ticket.recorded",
        ] {
            assert_ne!(active & of_kind(kind).unwrap(), 0, "{kind}");
            assert_eq!(written & of_kind(kind).unwrap(), 0, "{kind}");
        }
        assert_ne!(active & of_fact(&event(Some("seen"))), 0);
        assert_eq!(written & of_fact(&event(Some("seen"))), 0);
        assert_ne!(written & of_kind("message.received").unwrap(), 0);
    }

    #[test]
    fn whatever_the_projection_reads_has_its_bit_or_wakes_everybody() {
        use crate::{playbook::projection::Playbooks, work::projection::Projection as _};

        let read = Playbooks.facts().iter().copied();
        let without: Vec<_> = read.filter(|kind| of_kind(kind).is_none()).collect();
        // Events have bits by their names; whoever is merged is looked at whatever they wait for.
        let known = ["contact.merged", "contact.unmerged", "event.recorded"];
        assert_eq!(without, known);
    }

    #[test]
    fn the_stored_bits_stay_what_they_were() {
        let stored = [
            "attribute.changed",
            "attribute.set",
            "contact.changed",
            "contact.moved",
            "conversation.assigned",
            "conversation.priority_changed",
            "conversation.status_changed",
            "email_event.recorded",
            "email_metrics.changed",
            "health.changed",
            "identity.attached",
            "identity.detached",
            "invoice.recorded",
            "message.received",
            "message.sent",
            "opportunity.recorded",
            "order.recorded",
            "owner.changed",
            "segment.entered",
            "segment.left",
            "stage.changed",
            "subscription.changed",
            "survey.answered",
            "tag.changed",
            "tag.deleted",
            "tag.merged",
            "tag_group.changed",
            "tagging.added",
            "tagging.removed",
            "ticket.recorded",
            "fact.deleted",
            "contact.seen",
        ];
        for (place, kind) in stored.into_iter().enumerate() {
            assert_eq!(of_kind(kind), Some(1 << place), "{kind}");
        }
        let mut places = BTreeSet::new();
        for bit in FactKind::ALL.iter().filter_map(|kind| bit(*kind)) {
            assert!(bit.trailing_zeros() < EVENTS && places.insert(bit));
        }
        let bought = of_event(Some("bought"));
        assert_eq!(bought.count_ones(), 1);
        assert!((EVENTS..BITS).contains(&bought.trailing_zeros()));
    }
}
