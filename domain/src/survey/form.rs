//! What is behind the link of an invitation: the form, and what is sent from it. Whoever has the link
//! may answer, without a login.
//!
//! A link that was never given, whose time is over, or whose contact was erased opens nothing, and
//! nothing tells the three apart. Opening the form writes nothing: mail scanners follow links.

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, SurveyInvitationId, WorkspaceId},
    kind::{Channel, SubscriptionSource, SubscriptionState, SurveyKind},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{
    NewSurveyAnswer, SurveyAnswer,
    invite::TOPIC,
    scale,
    words::{self, Texts},
};
use crate::{
    access::{Origin, token},
    contact::subscription,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    fact::{
        ContactRef, Party,
        ingest::{self, Head},
    },
    locale::Locale,
    store::{Query, Tx, dialect},
    text,
};

/// Characters a comment may have.
pub const COMMENT_LIMIT: usize = 2_000;
/// Characters of what opens a form: 32 bytes as base64url.
const TOKEN_CHARS: usize = 43;

/// A form that can be filled in.
#[derive(Debug, Clone)]
pub struct Form {
    workspace: WorkspaceId,
    invitation: SurveyInvitationId,
    contact: ContactId,
    key: String,
    /// What kind of question it is.
    pub kind: SurveyKind,
    /// What it says.
    pub texts: Texts,
    /// Who asks.
    pub sender: String,
    /// Whether it was answered before; another answer takes its place.
    pub answered: bool,
}

impl Form {
    /// The invitation it belongs to.
    pub fn invitation(&self) -> SurveyInvitationId {
        self.invitation
    }
}

/// What somebody filled in.
#[derive(Debug, Clone)]
pub struct Filled {
    /// The score: 0 to 10 for `NPS`, 1 to 5 for `CSAT`. Another is refused.
    pub score: i64,
    /// What they said besides; may be empty.
    pub comment: String,
}

#[derive(FromQueryResult)]
struct Row {
    workspace_id: WorkspaceId,
    id: SurveyInvitationId,
    contact_id: ContactId,
    locale: String,
    answered_at: Option<DateTime<Utc>>,
    key: String,
    kind: SurveyKind,
    texts: serde_json::Value,
    sender: String,
}

/// The form that `token` opens, if it opens one.
pub async fn open(ctx: &Ctx, token: &str) -> Result<Option<Form>> {
    let is_one = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    if token.len() != TOKEN_CHARS || !token.bytes().all(is_one) {
        return Ok(None);
    }
    // Looked up by hash, so that the time it takes tells nothing of how much of a guess was right.
    let row: Option<Row> = Query::new(
        "SELECT i.workspace_id, i.id, i.contact_id, i.locale, i.answered_at, s.key, s.kind, s.texts,
                w.name AS sender
         FROM survey_invitation i
         JOIN survey s ON s.workspace_id = i.workspace_id AND s.id = i.survey_id
         JOIN workspace w ON w.id = i.workspace_id
         WHERE i.token_hash = $1 AND i.expires_at > $2",
    )
    .bind(token::hash(token).to_vec())
    .bind(ctx.clock.now())
    .one(ctx.reader())
    .await?;
    Ok(row.map(|row| {
        let locale = Locale::from_word(&row.locale).unwrap_or_default();
        Form {
            workspace: row.workspace_id,
            invitation: row.id,
            contact: row.contact_id,
            key: row.key,
            kind: row.kind,
            texts: words::texts(row.kind, locale, &words::from_stored(&row.texts)),
            sender: row.sender,
            answered: row.answered_at.is_some(),
        }
    }))
}

/// Keeps an answer in place of the one before, if there was one. False when the form is not there any
/// more.
pub async fn answer(ctx: &Ctx, form: &Form, filled: Filled) -> Result<bool> {
    let range = scale(form.kind);
    if !range.contains(&filled.score) {
        let message = format!("Choose from {} to {}.", range.start(), range.end());
        return Err(Error::refused(&["score"], UserErrorCode::Invalid, message));
    }
    let comment = text::long_text(filled.comment.trim(), &["comment"], COMMENT_LIMIT)
        .map_err(|error| Error::Refused(vec![error]))?;
    let ctx = &ctx.walled_to(form.workspace);
    let mut tx = ctx.begin(form.workspace).await?;
    let Some(at) = turn(&tx, form).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    let new = NewSurveyAnswer {
        head: Head {
            external_id: form.invitation.to_string(),
            party: Party {
                contact: Some(ContactRef::Id(form.contact)),
                account: None,
            },
            updated_at: Some(at),
        },
        survey_key: form.key.clone(),
        kind: form.kind,
        score: filled.score,
        comment: Some(comment),
        answered_at: at,
    };
    let kept = ingest::take_in::<SurveyAnswer>(ctx, &mut tx, Origin::System, vec![new]).await;
    let answer = match kept {
        Ok(mut kept) => kept.pop().and_then(|one| one.id),
        // The contact went while the form was open.
        Err(Error::Refused(_)) => None,
        Err(error) => return Err(error),
    };
    let Some(answer) = answer else {
        tx.rollback().await?;
        return Ok(false);
    };
    Query::new(
        "UPDATE survey_invitation SET answered_at = $3, answer_id = $4, sealed_token = NULL,
             sent_at = COALESCE(sent_at, $3), failed_at = NULL, next_attempt_at = NULL
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(form.invitation)
    .bind(at)
    .bind(answer)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// Holds the invitation until the end, so that a form sent twice at once is answered by one after the
/// other, and says when this answer is given. Nothing when the form is not there any more.
async fn turn(tx: &Tx<'_>, form: &Form) -> Result<Option<DateTime<Utc>>> {
    // First the contact, then the invitation: in the order in which an erasure takes them.
    let there = crate::contact::living(tx, std::iter::once(form.contact)).await?;
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let held: Option<SurveyInvitationId> = Query::new(format!(
        "SELECT id FROM survey_invitation
         WHERE workspace_id = $1 AND id = $2 AND expires_at > $3 {lock}"
    ))
    .bind(tx.workspace)
    .bind(form.invitation)
    .bind(tx.now)
    .scalar(tx.connection())
    .await?;
    if there.is_empty() || held.is_none() {
        return Ok(None);
    }
    // The latest of a source's words counts, and the clocks of two processes may differ: whoever
    // answers after another is not before them.
    let before: Option<DateTime<Utc>> = Query::new(
        "SELECT updated_at FROM survey_answer WHERE workspace_id = $1 AND external_id = $2",
    )
    .bind(tx.workspace)
    .bind(form.invitation.to_string())
    .scalar(tx.connection())
    .await?;
    Ok(before.max(Some(tx.now)))
}

/// Notes that whoever has the form wants no more surveys by email.
pub async fn stop(ctx: &Ctx, form: &Form) -> Result<bool> {
    let mut tx = ctx.begin(form.workspace).await?;
    let there = crate::contact::living(&tx, std::iter::once(form.contact)).await?;
    let Some(&contact_id) = there.get(&form.contact) else {
        tx.rollback().await?;
        return Ok(false);
    };
    let row = subscription::Row {
        contact_id,
        channel: Channel::Email,
        topic: TOPIC.to_owned(),
        state: SubscriptionState::Unsubscribed,
        source: SubscriptionSource::Unsubscribe,
        reason: String::new(),
        changed_at: tx.now,
        changed_by: Origin::System.json(),
    };
    subscription::put(&mut tx, Origin::System, &[row]).await?;
    tx.commit().await?;
    Ok(true)
}
