//! A deal that may come about.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, OpportunityId, WorkspaceId},
    kind::OpportunityStatus,
};

/// A deal that may come about.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "opportunity")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OpportunityId,
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
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub status: OpportunityStatus,
    /// The source's own name for the step it is at.
    pub stage: Option<String>,
    /// What it would come to, in the currency's minor unit.
    pub amount: Option<i64>,
    /// The currency, as an ISO 4217 code.
    pub currency: Option<String>,
    /// How likely it is, in per cent.
    pub probability: Option<i64>,
    /// The day it is expected to be decided.
    pub expected_close: Option<Date>,
    /// When it was opened.
    pub opened_at: DateTimeUtc,
    /// When it was decided.
    pub closed_at: Option<DateTimeUtc>,
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
