//! What a rule does when it fires.
//!
//! An [`Action`] only says what is wanted. [`super::plan`] turns the actions of all rules that
//! fired into effects, and the caller carries those out inside its transaction.
//!
//! To add one: a file with the struct, its `ActionKind`, its GraphQL input and output; then its
//! variant in [`Action`], [`RuleActionInput`] and [`RuleAction`], and its line in the functions
//! here; then its sample in `samples/`.

mod notify_slack;
mod tag_contact;
mod tag_conversation;

use async_graphql::{OneofObject, Union};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use notify_slack::{NotifySlack, RuleNotifySlackAction, RuleNotifySlackActionInput};
pub use tag_contact::{RuleTagContactAction, RuleTagContactActionInput, TagContact};
pub use tag_conversation::{
    RuleTagConversationAction, RuleTagConversationActionInput, TagConversation,
};

use super::plan::Effect;
use crate::condition::{
    path::Path,
    reference::{IdKind, IdReader, IdWriter, Reference},
    sentence::Phrasing,
};
use crate::error::UserError;

/// One thing to do when a rule fires. Stored as JSON, so a change here must keep decoding what
/// older programs wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Put tags on the conversation.
    TagConversation(TagConversation),
    /// Put tags on the contact.
    TagContact(TagContact),
    /// Tell a Slack channel.
    NotifySlack(NotifySlack),
}

/// What every action knows about itself.
pub(crate) trait ActionKind {
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// The effects it asks for, each small enough to be had only once.
    fn effects(&self, wanted: &mut Vec<Effect>);
    /// Notes every id it names.
    fn references(&self, at: &Path, found: &mut Vec<Reference>);
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid);
}

impl Action {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TagConversation(_) => "tagConversation",
            Self::TagContact(_) => "tagContact",
            Self::NotifySlack(_) => "notifySlack",
        }
    }

    pub(crate) fn kind(&self) -> &dyn ActionKind {
        match self {
            Self::TagConversation(action) => action,
            Self::TagContact(action) => action,
            Self::NotifySlack(action) => action,
        }
    }

    fn kind_mut(&mut self) -> &mut dyn ActionKind {
        match self {
            Self::TagConversation(action) => action,
            Self::TagContact(action) => action,
            Self::NotifySlack(action) => action,
        }
    }

    /// Names `to` wherever the action named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        self.kind_mut().replace(kind, from, to);
    }

    /// The action as the API shows it.
    pub fn to_output(&self, ids: &dyn IdWriter) -> RuleAction {
        match self {
            Self::TagConversation(action) => RuleAction::TagConversation(action.to_output(ids)),
            Self::TagContact(action) => RuleAction::TagContact(action.to_output(ids)),
            Self::NotifySlack(action) => RuleAction::NotifySlack(action.to_output(ids)),
        }
    }
}

/// One thing to do when the rule fires. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum RuleActionInput {
    /// Put tags on the conversation of the message.
    TagConversation(RuleTagConversationActionInput),
    /// Put tags on the contact who wrote.
    TagContact(RuleTagContactActionInput),
    /// Tell a Slack channel about the message.
    NotifySlack(RuleNotifySlackActionInput),
}

impl RuleActionInput {
    /// Reads the ids, or says which cannot be read. `index` is the action's place in the list, for
    /// paths that begin with `actions`.
    pub fn into_action(self, ids: &dyn IdReader, index: usize) -> Result<Action, Vec<UserError>> {
        let mut refusals = Vec::new();
        let at = Path::root("actions").nth(index);
        let action = match self {
            Self::TagConversation(input) => Action::TagConversation(input.into_action(
                ids,
                &at.at("tagConversation"),
                &mut refusals,
            )),
            Self::TagContact(input) => {
                Action::TagContact(input.into_action(ids, &at.at("tagContact"), &mut refusals))
            }
            Self::NotifySlack(input) => {
                Action::NotifySlack(input.into_action(ids, &at.at("notifySlack"), &mut refusals))
            }
        };
        if refusals.is_empty() {
            Ok(action)
        } else {
            Err(refusals)
        }
    }
}

/// One thing that is done when a rule fires.
#[derive(Union, Debug, Clone)]
pub enum RuleAction {
    /// Tags the conversation.
    TagConversation(RuleTagConversationAction),
    /// Tags the contact.
    TagContact(RuleTagContactAction),
    /// Tells a Slack channel.
    NotifySlack(RuleNotifySlackAction),
}
