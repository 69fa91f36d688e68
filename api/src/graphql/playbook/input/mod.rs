//! Playbooks as they are given. `back` writes a stored one as the input it would be read from.

mod back;

use async_graphql::{ID, InputObject, OneofObject};
use domain::{
    action::ActionInput,
    condition::{
        Condition, ConditionInput, Natural,
        reference::{IdKind, IdReader as _, TypedIds},
    },
    error::{UserError, UserErrorCode},
    playbook::definition::{
        Again, Arm, Definition, Ending, Limits, Source, Step, StepKind, Wait, WaitFor,
    },
};
use entity::kind::{HealthBand, SubjectKind, Weekday};
use uuid::Uuid;

/// Everything a playbook is.
#[derive(InputObject)]
pub(crate) struct PlaybookDefinitionInput {
    /// The steps, 1 to 100; an enrolment begins with the first and follows the list unless a step says
    /// otherwise. A circle must have a wait of a minute or more in it.
    steps: Vec<PlaybookStepInput>,
    /// What ends an enrolment as a success, at most 10. Judged whenever something happens to the
    /// contact and before each step after a wait.
    #[graphql(default)]
    goals: Vec<PlaybookEndingInput>,
    /// What ends an enrolment otherwise, at most 10; goals come first. One that holds for everybody whom
    /// one of the sources enrols is refused.
    #[graphql(default)]
    exits: Vec<PlaybookEndingInput>,
    /// What enrols contacts by itself, at most 20. Members, rules and other playbooks always may.
    #[graphql(default)]
    sources: Vec<PlaybookSourceInput>,
    /// Whether a contact whose enrolment has ended may be enrolled again; once only when left out.
    again: Option<PlaybookAgainInput>,
    /// When its notices, and the mails of the surveys it sends, wait; never when left out.
    limits: Option<Limits>,
}

/// One step.
#[derive(InputObject)]
pub(crate) struct PlaybookStepInput {
    /// What other steps call it: 1 to 40 lower-case letters, digits, hyphens and underscores.
    step_id: String,
    /// What people call it, at most 100 characters.
    #[graphql(default)]
    name: String,
    /// What happens at it.
    kind: PlaybookStepKindInput,
    /// The id of the step that comes next; the following one of the list when left out. After the last,
    /// the playbook ends.
    next: Option<String>,
}

/// What happens at a step. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum PlaybookStepKindInput {
    /// Something is done, 1 to 20 actions, and the enrolment goes on at once.
    Actions(Vec<ActionInput>),
    /// Time passes.
    Wait(PlaybookWaitInput),
    /// Something must come to hold.
    WaitFor(PlaybookWaitForInput),
    /// The way parts.
    Branch(PlaybookBranchInput),
    /// The playbook ends here; give `true`.
    End(bool),
}

/// How long to wait. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum PlaybookWaitInput {
    /// This long.
    For(PlaybookDurationInput),
    /// Until the clocks of the workspace next show a time.
    Until(PlaybookTimeInput),
}

/// A duration: the sum of its parts, from one second to two years.
#[derive(InputObject)]
pub(crate) struct PlaybookDurationInput {
    /// Days of 24 hours.
    #[graphql(default)]
    days: i32,
    /// Hours.
    #[graphql(default)]
    hours: i32,
    /// Minutes.
    #[graphql(default)]
    minutes: i32,
    /// Seconds.
    #[graphql(default)]
    seconds: i32,
}

/// A time of day in the workspace's time zone.
#[derive(InputObject)]
pub(crate) struct PlaybookTimeInput {
    /// Hours and minutes, such as `09:00`.
    time: String,
    /// On one of these days; on any when left out or empty.
    #[graphql(default)]
    weekdays: Vec<Weekday>,
}

/// Something that must come to hold.
#[derive(InputObject)]
pub(crate) struct PlaybookWaitForInput {
    /// What must hold; judged of the contact.
    condition: ConditionInput,
    /// For how long it is waited for.
    timeout: PlaybookDurationInput,
    /// The id of the step that comes next when it did not come to hold in time; the same as otherwise
    /// when left out.
    on_timeout: Option<String>,
}

/// Ways to part.
#[derive(InputObject)]
pub(crate) struct PlaybookBranchInput {
    /// The branches, 1 to 20: the first whose condition holds is taken; without one, the step's `next`.
    arms: Vec<PlaybookArmInput>,
}

/// One branch.
#[derive(InputObject)]
pub(crate) struct PlaybookArmInput {
    /// What people call it, at most 100 characters.
    #[graphql(default)]
    name: String,
    /// What must hold; judged of the contact.
    condition: ConditionInput,
    /// The id of the step it leads to.
    next: String,
}

/// Something that ends an enrolment before its last step.
#[derive(InputObject)]
pub(crate) struct PlaybookEndingInput {
    /// What people call it, 1 to 100 characters.
    name: String,
    /// What must hold; judged of the contact.
    condition: ConditionInput,
}

/// Something that enrols contacts by itself. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum PlaybookSourceInput {
    /// The contact comes into a segment.
    SegmentEntered(PlaybookSegmentEnteredSourceInput),
    /// The contact's health comes into a band from another.
    HealthBand(PlaybookHealthBandSourceInput),
    /// A tag is put on the contact.
    TagAdded(PlaybookTagAddedSourceInput),
}

/// Segments of contacts.
#[derive(InputObject)]
pub(crate) struct PlaybookSegmentEnteredSourceInput {
    /// Any of these, at most 100.
    segment_ids: Vec<ID>,
}

/// Bands of health.
#[derive(InputObject)]
pub(crate) struct PlaybookHealthBandSourceInput {
    /// Any of these.
    bands: Vec<HealthBand>,
}

/// Tags of kind `CONTACT`.
#[derive(InputObject)]
pub(crate) struct PlaybookTagAddedSourceInput {
    /// Any of these, at most 100.
    tag_ids: Vec<ID>,
    /// Whether a tag below one of them counts as it.
    #[graphql(default = true)]
    with_descendants: bool,
}

/// Whether a contact whose enrolment has ended may be enrolled again; never twice at a time. Set exactly
/// one field.
#[derive(OneofObject)]
pub(crate) enum PlaybookAgainInput {
    /// Not at all; give `true`.
    Never(bool),
    /// As soon as the last enrolment has ended; give `true`.
    AfterEnd(bool),
    /// This many days after the last enrolment ended.
    AfterDays(Natural),
}

/// Where something stands in the input, from the outside in.
#[derive(Clone)]
struct At(Vec<String>);

impl At {
    fn at(&self, step: &str) -> Self {
        let mut longer = self.clone();
        longer.0.push(step.to_owned());
        longer
    }

    fn nth(&self, index: usize) -> Self {
        self.at(&index.to_string())
    }

    fn refuse(&self, code: UserErrorCode, message: &str) -> UserError {
        UserError {
            path: self.0.clone(),
            code,
            message: message.to_owned(),
        }
    }
}

impl PlaybookDefinitionInput {
    /// Reads it, or says what cannot be read. Everything else that may be wrong is found when it is
    /// saved. Paths begin with `definition`.
    pub(crate) fn read(self) -> Result<Definition, Vec<UserError>> {
        let mut errors = Vec::new();
        let at = At(vec!["definition".to_owned()]);
        let steps = at.at("steps");
        let sources = at.at("sources");
        let definition = Definition {
            steps: numbered(self.steps)
                .map(|(index, step)| step.read(&steps.nth(index), &mut errors))
                .collect(),
            goals: endings(self.goals, &at.at("goals"), &mut errors),
            exits: endings(self.exits, &at.at("exits"), &mut errors),
            sources: numbered(self.sources)
                .map(|(index, source)| source.read(&sources.nth(index), &mut errors))
                .collect(),
            again: match self.again {
                None | Some(PlaybookAgainInput::Never(_)) => Again::Never,
                Some(PlaybookAgainInput::AfterEnd(_)) => Again::AfterEnd,
                Some(PlaybookAgainInput::AfterDays(days)) => Again::AfterDays(days.get()),
            },
            limits: self.limits.unwrap_or_default(),
        };
        if errors.is_empty() {
            Ok(definition)
        } else {
            Err(errors)
        }
    }
}

fn numbered<T>(items: Vec<T>) -> impl Iterator<Item = (usize, T)> {
    items.into_iter().enumerate()
}

fn endings(inputs: Vec<PlaybookEndingInput>, at: &At, errors: &mut Vec<UserError>) -> Vec<Ending> {
    numbered(inputs)
        .map(|(index, input)| Ending {
            name: input.name,
            condition: condition(input.condition, &at.nth(index), errors),
        })
        .collect()
}

/// Reads a condition that stands at `at` in its field `condition`.
fn condition(input: ConditionInput, at: &At, errors: &mut Vec<UserError>) -> Condition {
    input.into_condition(&TypedIds).unwrap_or_else(|refusals| {
        errors.extend(refusals.into_iter().map(|mut refusal| {
            refusal.path.splice(0..0, at.0.iter().cloned());
            refusal
        }));
        Condition::All(Vec::new())
    })
}

impl PlaybookStepInput {
    fn read(self, at: &At, errors: &mut Vec<UserError>) -> Step {
        Step {
            id: self.step_id,
            name: self.name,
            kind: self.kind.read(&at.at("kind"), errors),
            next: self.next,
        }
    }
}

impl PlaybookStepKindInput {
    fn read(self, at: &At, errors: &mut Vec<UserError>) -> StepKind {
        match self {
            Self::Actions(actions) => {
                let at = at.at("actions");
                let mut read = Vec::with_capacity(actions.len());
                for (index, action) in numbered(actions) {
                    let at = at.nth(index);
                    let path: Vec<&str> = at.0.iter().map(String::as_str).collect();
                    match action.into_action_at(&TypedIds, &path) {
                        Ok(action) => read.push(action),
                        Err(refusals) => errors.extend(refusals),
                    }
                }
                StepKind::Actions(read)
            }
            Self::Wait(PlaybookWaitInput::For(duration)) => StepKind::Wait(Wait::For {
                seconds: duration.seconds(),
            }),
            Self::Wait(PlaybookWaitInput::Until(until)) => {
                let at = at.at("wait").at("until").at("time");
                StepKind::Wait(Wait::Until {
                    minute: minute(&until.time).unwrap_or_else(|| {
                        let message = "Write the time from 00:00 to 23:59, such as 09:00.";
                        errors.push(at.refuse(UserErrorCode::Invalid, message));
                        0
                    }),
                    weekdays: until.weekdays,
                })
            }
            Self::WaitFor(wait) => StepKind::WaitFor(WaitFor {
                condition: condition(wait.condition, &at.at("waitFor"), errors),
                timeout_seconds: wait.timeout.seconds(),
                on_timeout: wait.on_timeout,
            }),
            Self::Branch(branch) => {
                let at = at.at("branch").at("arms");
                let arms = numbered(branch.arms).map(|(index, arm)| Arm {
                    name: arm.name,
                    condition: condition(arm.condition, &at.nth(index), errors),
                    next: arm.next,
                });
                StepKind::Branch(arms.collect())
            }
            Self::End(_) => StepKind::End,
        }
    }
}

impl PlaybookDurationInput {
    fn seconds(&self) -> i64 {
        let (days, hours) = (i64::from(self.days), i64::from(self.hours));
        let (minutes, seconds) = (i64::from(self.minutes), i64::from(self.seconds));
        ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    }
}

/// Minutes after midnight of a time such as `09:00`.
fn minute(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':')?;
    let part = |text: &str, limit: u32| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = text.parse().ok().filter(|_| is_plain)?;
        (number < limit).then_some(number)
    };
    Some(part(hours, 24)? * 60 + part(minutes, 60)?)
}

impl PlaybookSourceInput {
    fn read(self, at: &At, errors: &mut Vec<UserError>) -> Source {
        match self {
            Self::SegmentEntered(source) => Source::SegmentEntered {
                segment_ids: ids(
                    IdKind::Segment(SubjectKind::Contact),
                    &source.segment_ids,
                    &at.at("segmentEntered").at("segmentIds"),
                    errors,
                ),
            },
            Self::HealthBand(source) => Source::HealthBand {
                bands: source.bands,
            },
            Self::TagAdded(source) => Source::TagAdded {
                tag_ids: ids(
                    IdKind::ContactTag,
                    &source.tag_ids,
                    &at.at("tagAdded").at("tagIds"),
                    errors,
                ),
                with_descendants: source.with_descendants,
            },
        }
    }
}

fn ids(kind: IdKind, texts: &[ID], at: &At, errors: &mut Vec<UserError>) -> Vec<Uuid> {
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        if let Some(id) = TypedIds.read(kind, text) {
            ids.push(id);
        } else {
            let message = "This workspace has no such thing. Choose one of its own.";
            errors.push(at.nth(index).refuse(UserErrorCode::NotFound, message));
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn times_of_day_are_hours_and_minutes() {
        assert_eq!(minute("00:00"), Some(0));
        assert_eq!(minute("23:59"), Some(1439));
        for wrong in ["24:00", "9:00", "09:60", "0900", "", "+1:00", "09:0 "] {
            assert_eq!(minute(wrong), None, "{wrong}");
        }
    }
}
