//! What attributes, notes and stages are about: a contact, an account or a conversation.

use std::fmt;

use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _},
    kind::SubjectKind,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    account, contact,
    error::{Error, Result},
    store::{Query, Tx, dialect},
};

/// One contact, account or conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// The thing.
    pub id: Uuid,
}

impl From<ContactId> for Subject {
    fn from(id: ContactId) -> Self {
        Self::new(SubjectKind::Contact, id.uuid())
    }
}

impl From<AccountId> for Subject {
    fn from(id: AccountId) -> Self {
        Self::new(SubjectKind::Account, id.uuid())
    }
}

impl From<ConversationId> for Subject {
    fn from(id: ConversationId) -> Self {
        Self::new(SubjectKind::Conversation, id.uuid())
    }
}

/// The global id.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SubjectKind::Contact => ContactId(self.id).fmt(f),
            SubjectKind::Account => AccountId(self.id).fmt(f),
            SubjectKind::Conversation => ConversationId(self.id).fmt(f),
        }
    }
}

#[derive(FromQueryResult)]
struct Found {
    contact_id: Option<ContactId>,
}

impl Subject {
    /// The thing of this kind and id.
    pub fn new(kind: SubjectKind, id: Uuid) -> Self {
        Self { kind, id }
    }

    /// The contact it concerns; refuses a thing that is not one of the workspace. `field` is where
    /// its id stands in the input. It is not merged away or erased before the end of `tx`, so that what
    /// is written about it is not left on something hidden or gone.
    pub(crate) async fn check(&self, tx: &Tx<'_>, field: &[&str]) -> Result<Option<ContactId>> {
        let (table, contact) = match self.kind {
            SubjectKind::Contact => ("contact", "t.id"),
            SubjectKind::Account => ("account", "NULL"),
            SubjectKind::Conversation => ("conversation", "t.contact_id"),
        };
        let here = match self.kind {
            SubjectKind::Contact => " AND t.merged_into_id IS NULL",
            SubjectKind::Account => " AND t.merged_into_id IS NULL AND t.deleted_at IS NULL",
            SubjectKind::Conversation => "",
        };
        // The choice gives the missing contact of an account the type of an id.
        let lock = dialect::reference_lock(tx.connection().get_database_backend());
        let text = format!(
            "SELECT CASE WHEN true THEN {contact} ELSE t.id END AS contact_id
             FROM {table} t WHERE t.workspace_id = $1 AND t.id = $2{here} {lock}"
        );
        let found: Option<Found> = Query::new(text)
            .bind(tx.workspace)
            .bind(self.id)
            .one(tx.connection())
            .await?;
        if let Some(found) = found {
            return Ok(found.contact_id);
        }
        let (connection, workspace) = (tx.connection(), tx.workspace);
        Err(match self.kind {
            SubjectKind::Contact => {
                contact::absent(connection, workspace, ContactId(self.id), field).await
            }
            SubjectKind::Account => {
                account::absent(connection, workspace, AccountId(self.id), field).await
            }
            SubjectKind::Conversation => Error::not_found(field, "conversation"),
        })
    }
}
