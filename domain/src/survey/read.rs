//! Looking at surveys and at whom they were sent to.

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, Id as _, SurveyId, SurveyInvitationId, WorkspaceId},
    kind::SurveyInvitationState as State,
    survey, survey_invitation,
};
use sea_orm::ConnectionTrait;

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, rows_by_id},
};

const BY_NAME: Keyset = Keyset {
    order: "survey",
    key: Some(Column::Text("s.name_key")),
    id: "s.id",
    descending: false,
};

/// A page of the workspace's surveys by name, each with its cursor; archived ones only when asked for.
pub async fn surveys(
    ctx: &Ctx,
    workspace: WorkspaceId,
    archived: bool,
    page: &PageRequest,
) -> Result<Page<(String, survey::Model)>> {
    let mut query =
        Query::new("SELECT s.* FROM survey s WHERE s.workspace_id = $1").bind(workspace);
    if !archived {
        query.push(" AND s.archived_at IS NULL");
    }
    BY_NAME
        .list(ctx, query, page, |row: &survey::Model| {
            (Key::Text(row.name_key.clone()), row.id.uuid())
        })
        .await
}

/// The surveys among `ids`, in no particular order; for loaders.
pub async fn load_surveys(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SurveyId],
) -> Result<Vec<survey::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// Where an invitation stands at a moment.
pub fn state(invitation: &survey_invitation::Model, now: DateTime<Utc>) -> State {
    if invitation.answered_at.is_some() {
        State::Answered
    } else if invitation.failed_at.is_some() {
        State::Failed
    } else if invitation.expires_at <= now {
        State::Expired
    } else if invitation.sent_at.is_some() {
        State::Sent
    } else {
        State::Waiting
    }
}

/// The same as a condition on the row `i`; `now` is the placeholder of the moment.
fn stands(state: State, now: &str) -> String {
    let open = "i.answered_at IS NULL AND i.failed_at IS NULL";
    match state {
        State::Answered => "(i.answered_at IS NOT NULL)".to_owned(),
        State::Failed => "(i.answered_at IS NULL AND i.failed_at IS NOT NULL)".to_owned(),
        State::Expired => format!("({open} AND i.expires_at <= {now})"),
        State::Sent => format!("({open} AND i.expires_at > {now} AND i.sent_at IS NOT NULL)"),
        State::Waiting => format!("({open} AND i.expires_at > {now} AND i.sent_at IS NULL)"),
    }
}

/// Which invitations a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct InvitationFilter {
    /// To this survey.
    pub survey: Option<SurveyId>,
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Standing in one of these ways.
    pub states: Vec<State>,
}

const NEWEST: Keyset = Keyset {
    order: "survey_invitation",
    key: None,
    id: "i.id",
    descending: true,
};

/// A page of invitations, newest first, each with its cursor.
pub async fn invitations(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &InvitationFilter,
    page: &PageRequest,
) -> Result<Page<(String, survey_invitation::Model)>> {
    let mut query =
        Query::new("SELECT i.* FROM survey_invitation i WHERE i.workspace_id = $1").bind(workspace);
    one_of(&mut query, "i.survey_id", filter.survey.into_iter());
    let contact = filter.contact.into_iter();
    one_of_few(&mut query, ctx.db.backend(), "i.contact_id", contact);
    if !filter.states.is_empty() {
        let now = query.arg(ctx.clock.now());
        let states: Vec<_> = filter
            .states
            .iter()
            .map(|&state| stands(state, &now))
            .collect();
        query.push(&format!(" AND ({})", states.join(" OR ")));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &survey_invitation::Model| row.id)
        .await
}

/// The invitations among `ids`, in no particular order; for loaders.
pub async fn load_invitations(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SurveyInvitationId],
) -> Result<Vec<survey_invitation::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// One invitation, as a transaction sees it.
pub(super) async fn invitation(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: SurveyInvitationId,
) -> Result<Option<survey_invitation::Model>> {
    Ok(
        Query::new("SELECT i.* FROM survey_invitation i WHERE i.workspace_id = $1 AND i.id = $2")
            .bind(workspace)
            .bind(id)
            .one(connection)
            .await?,
    )
}
