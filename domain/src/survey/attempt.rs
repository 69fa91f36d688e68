//! Each try to send the mail of an invitation, kept as those of deliveries are.

use entity::{
    attempt::Attempt,
    id::{SurveyAttemptId, SurveyInvitationId, WorkspaceId},
};

use crate::{
    ctx::Ctx,
    error::Result,
    notification::{
        attempt::{Log, Sent},
        target::email,
    },
    page::{Column, Key, Keyset, Page, PageRequest},
    port::OutgoingMail,
};

pub(super) const ATTEMPTS: Log = Log {
    table: "survey_attempt",
    of: "invitation_id",
    parent: "survey_invitation",
    keyset: Keyset {
        order: "survey_attempt",
        key: Some(Column::Whole("a.attempt")),
        id: "a.id",
        descending: false,
    },
    key: |whole| Key::Whole { whole },
};

/// What is kept of a mail. Its link is the contact's alone, so it is not in it.
pub(super) fn shown(mail: &OutgoingMail, link: &str) -> Sent {
    let text = mail.text.replace(link, "(the contact's own link)");
    (email::headers(mail), text)
}

/// A page of the tries to send one invitation, oldest first, each with its cursor.
pub async fn attempts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: SurveyInvitationId,
    page: &PageRequest,
) -> Result<Page<(String, Attempt<SurveyAttemptId>)>> {
    ATTEMPTS.page(ctx, workspace, id, page).await
}
