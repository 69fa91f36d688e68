//! A trigger, a condition and actions.

use sea_orm::entity::prelude::*;

use crate::id::{RuleId, WorkspaceId};

/// A trigger, a condition and actions.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rule")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RuleId,
    /// The name shown to people.
    pub name: String,
    /// Place in the order of evaluation.
    pub position: i64,
    /// Counts up with each change.
    pub version: i64,
    /// The stored form, versioned.
    pub definition: Json,
    /// Whether it is evaluated.
    pub active: bool,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Firings in a row of which an action could not be done.
    pub failures: i64,
    /// When it was paused because of them.
    pub paused_at: Option<DateTimeUtc>,
    /// Why, in words.
    pub paused_reason: Option<String>,
    /// Since when it waits for the clock, if its trigger does: when it was made, was last let run, or got
    /// another trigger.
    pub waits_since: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
