//! Writing down what came of an attempt, in one transaction.

use chrono::TimeDelta;
use entity::{
    id::{AttemptId, DeliveryId, MemberId},
    kind::DeliveryState,
};

use super::{
    CameOfIt, PACE_S,
    attempt::{Answer, Attempt},
    job::{Job, Row},
    wrong::{NOBODY, wrong},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::{
        DisableReason, Verdict, charge,
        delivery::{self, ATTEMPTS},
        in_app, receiver,
        retry::{Next, next_attempt},
    },
    store::{Query, Tx, dialect},
    work::{
        change::{Change, Fact},
        due,
    },
};

/// The longest a throttled target is left alone for the sake of other deliveries, in seconds.
const THROTTLE_S: i64 = 60;
/// How long the owners are told nothing more about messages that one target refuses, in minutes.
const QUIET_MINUTES: i64 = 60;

/// Writes down what came of an attempt, unless the claim was lost.
pub(super) async fn write(ctx: &Ctx, job: &Job, attempt: &Attempt) -> Result<CameOfIt> {
    let Job { item, delivery, .. } = job;
    let mut verdict = attempt.verdict();
    let is_theirs = is_of_those_in_charge(job, attempt);
    if is_theirs && matches!(verdict, Verdict::Disable { .. }) {
        verdict = Verdict::Refused;
    }
    let mut error = attempt.error().unwrap_or_default();
    let mut random = [0; 4];
    ctx.ids.fill(&mut random);
    let failures = u32::try_from(item.failures + 1).unwrap_or(u32::MAX);
    let next = next_attempt(failures, verdict, u32::from_le_bytes(random));

    let mut tx = ctx.begin(item.workspace_id).await?;
    let next = match next {
        Next::At(wait) => Next::At(job.within_hours(tx.now, wait)),
        Next::GiveUp => Next::GiveUp,
    };
    let members = match &attempt.answer {
        Answer::InApp(_) => receivers(&tx, job).await?,
        _ => Vec::new(),
    };
    if matches!(attempt.answer, Answer::InApp(_)) && members.is_empty() {
        verdict = Verdict::Refused;
        NOBODY.clone_into(&mut error);
    }
    let (is_kept, state, again) = match (verdict, next) {
        (Verdict::Delivered, _) => (
            due::finish(&tx, item).await?,
            DeliveryState::Delivered,
            None,
        ),
        (_, Next::At(wait)) => (
            due::retry(&tx, item, wait, &error).await?,
            DeliveryState::Pending,
            Some(wait),
        ),
        (_, Next::GiveUp) => (due::finish(&tx, item).await?, DeliveryState::Failed, None),
    };
    if !is_kept {
        tx.rollback().await?;
        tracing::warn!(delivery.id = %delivery.id, "an attempt ended after its claim was lost");
        return Ok(CameOfIt::Lost);
    }
    let kept = (!error.is_empty()).then_some(error.as_str());
    ATTEMPTS
        .write::<AttemptId>(&tx, delivery.id, &attempt.tried, kept)
        .await?;
    update_delivery(&tx, job, attempt, state, again, &error).await?;
    if let Answer::InApp(entry) = &attempt.answer {
        let (id, contact) = (Some(delivery.id), delivery.contact_id);
        in_app::add(&mut tx, &members, entry, id, contact).await?;
    }
    if state != DeliveryState::Pending {
        let delivered = state == DeliveryState::Delivered;
        delivery::record_finished(&mut tx, delivery.id, delivery.contact_id, delivered);
    }
    release_target(&tx, delivery, verdict).await?;
    let told = wrong(job.locale, attempt);
    match (verdict, state) {
        (Verdict::Disable { reason }, _) => disable_target(&mut tx, job, reason, &told).await?,
        (Verdict::Retry { .. } | Verdict::Throttled { .. }, DeliveryState::Failed) if is_theirs => {
            refuse(&mut tx, job, &told).await?;
        }
        // The whole schedule is used up.
        (Verdict::Retry { .. } | Verdict::Throttled { .. }, DeliveryState::Failed) => {
            give_up(&mut tx, job, &told).await?;
        }
        // Whoever tries a target out sees what comes of it.
        (Verdict::Refused, _) if !job.is_test() => refuse(&mut tx, job, &told).await?,
        _ => {}
    }
    tx.commit().await?;
    Ok(match state {
        DeliveryState::Delivered => CameOfIt::Delivered,
        DeliveryState::Pending | DeliveryState::Failed | DeliveryState::Folded => {
            CameOfIt::Failed { again }
        }
    })
}

/// Whether the mail server answered for the mailboxes of whoever is in charge. That is no reason to switch
/// the target off: others are in charge of what other notifications are about.
fn is_of_those_in_charge(job: &Job, attempt: &Attempt) -> bool {
    job.follows && matches!(attempt.answer, Answer::Mail { answer: Ok(_), .. })
}

/// The members whose lists it comes into, each once.
async fn receivers(tx: &Tx<'_>, job: &Job) -> Result<Vec<MemberId>> {
    let mut members = receiver::members(tx, job.delivery.target_id).await?;
    let charges = charge::of(tx.connection(), &[job.about()]).await?;
    let in_charge = charges.into_values().flatten().map(|one| one.member_id);
    members.extend(in_charge);
    members.sort_unstable();
    members.dedup();
    Ok(members)
}

async fn update_delivery(
    tx: &Tx<'_>,
    job: &Job,
    attempt: &Attempt,
    state: DeliveryState,
    again: Option<TimeDelta>,
    error: &str,
) -> Result<()> {
    let delivery = &job.delivery;
    let finished_at = (state != DeliveryState::Pending).then_some(tx.now);
    Query::new(
        "UPDATE delivery SET state = $3, attempts = $4, next_attempt_at = $5, finished_at = $6,
             last_error = $7, told = COALESCE($8, told)
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(delivery.id)
    .bind(state.word())
    .bind(delivery.attempts + 1)
    .bind(again.map(|wait| tx.now + wait))
    .bind(finished_at)
    .bind((!error.is_empty()).then(|| error.to_owned()))
    .bind(told(attempt))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The addresses a mail need not go to again, if it is one and there are any.
fn told(attempt: &Attempt) -> Option<serde_json::Value> {
    let Answer::Mail {
        answer: Ok(receipt),
        told,
    } = &attempt.answer
    else {
        return None;
    };
    let refused = receipt.refused.iter().map(|no| &no.address);
    let mut all = told.clone();
    all.extend(receipt.accepted.iter().chain(refused).cloned());
    Some(serde_json::json!(all))
}

/// Lets others call the target again, after the pause it is due or asked for.
async fn release_target(tx: &Tx<'_>, delivery: &Row, verdict: Verdict) -> Result<()> {
    let pause_s = match verdict {
        Verdict::Throttled { after } => after.map_or(PACE_S, |after| {
            after.num_seconds().clamp(PACE_S, THROTTLE_S)
        }),
        _ => PACE_S,
    };
    let free_at = dialect::now_plus(tx.ctx().db.backend(), pause_s);
    Query::new(format!(
        "UPDATE notification_target SET next_send_at = {free_at}
         WHERE workspace_id = $1 AND id = $2"
    ))
    .bind(tx.workspace)
    .bind(delivery.target_id)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A delivery has failed by the whole schedule: its target is switched off, unless others got
/// through meanwhile. The owners are told either way.
async fn give_up(tx: &mut Tx<'_>, job: &Job, error: &str) -> Result<()> {
    let delivery = &job.delivery;
    // From the newest back: where others get through, the first one looked at tells.
    let another: Option<DeliveryId> = Query::new(
        "SELECT d.id FROM delivery d WHERE d.workspace_id = $1 AND d.target_id = $2
           AND d.state = 'DELIVERED' AND d.finished_at >= $3 ORDER BY d.id DESC LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(delivery.target_id)
    .bind(delivery.created_at)
    .scalar(tx.connection())
    .await?;
    if another.is_none() {
        return disable_target(tx, job, DisableReason::RetriesExhausted, error).await;
    }
    tell_of_one(tx, job, error).await
}

/// The receiver will never take this one. The owners are told, unless others have failed just before:
/// where a target refuses everything, one notice says as much as hundreds.
async fn refuse(tx: &mut Tx<'_>, job: &Job, error: &str) -> Result<()> {
    let delivery = &job.delivery;
    let before: Option<DeliveryId> = Query::new(
        "SELECT d.id FROM delivery d WHERE d.workspace_id = $1 AND d.target_id = $2
           AND d.state = 'FAILED' AND d.finished_at > $3 AND d.id <> $4
         ORDER BY d.id DESC LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(delivery.target_id)
    .bind(tx.now - TimeDelta::minutes(QUIET_MINUTES))
    .bind(delivery.id)
    .scalar(tx.connection())
    .await?;
    match before {
        Some(_) => Ok(()),
        None => tell_of_one(tx, job, error).await,
    }
}

async fn tell_of_one(tx: &mut Tx<'_>, job: &Job, error: &str) -> Result<()> {
    let name = &job.delivery.target_name;
    let title = match job.locale {
        Locale::Ja => format!("「{name}」への通知を 1 件届けられませんでした"),
        Locale::En => format!("A notification to “{name}” could not be delivered"),
        Locale::Zh => format!("发往“{name}”的一条通知未能送达"),
    };
    in_app::tell_owners(tx, title, error.to_owned()).await
}

async fn disable_target(
    tx: &mut Tx<'_>,
    job: &Job,
    reason: DisableReason,
    error: &str,
) -> Result<()> {
    let target_id = job.delivery.target_id;
    let word = serde_json::to_value(reason)?;
    let touched = Query::new(
        "UPDATE notification_target SET disabled_at = $3, disabled_reason = $4
         WHERE workspace_id = $1 AND id = $2 AND disabled_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(target_id)
    .bind(tx.now)
    .bind(word.as_str().unwrap_or_default())
    .execute(tx.connection())
    .await?;
    if touched == 1 {
        let fact = Fact::TargetChanged { target_id };
        tx.record(Change::new(Origin::System, None, fact));
        let name = &job.delivery.target_name;
        let title = match job.locale {
            Locale::Ja => format!("通知先「{name}」を無効にしました"),
            Locale::En => format!("The notification target “{name}” was switched off"),
            Locale::Zh => format!("通知目标“{name}”已停用"),
        };
        let body = format!("{} ({error})", reason.text(job.locale));
        in_app::tell_owners(tx, title, body).await?;
    }
    Ok(())
}
