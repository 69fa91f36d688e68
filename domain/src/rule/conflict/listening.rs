//! The tags that lead to a rule: those its trigger waits for, and those its condition asks for.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    condition::Condition,
    rule::{
        cache::Stored,
        lead::Act,
        trigger::{Key, Trigger},
    },
};

/// The tags that lead to a rule.
pub(super) struct Listening {
    pub(super) triggers: HashSet<Act>,
    /// Whether its trigger waits for the tags below as well.
    pub(super) with_descendants: bool,
    pub(super) conditions: HashSet<Uuid>,
    /// Those of the conditions that ask for the tags below as well.
    pub(super) conditions_above: HashSet<Uuid>,
}

impl Listening {
    pub(super) fn of(rule: &Stored) -> Self {
        let definition = &rule.definition;
        let references = definition.references().into_iter();
        let conditions = references.filter(|one| {
            one.path.first().is_some_and(|step| step == "condition") && one.kind.is_tag()
        });
        let mut conditions_above = HashSet::new();
        for node in definition.condition.nodes() {
            let test = match node {
                Condition::ContactTags(leaf) => &leaf.0,
                Condition::AccountTags(leaf) => &leaf.0,
                Condition::ConversationTags(leaf) => &leaf.0,
                _ => continue,
            };
            if test.with_descendants {
                conditions_above.extend(&test.tag_ids);
            }
        }
        Self {
            triggers: awaited(rule).collect(),
            with_descendants: !direct_only(&definition.trigger),
            conditions: conditions.map(|one| one.id).collect(),
            conditions_above,
        }
    }
}

/// What has to be done to tags for the trigger of a rule.
pub(super) fn awaited(rule: &Stored) -> impl Iterator<Item = Act> {
    let keys = rule.definition.trigger.kind().keys().into_iter();
    keys.filter_map(|key| match key {
        Key::Tag { added, target, tag } => Some((target, tag, added)),
        _ => None,
    })
}

/// Whether a trigger waits for tags themselves, not for those below.
fn direct_only(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::ContactTagAdded(trigger) => trigger.direct_only,
        Trigger::ContactTagRemoved(trigger) => trigger.direct_only,
        Trigger::AccountTagAdded(trigger) => trigger.direct_only,
        Trigger::AccountTagRemoved(trigger) => trigger.direct_only,
        Trigger::ConversationTagAdded(trigger) => trigger.direct_only,
        Trigger::ConversationTagRemoved(trigger) => trigger.direct_only,
        _ => false,
    }
}
