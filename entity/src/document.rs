//! A GraphQL document that was registered beforehand.

use sea_orm::entity::prelude::*;

use crate::id::{DocumentId, WorkspaceId};

/// A GraphQL document that was registered beforehand.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "document")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DocumentId,
    /// The SHA-256 of the text, 64 hexadecimal digits in lower case; unique in the workspace.
    pub hash: String,
    /// The document.
    pub text: String,
    /// By whom it was registered.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
