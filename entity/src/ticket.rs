//! A case of the support desk.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, TicketId, WorkspaceId},
    kind::{TicketPriority, TicketStatus},
};

/// A case of the support desk.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TicketId,
    /// The id the source gave; unique in the workspace.
    pub external_id: String,
    /// The person it is about.
    pub contact_id: Option<ContactId>,
    /// The company it is about: as the source told, or else the contact's.
    pub account_id: Option<AccountId>,
    /// Whether the source told the company itself. If not, the company follows the contact.
    pub account_told: bool,
    /// A hash of what the source told, to see whether anything is new.
    pub digest: String,
    /// What it is about.
    pub subject: String,
    /// Where it stands.
    pub status: TicketStatus,
    /// How pressing it is.
    pub priority: TicketPriority,
    /// How satisfied the customer was, 1 (not at all) to 5.
    pub csat: Option<i64>,
    /// When it was opened.
    pub opened_at: DateTimeUtc,
    /// When it was solved.
    pub solved_at: Option<DateTimeUtc>,
    /// When the source last changed it. What the source told of an earlier moment is stale.
    pub updated_at: DateTimeUtc,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub recorded_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
