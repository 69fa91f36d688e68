//! The call itself: what is sent, and what the answer means.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use entity::kind::TargetKind;
use serde_json::json;

use super::{CameOfIt, Ended, job::Job, outcome::write};
use crate::{
    ctx::Ctx,
    notification::{
        Verdict, address,
        attempt::{Begun, Said, Sent, Tried},
        target::{
            email, in_app,
            slack::{self, SlackNotice},
            webhook,
        },
    },
    port::{Egress, EgressError, MailError, MailReceipt, OutgoingRequest, OutgoingResponse},
};

/// Tries to write down what came of a call, before it is left to the lease.
const WRITE_TRIES: u32 = 5;

/// Makes the call of a job and writes down what came of it.
pub(super) async fn attempt(ctx: &Ctx, egress: &dyn Egress, job: Job) -> Ended {
    let ctx = &ctx.walled_to(job.item.workspace_id);
    let begun = Begun::now(ctx);
    let (sent, answer) = call(ctx, egress, &job, begun.at).await;
    let tried = begun.ended(sent, answer.said());
    let attempt = Attempt { tried, answer };
    let workspace = job.item.workspace_id;
    let mut wait = Duration::from_millis(100);
    for left in (0..WRITE_TRIES).rev() {
        // The receiver has already heard it: a database that restarts must not make it hear it
        // again if a little patience can prevent that.
        match write(ctx, &job, &attempt).await {
            Ok(came_of_it) => {
                return Ended {
                    workspace,
                    came_of_it,
                };
            }
            Err(error) => tracing::warn!(delivery.id = %job.delivery.id, tries_left = left,
                error = &error as &dyn std::error::Error, "could not write an attempt down"),
        }
        if left > 0 {
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
    Ended {
        workspace,
        came_of_it: CameOfIt::Lost,
    }
}

/// A call with its answer.
pub(super) struct Attempt {
    pub(super) tried: Tried,
    pub(super) answer: Answer,
}

pub(super) enum Answer {
    /// The target's URL or keys could not be opened: a master key is missing.
    Sealed,
    Slack(Result<OutgoingResponse, EgressError>),
    Webhook(Result<OutgoingResponse, EgressError>),
    Mail {
        answer: Result<MailReceipt, MailError>,
        /// The addresses an earlier attempt reached, or was refused by for good.
        told: BTreeSet<String>,
    },
    /// Nothing is called: it is written together with the outcome.
    InApp(in_app::Entry),
}

impl Attempt {
    pub(super) fn verdict(&self) -> Verdict {
        match &self.answer {
            Answer::Sealed => Verdict::Retry { after: None },
            Answer::Slack(Ok(response)) => slack::judge(response),
            Answer::Webhook(Ok(response)) => webhook::judge(response),
            Answer::Slack(Err(error)) | Answer::Webhook(Err(error)) => Verdict::of_error(error),
            Answer::Mail { answer, told } => email::judge(answer, !told.is_empty()),
            Answer::InApp(_) => Verdict::Delivered,
        }
    }

    pub(super) fn error(&self) -> Option<String> {
        match &self.answer {
            Answer::Sealed => Some("the target's credentials could not be decrypted".to_owned()),
            Answer::Slack(Ok(response)) | Answer::Webhook(Ok(response)) => {
                let is_fine = (200..300).contains(&response.status);
                (!is_fine).then(|| format!("the receiver answered {}", response.status))
            }
            Answer::Slack(Err(error)) | Answer::Webhook(Err(error)) => Some(error.to_string()),
            Answer::Mail {
                answer: Err(error), ..
            } => Some(error.to_string()),
            Answer::Mail {
                answer: Ok(receipt),
                ..
            } => mail_error(receipt),
            Answer::InApp(_) => None,
        }
    }
}

impl Answer {
    fn said(&self) -> Said {
        match self {
            Self::Slack(Ok(response)) | Self::Webhook(Ok(response)) => {
                (Some(response.status.into()), response.body.clone())
            }
            Self::Mail { answer, .. } => email::said(answer),
            _ => Said::default(),
        }
    }
}

fn mail_error(receipt: &MailReceipt) -> Option<String> {
    let not_taken = receipt.refused.len() + receipt.deferred.len();
    let all = receipt.accepted.len() + not_taken;
    (not_taken > 0).then(|| format!("the mail server did not take {not_taken} of {all} addresses"))
}

async fn call(
    ctx: &Ctx,
    egress: &dyn Egress,
    job: &Job,
    now: DateTime<Utc>,
) -> (Option<Sent>, Answer) {
    let id = job.delivery.id.to_string();
    match job.delivery.kind {
        TargetKind::Slack => {
            let body = slack::body(&SlackNotice::from(&job.notice), job.locale).to_string();
            post(ctx, egress, job, body, Vec::new(), Answer::Slack).await
        }
        TargetKind::Webhook => {
            if job.keys.is_empty() {
                return (None, Answer::Sealed);
            }
            let body = webhook::body(&job.notice, job.delivery.created_at).to_string();
            let headers = webhook::headers(&job.keys, &id, now, body.as_bytes());
            post(ctx, egress, job, body, headers, Answer::Webhook).await
        }
        TargetKind::Email => {
            let told = job.told();
            let to: Vec<String> = job.addresses.difference(&told).cloned().collect();
            if to.is_empty() {
                let answer = Err(MailError::NoReceiver);
                return (None, Answer::Mail { answer, told });
            }
            let mail = email::mail(id, to, &job.notice, job.locale);
            let sent = (email::headers(&mail), mail.text.clone());
            let answer = egress.mail(mail).await;
            (Some(sent), Answer::Mail { answer, told })
        }
        TargetKind::InApp => (None, Answer::InApp(in_app::entry(&job.notice))),
    }
}

async fn post(
    ctx: &Ctx,
    egress: &dyn Egress,
    job: &Job,
    body: String,
    more: Vec<(String, String)>,
    answer: fn(Result<OutgoingResponse, EgressError>) -> Answer,
) -> (Option<Sent>, Answer) {
    let delivery = &job.delivery;
    let url = match address::open(ctx, delivery.target_id, &delivery.sealed_url) {
        Ok(url) => url,
        Err(error) => {
            tracing::error!(target.id = %delivery.target_id, error, "cannot open a target's URL");
            return (None, Answer::Sealed);
        }
    };
    let id = delivery.id.to_string();
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("X-Enishi-Delivery".to_owned(), id.clone()),
        ("Idempotency-Key".to_owned(), id),
    ];
    headers.extend(more);
    let sent = (json!(headers), body.clone());
    let request = OutgoingRequest {
        url,
        headers,
        body: Bytes::from(body),
    };
    let answered = egress.post(request).await;
    // The guard lets nothing out: there is no request to be shown.
    let is_sent = !matches!(
        answered,
        Err(EgressError::Forbidden | EgressError::BadUrl(_))
    );
    (is_sent.then_some(sent), answer(answered))
}
