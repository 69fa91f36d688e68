//! A sequence of steps that contacts are enrolled in.

use sea_orm::entity::prelude::*;

use crate::{
    id::{PlaybookId, WorkspaceId},
    kind::PlaybookState,
};

/// A sequence of steps that contacts are enrolled in.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "playbook")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PlaybookId,
    /// The name shown.
    pub name: String,
    /// The form in which names are compared.
    pub name_key: String,
    /// What it is for.
    pub description: String,
    /// Whether it is at work.
    pub state: PlaybookState,
    /// The published version, which new enrolments take; 0 before the first is published.
    pub version: i64,
    /// The newest version.
    pub latest_version: i64,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was paused because actions of one of its steps could not be done again and again.
    pub paused_at: Option<DateTimeUtc>,
    /// Why, in words.
    pub paused_reason: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
