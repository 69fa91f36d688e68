//! Actions as the API takes them.
//!
//! - this file: their forms, described for users of the API;
//! - `read`: into those that are stored;
//! - `write`: back again.

mod read;
mod write;

use async_graphql::{ID, InputObject, OneofObject};
use entity::kind::{ConversationStatus, LifecycleStage, Priority, TaskPriority};

use crate::attribute::AttributeValueOf;

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
    /// Have members watch the conversation.
    WatchConversation(WatchConversationActionInput),
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

/// Who is to watch the conversation.
#[derive(InputObject, Debug, Clone)]
pub struct WatchConversationActionInput {
    /// The members, up to 500. Those who watch it already go on.
    pub member_ids: Vec<ID>,
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
