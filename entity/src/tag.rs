//! A label in a tree.

use sea_orm::entity::prelude::*;

use crate::{
    id::{TagGroupId, TagId, WorkspaceId},
    kind::TagKind,
};

/// A label in a tree.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tag")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TagId,
    /// Which kind it is.
    pub kind: TagKind,
    /// The tag above.
    pub parent_id: Option<TagId>,
    /// The name shown to people.
    pub name: String,
    /// The name folded for comparison (NFKC, case).
    pub name_key: String,
    /// What it means.
    pub description: String,
    /// `#rrggbb`.
    pub colour: String,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was archived.
    pub archived_at: Option<DateTimeUtc>,
    /// The group it is a value of; the same for everything below one root.
    pub group_id: Option<TagGroupId>,
    /// Its place among its siblings; those of the same place are in the order of their names.
    pub position: i64,
    /// The tag it was merged into, if it was.
    pub merged_into: Option<TagId>,
    /// When it was deleted; the row stays for the history of what carried it.
    pub deleted_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
