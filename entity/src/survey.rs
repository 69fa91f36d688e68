//! A survey of our own.

use sea_orm::entity::prelude::*;

use crate::{
    id::{SurveyId, WorkspaceId},
    kind::SurveyKind,
};

/// A question that is sent to contacts.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "survey")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyId,
    /// The name under which its answers are kept; unique, and never another's.
    pub key: String,
    /// What kind of question it is.
    pub kind: SurveyKind,
    /// The name shown to members.
    pub name: String,
    /// The name as it is compared.
    pub name_key: String,
    /// The workspace's own texts, by language; what is not there is ready-made.
    pub texts: Json,
    /// Days that lie between two invitations of one person.
    pub wave_days: i64,
    /// Days an invitation can be answered.
    pub valid_days: i64,
    /// Who made it.
    pub created_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// Since when nobody is invited any more.
    pub archived_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
