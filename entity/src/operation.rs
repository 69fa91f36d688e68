//! A long piece of work that somebody asked for.

use sea_orm::entity::prelude::*;

use crate::{
    id::{OperationId, WorkspaceId},
    kind::{OperationKind, OperationState},
};

/// A long piece of work that somebody asked for.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operation")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: OperationState,
    /// What is to be done.
    pub request: Json,
    /// How far it got, in the words of its kind.
    pub progress: Json,
    /// How many things there are to do, once that is known.
    pub total: Option<i64>,
    /// How many are done.
    pub done: i64,
    /// How many of the done could not be done.
    pub failed: i64,
    /// Whether it only says what it would do.
    pub dry_run: bool,
    /// Who asked for it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When its first step was done.
    pub started_at: Option<DateTimeUtc>,
    /// When it came to an end.
    pub finished_at: Option<DateTimeUtc>,
    /// Why it failed.
    pub error: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
