//! One going into a segment or out of it.

use sea_orm::entity::prelude::*;

use crate::id::{SegmentId, SegmentMoveId, WorkspaceId};

/// One going into a segment or out of it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "segment_move")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SegmentMoveId,
    /// The segment.
    pub segment_id: SegmentId,
    /// The contact or the account.
    pub subject_id: Uuid,
    /// Whether it went in; otherwise it went out.
    pub entered: bool,
    /// When.
    pub at: DateTimeUtc,
    /// Why, as stored.
    pub cause: Json,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
