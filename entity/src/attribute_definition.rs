//! A custom attribute of contacts, accounts or conversations.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AttributeId, WorkspaceId},
    kind::{AttributeType, SubjectKind},
};

/// A custom attribute of contacts, accounts or conversations.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attribute_definition")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttributeId,
    /// What has it.
    pub subject: SubjectKind,
    /// The name programs use.
    pub key: String,
    /// The name shown.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What it holds.
    pub value_type: AttributeType,
    /// The options, in their order: objects with `key` and `label`.
    pub options: Json,
    /// Its place among the attributes of the same kind of thing.
    pub position: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was archived.
    pub archived_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
