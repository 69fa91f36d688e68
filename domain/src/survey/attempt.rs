//! Each try to send the mail of an invitation, as deliveries have them.

use std::time::Instant;

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, SurveyAttemptId, SurveyInvitationId, WorkspaceId},
    survey_attempt,
};

use crate::{
    ctx::Ctx,
    error::Result,
    notification::{RESPONSE_CHARS, target::email},
    page::{Column, Key, Keyset, Page, PageRequest},
    port::{MailError, MailReceipt, OutgoingMail},
    store::{Query, Tx},
    text,
};

/// A try that has just been made.
pub(super) struct Tried {
    started_at: DateTime<Utc>,
    duration_ms: i64,
    /// What was sent: addresses with the subject, and the text.
    request: Option<(serde_json::Value, String)>,
    status: Option<i64>,
    response: String,
}

/// A try that is being made.
pub(super) struct Trial {
    started_at: DateTime<Utc>,
    start: Instant,
}

impl Trial {
    /// Begins now.
    pub(super) fn begin(ctx: &Ctx) -> Self {
        Self {
            started_at: ctx.clock.now(),
            start: Instant::now(),
        }
    }

    /// It came to its end before anything was sent.
    pub(super) fn unsent(self) -> Tried {
        Tried {
            started_at: self.started_at,
            duration_ms: self.start.elapsed().as_millis() as i64,
            request: None,
            status: None,
            response: String::new(),
        }
    }

    /// `request` was handed over and answered so.
    pub(super) fn answered(
        self,
        request: (serde_json::Value, String),
        answer: &Result<MailReceipt, MailError>,
    ) -> Tried {
        let (status, response) = email::said(answer);
        Tried {
            request: Some(request),
            status,
            response,
            ..self.unsent()
        }
    }
}

/// What the log keeps of a mail. Its link is the contact's alone, so it is not in it.
pub(super) fn shown(mail: &OutgoingMail, link: &str) -> (serde_json::Value, String) {
    let text = mail.text.replace(link, "(the contact's own link)");
    (email::headers(mail), text)
}

impl Tried {
    /// Writes it down as the next of the invitation's tries.
    pub(super) async fn write(
        &self,
        tx: &Tx<'_>,
        invitation: SurveyInvitationId,
        error: Option<&str>,
    ) -> Result<()> {
        let (headers, body) = self.request.clone().unzip();
        let response = text::printable(&self.response);
        let response: String = response.chars().take(RESPONSE_CHARS).collect();
        Query::new(
            "INSERT INTO survey_attempt (workspace_id, id, invitation_id, attempt, started_at,
                                         duration_ms, status, error, response, request_headers,
                                         request_body)
             SELECT i.workspace_id, $3, i.id, i.attempts + 1, $4, $5, $6, $7, $8, $9, $10
             FROM survey_invitation i WHERE i.workspace_id = $1 AND i.id = $2",
        )
        .bind(tx.workspace)
        .bind(invitation)
        .bind(tx.id::<SurveyAttemptId>())
        .bind(self.started_at)
        .bind(self.duration_ms)
        .bind(self.status)
        .bind(error.map(str::to_owned))
        .bind(response)
        .bind(headers)
        .bind(body)
        .execute(tx.connection())
        .await?;
        Ok(())
    }
}

const IN_ORDER: Keyset = Keyset {
    order: "survey_attempt",
    key: Some(Column::Whole("a.attempt")),
    id: "a.id",
    descending: false,
};

/// A page of the tries to send one invitation, oldest first, each with its cursor.
pub async fn attempts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: SurveyInvitationId,
    page: &PageRequest,
) -> Result<Page<(String, survey_attempt::Model)>> {
    let mut query = Query::new(
        "SELECT a.* FROM survey_attempt a WHERE a.workspace_id = $1 AND a.invitation_id = $2",
    )
    .bind(workspace)
    .bind(id);
    IN_ORDER.apply(&mut query, page)?;
    let rows: Vec<survey_attempt::Model> = query.all(ctx.reader()).await?;
    Ok(IN_ORDER.page(rows, page).map(|row| {
        let key = Key::Whole { whole: row.attempt };
        (IN_ORDER.cursor(key, row.id.uuid()), row)
    }))
}
