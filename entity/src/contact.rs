//! A customer person.

use sea_orm::entity::prelude::*;

use crate::id::{AccountId, ContactId, WorkspaceId};

/// A customer person.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// The company the contact belongs to.
    pub account_id: Option<AccountId>,
    /// The name shown to people.
    pub name: String,
    /// The name folded for comparison (NFKC, case).
    pub name_key: String,
    /// The main email address, in lower case.
    pub email: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// The language of the texts written for people.
    pub locale: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
