//! A saved condition over contacts or accounts with its members, or a list by hand.

use sea_orm::entity::prelude::*;

use crate::{
    id::{OperationId, SegmentId, WorkspaceId},
    kind::{SegmentKind, SegmentState, SegmentSubject},
};

/// A saved condition over contacts or accounts with its members, or a list by hand.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "segment")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SegmentId,
    /// The name shown.
    pub name: String,
    /// The name folded for comparison.
    pub name_key: String,
    /// What it is for, in words.
    pub description: String,
    /// What its members are.
    pub subject: SegmentSubject,
    /// Who says what its members are.
    pub kind: SegmentKind,
    /// The stored condition, versioned; none for a list by hand.
    pub definition: Option<Json>,
    /// Counts up with each change of the condition.
    pub version: i64,
    /// Whether its members are complete.
    pub state: SegmentState,
    /// How many members it has, kept at write time.
    pub member_count: i64,
    /// The operation that fills it, while there is one.
    pub operation_id: Option<OperationId>,
    /// When it was complete for the first time.
    pub filled_at: Option<DateTimeUtc>,
    /// When everybody was last evaluated.
    pub built_at: Option<DateTimeUtc>,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When its name, description or condition was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
