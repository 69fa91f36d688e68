//! Writing stored actions as the API takes them, for whoever starts from what is there.

use async_graphql::ID;
use uuid::Uuid;

use super::{
    ActionInput, AssignConversationActionInput, CreateTaskActionInput, DueInInput,
    NotifyActionInput, PlaybookActionInput, SetAccountAttributeActionInput,
    SetAccountOwnerActionInput, SetAccountStageActionInput, SetContactAttributeActionInput,
    SetContactOwnerActionInput, SetContactStageActionInput, SetConversationAttributeActionInput,
    SetConversationPriorityActionInput, SetConversationStatusActionInput, SurveyActionInput,
    TagActionInput, TaskAssigneeInput, UntagActionInput, WatchConversationActionInput,
};
use crate::{
    action::{
        Action, CreateTask, SetAccountAttribute, SetContactAttribute, SetConversationAttribute,
        TaskAssignee,
    },
    attribute::AttributeValueOf,
    condition::reference::{self, IdKind, IdWriter},
};

impl Action {
    /// The input that is read as this action.
    pub fn to_input(&self, ids: &dyn IdWriter) -> ActionInput {
        let tags = |kind: IdKind, list: &[Uuid]| reference::write_list(ids, kind, list);
        let puts =
            |kind: IdKind, list: &[Uuid], ends: (Option<i64>, Option<Uuid>)| TagActionInput {
                tag_ids: tags(kind, list),
                expires_in_seconds: ends.0,
                while_in_segment_id: ends
                    .1
                    .map(|id| ID::from(ids.write(IdKind::CONTACT_SEGMENT, id))),
            };
        let takes = |kind: IdKind, list: &[Uuid], anyway: bool| UntagActionInput {
            tag_ids: tags(kind, list),
            even_if_set_by_member: anyway,
        };
        let (of_conversation, of_contact) = (IdKind::ConversationTag, IdKind::ContactTag);
        let member = |id: Uuid| ID::from(ids.write(IdKind::Member, id));
        match self {
            Self::TagConversation(action) => {
                let ends = (action.expires_in_seconds, action.while_in_segment_id);
                ActionInput::TagConversation(puts(of_conversation, &action.tag_ids, ends))
            }
            Self::TagContact(action) => {
                let ends = (action.expires_in_seconds, action.while_in_segment_id);
                ActionInput::TagContact(puts(of_contact, &action.tag_ids, ends))
            }
            Self::TagAccount(action) => {
                let ends = (action.expires_in_seconds, action.while_in_segment_id);
                ActionInput::TagAccount(puts(of_contact, &action.tag_ids, ends))
            }
            Self::UntagConversation(action) => {
                let anyway = action.even_if_set_by_member;
                ActionInput::UntagConversation(takes(of_conversation, &action.tag_ids, anyway))
            }
            Self::UntagContact(action) => {
                let anyway = action.even_if_set_by_member;
                ActionInput::UntagContact(takes(of_contact, &action.tag_ids, anyway))
            }
            Self::UntagAccount(action) => {
                let anyway = action.even_if_set_by_member;
                ActionInput::UntagAccount(takes(of_contact, &action.tag_ids, anyway))
            }
            Self::AssignConversation(action) => {
                ActionInput::AssignConversation(AssignConversationActionInput {
                    member_id: action.member_id.map(member),
                    to_owner: action.to_owner,
                })
            }
            Self::SetConversationStatus(action) => {
                ActionInput::SetConversationStatus(SetConversationStatusActionInput {
                    status: action.status,
                    snooze_minutes: action.snooze_minutes,
                })
            }
            Self::SetConversationPriority(action) => {
                ActionInput::SetConversationPriority(SetConversationPriorityActionInput {
                    priority: action.priority,
                })
            }
            Self::WatchConversation(action) => {
                ActionInput::WatchConversation(WatchConversationActionInput {
                    member_ids: reference::write_list(ids, IdKind::Member, &action.member_ids),
                })
            }
            Self::SetContactAttribute(action) => {
                let (kind, id) = (SetContactAttribute::ATTRIBUTE, action.attribute_id);
                ActionInput::SetContactAttribute(SetContactAttributeActionInput {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(AttributeValueOf::from),
                })
            }
            Self::SetAccountAttribute(action) => {
                let (kind, id) = (SetAccountAttribute::ATTRIBUTE, action.attribute_id);
                ActionInput::SetAccountAttribute(SetAccountAttributeActionInput {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(AttributeValueOf::from),
                })
            }
            Self::SetConversationAttribute(action) => {
                let (kind, id) = (SetConversationAttribute::ATTRIBUTE, action.attribute_id);
                ActionInput::SetConversationAttribute(SetConversationAttributeActionInput {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(AttributeValueOf::from),
                })
            }
            Self::SetAccountStage(action) => {
                ActionInput::SetAccountStage(SetAccountStageActionInput {
                    stage: action.stage,
                })
            }
            Self::SetContactOwner(action) => {
                ActionInput::SetContactOwner(SetContactOwnerActionInput {
                    member_id: action.member_id.map(member),
                })
            }
            Self::SetAccountOwner(action) => {
                ActionInput::SetAccountOwner(SetAccountOwnerActionInput {
                    member_id: action.member_id.map(member),
                })
            }
            Self::SetContactStage(action) => {
                ActionInput::SetContactStage(SetContactStageActionInput {
                    stage: action.stage,
                })
            }
            Self::CreateTask(action) => ActionInput::CreateTask(action.to_input(ids)),
            Self::StartPlaybook(action) => ActionInput::StartPlaybook(PlaybookActionInput {
                playbook_id: ids.write(IdKind::Playbook, action.playbook_id).into(),
            }),
            Self::StopPlaybook(action) => ActionInput::StopPlaybook(PlaybookActionInput {
                playbook_id: ids.write(IdKind::Playbook, action.playbook_id).into(),
            }),
            Self::SendSurvey(action) => ActionInput::SendSurvey(SurveyActionInput {
                survey_id: ids.write(IdKind::Survey, action.survey_id).into(),
            }),
            Self::Notify(action) => ActionInput::Notify(NotifyActionInput {
                target_id: ids
                    .write(IdKind::NotificationTarget, action.target_id)
                    .into(),
                title: action.title.clone(),
                text: action.text.clone(),
            }),
        }
    }
}

impl CreateTask {
    fn to_input(&self, ids: &dyn IdWriter) -> CreateTaskActionInput {
        CreateTaskActionInput {
            title: self.title.clone(),
            description: self.description.clone(),
            priority: self.priority,
            due_in: self.due_in_minutes.map(DueInInput::of),
            assignee: match self.assignee {
                TaskAssignee::Nobody => None,
                TaskAssignee::Owner => Some(TaskAssigneeInput::Owner(true)),
                TaskAssignee::Member(id) => Some(TaskAssigneeInput::MemberId(
                    ids.write(IdKind::Member, id).into(),
                )),
                TaskAssignee::Team(id) => Some(TaskAssigneeInput::TeamId(
                    ids.write(IdKind::Team, id).into(),
                )),
            },
        }
    }
}

impl DueInInput {
    /// Parts that are these minutes together. Those that may be stored are at most a year.
    fn of(minutes: i64) -> Self {
        let part = |amount: i64| i32::try_from(amount).unwrap_or(i32::MAX);
        Self {
            days: part(minutes / (24 * 60)),
            hours: part(minutes / 60 % 24),
            minutes: part(minutes % 60),
        }
    }
}
