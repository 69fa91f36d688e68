//! A stored playbook as the input that is read as it: what was read can be given back.

use async_graphql::ID;
use domain::{
    condition::reference::{IdKind, IdWriter as _, TypedIds},
    playbook::definition::{Again, Arm, Definition, Ending, Source, Step, StepKind, Wait, WaitFor},
};
use entity::kind::SubjectKind;
use uuid::Uuid;

use super::{
    PlaybookAgainInput, PlaybookArmInput, PlaybookBranchInput, PlaybookDefinitionInput,
    PlaybookDurationInput, PlaybookEndingInput, PlaybookHealthBandSourceInput,
    PlaybookSegmentEnteredSourceInput, PlaybookSourceInput, PlaybookStepInput,
    PlaybookStepKindInput, PlaybookTagAddedSourceInput, PlaybookTimeInput, PlaybookWaitForInput,
    PlaybookWaitInput,
};

impl From<&Definition> for PlaybookDefinitionInput {
    fn from(definition: &Definition) -> Self {
        let Definition {
            steps,
            goals,
            exits,
            sources,
            again,
            limits,
        } = definition;
        Self {
            steps: steps.iter().map(Into::into).collect(),
            goals: goals.iter().map(Into::into).collect(),
            exits: exits.iter().map(Into::into).collect(),
            sources: sources.iter().map(Into::into).collect(),
            again: Some((*again).into()),
            limits: (!limits.is_none()).then(|| limits.clone()),
        }
    }
}

impl From<&Step> for PlaybookStepInput {
    fn from(step: &Step) -> Self {
        Self {
            step_id: step.id.clone(),
            name: step.name.clone(),
            kind: (&step.kind).into(),
            next: step.next.clone(),
        }
    }
}

impl From<&StepKind> for PlaybookStepKindInput {
    fn from(kind: &StepKind) -> Self {
        match kind {
            StepKind::Actions(actions) => {
                Self::Actions(actions.iter().map(|one| one.to_input(&TypedIds)).collect())
            }
            StepKind::Wait(wait) => Self::Wait(wait.into()),
            StepKind::WaitFor(wait) => Self::WaitFor(wait.into()),
            StepKind::Branch(arms) => Self::Branch(PlaybookBranchInput {
                arms: arms.iter().map(Into::into).collect(),
            }),
            StepKind::End => Self::End(true),
        }
    }
}

impl From<&Wait> for PlaybookWaitInput {
    fn from(wait: &Wait) -> Self {
        match wait {
            Wait::For { seconds } => Self::For(PlaybookDurationInput::of(*seconds)),
            Wait::Until { minute, weekdays } => Self::Until(PlaybookTimeInput {
                time: format!("{:02}:{:02}", minute / 60, minute % 60),
                weekdays: weekdays.clone(),
            }),
        }
    }
}

impl PlaybookDurationInput {
    /// Parts that are these seconds together. Those that may be stored are at most two years.
    fn of(seconds: i64) -> Self {
        let part = |amount: i64| i32::try_from(amount).unwrap_or(i32::MAX);
        Self {
            days: part(seconds / (24 * 60 * 60)),
            hours: part(seconds / (60 * 60) % 24),
            minutes: part(seconds / 60 % 60),
            seconds: part(seconds % 60),
        }
    }
}

impl From<&WaitFor> for PlaybookWaitForInput {
    fn from(wait: &WaitFor) -> Self {
        Self {
            condition: wait.condition.to_input(&TypedIds),
            timeout: PlaybookDurationInput::of(wait.timeout_seconds),
            on_timeout: wait.on_timeout.clone(),
        }
    }
}

impl From<&Arm> for PlaybookArmInput {
    fn from(arm: &Arm) -> Self {
        Self {
            name: arm.name.clone(),
            condition: arm.condition.to_input(&TypedIds),
            next: arm.next.clone(),
        }
    }
}

impl From<&Ending> for PlaybookEndingInput {
    fn from(ending: &Ending) -> Self {
        Self {
            name: ending.name.clone(),
            condition: ending.condition.to_input(&TypedIds),
        }
    }
}

impl From<&Source> for PlaybookSourceInput {
    fn from(source: &Source) -> Self {
        match source {
            Source::SegmentEntered { segment_ids } => {
                Self::SegmentEntered(PlaybookSegmentEnteredSourceInput {
                    segment_ids: ids(IdKind::Segment(SubjectKind::Contact), segment_ids),
                })
            }
            Source::HealthBand { bands } => Self::HealthBand(PlaybookHealthBandSourceInput {
                bands: bands.clone(),
            }),
            Source::TagAdded {
                tag_ids,
                with_descendants,
            } => Self::TagAdded(PlaybookTagAddedSourceInput {
                tag_ids: ids(IdKind::ContactTag, tag_ids),
                with_descendants: *with_descendants,
            }),
        }
    }
}

impl From<Again> for PlaybookAgainInput {
    fn from(again: Again) -> Self {
        match again {
            Again::Never => Self::Never(true),
            Again::AfterEnd => Self::AfterEnd(true),
            Again::AfterDays(days) => Self::AfterDays(days.into()),
        }
    }
}

fn ids(kind: IdKind, ids: &[Uuid]) -> Vec<ID> {
    let ids = ids.iter();
    ids.map(|&id| ID::from(TypedIds.write(kind, id))).collect()
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType as _, Value};
    use domain::{
        action::{Action, CreateTask, TagContact, TaskAssignee},
        condition::{Condition, ContactTags, TagMode, TagTest},
        locale::Locale,
        playbook::{
            definition::Limits,
            template::{Template, playbook},
        },
        rule::QuietHours,
        scalar::AsInput,
    };
    use entity::kind::{HealthBand, TaskPriority, Weekday};

    use super::*;

    /// What is stored after the definition was read over the API and given back as a variable.
    fn given_back(definition: &Definition) -> Definition {
        let shown = AsInput(PlaybookDefinitionInput::from(definition)).value();
        let json = shown.into_json().unwrap();
        let given = Value::from_json(json.clone()).unwrap();
        let input = PlaybookDefinitionInput::parse(Some(given));
        let Ok(input) = input else {
            panic!("{json} is not read");
        };
        let read = input.read();
        read.unwrap_or_else(|errors| panic!("{json} is refused: {errors:?}"))
    }

    fn condition() -> Condition {
        Condition::Not(Box::new(Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::All,
            tag_ids: vec![Uuid::from_u128(7)],
            with_descendants: false,
        }))))
    }

    fn step(id: &str, kind: StepKind, next: Option<&str>) -> Step {
        Step {
            id: id.to_owned(),
            name: format!("Step {id}"),
            kind,
            next: next.map(str::to_owned),
        }
    }

    /// One step of every kind, and each thing around them.
    fn everything() -> Definition {
        let task = Action::CreateTask(CreateTask {
            title: "Call".to_owned(),
            description: "Soon".to_owned(),
            priority: TaskPriority::High,
            due_in_minutes: Some(3 * 24 * 60 + 61),
            assignee: TaskAssignee::Owner,
        });
        let tag = Action::TagContact(TagContact {
            tag_ids: vec![Uuid::from_u128(3)],
            expires_in_seconds: None,
            while_in_segment_id: None,
        });
        let until = |weekdays: Vec<Weekday>| Wait::Until {
            minute: 9 * 60 + 5,
            weekdays,
        };
        let wait = |on_timeout: Option<&str>| WaitFor {
            condition: condition(),
            timeout_seconds: 2 * 24 * 60 * 60 + 3 * 60 * 60 + 4 * 60 + 5,
            on_timeout: on_timeout.map(str::to_owned),
        };
        let arms = ["", "Tagged"].map(|name| Arm {
            name: name.to_owned(),
            condition: condition(),
            next: "end".to_owned(),
        });
        let ending = Ending {
            name: "Done".to_owned(),
            condition: condition(),
        };
        Definition {
            steps: vec![
                step("act", StepKind::Actions(vec![task, tag]), None),
                step("for", StepKind::Wait(Wait::For { seconds: 93_784 }), None),
                step("until", StepKind::Wait(until(Vec::new())), Some("monday")),
                step("monday", StepKind::Wait(until(vec![Weekday::Monday])), None),
                step("hope", StepKind::WaitFor(wait(Some("end"))), None),
                step("again", StepKind::WaitFor(wait(None)), None),
                step("way", StepKind::Branch(arms.to_vec()), Some("act")),
                step("end", StepKind::End, None),
            ],
            goals: vec![ending.clone()],
            exits: vec![ending],
            sources: vec![
                Source::SegmentEntered {
                    segment_ids: vec![Uuid::from_u128(4)],
                },
                Source::HealthBand {
                    bands: vec![HealthBand::AtRisk],
                },
                Source::TagAdded {
                    tag_ids: vec![Uuid::from_u128(5)],
                    with_descendants: false,
                },
            ],
            again: Again::AfterDays(30),
            limits: Limits {
                quiet_hours: Some(QuietHours {
                    from_hour: 22,
                    from_minute: 30,
                    to_hour: 7,
                    to_minute: 0,
                }),
                notify_in_business_hours: true,
            },
        }
    }

    #[test]
    fn every_kind_of_step_is_given_back_as_it_was_read() {
        let definition = everything();
        assert_eq!(given_back(&definition), definition);
        for again in [Again::Never, Again::AfterEnd] {
            let definition = Definition {
                again,
                limits: Limits::default(),
                ..definition.clone()
            };
            assert_eq!(given_back(&definition), definition);
        }
    }

    #[test]
    fn ready_made_playbooks_are_given_back_as_they_were_read() {
        for template in Template::ALL {
            for locale in Locale::ALL {
                let definition = playbook(template, locale).definition;
                assert_eq!(given_back(&definition), definition, "{template:?}");
            }
        }
    }
}
