//! How a contact was doing at a moment.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, HealthEntryId, WorkspaceId},
    kind::HealthBand,
};

/// How a contact was doing at a moment.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "health_history")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The contact it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: ContactId,
    /// The moment it was computed for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub as_of: DateTimeUtc,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HealthEntryId,
    /// The model it was computed with.
    pub model_version: i64,
    /// 0 to 100, or nothing when too little is known.
    pub score: Option<f64>,
    /// The band.
    pub band: HealthBand,
    /// Share of the model's weight that had data, 0 to 1.
    pub coverage: f64,
    /// The signals' values it was computed from.
    pub inputs: Json,
    /// What made it be computed.
    pub cause: String,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
