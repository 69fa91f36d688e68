//! What a playbook is: its steps and how they hang together, what ends it early, what enrols, and
//! how often one contact may be enrolled. Kept as versioned JSON.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::kind::{HealthBand, SubjectKind, Weekday};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check;
use crate::{
    action::Action,
    condition::{
        Condition, ContactTags, Health, Mode, Moment, Ref, Segments, TagMode, TagTest, Use, Whose,
        path::Path,
        reference::{self, IdKind, Reference},
    },
    error::UserError,
    rule::{self, QuietHours},
};

/// The version of the form that is written. Raised when the meaning of what is already stored would
/// change; a field that is added with a default keeps it.
pub const FORM: u32 = 1;

/// What the segments are called that a source may name.
pub(super) const SEGMENT: IdKind = IdKind::Segment(SubjectKind::Contact);

/// Everything a playbook is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// The steps; an enrolment begins with the first.
    pub steps: Vec<Step>,
    /// What ends an enrolment as a success.
    #[serde(default)]
    pub goals: Vec<Ending>,
    /// What ends an enrolment otherwise.
    #[serde(default)]
    pub exits: Vec<Ending>,
    /// What enrols contacts, besides members and actions of rules.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Whether somebody may be enrolled more than once; never twice at a time.
    #[serde(default)]
    pub again: Again,
    /// When its notices and the mails of its surveys wait.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
}

/// When the notices of a playbook, and the mails of the surveys it sends, may set off.
#[derive(
    Serialize, Deserialize, SimpleObject, InputObject, Debug, Clone, Default, PartialEq, Eq,
)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "PlaybookLimits", input_name = "PlaybookLimitsInput")]
pub struct Limits {
    /// When they wait, in the workspace's time zone. They set off when the hours end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether they wait outside the business hours of the workspace, until these begin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[graphql(default)]
    pub notify_in_business_hours: bool,
}

/// One step.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What other steps call it.
    pub id: String,
    /// What people call it; may be empty.
    #[serde(default)]
    pub name: String,
    /// What happens at it.
    pub kind: StepKind,
    /// The step that comes next; the following one of the list if nothing.
    #[serde(default)]
    pub next: Option<String>,
}

/// What happens at a step.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    /// Something is done, and the enrolment goes on at once.
    Actions(Vec<Action>),
    /// Time passes.
    Wait(Wait),
    /// Something must come to hold.
    WaitFor(WaitFor),
    /// The way parts.
    Branch(Vec<Arm>),
    /// The playbook ends here.
    End,
}

/// How long to wait.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Wait {
    /// This long.
    For {
        /// In seconds.
        seconds: i64,
    },
    /// Until the clocks of the workspace next show this time.
    Until {
        /// Minutes after midnight.
        minute: u32,
        /// On one of these days; on any if empty.
        #[serde(default)]
        weekdays: Vec<Weekday>,
    },
}

/// Waiting for something to come to hold.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitFor {
    /// What must hold.
    pub condition: Condition,
    /// For how long to wait, in seconds.
    pub timeout_seconds: i64,
    /// The step that comes next when it did not come to hold in time; the same as otherwise if nothing.
    #[serde(default)]
    pub on_timeout: Option<String>,
}

/// One way out of a branch: taken if its condition holds and none before it does. The step's `next`
/// is where everybody else goes.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Arm {
    /// What people call it; may be empty.
    #[serde(default)]
    pub name: String,
    /// What must hold.
    pub condition: Condition,
    /// Where it leads.
    pub next: String,
}

/// Something that ends an enrolment before its last step.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// What people call it.
    pub name: String,
    /// What must hold.
    pub condition: Condition,
}

/// Something that enrols contacts by itself.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// The contact comes into one of these segments.
    SegmentEntered {
        /// The segments, of contacts.
        segment_ids: Vec<Uuid>,
    },
    /// The contact's health comes into one of these bands from another.
    HealthBand {
        /// The bands.
        bands: Vec<HealthBand>,
    },
    /// One of these tags is put on the contact.
    TagAdded {
        /// The tags.
        tag_ids: Vec<Uuid>,
        /// Whether a tag below one of them counts as it.
        #[serde(default)]
        with_descendants: bool,
    },
}

/// Whether a contact whose enrolment has ended may be enrolled again.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub enum Again {
    /// Once and never again.
    #[default]
    Never,
    /// Whenever no enrolment is under way.
    AfterEnd,
    /// This many days after the last one ended.
    AfterDays(u32),
}

/// What is kept in the database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A newer program wrote it.
    #[error("read form {0} of a playbook, written by a newer program")]
    Newer(u32),
    /// It is not what this program or any before it writes.
    #[error("decode a stored playbook")]
    Malformed(#[source] serde_json::Error),
}

#[derive(Serialize)]
struct Formed<'a> {
    form: u32,
    #[serde(flatten)]
    definition: &'a Definition,
}

#[derive(Deserialize)]
struct Form {
    form: u32,
}

impl Limits {
    /// Whether it limits nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// When notices of what happens at `moment` set off, if they have to wait.
    pub(crate) fn notices_from(&self, moment: &Moment) -> Option<DateTime<Utc>> {
        let limits = rule::Limits {
            quiet_hours: self.quiet_hours,
            notify_in_business_hours: self.notify_in_business_hours,
            ..rule::Limits::default()
        };
        limits.notices_from(moment)
    }
}

impl StepKind {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Actions(_) => "actions",
            Self::Wait(_) => "wait",
            Self::WaitFor(_) => "waitFor",
            Self::Branch(_) => "branch",
            Self::End => "end",
        }
    }
}

impl Source {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SegmentEntered { .. } => "segmentEntered",
            Self::HealthBand { .. } => "healthBand",
            Self::TagAdded { .. } => "tagAdded",
        }
    }

    /// What is so of a contact in the moment it enrols them.
    pub(super) fn implies(&self) -> Vec<Condition> {
        match self {
            Self::SegmentEntered { segment_ids } => vec![Condition::Segments(Segments {
                of: Whose::Contact,
                mode: Mode::Any,
                segment_ids: segment_ids.iter().map(|&id| Ref::from_uuid(id)).collect(),
                since: None,
            })],
            Self::HealthBand { bands } => vec![Condition::Health(Box::new(Health {
                bands: Some(bands.clone()),
                ..Health::default()
            }))],
            Self::TagAdded {
                tag_ids,
                with_descendants,
            } => {
                let tagged = |with_descendants| {
                    Condition::ContactTags(ContactTags(TagTest {
                        mode: TagMode::Any,
                        tag_ids: tag_ids.clone(),
                        with_descendants,
                    }))
                };
                // Who has the tag itself has it also where those below count.
                let mut implied = vec![tagged(true)];
                if !with_descendants {
                    implied.push(tagged(false));
                }
                implied
            }
        }
    }
}

impl Definition {
    /// The JSON to keep: `{"form": 1, "steps": […], …}`.
    pub fn to_stored(&self) -> Result<serde_json::Value, StoredError> {
        let formed = Formed {
            form: FORM,
            definition: self,
        };
        serde_json::to_value(formed).map_err(StoredError::Malformed)
    }

    /// Reads what was kept, by this program or an older one.
    pub fn from_stored(stored: serde_json::Value) -> Result<Self, StoredError> {
        let Form { form } = Form::deserialize(&stored).map_err(StoredError::Malformed)?;
        if form > FORM {
            return Err(StoredError::Newer(form));
        }
        serde_json::from_value(stored).map_err(StoredError::Malformed)
    }

    /// Everything wrong with it by itself; empty if it can be saved. Whether the ids it names exist is
    /// asked of the database by the caller, with [`Self::references`].
    pub fn check(&self) -> Vec<UserError> {
        check::check(self)
    }

    /// The place of a step in the list.
    pub fn place(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|one| one.id == step)
    }

    /// Every condition in it, with the path of whatever holds it and what that is.
    pub(crate) fn conditions(&self) -> Vec<(Path, Use, &Condition)> {
        let mut found = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let at = step_path(index, step);
            match &step.kind {
                StepKind::WaitFor(wait) => found.push((at, Use::Wait, &wait.condition)),
                StepKind::Branch(arms) => {
                    let arms = arms.iter().enumerate();
                    let at = at.at("arms");
                    found.extend(
                        arms.map(|(index, arm)| (at.nth(index), Use::Branch, &arm.condition)),
                    );
                }
                StepKind::Actions(_) | StepKind::Wait(_) | StepKind::End => {}
            }
        }
        for (list, of, endings) in [
            ("goals", Use::Goal, &self.goals),
            ("exits", Use::Exit, &self.exits),
        ] {
            let at = Path::root(list);
            let endings = endings.iter().enumerate();
            found.extend(endings.map(|(index, ending)| (at.nth(index), of, &ending.condition)));
        }
        found
    }

    /// Every action in it, with its path.
    pub(crate) fn actions(&self) -> Vec<(Path, &Action)> {
        let mut found = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let StepKind::Actions(actions) = &step.kind {
                let at = step_path(index, step);
                let actions = actions.iter().enumerate();
                found.extend(actions.map(|(index, action)| (at.nth(index), action)));
            }
        }
        found
    }

    /// Every id it names, with the place where it does.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for (at, _, condition) in self.conditions() {
            condition.references(&at.at("condition"), &mut found);
        }
        for (at, action) in self.actions() {
            action.references(&at, &mut found);
        }
        for (index, source) in self.sources.iter().enumerate() {
            let at = Path::root("sources").nth(index).at(source.name());
            match source {
                Source::SegmentEntered { segment_ids } => {
                    reference::list(&at.at("segmentIds"), SEGMENT, segment_ids, &mut found);
                }
                Source::TagAdded { tag_ids, .. } => {
                    reference::list(&at.at("tagIds"), IdKind::ContactTag, tag_ids, &mut found);
                }
                Source::HealthBand { .. } => {}
            }
        }
        found
    }

    /// Names `to` wherever it named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        for step in &mut self.steps {
            match &mut step.kind {
                StepKind::Actions(actions) => {
                    for action in actions {
                        action.replace(kind, from, to);
                    }
                }
                StepKind::WaitFor(wait) => wait.condition.replace(kind, from, to),
                StepKind::Branch(arms) => {
                    for arm in arms {
                        arm.condition.replace(kind, from, to);
                    }
                }
                StepKind::Wait(_) | StepKind::End => {}
            }
        }
        for ending in self.goals.iter_mut().chain(&mut self.exits) {
            ending.condition.replace(kind, from, to);
        }
        for source in &mut self.sources {
            match source {
                Source::SegmentEntered { segment_ids } if kind == SEGMENT => {
                    reference::replace(segment_ids, from, to);
                }
                Source::TagAdded { tag_ids, .. } if kind == IdKind::ContactTag => {
                    reference::replace(tag_ids, from, to);
                }
                _ => {}
            }
        }
    }

    /// Whether something may end an enrolment before its last step.
    pub fn has_endings(&self) -> bool {
        !(self.goals.is_empty() && self.exits.is_empty())
    }
}

/// Where a step's kind stands in the input.
pub(super) fn step_path(index: usize, step: &Step) -> Path {
    let at = Path::root("steps").nth(index).at("kind");
    at.at(step.kind.name())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_playbooks_of_every_part_keep_decoding() {
        let (id, condition) = (Uuid::from_u128(1), json!({ "fromAutomatic": false }));
        let steps = [
            (
                "a",
                json!({ "actions": [{ "tagContact": { "tagIds": [id] } }] }),
            ),
            ("b", json!({ "wait": { "for": { "seconds": 86_400 } } })),
            (
                "c",
                json!({ "wait": { "until": { "minute": 540, "weekdays": ["MONDAY"] } } }),
            ),
            (
                "d",
                json!({ "waitFor": {
                "condition": condition, "timeoutSeconds": 3_600, "onTimeout": "f",
            } }),
            ),
            (
                "e",
                json!({ "branch": [{ "name": "Yes", "condition": condition, "next": "f" }] }),
            ),
            ("f", json!("end")),
        ];
        let steps =
            steps.map(|(id, kind)| json!({ "id": id, "name": "", "kind": kind, "next": null }));
        let stored = json!({
            "form": 1, "steps": steps,
            "goals": [{ "name": "Bought", "condition": condition }],
            "exits": [{ "name": "Left", "condition": condition }],
            "sources": [
                { "segmentEntered": { "segmentIds": [id] } },
                { "healthBand": { "bands": ["AT_RISK"] } },
                { "tagAdded": { "tagIds": [id], "withDescendants": true } },
            ],
            "again": { "afterDays": 30 },
            "limits": {
                "quietHours": { "fromHour": 22, "fromMinute": 30, "toHour": 7, "toMinute": 0 },
                "notifyInBusinessHours": true,
            },
        });
        let definition = Definition::from_stored(stored.clone()).unwrap();
        assert_eq!(definition.to_stored().unwrap(), stored);

        // What was added later may be left out.
        let before = json!({ "form": 1, "steps": [{ "id": "a", "kind": "end" }] });
        let definition = Definition::from_stored(before).unwrap();
        assert_eq!(definition.again, Again::Never);
        assert!(definition.limits.is_none());
    }
}
