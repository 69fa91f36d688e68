//! What a webhook target's requests are signed with.

use sea_orm::entity::prelude::*;

use crate::id::{TargetId, WebhookKeyId, WorkspaceId};

/// What a webhook target's requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_key")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookKeyId,
    /// The target.
    pub notification_target_id: TargetId,
    /// The secret of `v1`, encrypted.
    pub sealed_secret: String,
    /// The private key of `v1a`, encrypted.
    pub sealed_seed: String,
    /// The public key of `v1a`, as `whpk_` and base64.
    pub public_key: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it ceases to sign, once there is a newer one.
    pub expires_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
