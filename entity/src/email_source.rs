//! A place where a provider tells what became of emails.

use sea_orm::entity::prelude::*;

use crate::{
    id::{EmailSourceId, WorkspaceId},
    kind::{EmailProvider, EmailSourceRejection},
};

/// A place where a provider tells what became of emails.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_source")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailSourceId,
    /// The name shown to people.
    pub name: String,
    /// Who tells.
    pub provider: EmailProvider,
    /// The hash of the secret part of its address; nothing once it is deleted.
    pub token_hash: Option<Vec<u8>>,
    /// That of the address before, as long as it still works.
    pub old_token_hash: Option<Vec<u8>>,
    /// Until when the address before works.
    pub old_token_until: Option<DateTimeUtc>,
    /// What requests are verified with, encrypted; empty if there is nothing.
    pub sealed_key: String,
    /// The field of the provider's events whose value names the campaign, if not the usual one.
    pub campaign_key: Option<String>,
    /// The one topic that is listened to; of Amazon SES only.
    pub topic_arn: Option<String>,
    /// Whether the provider tracks opens of the emails it tells about.
    pub tracks_opens: bool,
    /// How many events were taken in.
    pub received_count: i64,
    /// How many events were left aside.
    pub ignored_count: i64,
    /// How many requests were refused.
    pub rejected_count: i64,
    /// When the last request was taken in.
    pub last_received_at: Option<DateTimeUtc>,
    /// When the last request was refused.
    pub last_rejected_at: Option<DateTimeUtc>,
    /// Why it was.
    pub last_rejection: Option<EmailSourceRejection>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it was switched off, if it is off.
    pub disabled_at: Option<DateTimeUtc>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
