//! What is done when a rule fires, and what the steps of playbooks do.
//!
//! - `kind`: one file for each group of actions, saying what it stores, how it is
//!   checked and said, and which effects it asks for;
//! - [`input`] and [`output`]: the same for the API;
//! - [`effect`]: what an action comes down to; [`outcome`]: what became of it;
//! - [`known`]: what only the database knows to be wrong with an action about to be saved;
//! - `opposed`: actions of one list that undo each other;
//! - `board`: what has to be known to decide about effects, and the decision, without any statement;
//! - [`perform`](mod@perform): decides and writes, any number of actions at once.
//!
//! An [`Action`] only says what is wanted. It never decides when: that is for rules and playbooks,
//! which bring the [`Case`] it is about.
//!
//! To add one: a file in `kind/` (or a struct beside its like) with the struct and its `ActionKind`;
//! then its variant in [`Action`], [`ActionInput`], [`ActionOutput`] and [`Effect`], and its line in the
//! functions there; what has to be known in `board`, what is written in the file of `perform` that is
//! named as the one in `kind/`; then its sample in `rule/samples/`.

pub(crate) mod board;
pub mod effect;
pub mod input;
mod kind;
pub mod known;
pub(crate) mod opposed;
pub mod outcome;
pub mod output;
pub mod perform;

use entity::id::{AccountId, ContactId, ConversationId, MessageId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use effect::Effect;
pub use input::ActionInput;
pub use kind::{
    conversation::{
        AssignConversation, SetConversationPriority, SetConversationStatus, WatchConversation,
    },
    notify::Notify,
    playbook::{StartPlaybook, StopPlaybook},
    profile::{
        SetAccountAttribute, SetAccountOwner, SetAccountStage, SetContactAttribute,
        SetContactOwner, SetContactStage, SetConversationAttribute,
    },
    survey::SendSurvey,
    tag::{TagAccount, TagContact, TagConversation, UntagAccount, UntagContact, UntagConversation},
    task::{CreateTask, TaskAssignee},
};
pub use outcome::{Outcome, OutcomeResult};
pub use output::ActionOutput;
pub use perform::{Performed, perform};

use crate::{
    condition::{
        Context,
        path::Path,
        reference::{IdKind, IdWriter, Reference},
        sentence::Phrasing,
    },
    error::{UserError, UserErrorCode},
};

/// One thing to do. Stored as JSON, so a change here must keep decoding what older programs wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Put tags on the conversation.
    TagConversation(TagConversation),
    /// Put tags on the contact.
    TagContact(TagContact),
    /// Put tags on the contact's account.
    TagAccount(TagAccount),
    /// Take tags off the conversation.
    UntagConversation(UntagConversation),
    /// Take tags off the contact.
    UntagContact(UntagContact),
    /// Take tags off the contact's account.
    UntagAccount(UntagAccount),
    /// Give the conversation to a member, to whoever looks after the contact, or to nobody.
    AssignConversation(AssignConversation),
    /// Open, close or put aside the conversation.
    SetConversationStatus(SetConversationStatus),
    /// Say how urgent the conversation is.
    SetConversationPriority(SetConversationPriority),
    /// Have members watch the conversation.
    WatchConversation(WatchConversation),
    /// Give the contact a value of a custom attribute, or take it away.
    SetContactAttribute(SetContactAttribute),
    /// Move the contact to a lifecycle stage.
    SetContactStage(SetContactStage),
    /// Have a member look after the contact, or nobody.
    SetContactOwner(SetContactOwner),
    /// Give the account a value of a custom attribute, or take it away.
    SetAccountAttribute(SetAccountAttribute),
    /// Move the account to a lifecycle stage.
    SetAccountStage(SetAccountStage),
    /// Have a member look after the account, or nobody.
    SetAccountOwner(SetAccountOwner),
    /// Give the conversation a value of a custom attribute, or take it away.
    SetConversationAttribute(SetConversationAttribute),
    /// Tell a notification target. The first release knew Slack only.
    #[serde(alias = "notifySlack")]
    Notify(Notify),
    /// Make a task for a member.
    CreateTask(CreateTask),
    /// Enrol the contact in a playbook.
    StartPlaybook(StartPlaybook),
    /// End the contact's enrolment in a playbook.
    StopPlaybook(StopPlaybook),
    /// Ask the contact to answer a survey.
    SendSurvey(SendSurvey),
}

/// What every action knows about itself.
pub(crate) trait ActionKind {
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// Says it as a clause about what is known in `context`.
    fn phrase_in(&self, phrasing: &Phrasing<'_>, _context: Context) -> String {
        self.phrase(phrasing)
    }
    /// The effects it asks for, each small enough to be had only once.
    fn effects(&self, wanted: &mut Vec<Effect>);
    /// Notes every id it names.
    fn references(&self, at: &Path, found: &mut Vec<Reference>);
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid);
    /// Whether it needs a conversation or a contact to act on.
    fn needs(&self) -> Needs;
}

/// What an action acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Conversation,
    Contact,
    /// Whatever there is.
    Anything,
}

/// What actions are about. What is not known is left out; whoever acts on it finds nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Case {
    /// The contact.
    pub contact: Option<ContactId>,
    /// The account, by itself or the contact's.
    pub account: Option<AccountId>,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// The message.
    pub message: Option<MessageId>,
}

impl Action {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TagConversation(_) => "tagConversation",
            Self::TagContact(_) => "tagContact",
            Self::TagAccount(_) => "tagAccount",
            Self::UntagConversation(_) => "untagConversation",
            Self::UntagContact(_) => "untagContact",
            Self::UntagAccount(_) => "untagAccount",
            Self::AssignConversation(_) => "assignConversation",
            Self::SetConversationStatus(_) => "setConversationStatus",
            Self::SetConversationPriority(_) => "setConversationPriority",
            Self::WatchConversation(_) => "watchConversation",
            Self::SetContactAttribute(_) => "setContactAttribute",
            Self::SetContactStage(_) => "setContactStage",
            Self::SetContactOwner(_) => "setContactOwner",
            Self::SetAccountAttribute(_) => "setAccountAttribute",
            Self::SetAccountStage(_) => "setAccountStage",
            Self::SetAccountOwner(_) => "setAccountOwner",
            Self::SetConversationAttribute(_) => "setConversationAttribute",
            Self::Notify(_) => "notify",
            Self::CreateTask(_) => "createTask",
            Self::StartPlaybook(_) => "startPlaybook",
            Self::StopPlaybook(_) => "stopPlaybook",
            Self::SendSurvey(_) => "sendSurvey",
        }
    }

    pub(crate) fn kind(&self) -> &dyn ActionKind {
        match self {
            Self::TagConversation(action) => action,
            Self::TagContact(action) => action,
            Self::TagAccount(action) => action,
            Self::UntagConversation(action) => action,
            Self::UntagContact(action) => action,
            Self::UntagAccount(action) => action,
            Self::AssignConversation(action) => action,
            Self::SetConversationStatus(action) => action,
            Self::SetConversationPriority(action) => action,
            Self::WatchConversation(action) => action,
            Self::SetContactAttribute(action) => action,
            Self::SetContactStage(action) => action,
            Self::SetContactOwner(action) => action,
            Self::SetAccountAttribute(action) => action,
            Self::SetAccountStage(action) => action,
            Self::SetAccountOwner(action) => action,
            Self::SetConversationAttribute(action) => action,
            Self::Notify(action) => action,
            Self::CreateTask(action) => action,
            Self::StartPlaybook(action) => action,
            Self::StopPlaybook(action) => action,
            Self::SendSurvey(action) => action,
        }
    }

    fn kind_mut(&mut self) -> &mut dyn ActionKind {
        match self {
            Self::TagConversation(action) => action,
            Self::TagContact(action) => action,
            Self::TagAccount(action) => action,
            Self::UntagConversation(action) => action,
            Self::UntagContact(action) => action,
            Self::UntagAccount(action) => action,
            Self::AssignConversation(action) => action,
            Self::SetConversationStatus(action) => action,
            Self::SetConversationPriority(action) => action,
            Self::WatchConversation(action) => action,
            Self::SetContactAttribute(action) => action,
            Self::SetContactStage(action) => action,
            Self::SetContactOwner(action) => action,
            Self::SetAccountAttribute(action) => action,
            Self::SetAccountStage(action) => action,
            Self::SetAccountOwner(action) => action,
            Self::SetConversationAttribute(action) => action,
            Self::Notify(action) => action,
            Self::CreateTask(action) => action,
            Self::StartPlaybook(action) => action,
            Self::StopPlaybook(action) => action,
            Self::SendSurvey(action) => action,
        }
    }

    /// The effects it asks for.
    pub fn effects(&self) -> Vec<Effect> {
        let mut wanted = Vec::new();
        self.kind().effects(&mut wanted);
        wanted
    }

    /// Names `to` wherever the action named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        self.kind_mut().replace(kind, from, to);
    }

    /// Notes everything wrong with it as the action at `at` of something used in `context`.
    pub(crate) fn check(&self, context: Context, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at(self.name());
        let there = match self.kind().needs() {
            Needs::Conversation => matches!(context, Context::Message | Context::Conversation),
            Needs::Contact => context != Context::Account,
            Needs::Anything => true,
        };
        if !there {
            refusals.push(at.refuse(
                UserErrorCode::KindMismatch,
                "The trigger brings nothing this action could act on. Choose another of the two.",
            ));
        }
        self.kind().check(&at, refusals);
    }

    /// Notes every id it names, as the action at `at`.
    pub(crate) fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        self.kind().references(&at.at(self.name()), found);
    }

    /// The action as the API shows it.
    pub fn to_output(&self, ids: &dyn IdWriter) -> ActionOutput {
        ActionOutput::of(self, ids)
    }
}
