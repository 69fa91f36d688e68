//! One way a contact is recognised.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, WorkspaceId},
    kind::IdentityKind,
};

/// One way a contact is recognised.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_identity")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// Which kind it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: IdentityKind,
    /// The identity in its normal form.
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
