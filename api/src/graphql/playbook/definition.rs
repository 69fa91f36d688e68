//! The parts of a playbook as they are shown.

use async_graphql::{Context, ID, Object, Result, SimpleObject, Union};
use domain::{
    action::ActionOutput,
    condition::{
        ConditionOutput,
        reference::{IdKind, IdWriter as _, TypedIds},
    },
    playbook::definition::{Again, Arm, Ending, Source, Step, StepKind, Wait, WaitFor},
};
use entity::{
    id::PlaybookId,
    kind::{HealthBand, SubjectKind, Weekday},
};

use super::PlaybookTally;
use crate::boxed;
use crate::graphql::{context::loader, loader::TalliesOf};

/// One step of a playbook.
#[derive(Debug, Clone)]
pub(crate) struct PlaybookStep {
    /// The version it belongs to.
    pub(crate) version: (PlaybookId, i64),
    pub(crate) step: Step,
}

/// One step of a playbook.
#[Object]
impl PlaybookStep {
    /// What other steps call it; not a global id.
    fn step_id(&self) -> &str {
        &self.step.id
    }

    /// What people call it; may be empty.
    fn name(&self) -> &str {
        &self.step.name
    }

    /// What happens at it.
    fn kind(&self) -> PlaybookStepKind {
        PlaybookStepKind::of(&self.step.kind)
    }

    /// The id of the step that comes next; nothing for the following one of the list.
    fn next(&self) -> Option<&str> {
        self.step.next.as_deref()
    }

    /// How many are here and how the others left.
    #[boxed]
    async fn tally(&self, context: &Context<'_>) -> Result<PlaybookTally> {
        let (id, version) = self.version;
        let found = loader(context)?.load_one(TalliesOf(id, version)).await?;
        let mut steps = found.unwrap_or_default().steps;
        Ok(steps.remove(&self.step.id).unwrap_or_default().into())
    }
}

/// What happens at a step.
#[derive(Union, Debug, Clone)]
pub(crate) enum PlaybookStepKind {
    /// Something is done.
    Actions(PlaybookActionsStep),
    /// Time passes.
    Wait(PlaybookWaitStep),
    /// Something must come to hold.
    WaitFor(PlaybookWaitForStep),
    /// The way parts.
    Branch(PlaybookBranchStep),
    /// The playbook ends.
    End(PlaybookEndStep),
}

/// Something is done, and the enrolment goes on at once.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookActionsStep {
    /// What is done, in this order.
    actions: Vec<ActionOutput>,
}

/// Time passes: as many seconds as said, or until the clocks of the workspace next show a time.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookWaitStep {
    /// For how many seconds.
    seconds: Option<i64>,
    /// Until this time of day, such as `09:00`.
    until_time: Option<String>,
    /// On one of these days; on any if empty.
    weekdays: Vec<Weekday>,
}

/// Something must come to hold.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookWaitForStep {
    /// What must hold.
    condition: ConditionOutput,
    /// For how many seconds it is waited for.
    timeout_seconds: i64,
    /// The id of the step that comes next when it did not come to hold in time; nothing for the same as
    /// otherwise.
    on_timeout: Option<String>,
}

/// The way parts: the first branch whose condition holds is taken; without one, the step's `next`.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookBranchStep {
    /// The branches, in the order they are tried.
    arms: Vec<PlaybookArm>,
}

/// One branch.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookArm {
    /// What people call it; may be empty.
    name: String,
    /// What must hold.
    condition: ConditionOutput,
    /// The id of the step it leads to.
    next: String,
}

/// The playbook ends here.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookEndStep {
    /// Always true.
    ends: bool,
}

impl PlaybookStepKind {
    fn of(kind: &StepKind) -> Self {
        match kind {
            StepKind::Actions(actions) => Self::Actions(PlaybookActionsStep {
                actions: actions.iter().map(|one| one.to_output(&TypedIds)).collect(),
            }),
            StepKind::Wait(wait) => Self::Wait(wait.into()),
            StepKind::WaitFor(wait) => Self::WaitFor(wait.into()),
            StepKind::Branch(arms) => Self::Branch(PlaybookBranchStep {
                arms: arms.iter().map(Into::into).collect(),
            }),
            StepKind::End => Self::End(PlaybookEndStep { ends: true }),
        }
    }
}

impl From<&Wait> for PlaybookWaitStep {
    fn from(wait: &Wait) -> Self {
        match wait {
            Wait::For { seconds } => Self {
                seconds: Some(*seconds),
                until_time: None,
                weekdays: Vec::new(),
            },
            Wait::Until { minute, weekdays } => Self {
                seconds: None,
                until_time: Some(format!("{:02}:{:02}", minute / 60, minute % 60)),
                weekdays: weekdays.clone(),
            },
        }
    }
}

impl From<&WaitFor> for PlaybookWaitForStep {
    fn from(wait: &WaitFor) -> Self {
        Self {
            condition: wait.condition.to_output(&TypedIds),
            timeout_seconds: wait.timeout_seconds,
            on_timeout: wait.on_timeout.clone(),
        }
    }
}

impl From<&Arm> for PlaybookArm {
    fn from(arm: &Arm) -> Self {
        Self {
            name: arm.name.clone(),
            condition: arm.condition.to_output(&TypedIds),
            next: arm.next.clone(),
        }
    }
}

/// Something that ends an enrolment before its last step.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookEnding {
    /// What people call it.
    name: String,
    /// What must hold.
    condition: ConditionOutput,
}

impl From<&Ending> for PlaybookEnding {
    fn from(ending: &Ending) -> Self {
        Self {
            name: ending.name.clone(),
            condition: ending.condition.to_output(&TypedIds),
        }
    }
}

/// Something that enrols contacts by itself.
#[derive(Union, Debug, Clone)]
pub(crate) enum PlaybookSource {
    /// The contact comes into a segment.
    SegmentEntered(PlaybookSegmentEnteredSource),
    /// The contact's health comes into a band.
    HealthBand(PlaybookHealthBandSource),
    /// A tag is put on the contact.
    TagAdded(PlaybookTagAddedSource),
}

/// Enrols who comes into one of these segments.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookSegmentEnteredSource {
    /// The ids of the segments.
    segment_ids: Vec<ID>,
}

/// Enrols whose health comes into one of these bands from another.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookHealthBandSource {
    /// The bands.
    bands: Vec<HealthBand>,
}

/// Enrols whom one of these tags is put on.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PlaybookTagAddedSource {
    /// The ids of the tags.
    tag_ids: Vec<ID>,
    /// Whether a tag below one of them counts as it.
    with_descendants: bool,
}

impl From<&Source> for PlaybookSource {
    fn from(source: &Source) -> Self {
        let ids = |kind, ids: &[uuid::Uuid]| {
            let ids = ids.iter();
            ids.map(|&id| ID::from(TypedIds.write(kind, id))).collect()
        };
        match source {
            Source::SegmentEntered { segment_ids } => {
                Self::SegmentEntered(PlaybookSegmentEnteredSource {
                    segment_ids: ids(IdKind::Segment(SubjectKind::Contact), segment_ids),
                })
            }
            Source::HealthBand { bands } => Self::HealthBand(PlaybookHealthBandSource {
                bands: bands.clone(),
            }),
            Source::TagAdded {
                tag_ids,
                with_descendants,
            } => Self::TagAdded(PlaybookTagAddedSource {
                tag_ids: ids(IdKind::ContactTag, tag_ids),
                with_descendants: *with_descendants,
            }),
        }
    }
}

/// Whether a contact whose enrolment has ended may be enrolled again; never twice at a time.
#[derive(SimpleObject, Debug, Clone, Copy)]
pub(crate) struct PlaybookAgain {
    /// Whether at all.
    allowed: bool,
    /// How many days after the last enrolment ended.
    after_days: u32,
}

impl From<Again> for PlaybookAgain {
    fn from(again: Again) -> Self {
        match again {
            Again::Never => Self {
                allowed: false,
                after_days: 0,
            },
            Again::AfterEnd => Self {
                allowed: true,
                after_days: 0,
            },
            Again::AfterDays(days) => Self {
                allowed: true,
                after_days: days,
            },
        }
    }
}
