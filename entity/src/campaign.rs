//! A campaign that emails belong to.

use sea_orm::entity::prelude::*;

use crate::id::{CampaignId, WorkspaceId};

/// A campaign that emails belong to.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CampaignId,
    /// The name shown to people.
    pub name: String,
    /// The id another system gave.
    pub external_id: String,
    /// Whether opens of its emails are tracked, where an event does not say so itself.
    pub tracks_opens: bool,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
