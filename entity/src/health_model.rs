//! A version of the health model.

use sea_orm::entity::prelude::*;

use crate::id::{ContactId, HealthModelId, WorkspaceId};

/// A version of the health model.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "health_model")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HealthModelId,
    /// Counts up with each change.
    pub version: i64,
    /// The stored form, versioned.
    pub definition: Json,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// The last contact that was recomputed with it; nothing before the first.
    pub applied_to: Option<ContactId>,
    /// When everybody had been recomputed with it.
    pub applied_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
