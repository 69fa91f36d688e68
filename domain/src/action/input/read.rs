//! Reading actions as the API takes them into those that are stored. What cannot be read is refused with its
//! path; nothing is looked up.

use async_graphql::ID;
use uuid::Uuid;

use super::{ActionInput, CreateTaskActionInput, DueInInput, TaskAssigneeInput};
use crate::{
    action::{
        Action, AssignConversation, CreateTask, Notify, SendSurvey, SetAccountAttribute,
        SetAccountOwner, SetAccountStage, SetContactAttribute, SetContactOwner, SetContactStage,
        SetConversationAttribute, SetConversationPriority, SetConversationStatus, StartPlaybook,
        StopPlaybook, TagAccount, TagContact, TagConversation, TaskAssignee, UntagAccount,
        UntagContact, UntagConversation, WatchConversation,
    },
    attribute::{AttributeValueOf, Value},
    condition::{
        path::Path,
        reference::{self, IdKind, IdReader},
    },
    error::UserError,
    text::printable,
};

impl ActionInput {
    /// Reads the ids, or says which cannot be read. `index` is the action's place in the list, for
    /// paths that begin with `actions`.
    pub fn into_action(self, ids: &dyn IdReader, index: usize) -> Result<Action, Vec<UserError>> {
        self.into_action_at(ids, &["actions", &index.to_string()])
    }

    /// The same for an action that stands at `path` in the input.
    pub fn into_action_at(
        self,
        ids: &dyn IdReader,
        path: &[&str],
    ) -> Result<Action, Vec<UserError>> {
        let (first, rest) = path.split_first().unwrap_or((&"action", &[]));
        let mut ids = Ids {
            reader: ids,
            at: rest.iter().fold(Path::root(first), |at, step| at.at(step)),
            refusals: Vec::new(),
        };
        let action = self.read(&mut ids);
        if ids.refusals.is_empty() {
            Ok(action)
        } else {
            Err(ids.refusals)
        }
    }

    fn read(self, ids: &mut Ids<'_>) -> Action {
        let (of_conversation, of_contact) = (IdKind::ConversationTag, IdKind::ContactTag);
        match self {
            Self::TagConversation(input) => Action::TagConversation(TagConversation {
                tag_ids: ids.tags(of_conversation, &input.tag_ids, "tagConversation"),
                expires_in_seconds: input.expires_in_seconds,
                while_in_segment_id: ids.segment(
                    IdKind::CONTACT_SEGMENT,
                    input.while_in_segment_id.as_ref(),
                    "tagConversation",
                ),
            }),
            Self::TagContact(input) => Action::TagContact(TagContact {
                tag_ids: ids.tags(of_contact, &input.tag_ids, "tagContact"),
                expires_in_seconds: input.expires_in_seconds,
                while_in_segment_id: ids.segment(
                    IdKind::CONTACT_SEGMENT,
                    input.while_in_segment_id.as_ref(),
                    "tagContact",
                ),
            }),
            Self::TagAccount(input) => Action::TagAccount(TagAccount {
                tag_ids: ids.tags(of_contact, &input.tag_ids, "tagAccount"),
                expires_in_seconds: input.expires_in_seconds,
                while_in_segment_id: ids.segment(
                    IdKind::ACCOUNT_SEGMENT,
                    input.while_in_segment_id.as_ref(),
                    "tagAccount",
                ),
            }),
            Self::UntagConversation(input) => Action::UntagConversation(UntagConversation {
                tag_ids: ids.tags(of_conversation, &input.tag_ids, "untagConversation"),
                even_if_set_by_member: input.even_if_set_by_member,
            }),
            Self::UntagContact(input) => Action::UntagContact(UntagContact {
                tag_ids: ids.tags(of_contact, &input.tag_ids, "untagContact"),
                even_if_set_by_member: input.even_if_set_by_member,
            }),
            Self::UntagAccount(input) => Action::UntagAccount(UntagAccount {
                tag_ids: ids.tags(of_contact, &input.tag_ids, "untagAccount"),
                even_if_set_by_member: input.even_if_set_by_member,
            }),
            Self::AssignConversation(input) => Action::AssignConversation(AssignConversation {
                member_id: input
                    .member_id
                    .map(|id| ids.one(IdKind::Member, &id, &["assignConversation", "memberId"])),
                to_owner: input.to_owner,
            }),
            Self::SetConversationStatus(input) => {
                Action::SetConversationStatus(SetConversationStatus {
                    status: input.status,
                    snooze_minutes: input.snooze_minutes,
                })
            }
            Self::SetConversationPriority(input) => {
                Action::SetConversationPriority(SetConversationPriority {
                    priority: input.priority,
                })
            }
            Self::WatchConversation(input) => Action::WatchConversation(WatchConversation {
                member_ids: ids.members(&input.member_ids, "watchConversation"),
            }),
            Self::SetContactAttribute(input) => {
                let path = ["setContactAttribute", "attributeId"];
                let kind = SetContactAttribute::ATTRIBUTE;
                Action::SetContactAttribute(SetContactAttribute {
                    attribute_id: ids.one(kind, &input.attribute_id, &path),
                    value: input.value.map(stored),
                })
            }
            Self::SetAccountAttribute(input) => {
                let path = ["setAccountAttribute", "attributeId"];
                let kind = SetAccountAttribute::ATTRIBUTE;
                Action::SetAccountAttribute(SetAccountAttribute {
                    attribute_id: ids.one(kind, &input.attribute_id, &path),
                    value: input.value.map(stored),
                })
            }
            Self::SetConversationAttribute(input) => {
                let path = ["setConversationAttribute", "attributeId"];
                let kind = SetConversationAttribute::ATTRIBUTE;
                Action::SetConversationAttribute(SetConversationAttribute {
                    attribute_id: ids.one(kind, &input.attribute_id, &path),
                    value: input.value.map(stored),
                })
            }
            Self::SetAccountStage(input) => {
                Action::SetAccountStage(SetAccountStage { stage: input.stage })
            }
            Self::SetContactOwner(input) => Action::SetContactOwner(SetContactOwner {
                member_id: input
                    .member_id
                    .map(|id| ids.one(IdKind::Member, &id, &["setContactOwner", "memberId"])),
            }),
            Self::SetAccountOwner(input) => Action::SetAccountOwner(SetAccountOwner {
                member_id: input
                    .member_id
                    .map(|id| ids.one(IdKind::Member, &id, &["setAccountOwner", "memberId"])),
            }),
            Self::SetContactStage(input) => {
                Action::SetContactStage(SetContactStage { stage: input.stage })
            }
            Self::CreateTask(input) => Action::CreateTask(input.read(ids)),
            Self::StartPlaybook(input) => {
                let path = ["startPlaybook", "playbookId"];
                Action::StartPlaybook(StartPlaybook {
                    playbook_id: ids.one(IdKind::Playbook, &input.playbook_id, &path),
                })
            }
            Self::StopPlaybook(input) => {
                let path = ["stopPlaybook", "playbookId"];
                Action::StopPlaybook(StopPlaybook {
                    playbook_id: ids.one(IdKind::Playbook, &input.playbook_id, &path),
                })
            }
            Self::SendSurvey(input) => Action::SendSurvey(SendSurvey {
                survey_id: ids.one(
                    IdKind::Survey,
                    &input.survey_id,
                    &["sendSurvey", "surveyId"],
                ),
            }),
            Self::Notify(input) => {
                let path = ["notify", "targetId"];
                Action::Notify(Notify {
                    target_id: ids.one(IdKind::NotificationTarget, &input.target_id, &path),
                    title: input.title.as_deref().map(printable),
                    text: input.text.map(|text| text.replace('\0', "")),
                })
            }
        }
    }
}

/// A value of an attribute as actions store it.
fn stored(value: AttributeValueOf) -> serde_json::Value {
    serde_json::json!(Value::from(value))
}

impl CreateTaskActionInput {
    fn read(self, ids: &mut Ids<'_>) -> CreateTask {
        CreateTask {
            title: printable(&self.title),
            description: printable(&self.description),
            priority: self.priority,
            due_in_minutes: self.due_in.map(|due| due.in_minutes()),
            assignee: match self.assignee {
                Some(TaskAssigneeInput::MemberId(id)) => {
                    let path = ["createTask", "assignee", "memberId"];
                    TaskAssignee::Member(ids.one(IdKind::Member, &id, &path))
                }
                Some(TaskAssigneeInput::TeamId(id)) => {
                    let path = ["createTask", "assignee", "teamId"];
                    TaskAssignee::Team(ids.one(IdKind::Team, &id, &path))
                }
                Some(TaskAssigneeInput::Owner(true)) => TaskAssignee::Owner,
                Some(TaskAssigneeInput::Owner(false)) | None => TaskAssignee::Nobody,
            },
        }
    }
}

impl DueInInput {
    /// All of it.
    fn in_minutes(&self) -> i64 {
        let (days, hours) = (i64::from(self.days), i64::from(self.hours));
        (days * 24 + hours) * 60 + i64::from(self.minutes)
    }
}

/// The ids of an action as they are read, and what is wrong with them.
struct Ids<'a> {
    reader: &'a dyn IdReader,
    /// Where the action stands.
    at: Path,
    refusals: Vec<UserError>,
}

impl Ids<'_> {
    /// The tags an action named `action` names.
    fn tags(&mut self, kind: IdKind, list: &[ID], action: &str) -> Vec<Uuid> {
        let at = self.at.at(action).at("tagIds");
        reference::read_list(self.reader, kind, list, &at, &mut self.refusals)
    }

    /// The members an action named `action` names.
    fn members(&mut self, list: &[ID], action: &str) -> Vec<Uuid> {
        let at = self.at.at(action).at("memberIds");
        reference::read_list(self.reader, IdKind::Member, list, &at, &mut self.refusals)
    }

    /// The segment that an action named `action` names, if it does.
    fn segment(&mut self, kind: IdKind, id: Option<&ID>, action: &str) -> Option<Uuid> {
        id.map(|id| self.one(kind, id, &[action, "whileInSegmentId"]))
    }

    /// The one that stands at `path` in the action.
    fn one(&mut self, kind: IdKind, id: &ID, path: &[&str]) -> Uuid {
        let at = path.iter().fold(self.at.clone(), |at, step| at.at(step));
        reference::read_one(self.reader, kind, id, &at, &mut self.refusals)
    }
}
