//! A place notifications go to.

use sea_orm::entity::prelude::*;

use crate::{
    id::{TargetId, WorkspaceId},
    kind::TargetKind,
};

/// A place notifications go to.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_target")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TargetId,
    /// The name shown to people.
    pub name: String,
    /// Which kind it is.
    pub kind: TargetKind,
    /// The address, encrypted; empty for kinds that have none.
    pub sealed_url: String,
    /// The address with its secret parts hidden.
    pub masked_url: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it was switched off.
    pub disabled_at: Option<DateTimeUtc>,
    /// Why it was switched off.
    pub disabled_reason: Option<String>,
    /// When it was deleted; its row stays for the deliveries to it.
    pub deleted_at: Option<DateTimeUtc>,
    /// Not before this moment, to keep the receiver's pace.
    pub next_send_at: Option<DateTimeUtc>,
    /// For how many minutes notifications are collected and then told together.
    pub digest_minutes: Option<i64>,
    /// How many messages it gets in an hour at most; the rest is told together.
    pub hourly_limit: Option<i64>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
