//! What one thing has for one custom attribute.

use sea_orm::entity::prelude::*;

use crate::id::{AttributeId, WorkspaceId};

/// What one thing has for one custom attribute.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attribute_value")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The contact, account or conversation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// The attribute.
    #[sea_orm(primary_key, auto_increment = false)]
    pub attribute_id: AttributeId,
    /// The value in a form whose text order is the values' order; see `domain::attribute::value`.
    pub sort_key: String,
    /// A text, an address, or the key of the chosen option.
    pub text: Option<String>,
    /// A number, or 1 for true and 0 for false.
    pub number: Option<f64>,
    /// A moment, or the midnight (UTC) a day begins with.
    pub at: Option<DateTimeUtc>,
    /// The keys of the chosen options.
    pub options: Json,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
