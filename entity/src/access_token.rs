//! A credential, stored as a hash.

use sea_orm::entity::prelude::*;

use crate::id::{AccessTokenId, MemberId, WorkspaceId};

/// A credential, stored as a hash.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_token")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessTokenId,
    /// Whose credential it is.
    pub member_id: MemberId,
    /// The name shown to people.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// The last characters of the token, to tell tokens apart.
    pub hint: String,
    /// What the token may be used for.
    pub scopes: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it stops working.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTimeUtc>,
    /// Whether a program uses it: what it does is then said to be done by the token.
    pub integration: bool,
    /// When it was last used, to within a few minutes.
    pub last_used_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
