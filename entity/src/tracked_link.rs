//! A short link that notes who followed it.

use sea_orm::entity::prelude::*;

use crate::{
    id::{CampaignId, TrackedLinkId, WorkspaceId},
    kind::Channel,
};

/// A short link that notes who followed it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tracked_link")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TrackedLinkId,
    /// What its address ends with; unique in the installation, for good.
    pub slug: String,
    /// The name shown to members.
    pub name: String,
    /// The name as it is compared.
    pub name_key: String,
    /// Where it leads, without the parameters below.
    pub target_url: String,
    /// The utm parameters that are added: an object of texts.
    pub utm: Json,
    /// Where it is shown.
    pub channel: Option<Channel>,
    /// The campaign it belongs to.
    pub campaign_id: Option<CampaignId>,
    /// How often people followed it, not from a QR code.
    pub click_count: i64,
    /// How often people followed it from its QR code.
    pub scan_count: i64,
    /// How often machines did.
    pub machine_count: i64,
    /// How many contacts did, each counted once.
    pub contact_count: i64,
    /// When a person last followed it.
    pub last_followed_at: Option<DateTimeUtc>,
    /// When it stops working.
    pub expires_at: Option<DateTimeUtc>,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When somebody last changed it.
    pub updated_at: DateTimeUtc,
    /// Since when it does not work any more.
    pub archived_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
