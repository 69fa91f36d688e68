//! One notification in a member's list.

use sea_orm::entity::prelude::*;

use crate::id::{ContactId, DeliveryId, InAppNotificationId, MemberId, WorkspaceId};

/// One notification in a member's list.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "in_app_notification")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InAppNotificationId,
    /// Whose list.
    pub member_id: MemberId,
    /// The delivery that brought it; none for what Enishi itself has to say.
    pub delivery_id: Option<DeliveryId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// What it is about, on one line.
    pub title: String,
    /// What it says; plain text.
    pub body: String,
    /// Where to see more.
    pub link: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the member had read it.
    pub read_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
