//! A place messages come from.

use sea_orm::entity::prelude::*;

use crate::{
    id::{InboxId, WorkspaceId},
    kind::Channel,
};

/// A place messages come from.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InboxId,
    /// The name shown to people.
    pub name: String,
    /// The medium.
    pub channel: Channel,
    /// Our address there.
    pub address: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it went out of use, if it has.
    pub archived_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
