//! What can be seen from two rules alone: whether both may fire at once, and whether one leaves the
//! other nothing.

use std::collections::HashMap;

use entity::id::{RuleId, TagId};
use uuid::Uuid;

use super::{Conflict, ConflictKind, coincide::coincide};
use crate::{
    condition::{Condition, may_hold_together},
    rule::{
        cache::Stored,
        definition::{Definition, is_always},
        trigger::Trigger,
    },
};

pub(super) fn opposed(other: &Stored, tag: Uuid, puts: bool) -> Conflict {
    let (verb, back) = if puts {
        ("puts on", "takes off")
    } else {
        ("takes off", "puts on")
    };
    Conflict {
        kind: ConflictKind::OpposedTags,
        others: vec![RuleId(other.id)],
        tag: Some(TagId(tag)),
        message: format!(
            "This rule {verb} a tag that “{}” {back}, and both may fire at once. Narrow the \
             condition of one of the two.",
            other.name
        ),
    }
}

pub(super) fn opposed_values(other: &Stored) -> Conflict {
    Conflict {
        kind: ConflictKind::OpposedValues,
        others: vec![RuleId(other.id)],
        tag: None,
        message: format!(
            "This rule and “{}” set the same to different values, and both may fire at once. What the later of \
             the two sets stays. Narrow the condition of one of them.",
            other.name
        ),
    }
}

/// Whether both may fire on the same change: there can be one that both wait for, and it cannot be seen
/// that their conditions exclude each other then.
pub(super) fn may_fire_together(
    one: &Definition,
    other: &Definition,
    above: &HashMap<Uuid, Vec<Uuid>>,
) -> bool {
    if !coincide(&one.trigger, &other.trigger, above) {
        return false;
    }
    let mut implied = one.trigger.kind().implies();
    implied.extend(other.trigger.kind().implies());
    may_hold_together(implied.iter().chain([&one.condition, &other.condition]))
}

/// Whether no later rule has its turn when it holds. One that does not always fire then lets them.
pub(super) fn always_ends(rule: &Stored) -> bool {
    let limits = &rule.definition.limits;
    limits.stop_after_match && !limits.remember()
}

pub(super) fn shadowed(
    first: &Stored,
    second: &Stored,
    kind: ConflictKind,
    other: &Stored,
) -> Option<Conflict> {
    let (early, late) = (&first.definition, &second.definition);
    if !always_ends(first)
        || !covers(&early.trigger, &late.trigger)
        || !implies(&late.condition, &early.condition)
    {
        return None;
    }
    let message = if kind == ConflictKind::Shadowed {
        format!(
            "“{}” comes first and ends the evaluation whenever this rule could fire. Move this rule \
             before it, or let the other not end the evaluation.",
            other.name
        )
    } else {
        format!(
            "This rule ends the evaluation whenever “{}”, which comes later, could fire. Move it \
             behind, or let this one not end the evaluation.",
            other.name
        )
    };
    Some(Conflict {
        kind,
        others: vec![RuleId(other.id)],
        tag: None,
        message,
    })
}

/// Whether whatever makes `late` look makes `early` look.
fn covers(early: &Trigger, late: &Trigger) -> bool {
    match (early, late) {
        (Trigger::MessageReceived(early), Trigger::MessageReceived(late)) => {
            has_all(&early.inbox_ids, &late.inbox_ids)
                && has_all(&early.channels, &late.channels)
                && late.authors.iter().all(|one| early.authors.contains(one))
        }
        (Trigger::MessageSent(early), Trigger::MessageSent(late)) => {
            has_all(&early.inbox_ids, &late.inbox_ids)
                && has_all(&early.channels, &late.channels)
                && has_all(&early.authors, &late.authors)
        }
        _ => early == late,
    }
}

/// Whether a list has all of another. An empty one stands for everything.
fn has_all<T: PartialEq>(list: &[T], of: &[T]) -> bool {
    list.is_empty() || !of.is_empty() && of.iter().all(|one| list.contains(one))
}

/// Whether it can be seen that `broad` holds whenever `narrow` does.
fn implies(narrow: &Condition, broad: &Condition) -> bool {
    if is_always(broad) || narrow == broad {
        return true;
    }
    match (narrow, broad) {
        (_, Condition::All(parts)) => parts.iter().all(|part| implies(narrow, part)),
        (Condition::Any(parts), _) if !parts.is_empty() => {
            parts.iter().all(|part| implies(part, broad))
        }
        (_, Condition::Any(parts)) if parts.iter().any(|part| implies(narrow, part)) => true,
        (Condition::All(parts), _) => parts.iter().any(|part| implies(part, broad)),
        _ => false,
    }
}
