//! A contact, an account or a conversation, where any of them will do.

use async_graphql::{ID, OneofObject};
use domain::{error::Result, subject::Subject};
use entity::id::{AccountId, ContactId, ConversationId};

use super::id;

/// A contact, an account or a conversation; exactly one.
#[derive(OneofObject)]
#[expect(
    clippy::enum_variant_names,
    reason = "the names are the input's fields"
)]
pub(crate) enum SubjectInput {
    /// A contact's global id.
    ContactId(ID),
    /// An account's global id.
    AccountId(ID),
    /// A conversation's global id.
    ConversationId(ID),
}

impl SubjectInput {
    /// The thing, and the field its id stands in.
    pub(crate) fn read(&self) -> Result<(Subject, &'static str)> {
        Ok(match self {
            Self::ContactId(id) => {
                let field = "contactId";
                (id::parse::<ContactId>(id, &["on", field])?.into(), field)
            }
            Self::AccountId(id) => {
                let field = "accountId";
                (id::parse::<AccountId>(id, &["on", field])?.into(), field)
            }
            Self::ConversationId(id) => {
                let field = "conversationId";
                (
                    id::parse::<ConversationId>(id, &["on", field])?.into(),
                    field,
                )
            }
        })
    }
}
