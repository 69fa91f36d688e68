//! One provider event about one email.

use sea_orm::entity::prelude::*;

use crate::{
    id::{CampaignId, ContactId, EmailEventId, WorkspaceId},
    kind::{BounceKind, EmailEventKind, EmailEventOrigin},
};

/// One provider event about one email.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "email_event")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailEventId,
    /// The id another system gave.
    pub external_id: String,
    /// The sender's id of the email.
    pub email_key: String,
    /// The address it went to.
    pub recipient: String,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// The campaign, if any.
    pub campaign_id: Option<CampaignId>,
    /// Which kind it is.
    pub kind: EmailEventKind,
    /// Who or what caused it.
    pub origin: EmailEventOrigin,
    /// Why it came back.
    pub bounce: Option<BounceKind>,
    /// The link that was followed.
    pub url: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// Whether opens of the email are tracked, as far as this event says.
    pub tracks_opens: bool,
    /// What stands for the IP address a click came from: the same within one email only.
    pub ip_hash: Option<String>,
    /// When it happened.
    pub occurred_at: DateTimeUtc,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
