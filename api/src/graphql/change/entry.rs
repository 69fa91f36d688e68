//! An entry of the log as it is told, and which of them are wanted.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    error::Error,
    work::change::{Entry, FactKind},
};
use entity::id::{AccountId, ContactId, ConversationId, PREFIXES};

use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    account::Account,
    contact::Contact,
    context::loaded,
    conversation::Conversation,
    node::{Node, fetch},
};

/// Something that happened in the workspace.
pub(crate) struct Change(pub(super) Arc<Entry>);

/// Something that happened in the workspace.
#[Object]
impl Change {
    /// Where it stands in the log; give it as `after` to go on from here.
    fn cursor(&self) -> String {
        self.0.position.to_string()
    }

    /// What happened, such as `message.received` or `tagging.added`; `changeKinds` lists them.
    fn kind(&self) -> &str {
        self.0.fact.name()
    }

    /// The global id of what it happened to.
    fn subject_id(&self) -> ID {
        self.0.fact.subject_text().into()
    }

    /// What it happened to, as it is now; nothing when it is gone, when the caller may not see it,
    /// and for the few kinds whose subjects cannot be fetched.
    #[boxed]
    async fn subject(&self, context: &Context<'_>) -> Result<Option<Node>> {
        fetch(context, &self.0.fact.subject_text().into()).await
    }

    /// The contact it concerns, if it concerns one.
    fn contact_id(&self) -> Option<ID> {
        self.0.contact.map(Into::into)
    }

    /// The contact it concerns, as they are now. Of one who was merged into another, that other.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact, Contact::from).await
    }

    /// The account it concerns, if the change itself is about one: an account that was changed,
    /// tagged, noted on, came into a segment, and what was sold or promised to it. What concerns a
    /// contact leads to the account by `contact`.
    fn account_id(&self) -> Option<ID> {
        self.0.fact.account().map(Into::into)
    }

    /// The account it concerns, as it is now.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.0.fact.account(), Account).await
    }

    /// The conversation it concerns, if the change itself is about one: its messages, what was done
    /// with it, its tags, notes and attributes.
    fn conversation_id(&self) -> Option<ID> {
        self.0.fact.conversation().map(Into::into)
    }

    /// The conversation it concerns, as it is now.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.0.fact.conversation(), Conversation::from).await
    }

    /// Who or what did it.
    fn origin(&self) -> ChangeOrigin {
        self.0.origin.into()
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}

/// Which entries are told; every part given must hold.
pub(super) struct Wanted {
    pub(super) kinds: Option<Vec<FactKind>>,
    pub(super) contact: Option<ContactId>,
    pub(super) account: Option<AccountId>,
    pub(super) conversation: Option<ConversationId>,
    /// A global id of whatever kind.
    pub(super) subject: Option<ID>,
}

impl Wanted {
    /// Whether this entry is told.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        let fact = &entry.fact;
        let kinds = self.kinds.as_ref();
        let subject = self.subject.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&fact.kind()))
            && self.contact.is_none_or(|id| entry.contact == Some(id))
            && self.account.is_none_or(|id| fact.account() == Some(id))
            && self
                .conversation
                .is_none_or(|id| fact.conversation() == Some(id))
            && subject.is_none_or(|id| fact.subject_text() == id.as_str())
    }
}

/// Refuses a text that is no global id of any kind, for which one would wait for ever.
pub(super) fn check_id(id: &ID) -> domain::error::Result<()> {
    let is_id = id.split_once('_').is_some_and(|(prefix, digits)| {
        let mut bytes = digits.bytes();
        PREFIXES.contains(&prefix)
            && digits.len() == 32
            && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    if is_id {
        Ok(())
    } else {
        Err(Error::not_found(&["subjectId"], "thing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_named_by_a_whole_id_of_a_known_kind() {
        for text in [
            "contact_01900000000070008000000000000001",
            "tagging_0190000000007000800000000000000f",
        ] {
            assert!(check_id(&text.into()).is_ok(), "{text}");
        }
        for text in [
            "",
            "contact",
            "contact_1",
            "nothing_01900000000070008000000000000001",
            "contact_0190000000007000800000000000000A",
            "contact_01900000-0000-7000-8000-000000000001",
        ] {
            assert!(check_id(&text.into()).is_err(), "{text}");
        }
    }
}
