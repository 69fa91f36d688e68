//! When a contact was last seen or heard.

use sea_orm::entity::prelude::*;

use crate::id::{ContactId, MessageId, WorkspaceId};

/// When a contact was last seen or heard.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_activity")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The contact it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: ContactId,
    /// When the contact last did anything, and at least when it was made.
    pub last_activity_at: DateTimeUtc,
    /// The newest message.
    pub last_message_id: Option<MessageId>,
    /// When the newest message was sent.
    pub last_message_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
