//! One request of a provider, from the token in its address to the events in the database.
//!
//! The events and the source's counts are one transaction: what was answered as stored is stored, and what
//! the provider sends again changes nothing. Why a request was refused is told to the members of the
//! workspace and to nobody who calls.

use bytes::Bytes;
use entity::{
    email_source,
    kind::{EmailProvider, EmailSourceRejection},
};
use secrecy::ExposeSecret;

use super::{
    elastic_email, key, mailgun, postmark, sendgrid, ses,
    sns::{Doubt, Envelope, Kind},
    told::Told,
};
use crate::{
    access::{Origin, token},
    ctx::Ctx,
    email::{event, input},
    error::Result,
    port::Egress,
    store::{Query, Tx},
};

/// Characters of what opens a source: 32 bytes as base64url.
const TOKEN_CHARS: usize = 43;

/// A request as it came, of which nothing is believed yet.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// What stands behind the question mark of the address.
    pub query: String,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, to the byte.
    pub body: Bytes,
}

impl Call {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is believed, and what it says is stored.
    Stored(Stored),
    /// It is not believed, or cannot be read. To be noted with [`note_rejection`].
    Refused(EmailSourceRejection),
    /// What it needs cannot be had at the moment: to be sent again.
    Later,
    /// The source was switched off or deleted meanwhile.
    Gone,
}

/// What became of the events of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// How many were new.
    pub created: usize,
    /// How many were there before.
    pub duplicates: usize,
    /// How many were of people who were erased.
    pub erased: usize,
    /// How many do not count.
    pub ignored: usize,
}

/// Whether the provider tells by `GET`, and not by `POST`.
pub fn is_told_by_get(provider: EmailProvider) -> bool {
    provider == EmailProvider::ElasticEmail
}

/// The source that `token` opens, if it opens one that is switched on.
pub async fn open(ctx: &Ctx, token: &str) -> Result<Option<email_source::Model>> {
    let is_one = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    if token.len() != TOKEN_CHARS || !token.bytes().all(is_one) {
        return Ok(None);
    }
    // Looked up by hash, so that the time it takes tells nothing of how much of a guess was right.
    Ok(Query::new(
        "SELECT s.* FROM email_source s
         WHERE (s.token_hash = $1 OR (s.old_token_hash = $1 AND s.old_token_until > $2))
           AND s.disabled_at IS NULL AND s.deleted_at IS NULL",
    )
    .bind(token::hash(token).to_vec())
    .bind(ctx.clock.now())
    .one(ctx.reader())
    .await?)
}

/// Verifies a request to a source and stores what it says.
pub async fn receive(
    ctx: &Ctx,
    egress: &dyn Egress,
    source: &email_source::Model,
    call: &Call,
) -> Result<Answer> {
    let ctx = &ctx.walled_to(source.workspace_id);
    match said(ctx, egress, source, call).await? {
        Said::Told(told) => Box::pin(store(ctx, source, told)).await,
        Said::Refused(why) => Ok(Answer::Refused(why)),
        Said::Later => Ok(Answer::Later),
    }
}

/// Notes for the members of the workspace that a request to a source was refused.
pub async fn note_rejection(
    ctx: &Ctx,
    source: &email_source::Model,
    why: EmailSourceRejection,
) -> Result<()> {
    Query::new(
        "UPDATE email_source SET rejected_count = rejected_count + 1, last_rejected_at = $3,
                                 last_rejection = $4
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(source.workspace_id)
    .bind(source.id)
    .bind(ctx.clock.now())
    .bind(why.word())
    .execute(ctx.walled_to(source.workspace_id).db.writer())
    .await?;
    Ok(())
}

/// What a request comes to before anything is stored.
enum Said {
    Told(Told),
    Refused(EmailSourceRejection),
    Later,
}

/// What was read, or that it could not be.
fn read(told: Option<Told>) -> Said {
    told.map_or(Said::Refused(EmailSourceRejection::Unreadable), Said::Told)
}

async fn said(
    ctx: &Ctx,
    egress: &dyn Egress,
    source: &email_source::Model,
    call: &Call,
) -> Result<Said> {
    let (now, campaign_key) = (ctx.clock.now(), source.campaign_key.as_deref());
    let key = key::open(ctx, source)?;
    let key = key.as_ref().map(ExposeSecret::expose_secret);
    Ok(match (source.provider, key) {
        (EmailProvider::ElasticEmail, _) => {
            Said::Told(elastic_email::read(&call.query, campaign_key, now))
        }
        (EmailProvider::AmazonSes, _) => said_by_ses(ctx, egress, source, call).await,
        (EmailProvider::Sendgrid | EmailProvider::Mailgun, None) => {
            Said::Refused(EmailSourceRejection::NoKey)
        }
        (EmailProvider::Sendgrid, Some(key)) if !sendgrid::is_signed(call, key) => {
            Said::Refused(EmailSourceRejection::Signature)
        }
        (EmailProvider::Sendgrid, Some(_)) => read(sendgrid::read(&call.body, campaign_key)),
        (EmailProvider::Mailgun, Some(key)) => match mailgun::parse(&call.body) {
            None => read(None),
            Some(body) => match mailgun::verify(&body, key, now) {
                Ok(()) => Said::Told(mailgun::read(&body, campaign_key)),
                Err(why) => Said::Refused(why),
            },
        },
        (EmailProvider::Postmark, Some(key)) if !postmark::is_allowed(call, key) => {
            Said::Refused(EmailSourceRejection::Credentials)
        }
        (EmailProvider::Postmark, _) => read(postmark::read(&call.body, campaign_key)),
    })
}

async fn said_by_ses(
    ctx: &Ctx,
    egress: &dyn Egress,
    source: &email_source::Model,
    call: &Call,
) -> Said {
    let Some(envelope) = Envelope::read(&call.body) else {
        return read(None);
    };
    // Before anything is fetched: whatever another topic says is not asked for.
    if source.topic_arn.as_deref() != Some(envelope.topic.as_str()) {
        return Said::Refused(EmailSourceRejection::Topic);
    }
    match envelope.verify(ctx, egress).await {
        Ok(()) => {}
        Err(Doubt::Refused(why)) => return Said::Refused(why),
        Err(Doubt::NoCertificate) => {
            tracing::warn!(email_source.id = %source.id, "the certificate of SNS cannot be fetched");
            return Said::Later;
        }
    }
    match envelope.kind {
        Kind::Notification => {
            Said::Told(ses::read(&envelope.message, source.campaign_key.as_deref()))
        }
        Kind::SubscriptionConfirmation => confirm(egress, source, &envelope).await,
        Kind::Other => Said::Told(Told::default()),
    }
}

/// Tells SNS that the topic may send its messages here.
async fn confirm(egress: &dyn Egress, source: &email_source::Model, envelope: &Envelope) -> Said {
    let Some(url) = envelope.confirmation() else {
        return read(None);
    };
    match egress.get(url.clone()).await {
        Ok(answer) if answer.status == 200 => Said::Told(Told::default()),
        answer => {
            let status = answer.ok().map(|answer| answer.status);
            tracing::warn!(
                email_source.id = %source.id,
                status,
                "the subscription to the topic of SNS cannot be confirmed"
            );
            Said::Later
        }
    }
}

async fn store(ctx: &Ctx, source: &email_source::Model, told: Told) -> Result<Answer> {
    let mut tx = ctx.begin(source.workspace_id).await?;
    let given = told.events.len();
    let mut events = input::clean_each(told.events, tx.now);
    if !source.tracks_opens {
        for event in &mut events {
            event.tracks_opens = Some(false);
        }
    }
    let mut stored = Stored {
        ignored: told.ignored + given - events.len(),
        ..Stored::default()
    };
    let origin = Origin::EmailSource {
        source_id: source.id,
    };
    for some in events.chunks(input::MAX_EVENTS) {
        let outcome = event::take_in(ctx, &mut tx, origin, some).await?;
        stored.created += outcome.created;
        stored.duplicates += outcome.duplicates;
        stored.erased += outcome.erased;
    }
    if !count(&tx, source, stored).await? {
        tx.rollback().await?;
        return Ok(Answer::Gone);
    }
    tx.commit().await?;
    Ok(Answer::Stored(stored))
}

/// Counts at the source what came, unless it is not there any more. Last in the transaction: requests to
/// one source wait for each other here.
async fn count(tx: &Tx<'_>, source: &email_source::Model, stored: Stored) -> Result<bool> {
    let received = stored.created + stored.duplicates + stored.erased;
    let counted = Query::new(
        "UPDATE email_source SET received_count = received_count + $3,
                                 ignored_count = ignored_count + $4, last_received_at = $5
         WHERE workspace_id = $1 AND id = $2 AND disabled_at IS NULL AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(source.id)
    .bind(received as i64)
    .bind(stored.ignored as i64)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(counted == 1)
}
