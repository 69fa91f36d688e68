//! A step that an enrolment has left behind.

use sea_orm::entity::prelude::*;

use crate::{
    id::{EnrolmentId, WorkspaceId},
    kind::StepOutcome,
};

/// A step that an enrolment has left behind.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "enrolment_step")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The enrolment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub enrolment_id: EnrolmentId,
    /// Its place in the enrolment's history, counted from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The step.
    pub step: String,
    /// How it was left.
    pub outcome: StepOutcome,
    /// The step that came after; nothing at the end.
    pub next: Option<String>,
    /// What there is to tell: the outcomes of actions, the branch, the goal.
    pub detail: Json,
    /// When the enrolment came to it.
    pub entered_at: DateTimeUtc,
    /// When the enrolment left it.
    pub left_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
