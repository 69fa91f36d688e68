//! One try to deliver.

use sea_orm::entity::prelude::*;

use crate::id::{AttemptId, DeliveryId, WorkspaceId};

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery_attempt")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttemptId,
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Counts from 1.
    pub attempt: i64,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Where it stands.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub response: String,
    /// The headers that were sent, as a list of pairs, until they are forgotten.
    pub request_headers: Option<Json>,
    /// What was sent, until it is forgotten.
    pub request_body: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
