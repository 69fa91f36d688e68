//! A person of the company.

use sea_orm::entity::prelude::*;

use crate::{
    id::{MemberId, WorkspaceId},
    kind::Role,
};

/// A person of the company.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MemberId,
    /// The main email address, in lower case.
    pub email: String,
    /// The name shown to people.
    pub name: String,
    /// What the member may do.
    pub role: Role,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it ended, if it has.
    pub removed_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
