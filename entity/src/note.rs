//! Something a member wrote down about a contact, an account or a conversation.

use sea_orm::entity::prelude::*;

use crate::{
    id::{NoteId, WorkspaceId},
    kind::SubjectKind,
};

/// Something a member wrote down about a contact, an account or a conversation.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NoteId,
    /// What kind of thing it is about.
    pub subject: SubjectKind,
    /// The thing.
    pub subject_id: Uuid,
    /// Who wrote it.
    pub author: Json,
    /// The text; empty once it is deleted.
    pub body: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
