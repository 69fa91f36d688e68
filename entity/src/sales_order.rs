//! A purchase.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, OrderId, WorkspaceId},
    kind::OrderStatus,
};

/// A purchase.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sales_order")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
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
    /// The number people know it by.
    pub number: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What it comes to, in the currency's minor unit.
    pub amount: i64,
    /// The currency, as an ISO 4217 code.
    pub currency: String,
    /// When it was placed.
    pub placed_at: DateTimeUtc,
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
