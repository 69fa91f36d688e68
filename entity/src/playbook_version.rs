//! What a playbook was defined as at a time.

use sea_orm::entity::prelude::*;

use crate::id::{PlaybookId, WorkspaceId};

/// What a playbook was defined as at a time. Never changed, except that tags are followed when they
/// are merged.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "playbook_version")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The playbook.
    #[sea_orm(primary_key, auto_increment = false)]
    pub playbook_id: PlaybookId,
    /// Which version, counted from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// Steps, goals, exits, sources.
    pub definition: Json,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it was first published.
    pub published_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
