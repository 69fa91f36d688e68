//! Actions as the API takes them, read into those that are stored, and written again.

use async_graphql::{ID, InputObject, OneofObject};
use entity::kind::{ConversationStatus, LifecycleStage, Priority, TaskPriority};
use uuid::Uuid;

use super::{
    Action, AssignConversation, CreateTask, Notify, SendSurvey, SetAccountAttribute,
    SetAccountOwner, SetAccountStage, SetContactAttribute, SetContactOwner, SetContactStage,
    SetConversationAttribute, SetConversationPriority, SetConversationStatus, StartPlaybook,
    StopPlaybook, TagAccount, TagContact, TagConversation, TaskAssignee, UntagAccount,
    UntagContact, UntagConversation,
};
use crate::{
    attribute::{AttributeValueOf, Value},
    condition::{
        path::Path,
        reference::{self, IdKind, IdReader, IdWriter},
    },
    error::UserError,
    text::printable,
};

/// One thing to do. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum ActionInput {
    /// Put tags of kind `CONVERSATION` on the conversation. Those already there stay as they are, but for a later end.
    TagConversation(TagActionInput),
    /// Put tags of kind `CONTACT` on the contact. Those already there stay as they are, but for a later end.
    TagContact(TagActionInput),
    /// Put tags of kind `CONTACT` on the contact's account. Those already there stay as they are, but for a later end.
    TagAccount(TagActionInput),
    /// Take tags off the conversation.
    UntagConversation(UntagActionInput),
    /// Take tags off the contact.
    UntagContact(UntagActionInput),
    /// Take tags off the contact's account.
    UntagAccount(UntagActionInput),
    /// Give the conversation to a member, to whoever looks after the contact, or to nobody.
    AssignConversation(AssignConversationActionInput),
    /// Open, close or put aside the conversation.
    SetConversationStatus(SetConversationStatusActionInput),
    /// Say how urgent the conversation is.
    SetConversationPriority(SetConversationPriorityActionInput),
    /// Give the contact a value of a custom attribute, or take it away.
    SetContactAttribute(SetContactAttributeActionInput),
    /// Move the contact to a lifecycle stage.
    SetContactStage(SetContactStageActionInput),
    /// Have a member look after the contact, or nobody.
    SetContactOwner(SetContactOwnerActionInput),
    /// Give the account, by itself or the contact's, a value of a custom attribute, or take it away.
    SetAccountAttribute(SetAccountAttributeActionInput),
    /// Move the account, by itself or the contact's, to a lifecycle stage.
    SetAccountStage(SetAccountStageActionInput),
    /// Have a member look after the account, by itself or the contact's, or nobody.
    SetAccountOwner(SetAccountOwnerActionInput),
    /// Give the conversation a value of a custom attribute, or take it away.
    SetConversationAttribute(SetConversationAttributeActionInput),
    /// Tell a notification target.
    Notify(NotifyActionInput),
    /// Make a task for a member.
    CreateTask(CreateTaskActionInput),
    /// Enrol the contact in a playbook.
    StartPlaybook(PlaybookActionInput),
    /// End the contact's enrolment in a playbook.
    StopPlaybook(PlaybookActionInput),
    /// Ask the contact by email to answer a survey, once in each of its waves.
    SendSurvey(SurveyActionInput),
}

/// A task to be made, about the contact, and the conversation if there is one; or about the account alone,
/// if the rule looks at accounts.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskActionInput {
    /// What is to be done, 1 to 200 characters.
    pub title: String,
    /// More about it, at most 10,000 characters.
    #[graphql(default)]
    pub description: String,
    /// How pressing it is.
    #[graphql(default_with = "TaskPriority::Normal")]
    pub priority: TaskPriority,
    /// When it is due, from the moment it is made, up to a year; never when left out.
    pub due_in: Option<DueInInput>,
    /// Whose it is; nobody's in particular when left out.
    pub assignee: Option<TaskAssigneeInput>,
}

/// A time from now: the sum of its parts.
#[derive(InputObject, Debug, Clone)]
pub struct DueInInput {
    /// Days of 24 hours.
    #[graphql(default)]
    pub days: i32,
    /// Hours.
    #[graphql(default)]
    pub hours: i32,
    /// Minutes.
    #[graphql(default)]
    pub minutes: i32,
}

/// Whose a task is. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum TaskAssigneeInput {
    /// The global id of a member.
    MemberId(ID),
    /// The global id of a team, for whichever of its members takes it.
    TeamId(ID),
    /// Of the member who looks after the contact, or the account if the rule looks at accounts; if somebody
    /// does. Give `true`.
    Owner(bool),
}

/// A survey.
#[derive(InputObject, Debug, Clone)]
pub struct SurveyActionInput {
    /// The survey's global id.
    pub survey_id: ID,
}

/// A playbook.
#[derive(InputObject, Debug, Clone)]
pub struct PlaybookActionInput {
    /// The playbook's global id.
    pub playbook_id: ID,
}

/// Tags to be put on something.
#[derive(InputObject, Debug, Clone)]
pub struct TagActionInput {
    /// The tags, up to 500.
    pub tag_ids: Vec<ID>,
    /// After how many seconds they come off by themselves, up to ten years; they stay for good when left
    /// out. Where a rule, a playbook or a tracked link has put a tag on before, whichever end is later
    /// counts: 1209600 on a rule that fires at each visit keeps a tag for 14 days after the last one.
    /// What a member, a program or an import has put on keeps its end.
    pub expires_in_seconds: Option<i64>,
    /// The global id of a segment whose leaving takes them off again: of contacts for `tagContact`, of accounts for
    /// `tagAccount`; conversations are in none. The tags are put on only what is in the segment then, and come
    /// off (`REASON_ENDED`) as it leaves, for whatever cause, also when the rule is paused or deleted by then.
    /// Where other rules have put a tag on too, it stays until the reasons of all have ended. What anybody else
    /// has put on, or taken over, stays. For a rule on `contactEnteredSegment`, usually the same segment.
    pub while_in_segment_id: Option<ID>,
}

/// Tags to be taken off something.
#[derive(InputObject, Debug, Clone)]
pub struct UntagActionInput {
    /// The tags, up to 500. What is not there is left as it is.
    pub tag_ids: Vec<ID>,
    /// Whether a tag that a member, a program or an import has set goes too. Otherwise only what rules
    /// and playbooks have set is taken off.
    #[graphql(default)]
    pub even_if_set_by_member: bool,
}

/// Who is to deal with the conversation.
#[derive(InputObject, Debug, Clone)]
pub struct AssignConversationActionInput {
    /// The member; left out or `null`, nobody, unless `toOwner` says otherwise.
    pub member_id: Option<ID>,
    /// Whether it goes to the member who looks after the contact, whoever that is by then. It stays with whom it
    /// is if nobody does.
    #[graphql(default)]
    pub to_owner: bool,
}

/// Where the conversation is to stand.
#[derive(InputObject, Debug, Clone)]
pub struct SetConversationStatusActionInput {
    /// The status.
    pub status: ConversationStatus,
    /// For how many minutes it is put aside, up to a year; needed for, and only good with, `SNOOZED`.
    pub snooze_minutes: Option<i64>,
}

/// How urgent the conversation is to be.
#[derive(InputObject, Debug, Clone)]
pub struct SetConversationPriorityActionInput {
    /// The priority.
    pub priority: Priority,
}

/// A custom attribute of the contact and its new value.
#[derive(InputObject, Debug, Clone)]
pub struct SetContactAttributeActionInput {
    /// The attribute, one of contacts.
    pub attribute_id: ID,
    /// The value; left out or `null`, the value is taken away.
    pub value: Option<AttributeValueOf>,
}

/// The stage the contact is to be in.
#[derive(InputObject, Debug, Clone)]
pub struct SetContactStageActionInput {
    /// The stage; left out or `null`, none.
    pub stage: Option<LifecycleStage>,
}

/// Who is to look after the contact.
#[derive(InputObject, Debug, Clone)]
pub struct SetContactOwnerActionInput {
    /// The member; left out or `null`, nobody.
    pub member_id: Option<ID>,
}

/// A custom attribute of the account and its new value.
#[derive(InputObject, Debug, Clone)]
pub struct SetAccountAttributeActionInput {
    /// The attribute, one of accounts.
    pub attribute_id: ID,
    /// The value; left out or `null`, the value is taken away.
    pub value: Option<AttributeValueOf>,
}

/// The stage the account is to be in.
#[derive(InputObject, Debug, Clone)]
pub struct SetAccountStageActionInput {
    /// The stage; left out or `null`, none.
    pub stage: Option<LifecycleStage>,
}

/// Who is to look after the account.
#[derive(InputObject, Debug, Clone)]
pub struct SetAccountOwnerActionInput {
    /// The member; left out or `null`, nobody.
    pub member_id: Option<ID>,
}

/// A custom attribute of the conversation and its new value.
#[derive(InputObject, Debug, Clone)]
pub struct SetConversationAttributeActionInput {
    /// The attribute, one of conversations.
    pub attribute_id: ID,
    /// The value; left out or `null`, the value is taken away.
    pub value: Option<AttributeValueOf>,
}

/// A notification target to be told.
#[derive(InputObject, Debug, Clone)]
pub struct NotifyActionInput {
    /// The target.
    pub target_id: ID,
    /// What the notice is headed with; the rule's name if left out. Up to 150 characters.
    pub title: Option<String>,
    /// What is said in place of the usual lines; a template that may name the facts at hand.
    pub text: Option<String>,
}

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
    /// All of it.
    fn in_minutes(&self) -> i64 {
        let (days, hours) = (i64::from(self.days), i64::from(self.hours));
        (days * 24 + hours) * 60 + i64::from(self.minutes)
    }

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
