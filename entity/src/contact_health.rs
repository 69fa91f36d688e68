//! How a contact is doing now.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, WorkspaceId},
    kind::HealthBand,
};

/// How a contact is doing now.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_health")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The contact it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: ContactId,
    /// The model it was computed with.
    pub model_version: i64,
    /// 0 to 100, or nothing when too little is known.
    pub score: Option<f64>,
    /// The score, or -1 when there is none; lists are ordered by it.
    pub rank: f64,
    /// The band.
    pub band: HealthBand,
    /// Days in a row on which the score pointed to a better band (positive) or a worse one
    /// (negative) than the contact is in.
    pub band_streak: i64,
    /// Share of the model's weight that had data, 0 to 1.
    pub coverage: f64,
    /// The signals' values it was computed from.
    pub inputs: Json,
    /// The moment it was computed for.
    pub as_of: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
