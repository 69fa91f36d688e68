//! One try to send the mail of an invitation.

use sea_orm::entity::prelude::*;

use crate::id::{SurveyAttemptId, SurveyInvitationId, WorkspaceId};

/// One try to send the mail of an invitation.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "survey_attempt")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyAttemptId,
    /// The invitation.
    pub invitation_id: SurveyInvitationId,
    /// Counts from 1.
    pub attempt: i64,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status of the mail server's answer.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub response: String,
    /// Addresses and subject, as a list of pairs, until they are forgotten.
    pub request_headers: Option<Json>,
    /// The text that was sent without its link, until it is forgotten.
    pub request_body: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
