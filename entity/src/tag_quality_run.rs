//! One run of the quality audit of the tags.

use sea_orm::entity::prelude::*;

use crate::{
    id::{TagQualityRunId, WorkspaceId},
    kind::TagQualityCause,
};

/// One run of the quality audit of the tags.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tag_quality_run")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TagQualityRunId,
    /// What it was run for.
    pub cause: TagQualityCause,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it had found everything; nothing while it goes on.
    pub finished_at: Option<DateTimeUtc>,
    /// How many things it looked at, in the words of `report::quality`; nothing while it goes on.
    pub sample: Option<Json>,
    /// Which tags to merge, in the words of `report::quality`.
    pub plan: Json,
    /// How many findings it has.
    pub found: i64,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
