//! A step of a contact or an account from one lifecycle stage to another.

use sea_orm::entity::prelude::*;

use crate::{
    id::{StageChangeId, WorkspaceId},
    kind::{LifecycleStage, SubjectKind},
};

/// A step of a contact or an account from one lifecycle stage to another.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stage_change")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StageChangeId,
    /// What kind of thing changed.
    pub subject: SubjectKind,
    /// The thing.
    pub subject_id: Uuid,
    /// The stage before.
    pub from_stage: Option<LifecycleStage>,
    /// The stage after.
    pub to_stage: Option<LifecycleStage>,
    /// When.
    pub at: DateTimeUtc,
    /// Who changed it.
    pub by_origin: Json,
    /// Why, in words; may be empty.
    pub reason: String,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
