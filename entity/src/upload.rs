//! A file that was sent to be imported; its bytes are in `upload_chunk`.

use sea_orm::entity::prelude::*;

use crate::id::{UploadId, WorkspaceId};

/// A file that was sent to be imported.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "upload")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UploadId,
    /// The file's name.
    pub name: String,
    /// Bytes that have arrived.
    pub size: i64,
    /// When the last byte had arrived.
    pub completed_at: Option<DateTimeUtc>,
    /// Who sent it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it is deleted.
    pub expires_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
