//! What somebody changed of the configuration or of a person's data.

use sea_orm::entity::prelude::*;

use crate::id::{AccessTokenId, AuditEntryId, ContactId, WorkspaceId};

/// What somebody changed of the configuration or of a person's data. Texts are kept as they were
/// hashed, to the letter, so none of its columns is JSON.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// When it was done.
    pub at: DateTimeUtc,
    /// Who did it, as JSON.
    pub actor: String,
    /// Through which access token, if through one.
    pub token_id: Option<AccessTokenId>,
    /// In which request, if that is known.
    pub request_id: Option<String>,
    /// What was done, such as `tag.update`.
    pub action: String,
    /// The text form of the id of what it was done to.
    pub subject: String,
    /// The person whose data it holds, if it holds one's.
    pub contact_id: Option<ContactId>,
    /// What differed before, as JSON; gone when erased.
    pub before: Option<String>,
    /// What differed afterwards, as JSON; gone when erased.
    pub after: Option<String>,
    /// Keeps the digest from being guessed; gone when erased.
    pub salt: Option<Vec<u8>>,
    /// SHA-256 of the salt and both texts; stays.
    pub digest: Vec<u8>,
    /// When what it said of a person was erased.
    pub erased_at: Option<DateTimeUtc>,
    /// Its place in the chain, from 1, once sealed.
    pub number: Option<i64>,
    /// SHA-256 over the entry and the hash before, once sealed.
    pub hash: Option<Vec<u8>>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
