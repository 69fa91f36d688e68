//! A change of who looks after a contact or an account.

use sea_orm::entity::prelude::*;

use crate::{
    id::{MemberId, OwnerChangeId, WorkspaceId},
    kind::SubjectKind,
};

/// A change of who looks after a contact or an account.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "owner_change")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OwnerChangeId,
    /// What kind of thing changed.
    pub subject: SubjectKind,
    /// The thing.
    pub subject_id: Uuid,
    /// Who looked after it before; nobody if nothing.
    pub from_owner_id: Option<MemberId>,
    /// Who looks after it since; nobody if nothing.
    pub to_owner_id: Option<MemberId>,
    /// When.
    pub at: DateTimeUtc,
    /// Who changed it.
    pub by_origin: Json,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
