//! One contact asked to answer a survey.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, SurveyAnswerId, SurveyId, SurveyInvitationId, WorkspaceId},
    kind::SurveyMedium,
};

/// One contact asked to answer a survey.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "survey_invitation")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyInvitationId,
    /// The survey.
    pub survey_id: SurveyId,
    /// Who is asked.
    pub contact_id: ContactId,
    /// How they are asked.
    pub medium: SurveyMedium,
    /// The language they are asked in.
    pub locale: String,
    /// The hash of what opens the form.
    pub token_hash: Vec<u8>,
    /// What opens the form, sealed, for as long as a mail with it is on its way.
    pub sealed_token: Option<String>,
    /// Who has them asked.
    pub made_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// Until when it can be answered.
    pub expires_at: DateTimeUtc,
    /// How often the mail was tried.
    pub attempts: i64,
    /// When the mail is tried next.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When the mail was taken, or the link handed out.
    pub sent_at: Option<DateTimeUtc>,
    /// When the mail was given up.
    pub failed_at: Option<DateTimeUtc>,
    /// When it was last answered.
    pub answered_at: Option<DateTimeUtc>,
    /// The answer.
    pub answer_id: Option<SurveyAnswerId>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
