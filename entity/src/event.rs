//! Something a contact did.

use sea_orm::entity::prelude::*;

use crate::id::{ContactId, EventId, WorkspaceId};

/// Something a contact did.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// The id another system gave.
    pub external_id: String,
    /// The name shown to people.
    pub name: String,
    /// What the sender told about it.
    pub properties: Json,
    /// When it happened.
    pub occurred_at: DateTimeUtc,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
