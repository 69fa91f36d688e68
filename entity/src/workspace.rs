//! A tenant.

use sea_orm::entity::prelude::*;

use crate::{id::WorkspaceId, kind::TagCreation};

/// A tenant.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace")]
pub struct Model {
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkspaceId,
    /// The name shown to people.
    pub name: String,
    /// The IANA time zone that days are counted in.
    pub time_zone: String,
    /// The language of the texts written for people.
    pub locale: String,
    /// Our own email addresses and domains (`sales@example.com`, `@example.com`).
    pub own_addresses: Json,
    /// Counts up with each change of a rule; tells workers that their compiled rules are old.
    pub rules_version: i64,
    /// Who may make tags.
    pub tag_creation: TagCreation,
    /// Counts up with each change of a tag or a group; whoever raises it holds the tree.
    pub tags_version: i64,
    /// When it is open for business, if not at the usual hours.
    pub business_hours: Option<Json>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
