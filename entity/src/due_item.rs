//! Something to do at a time.

use sea_orm::entity::prelude::*;

use crate::{
    id::{DueItemId, WorkspaceId},
    kind::{DueKind, DueState},
};

/// Something to do at a time.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "due_item")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DueItemId,
    /// Which kind it is.
    pub kind: DueKind,
    /// What it acts on.
    pub subject_id: Uuid,
    /// When it can be claimed.
    pub due_at: DateTimeUtc,
    /// Where it stands.
    pub state: DueState,
    /// Counts up with each claim; only the newest claim may finish it.
    pub fence: i64,
    /// Until when the claim holds.
    pub lease_until: Option<DateTimeUtc>,
    /// Attempts that ended with an error.
    pub failures: i64,
    /// Attempts that ended with the process.
    pub crashes: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it came to an end.
    pub finished_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
