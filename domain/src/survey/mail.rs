//! The worker's turn for invitations by email: claims what is due, hands the mails over, writes down
//! what came of it.
//!
//! Nothing is sent inside a transaction, and a mail that has to wait keeps to the schedule of all
//! deliveries ([`crate::notification::retry`]) and to the hours of the rule or playbook that asks. Whoever has said no since they were invited, or was
//! erased, is sent nothing.

use std::{collections::BTreeMap, time::Instant};

use chrono::TimeDelta;
use entity::{
    id::{Id as _, SurveyAttemptId, WorkspaceId},
    kind::DueKind,
};
use futures::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use super::{
    attempt::{ATTEMPTS, shown},
    invite::PURPOSE,
    job::{Job, Row, jobs},
    scale, words,
};
use crate::{
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::{
        Verdict,
        attempt::{Begun, Said, Tried},
        deliver::Limits,
        notice::{clean_line, clean_text},
        retry::{Next, next_attempt},
        target::email,
    },
    port::{Egress, MailError, OutgoingMail},
    store::{Query, Rows, Tx},
    text::escape_html as escape,
    vault::Sealed,
    work::due,
};

/// Mails handed over at once: they all go to one mail server.
const TOGETHER: usize = 8;
/// Characters a subject has at most.
const SUBJECT_LIMIT: usize = 150;
/// Characters of a mail's text at most.
const TEXT_LIMIT: usize = 6_000;

/// What a turn did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Items claimed.
    pub claimed: usize,
    /// Mails that were taken.
    pub sent: usize,
    /// Mails that were not, for now or for good.
    pub failed: usize,
    /// Whether it stopped because of its limits.
    pub is_cut: bool,
    /// When there will be more to do in a workspace, as far as this turn knows.
    pub again: BTreeMap<WorkspaceId, TimeDelta>,
}

/// Sends the mails that are due, of one workspace or of all, until none is left or the limits are
/// reached.
pub async fn run_due(
    ctx: &Ctx,
    egress: &dyn Egress,
    workspace: Option<WorkspaceId>,
    limits: Limits<'_>,
) -> Result<Turn> {
    let start = Instant::now();
    let mut turn = Turn::default();
    loop {
        let room = TOGETHER.min(limits.items.saturating_sub(turn.claimed));
        turn.is_cut = room == 0 || start.elapsed() >= limits.time || !(limits.goes_on)();
        if turn.is_cut {
            return Ok(turn);
        }
        let kind = DueKind::SurveyInvitation;
        let claimed = due::claim(ctx, kind, workspace, room as i64).await?;
        if claimed.is_empty() {
            return Ok(turn);
        }
        turn.claimed += claimed.len();
        let jobs = match jobs(ctx, &claimed).await {
            Ok(jobs) => jobs,
            Err(error) => {
                // Left to its lease it would count as work that takes its worker down.
                let wait = TimeDelta::seconds(5);
                let items: Vec<_> = claimed.into_iter().map(|item| (item, wait)).collect();
                due::postpone(ctx, &items).await?;
                return Err(error);
            }
        };
        let tried = join_all(jobs.into_iter().map(|job| attempt(ctx, egress, job))).await;
        for (job, came) in tried {
            let written = write(ctx, &job, &came).await;
            match written {
                Ok(Some(wait)) => {
                    let known = turn.again.entry(job.item.workspace_id).or_insert(wait);
                    *known = wait.min(*known);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(invitation.id = %job.row.id,
                    error = &error as &dyn std::error::Error, "could not write a mail down"),
            }
            match came {
                Came::Tried {
                    verdict: Verdict::Delivered,
                    ..
                } => turn.sent += 1,
                Came::Tried { .. } | Came::Hopeless(_) => turn.failed += 1,
                Came::Nothing => {}
            }
        }
    }
}

/// What came of a job.
enum Came {
    /// There was nothing to send any more.
    Nothing,
    /// It will never be sent, and nothing was.
    Hopeless(&'static str),
    /// A mail was handed over, or could not be.
    Tried {
        verdict: Verdict,
        error: Option<String>,
        tried: Tried,
    },
}

async fn attempt(ctx: &Ctx, egress: &dyn Egress, job: Job) -> (Job, Came) {
    let came = call(ctx, egress, &job).await;
    (job, came)
}

async fn call(ctx: &Ctx, egress: &dyn Egress, job: &Job) -> Came {
    let row = &job.row;
    if row.sent_at.is_some() || row.failed_at.is_some() {
        return Came::Nothing;
    }
    if row.expires_at <= ctx.clock.now() {
        return Came::Hopeless("it could not be sent before its time was over");
    }
    if job.is_double {
        return Came::Hopeless("the contact is asked by another invitation of this wave");
    }
    if row.said_no {
        return Came::Hopeless("the contact does not want surveys by email any more");
    }
    let Some(address) = &row.email else {
        return Came::Hopeless("the contact has no email address any more");
    };
    let begun = Begun::now(ctx);
    let wait = |error: &str| Came::Tried {
        verdict: Verdict::Retry { after: None },
        error: Some(error.to_owned()),
        tried: begun.ended(None, Said::default()),
    };
    let Some(token) = open(ctx, row) else {
        return wait("the link could not be decrypted");
    };
    let Some(link) = ctx.link(&format!("survey/{}", token.expose_secret())) else {
        return wait("ENISHI_PUBLIC_URL is not set");
    };
    let mail = mail(row, address, &link);
    let shown = shown(&mail, link.as_str());
    let answer = egress.mail(mail).await;
    let error = match &answer {
        Err(MailError::NoReceiver) => Some("nobody receives it".to_owned()),
        Err(error) => Some(error.to_string()),
        Ok(receipt) => receipt
            .refused
            .iter()
            .chain(&receipt.deferred)
            .next()
            .map(|no| format!("the mail server answered {}: {}", no.status, no.said)),
    };
    Came::Tried {
        verdict: email::judge(&answer, false),
        error,
        tried: begun.ended(Some(shown), email::said(&answer)),
    }
}

fn open(ctx: &Ctx, row: &Row) -> Option<SecretString> {
    let sealed = Sealed::from_stored(row.sealed_token.clone()?);
    let opened = ctx.vault.open(row.id.uuid(), PURPOSE, &sealed);
    opened
        .inspect_err(|error| {
            tracing::error!(invitation.id = %row.id, %error, "cannot open a survey's link");
        })
        .ok()
}

/// The mail: what the survey says, the scores to choose from, and who asks. A score in a link only
/// chooses: mail scanners follow links, so nothing is answered before the form is sent.
fn mail(row: &Row, address: &str, link: &Url) -> OutgoingMail {
    let locale = Locale::from_word(&row.locale).unwrap_or_default();
    let texts = words::texts(row.kind, locale, &words::from_stored(&row.texts));
    let said = clean_text(&texts.mail_text, TEXT_LIMIT);
    let question = clean_line(&texts.question, 500);
    let sender = clean_line(&row.workspace_name, SUBJECT_LIMIT);
    let mut html = String::new();
    for paragraph in said.split("\n\n").filter(|part| !part.trim().is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(escape).collect();
        html.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
    }
    html.push_str(&format!(
        "<p><strong>{}</strong></p>\n<p>",
        escape(&question)
    ));
    for score in scale(row.kind) {
        let place = escape(&format!("{link}?score={score}"));
        html.push_str(&format!("<a href=\"{place}\">{score}</a>\n"));
    }
    let (lowest, highest) = (escape(texts.lowest), escape(texts.highest));
    let ends = (*scale(row.kind).start(), *scale(row.kind).end());
    html.push_str(&format!(
        "</p>\n<p>{} = {lowest}, {} = {highest}</p>\n<p>{}</p>\n",
        ends.0,
        ends.1,
        escape(&sender)
    ));
    let tag = locale.tag();
    OutgoingMail {
        id: row.id.to_string(),
        to: vec![address.to_owned()],
        subject: clean_line(&texts.mail_subject, SUBJECT_LIMIT),
        text: format!(
            "{said}\n\n{question}\n{} = {}, {} = {}\n\n{link}\n\n-- \n{sender}\n",
            ends.0, texts.lowest, ends.1, texts.highest
        ),
        html: format!(
            "<!DOCTYPE html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\"></head><body>\n\
             {html}</body></html>\n"
        ),
        unsubscribe: Some(link.clone()),
    }
}

/// Writes down what came of a job, unless the claim was lost. Says when it is tried again.
async fn write(ctx: &Ctx, job: &Job, came: &Came) -> Result<Option<TimeDelta>> {
    let Job { item, row, .. } = job;
    let mut random = [0; 4];
    ctx.ids.fill(&mut random);
    let failures = u32::try_from(item.failures + 1).unwrap_or(u32::MAX);
    let tx = ctx.begin(item.workspace_id).await?;
    let (next, error, sent) = match came {
        Came::Nothing => (Next::GiveUp, None, false),
        Came::Hopeless(error) => (Next::GiveUp, Some((*error).to_owned()), false),
        Came::Tried { verdict, error, .. } => (
            next_attempt(failures, *verdict, u32::from_le_bytes(random)),
            error.clone(),
            *verdict == Verdict::Delivered,
        ),
    };
    let again = match next {
        Next::At(wait) => Some(job.within_hours(tx.now, wait)),
        Next::GiveUp => None,
    };
    let is_kept = match again {
        Some(wait) => {
            let error = error.clone().unwrap_or_default();
            due::retry(&tx, item, wait, &error).await?
        }
        None => due::finish(&tx, item).await?,
    };
    if !is_kept {
        tx.rollback().await?;
        tracing::warn!(invitation.id = %row.id, "a mail ended after its claim was lost");
        return Ok(None);
    }
    if !matches!(came, Came::Nothing) {
        note(&tx, job, came, again, error, sent).await?;
    }
    tx.commit().await?;
    Ok(again)
}

async fn note(
    tx: &Tx<'_>,
    job: &Job,
    came: &Came,
    again: Option<TimeDelta>,
    error: Option<String>,
    sent: bool,
) -> Result<()> {
    let failed = !sent && again.is_none();
    let mut tries = 0;
    if let Came::Tried { tried, .. } = came {
        tries = 1;
        let invitation = job.row.id;
        ATTEMPTS
            .write::<SurveyAttemptId>(tx, invitation, tried, error.as_deref())
            .await?;
    }
    // Once it is over, the link is the contact's alone. Who has answered has had the mail, whatever
    // its server said, and ended this by answering.
    Query::new(
        "UPDATE survey_invitation SET attempts = attempts + $3, next_attempt_at = $4,
             last_error = $5, sent_at = $6, failed_at = $7,
             sealed_token = CASE WHEN $8 THEN sealed_token ELSE NULL END
         WHERE workspace_id = $1 AND id = $2 AND answered_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(job.row.id)
    .bind(tries)
    .bind(again.map(|wait| tx.now + wait))
    .bind(error)
    .bind(sent.then_some(tx.now))
    .bind(failed.then_some(tx.now))
    .bind(again.is_some())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes of an invitation that its mail takes workers down and is not tried again by itself.
pub(crate) async fn give_up(tx: &mut Tx<'_>, id: Uuid, error: &str) -> Result<()> {
    Query::new(
        "UPDATE survey_invitation SET failed_at = $3, last_error = $4, next_attempt_at = NULL
         WHERE workspace_id = $1 AND id = $2 AND sent_at IS NULL AND failed_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(error)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes invitations that were given up so ready to be sent.
pub(crate) async fn revive(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<()> {
    Query::new(
        "UPDATE survey_invitation SET failed_at = NULL, next_attempt_at = $2
         FROM {r} WHERE survey_invitation.workspace_id = $1 AND survey_invitation.id = r.id
           AND survey_invitation.sealed_token IS NOT NULL AND survey_invitation.sent_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::{
        id::{ContactId, SurveyId, SurveyInvitationId},
        kind::SurveyKind,
    };

    use super::*;

    fn row(texts: serde_json::Value) -> Row {
        Row {
            workspace_id: WorkspaceId(Uuid::nil()),
            id: SurveyInvitationId(Uuid::from_u128(1)),
            survey_id: SurveyId(Uuid::nil()),
            contact_id: ContactId(Uuid::nil()),
            locale: "EN".to_owned(),
            sealed_token: None,
            created_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            sent_at: None,
            failed_at: None,
            email: None,
            kind: SurveyKind::Csat,
            texts,
            wave_days: 90,
            workspace_name: "Enishi <Shokai>".to_owned(),
            said_no: false,
            made_by: serde_json::json!({ "kind": "SYSTEM" }),
        }
    }

    #[test]
    fn a_mail_offers_every_score_and_nothing_written_is_markup() {
        let texts = serde_json::json!([{
            "locale": "EN", "question": "Was it <b>good</b>?", "mailSubject": "Hello\r\nBcc: x",
            "mailText": "Dear customer,\n<script>\n\nthank you.",
        }]);
        let mail = mail(
            &row(texts),
            "taro@customer.example",
            &"https://e.example/survey/x".parse().unwrap(),
        );
        assert_eq!(mail.to, ["taro@customer.example"]);
        assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
        for score in 1..=5 {
            let link = format!("<a href=\"https://e.example/survey/x?score={score}\">{score}</a>");
            assert!(mail.html.contains(&link), "{}", mail.html);
        }
        assert!(mail.html.contains("Was it &lt;b&gt;good&lt;/b&gt;?"));
        let unsubscribe = mail.unsubscribe.as_ref().map(Url::as_str);
        assert_eq!(unsubscribe, Some("https://e.example/survey/x"));
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<Shokai>"));
        assert!(mail.text.contains("\nhttps://e.example/survey/x\n"));
        assert!(
            mail.text.ends_with("-- \nEnishi <Shokai>\n"),
            "{}",
            mail.text
        );
    }
}
