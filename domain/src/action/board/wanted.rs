//! The ids that effects name, gathered so that they are looked up together.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::action::Effect;

/// The ids that effects name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(super) tags: BTreeSet<Uuid>,
    pub(super) targets: BTreeSet<Uuid>,
    pub(super) members: BTreeSet<Uuid>,
    pub(super) attributes: BTreeSet<Uuid>,
    pub(super) surveys: BTreeSet<Uuid>,
    /// The segments that tags are to stay on the members of.
    pub(super) segments: BTreeSet<Uuid>,
}

impl Wanted {
    /// How many ids are named.
    pub(crate) fn len(&self) -> usize {
        self.tags.len()
            + self.targets.len()
            + self.members.len()
            + self.attributes.len()
            + self.surveys.len()
            + self.segments.len()
    }

    pub(crate) fn note(&mut self, effect: &Effect) {
        if let Some(tagging) = effect.tagging() {
            self.tags.insert(tagging.tag_id);
            self.segments.extend(tagging.while_in.map(|id| id.0));
        }
        match effect {
            Effect::Notify { target_id, .. } => drop(self.targets.insert(*target_id)),
            Effect::Assign { member_id, .. } | Effect::SetOwner { member_id, .. } => {
                self.members.extend(member_id);
            }
            Effect::Watch { member_id } => drop(self.members.insert(*member_id)),
            Effect::SetAttribute { attribute_id, .. } => {
                self.attributes.insert(*attribute_id);
            }
            Effect::SendSurvey { survey_id } => drop(self.surveys.insert(*survey_id)),
            _ => {}
        }
    }
}
