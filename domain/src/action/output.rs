//! Actions as the API shows them.

use async_graphql::{ID, SimpleObject, Union};
use entity::kind::{ConversationStatus, LifecycleStage, Priority, TaskPriority};

use super::{
    Action, SetAccountAttribute, SetContactAttribute, SetConversationAttribute, TaskAssignee,
};
use crate::{
    attribute::WantedAttributeValue,
    condition::reference::{self, IdKind, IdWriter},
};

/// One thing that is done.
#[derive(Union, Debug, Clone)]
#[graphql(name = "Action")]
pub enum ActionOutput {
    /// Tags the conversation.
    TagConversation(TagConversationAction),
    /// Tags the contact.
    TagContact(TagContactAction),
    /// Tags the contact's account.
    TagAccount(TagAccountAction),
    /// Takes tags off the conversation.
    UntagConversation(UntagConversationAction),
    /// Takes tags off the contact.
    UntagContact(UntagContactAction),
    /// Takes tags off the contact's account.
    UntagAccount(UntagAccountAction),
    /// Assigns the conversation.
    AssignConversation(AssignConversationAction),
    /// Sets the conversation's status.
    SetConversationStatus(SetConversationStatusAction),
    /// Sets the conversation's priority.
    SetConversationPriority(SetConversationPriorityAction),
    /// Has members watch the conversation.
    WatchConversation(WatchConversationAction),
    /// Sets a custom attribute of the contact.
    SetContactAttribute(SetContactAttributeAction),
    /// Sets the contact's lifecycle stage.
    SetContactStage(SetContactStageAction),
    /// Sets who looks after the contact.
    SetContactOwner(SetContactOwnerAction),
    /// Sets a custom attribute of the account.
    SetAccountAttribute(SetAccountAttributeAction),
    /// Sets the account's lifecycle stage.
    SetAccountStage(SetAccountStageAction),
    /// Sets who looks after the account.
    SetAccountOwner(SetAccountOwnerAction),
    /// Sets a custom attribute of the conversation.
    SetConversationAttribute(SetConversationAttributeAction),
    /// Tells a notification target.
    Notify(NotifyAction),
    /// Makes a task.
    CreateTask(CreateTaskAction),
    /// Enrols in a playbook.
    StartPlaybook(StartPlaybookAction),
    /// Ends an enrolment in a playbook.
    StopPlaybook(StopPlaybookAction),
    /// Asks to answer a survey.
    SendSurvey(SendSurveyAction),
}

/// Makes a task about the contact, and the conversation if there is one; or about the account alone, if
/// the rule looks at accounts.
#[derive(SimpleObject, Debug, Clone)]
pub struct CreateTaskAction {
    /// What is to be done.
    pub title: String,
    /// More about it; may be empty.
    pub description: String,
    /// How pressing it is.
    pub priority: TaskPriority,
    /// In how many minutes it is due; never if absent.
    pub due_in_minutes: Option<i64>,
    /// The id of the member whose it is, if it is always the same one's.
    pub assignee_id: Option<ID>,
    /// The id of the team whose it is, if it is a team's.
    pub team_id: Option<ID>,
    /// Whether it is of the member who looks after the contact, or the account if the rule looks at
    /// accounts.
    pub to_owner: bool,
}

/// Enrols the contact in a playbook.
#[derive(SimpleObject, Debug, Clone)]
pub struct StartPlaybookAction {
    /// The id of the playbook.
    pub playbook_id: ID,
}

/// Ends the contact's enrolment in a playbook.
#[derive(SimpleObject, Debug, Clone)]
pub struct StopPlaybookAction {
    /// The id of the playbook.
    pub playbook_id: ID,
}

/// Asks the contact by email to answer a survey, once in each of its waves.
#[derive(SimpleObject, Debug, Clone)]
pub struct SendSurveyAction {
    /// The id of the survey.
    pub survey_id: ID,
}

/// Puts tags on the conversation.
#[derive(SimpleObject, Debug, Clone)]
pub struct TagConversationAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// After how many seconds they come off by themselves; they stay for good if absent.
    pub expires_in_seconds: Option<i64>,
}

/// Puts tags on the contact.
#[derive(SimpleObject, Debug, Clone)]
pub struct TagContactAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// After how many seconds they come off by themselves; they stay for good if absent.
    pub expires_in_seconds: Option<i64>,
    /// The id of the segment that the contact has to be in for them to be put on and to stay, if there is one.
    pub while_in_segment_id: Option<ID>,
}

/// Puts tags on the contact's account.
#[derive(SimpleObject, Debug, Clone)]
pub struct TagAccountAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// After how many seconds they come off by themselves; they stay for good if absent.
    pub expires_in_seconds: Option<i64>,
    /// The id of the segment that the account has to be in for them to be put on and to stay, if there is one.
    pub while_in_segment_id: Option<ID>,
}

/// Takes tags off the conversation.
#[derive(SimpleObject, Debug, Clone)]
pub struct UntagConversationAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether what a member, a program or an import has set goes too.
    pub even_if_set_by_member: bool,
}

/// Takes tags off the contact.
#[derive(SimpleObject, Debug, Clone)]
pub struct UntagContactAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether what a member, a program or an import has set goes too.
    pub even_if_set_by_member: bool,
}

/// Takes tags off the contact's account.
#[derive(SimpleObject, Debug, Clone)]
pub struct UntagAccountAction {
    /// The ids of the tags.
    pub tag_ids: Vec<ID>,
    /// Whether what a member, a program or an import has set goes too.
    pub even_if_set_by_member: bool,
}

/// Gives the conversation to a member, to whoever looks after the contact, or to nobody.
#[derive(SimpleObject, Debug, Clone)]
pub struct AssignConversationAction {
    /// The id of the member; if absent, nobody, or whoever looks after the contact.
    pub member_id: Option<ID>,
    /// Whether it goes to the member who looks after the contact.
    pub to_owner: bool,
}

/// Has a member look after the contact, or nobody.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetContactOwnerAction {
    /// The id of the member; nobody if absent.
    pub member_id: Option<ID>,
}

/// Gives the account a value of a custom attribute, or takes it away.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetAccountAttributeAction {
    /// The id of the attribute.
    pub attribute_id: ID,
    /// The value; absent if it is taken away.
    pub value: Option<WantedAttributeValue>,
}

/// Moves the account to a lifecycle stage.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetAccountStageAction {
    /// The stage; none if absent.
    pub stage: Option<LifecycleStage>,
}

/// Has a member look after the account, or nobody.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetAccountOwnerAction {
    /// The id of the member; nobody if absent.
    pub member_id: Option<ID>,
}

/// Gives the conversation a value of a custom attribute, or takes it away.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetConversationAttributeAction {
    /// The id of the attribute.
    pub attribute_id: ID,
    /// The value; absent if it is taken away.
    pub value: Option<WantedAttributeValue>,
}

/// Opens, closes or puts aside the conversation.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetConversationStatusAction {
    /// The status.
    pub status: ConversationStatus,
    /// For how many minutes it is put aside, if it is.
    pub snooze_minutes: Option<i64>,
}

/// Says how urgent the conversation is.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetConversationPriorityAction {
    /// The priority.
    pub priority: Priority,
}

/// Has members watch the conversation.
#[derive(SimpleObject, Debug, Clone)]
pub struct WatchConversationAction {
    /// The ids of the members.
    pub member_ids: Vec<ID>,
}

/// Gives the contact a value of a custom attribute, or takes it away.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetContactAttributeAction {
    /// The id of the attribute.
    pub attribute_id: ID,
    /// The value; absent if it is taken away.
    pub value: Option<WantedAttributeValue>,
}

/// Moves the contact to a lifecycle stage.
#[derive(SimpleObject, Debug, Clone)]
pub struct SetContactStageAction {
    /// The stage; none if absent.
    pub stage: Option<LifecycleStage>,
}

/// Tells a notification target.
#[derive(SimpleObject, Debug, Clone)]
pub struct NotifyAction {
    /// The id of the target.
    pub target_id: ID,
    /// What the notice is headed with; the rule's name if absent.
    pub title: Option<String>,
    /// What is said in place of the usual lines.
    pub text: Option<String>,
}

impl ActionOutput {
    pub(super) fn of(action: &Action, ids: &dyn IdWriter) -> Self {
        let tags = |kind: IdKind, list: &[uuid::Uuid]| reference::write_list(ids, kind, list);
        let (of_conversation, of_contact) = (IdKind::ConversationTag, IdKind::ContactTag);
        let member = |id: uuid::Uuid| ID::from(ids.write(IdKind::Member, id));
        let segment =
            |kind: IdKind, id: Option<uuid::Uuid>| id.map(|id| ID::from(ids.write(kind, id)));
        match action {
            Action::TagConversation(action) => Self::TagConversation(TagConversationAction {
                tag_ids: tags(of_conversation, &action.tag_ids),
                expires_in_seconds: action.expires_in_seconds,
            }),
            Action::TagContact(action) => Self::TagContact(TagContactAction {
                tag_ids: tags(of_contact, &action.tag_ids),
                expires_in_seconds: action.expires_in_seconds,
                while_in_segment_id: segment(IdKind::CONTACT_SEGMENT, action.while_in_segment_id),
            }),
            Action::TagAccount(action) => Self::TagAccount(TagAccountAction {
                tag_ids: tags(of_contact, &action.tag_ids),
                expires_in_seconds: action.expires_in_seconds,
                while_in_segment_id: segment(IdKind::ACCOUNT_SEGMENT, action.while_in_segment_id),
            }),
            Action::UntagConversation(action) => Self::UntagConversation(UntagConversationAction {
                tag_ids: tags(of_conversation, &action.tag_ids),
                even_if_set_by_member: action.even_if_set_by_member,
            }),
            Action::UntagContact(action) => Self::UntagContact(UntagContactAction {
                tag_ids: tags(of_contact, &action.tag_ids),
                even_if_set_by_member: action.even_if_set_by_member,
            }),
            Action::UntagAccount(action) => Self::UntagAccount(UntagAccountAction {
                tag_ids: tags(of_contact, &action.tag_ids),
                even_if_set_by_member: action.even_if_set_by_member,
            }),
            Action::AssignConversation(action) => {
                Self::AssignConversation(AssignConversationAction {
                    member_id: action.member_id.map(member),
                    to_owner: action.to_owner,
                })
            }
            Action::SetConversationStatus(action) => {
                Self::SetConversationStatus(SetConversationStatusAction {
                    status: action.status,
                    snooze_minutes: action.snooze_minutes,
                })
            }
            Action::SetConversationPriority(action) => {
                Self::SetConversationPriority(SetConversationPriorityAction {
                    priority: action.priority,
                })
            }
            Action::WatchConversation(action) => Self::WatchConversation(WatchConversationAction {
                member_ids: reference::write_list(ids, IdKind::Member, &action.member_ids),
            }),
            Action::SetContactAttribute(action) => {
                let (kind, id) = (SetContactAttribute::ATTRIBUTE, action.attribute_id);
                Self::SetContactAttribute(SetContactAttributeAction {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(WantedAttributeValue::from),
                })
            }
            Action::SetAccountAttribute(action) => {
                let (kind, id) = (SetAccountAttribute::ATTRIBUTE, action.attribute_id);
                Self::SetAccountAttribute(SetAccountAttributeAction {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(WantedAttributeValue::from),
                })
            }
            Action::SetConversationAttribute(action) => {
                let (kind, id) = (SetConversationAttribute::ATTRIBUTE, action.attribute_id);
                Self::SetConversationAttribute(SetConversationAttributeAction {
                    attribute_id: ids.write(kind, id).into(),
                    value: action.value().map(WantedAttributeValue::from),
                })
            }
            Action::SetAccountStage(action) => Self::SetAccountStage(SetAccountStageAction {
                stage: action.stage,
            }),
            Action::SetContactOwner(action) => Self::SetContactOwner(SetContactOwnerAction {
                member_id: action.member_id.map(member),
            }),
            Action::SetAccountOwner(action) => Self::SetAccountOwner(SetAccountOwnerAction {
                member_id: action.member_id.map(member),
            }),
            Action::SetContactStage(action) => Self::SetContactStage(SetContactStageAction {
                stage: action.stage,
            }),
            Action::CreateTask(action) => Self::CreateTask(CreateTaskAction {
                title: action.title.clone(),
                description: action.description.clone(),
                priority: action.priority,
                due_in_minutes: action.due_in_minutes,
                assignee_id: match action.assignee {
                    TaskAssignee::Member(id) => Some(ids.write(IdKind::Member, id).into()),
                    TaskAssignee::Nobody | TaskAssignee::Owner | TaskAssignee::Team(_) => None,
                },
                team_id: match action.assignee {
                    TaskAssignee::Team(id) => Some(ids.write(IdKind::Team, id).into()),
                    _ => None,
                },
                to_owner: action.assignee == TaskAssignee::Owner,
            }),
            Action::StartPlaybook(action) => Self::StartPlaybook(StartPlaybookAction {
                playbook_id: ids.write(IdKind::Playbook, action.playbook_id).into(),
            }),
            Action::StopPlaybook(action) => Self::StopPlaybook(StopPlaybookAction {
                playbook_id: ids.write(IdKind::Playbook, action.playbook_id).into(),
            }),
            Action::SendSurvey(action) => Self::SendSurvey(SendSurveyAction {
                survey_id: ids.write(IdKind::Survey, action.survey_id).into(),
            }),
            Action::Notify(action) => Self::Notify(NotifyAction {
                target_id: ids
                    .write(IdKind::NotificationTarget, action.target_id)
                    .into(),
                title: action.title.clone(),
                text: action.text.clone(),
            }),
        }
    }
}
