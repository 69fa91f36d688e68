//! A rule as it was once saved.

use sea_orm::entity::prelude::*;

use crate::id::{RuleId, WorkspaceId};

/// A rule as it was once saved.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_version")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The rule.
    #[sea_orm(primary_key, auto_increment = false)]
    pub rule_id: RuleId,
    /// The version, as firings name it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// The name it had.
    pub name: String,
    /// The stored form, versioned.
    pub definition: Json,
    /// Who saved it.
    pub made_by: Json,
    /// When.
    pub made_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
