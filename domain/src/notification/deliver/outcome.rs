//! Writing down what came of an attempt, in one transaction.

use chrono::TimeDelta;
use entity::{
    id::{AttemptId, TargetId},
    kind::DeliveryState,
};

use super::{
    CameOfIt, PACE_S,
    attempt::Attempt,
    job::{Job, Row},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    notification::{
        DisableReason, Verdict, delivery,
        retry::{Next, next_attempt},
    },
    store::{Query, Tx, dialect},
    text,
    work::{
        change::{Change, Fact},
        due,
    },
};

/// The longest a throttled target is left alone for the sake of other deliveries, in seconds.
const THROTTLE_S: i64 = 60;
/// Characters of the receiver's answer that are kept.
const RESPONSE_CHARS: usize = 2_000;

/// Writes down what came of an attempt, unless the claim was lost.
pub(super) async fn write(ctx: &Ctx, job: &Job, attempt: &Attempt) -> Result<CameOfIt> {
    let Job { item, delivery, .. } = job;
    let verdict = attempt.verdict(delivery.kind);
    let error = attempt.error().unwrap_or_default();
    let mut random = [0; 4];
    ctx.ids.fill(&mut random);
    let failures = u32::try_from(item.failures + 1).unwrap_or(u32::MAX);
    let next = next_attempt(failures, verdict, u32::from_le_bytes(random));

    let mut tx = ctx.begin(item.workspace_id).await?;
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
    insert_attempt(&tx, delivery, attempt).await?;
    update_delivery(&tx, delivery, state, again, &error).await?;
    if state != DeliveryState::Pending {
        let delivered = state == DeliveryState::Delivered;
        delivery::record_finished(&mut tx, delivery.id, delivery.contact_id, delivered);
    }
    release_target(&tx, delivery, verdict).await?;
    if let Verdict::Disable { reason } = verdict {
        disable_target(&mut tx, delivery.target_id, reason).await?;
    }
    tx.commit().await?;
    Ok(match state {
        DeliveryState::Delivered => CameOfIt::Delivered,
        DeliveryState::Pending | DeliveryState::Failed => CameOfIt::Failed { again },
    })
}

async fn insert_attempt(tx: &Tx<'_>, delivery: &Row, attempt: &Attempt) -> Result<()> {
    let (status, response) = match &attempt.answer {
        Ok(response) => (Some(i64::from(response.status)), response.body.as_str()),
        Err(_) => (None, ""),
    };
    let response: String = text::printable(response)
        .chars()
        .take(RESPONSE_CHARS)
        .collect();
    Query::new(
        "INSERT INTO delivery_attempt (workspace_id, id, delivery_id, attempt, started_at,
                                       duration_ms, status, error, response)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.workspace)
    .bind(tx.id::<AttemptId>())
    .bind(delivery.id)
    .bind(delivery.attempts + 1)
    .bind(attempt.started_at)
    .bind(attempt.duration_ms)
    .bind(status)
    .bind(attempt.error())
    .bind(response)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn update_delivery(
    tx: &Tx<'_>,
    delivery: &Row,
    state: DeliveryState,
    again: Option<TimeDelta>,
    error: &str,
) -> Result<()> {
    let finished_at = (state != DeliveryState::Pending).then_some(tx.now);
    Query::new(
        "UPDATE delivery SET state = $3, attempts = $4, next_attempt_at = $5, finished_at = $6,
             last_error = $7
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(delivery.id)
    .bind(state.word())
    .bind(delivery.attempts + 1)
    .bind(again.map(|wait| tx.now + wait))
    .bind(finished_at)
    .bind((!error.is_empty()).then(|| error.to_owned()))
    .execute(tx.connection())
    .await?;
    Ok(())
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

async fn disable_target(tx: &mut Tx<'_>, target_id: TargetId, reason: DisableReason) -> Result<()> {
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
    }
    Ok(())
}
