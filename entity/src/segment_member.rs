//! A contact or an account that is in a segment now.

use sea_orm::entity::prelude::*;

use crate::id::{SegmentId, WorkspaceId};

/// A contact or an account that is in a segment now.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "segment_member")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The segment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub segment_id: SegmentId,
    /// The contact or the account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// Since when.
    pub entered_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
