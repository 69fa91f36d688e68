//! Something a run of the quality audit found about tags.

use sea_orm::entity::prelude::*;

use crate::{
    id::{TagFindingId, TagGroupId, TagQualityRunId, WorkspaceId},
    kind::{TagFindingKind, TagFindingSeverity},
};

/// Something a run of the quality audit found about tags.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tag_quality_finding")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The run that found it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: TagQualityRunId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TagFindingId,
    /// What was found.
    pub kind: TagFindingKind,
    /// How much it matters.
    pub severity: TagFindingSeverity,
    /// The same as a number, for the order: 0 matters most.
    pub severity_rank: i64,
    /// The tags it is about.
    pub tag_ids: Json,
    /// The group it is about.
    pub group_id: Option<TagGroupId>,
    /// The numbers that show it.
    pub evidence: Json,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
