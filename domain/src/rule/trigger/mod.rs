//! What makes a rule look: the kinds of change that rules wait for.
//!
//! To add one: a file with the struct, its `TriggerKind`, its GraphQL input and output; then its
//! variant in [`Trigger`], [`RuleTriggerInput`] and [`RuleTrigger`], and its line in the functions
//! here; then its sample in `samples/`. A trigger over other facts than a message's brings a
//! matcher of its own.

mod message_received;

use async_graphql::{OneofObject, Union};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use message_received::{
    MessageReceived, RuleMessageReceivedTrigger, RuleMessageReceivedTriggerInput,
};

use crate::condition::{
    matcher::Gate,
    path::Path,
    reference::{IdKind, IdReader, IdWriter, Reference},
    sentence::Phrasing,
};
use crate::error::UserError;

/// The change a rule waits for. Stored as JSON, so a change here must keep decoding what older
/// programs wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A message came in.
    MessageReceived(MessageReceived),
}

impl Default for Trigger {
    /// A contact wrote, to whichever inbox.
    fn default() -> Self {
        Self::MessageReceived(MessageReceived::default())
    }
}

/// What every trigger knows about itself.
pub(crate) trait TriggerKind {
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// Notes every id it names.
    fn references(&self, at: &Path, found: &mut Vec<Reference>);
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid);
}

impl Trigger {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageReceived(_) => "messageReceived",
        }
    }

    pub(crate) fn kind(&self) -> &dyn TriggerKind {
        match self {
            Self::MessageReceived(trigger) => trigger,
        }
    }

    /// Which messages make the rule look.
    pub fn gate(&self) -> Gate {
        match self {
            Self::MessageReceived(trigger) => trigger.gate(),
        }
    }

    /// Names `to` wherever the trigger named `from`.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        match self {
            Self::MessageReceived(trigger) => trigger.replace(kind, from, to),
        }
    }

    /// The trigger as the API shows it.
    pub fn to_output(&self, ids: &dyn IdWriter) -> RuleTrigger {
        match self {
            Self::MessageReceived(trigger) => RuleTrigger::MessageReceived(trigger.to_output(ids)),
        }
    }
}

/// What makes the rule look. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum RuleTriggerInput {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTriggerInput),
}

impl RuleTriggerInput {
    /// Reads the ids, or says which cannot be read. Paths begin with `trigger`.
    pub fn into_trigger(self, ids: &dyn IdReader) -> Result<Trigger, Vec<UserError>> {
        let mut refusals = Vec::new();
        let at = Path::root("trigger");
        let trigger = match self {
            Self::MessageReceived(input) => Trigger::MessageReceived(input.into_trigger(
                ids,
                &at.at("messageReceived"),
                &mut refusals,
            )),
        };
        if refusals.is_empty() {
            Ok(trigger)
        } else {
            Err(refusals)
        }
    }
}

/// What makes a rule look.
#[derive(Union, Debug, Clone)]
pub enum RuleTrigger {
    /// A message came in.
    MessageReceived(RuleMessageReceivedTrigger),
}
