//! Work set aside after repeated failure.

use sea_orm::entity::prelude::*;

use crate::{
    id::{QuarantineId, WorkspaceId},
    kind::QuarantineState,
};

/// Work set aside after repeated failure.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: QuarantineId,
    /// What kind of work it was.
    pub work: String,
    /// What was to be done.
    pub item: Json,
    /// What went wrong.
    pub error: String,
    /// When.
    pub at: DateTimeUtc,
    /// When it was tried again.
    pub replayed_at: Option<DateTimeUtc>,
    /// Where it stands.
    pub state: QuarantineState,
    /// Until when a worker that replays it holds it.
    pub lease_until: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
