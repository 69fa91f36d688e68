//! The call itself: the request, and what its answer means.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use entity::kind::TargetKind;

use super::{CameOfIt, Ended, job::Job, outcome::write};
use crate::{
    ctx::Ctx,
    locale::Locale,
    notification::{
        Verdict,
        delivery::Payload,
        manage,
        target::slack::{self, SlackNotice},
    },
    port::{Egress, EgressError, OutgoingRequest, OutgoingResponse},
};

/// Characters of the customer's words that a notice shows.
pub(super) const EXCERPT_CHARS: usize = 500;
/// Tries to write down what came of a call, before it is left to the lease.
const WRITE_TRIES: u32 = 5;

/// Makes the call of a job and writes down what came of it.
pub(super) async fn attempt(ctx: &Ctx, egress: &dyn Egress, job: Job) -> Ended {
    let started_at = ctx.clock.now();
    let start = Instant::now();
    let answer = match request(ctx, &job) {
        Ok(request) => egress.post(request).await.map_err(Failure::NoAnswer),
        Err(error) => {
            tracing::error!(target.id = %job.delivery.target_id, error, "cannot open a target's URL");
            Err(Failure::NoUrl)
        }
    };
    let attempt = Attempt {
        started_at,
        duration_ms: start.elapsed().as_millis() as i64,
        answer,
    };
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
    pub(super) started_at: DateTime<Utc>,
    pub(super) duration_ms: i64,
    pub(super) answer: Result<OutgoingResponse, Failure>,
}

pub(super) enum Failure {
    /// The target's URL could not be opened: a master key is missing.
    NoUrl,
    NoAnswer(EgressError),
}

impl Attempt {
    pub(super) fn verdict(&self, kind: TargetKind) -> Verdict {
        match (&self.answer, kind) {
            (Ok(response), TargetKind::Slack) => slack::judge(response),
            (Err(Failure::NoAnswer(error)), _) => Verdict::of_error(error),
            (Err(Failure::NoUrl), _) => Verdict::Retry { after: None },
        }
    }

    pub(super) fn error(&self) -> Option<String> {
        match &self.answer {
            Ok(response) if (200..300).contains(&response.status) => None,
            Ok(response) => Some(format!("the receiver answered {}", response.status)),
            Err(Failure::NoAnswer(error)) => Some(error.to_string()),
            Err(Failure::NoUrl) => Some("the target's URL could not be decrypted".to_owned()),
        }
    }
}

fn request(ctx: &Ctx, job: &Job) -> Result<OutgoingRequest, String> {
    let delivery = &job.delivery;
    let url = manage::open_url(ctx, delivery.target_id, &delivery.sealed_url)?;
    let locale = serde_json::from_value(delivery.locale.as_str().into()).unwrap_or_default();
    let body = match delivery.kind {
        TargetKind::Slack => slack::body(&notice(job, locale), locale),
    };
    let id = delivery.id.to_string();
    Ok(OutgoingRequest {
        url,
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Enishi-Delivery".to_owned(), id.clone()),
            ("Idempotency-Key".to_owned(), id),
        ],
        body: Bytes::from(body.to_string()),
    })
}

fn notice(job: &Job, locale: Locale) -> SlackNotice {
    let Payload::RuleFired {
        title, rule_name, ..
    } = &job.payload;
    let [contact, inbox, subject] = match locale {
        Locale::Ja => ["コンタクト", "受信箱", "件名"],
        Locale::En => ["Contact", "Inbox", "Subject"],
        Locale::Zh => ["联系人", "收件箱", "主题"],
    };
    let lines = job.about.iter().flat_map(|about| {
        let person = match &about.contact_email {
            Some(email) if about.contact_name != *email => {
                format!("{} ({email})", about.contact_name)
            }
            _ => about.contact_name.clone(),
        };
        [
            (contact.to_owned(), person),
            (inbox.to_owned(), about.inbox_name.clone()),
            (subject.to_owned(), about.subject.clone()),
        ]
    });
    SlackNotice {
        title: title.clone().unwrap_or_else(|| rule_name.clone()),
        lines: lines.collect(),
        excerpt: job.about.as_ref().map(|about| shorten(&about.excerpt)),
        link: None,
        rule_name: rule_name.clone(),
    }
}

fn shorten(body: &str) -> String {
    let mut shown: String = body.chars().take(EXCERPT_CHARS).collect();
    if shown.len() < body.len() {
        shown.push('…');
    }
    shown
}
