//! A dimension that tags are values of.

use sea_orm::entity::prelude::*;

use crate::{
    id::{TagGroupId, WorkspaceId},
    kind::{TagKind, TagSelection, TagStage},
};

/// A dimension that tags are values of, such as "Industry".
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tag_group")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TagGroupId,
    /// Which kind its tags are.
    pub kind: TagKind,
    /// The name shown to people.
    pub name: String,
    /// The name folded for comparison (NFKC, case).
    pub name_key: String,
    /// What it means.
    pub description: String,
    /// How many of its values one thing may carry.
    pub selection: TagSelection,
    /// What it is for.
    pub stage: Option<TagStage>,
    /// Its place among the groups of its kind.
    pub position: i64,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was archived.
    pub archived_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
