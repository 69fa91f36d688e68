//! An answer to a survey.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, SurveyAnswerId, WorkspaceId},
    kind::SurveyKind,
};

/// An answer to a survey.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "survey_answer")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyAnswerId,
    /// The id the source gave; unique in the workspace.
    pub external_id: String,
    /// The person who answered.
    pub contact_id: Option<ContactId>,
    /// The company it is about: as the source told, or else the contact's.
    pub account_id: Option<AccountId>,
    /// Whether the source told the company itself. If not, the company follows the contact.
    pub account_told: bool,
    /// A hash of what the source told, to see whether anything is new.
    pub digest: String,
    /// The name of the survey in its source, such as `onboarding`.
    pub survey_key: String,
    /// What kind of question it was.
    pub kind: SurveyKind,
    /// The score: 0 to 10 for NPS, 1 to 5 for CSAT.
    pub score: i64,
    /// What was said besides.
    pub comment: Option<String>,
    /// When it was answered.
    pub answered_at: DateTimeUtc,
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
