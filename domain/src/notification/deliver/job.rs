//! From claims to jobs: what is to be said, and that its target may be called now.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use entity::{
    id::{ContactId, DeliveryId, MessageId, TargetId, WorkspaceId},
    kind::{DeliveryState, TargetKind},
};
use sea_orm::FromQueryResult;

use super::{PACE_S, Turn, attempt::EXCERPT_CHARS};
use crate::{
    ctx::Ctx,
    error::Result,
    notification::delivery::{self, Payload},
    store::{Query, Rows, dialect},
    work::due::{self, Claimed},
};

/// How long a caller may hold a target, in seconds: longer than the longest attempt.
const HOLD_S: i64 = 20;

#[derive(FromQueryResult)]
pub(super) struct Row {
    pub(super) workspace_id: WorkspaceId,
    pub(super) id: DeliveryId,
    pub(super) state: DeliveryState,
    pub(super) attempts: i64,
    pub(super) payload: serde_json::Value,
    pub(super) contact_id: Option<ContactId>,
    pub(super) target_id: TargetId,
    pub(super) kind: TargetKind,
    pub(super) sealed_url: String,
    pub(super) is_disabled: bool,
    pub(super) locale: String,
}

/// A delivery that may be attempted now.
pub(super) struct Job {
    pub(super) item: Claimed,
    pub(super) delivery: Row,
    pub(super) payload: Payload,
    pub(super) about: Option<About>,
}

/// Turns claims into calls. Claims that lead to none are ended or put back here.
pub(super) async fn prepare(ctx: &Ctx, claimed: Vec<Claimed>, turn: &mut Turn) -> Result<Vec<Job>> {
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = load(ctx, &claimed).await?;
    let mut jobs = Vec::with_capacity(claimed.len());
    for item in claimed {
        let key = (item.workspace_id, DeliveryId(item.subject_id));
        let Some(delivery) = rows.remove(&key) else {
            end(ctx, &item, None).await?;
            continue;
        };
        if delivery.state != DeliveryState::Pending {
            end(ctx, &item, None).await?;
        } else if delivery.is_disabled {
            end(ctx, &item, Some("the target is switched off")).await?;
            turn.failed += 1;
        } else {
            match serde_json::from_value(delivery.payload.clone()) {
                Ok(payload) => jobs.push(Job {
                    item,
                    delivery,
                    payload,
                    about: None,
                }),
                Err(error) => {
                    let error = format!("the delivery cannot be read: {error}");
                    let mut tx = ctx.begin(item.workspace_id).await?;
                    if due::set_aside(&mut tx, &item, &error).await? {
                        tx.commit().await?;
                    }
                    turn.failed += 1;
                }
            }
        }
    }
    let mut jobs = hold_targets(ctx, jobs, turn).await?;
    load_about(ctx, &mut jobs).await?;
    Ok(jobs)
}

async fn load(ctx: &Ctx, claimed: &[Claimed]) -> Result<HashMap<(WorkspaceId, DeliveryId), Row>> {
    let rows: Vec<Row> = Query::new(
        "SELECT d.workspace_id, d.id, d.state, d.attempts, d.payload, d.contact_id, d.target_id,
                n.kind, n.sealed_url, n.disabled_at IS NOT NULL AS is_disabled, w.locale
         FROM {r} JOIN delivery d ON d.workspace_id = r.workspace_id AND d.id = r.id
         JOIN notification_target n ON n.workspace_id = d.workspace_id AND n.id = d.target_id
         JOIN workspace w ON w.id = d.workspace_id",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", claimed.iter().map(|item| item.workspace_id))
            .uuids("id", claimed.iter().map(|item| item.subject_id)),
    )
    .all(ctx.db.writer())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.workspace_id, row.id), row))
        .collect())
}

/// Ends an item that leads to no call, and its delivery with it if there is something to say.
async fn end(ctx: &Ctx, item: &Claimed, error: Option<&str>) -> Result<()> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    if !due::finish(&tx, item).await? {
        tx.rollback().await?;
        return Ok(());
    }
    if let Some(error) = error {
        delivery::give_up(&mut tx, DeliveryId(item.subject_id), error).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Held {
    workspace_id: WorkspaceId,
    id: TargetId,
}

/// Keeps one job for each target that is free, and holds the target for it; puts the others back.
async fn hold_targets(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    if jobs.is_empty() {
        return Ok(jobs);
    }
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, HOLD_S);
    let skip_locked = dialect::skip_locked(backend);
    let wanted: BTreeSet<(WorkspaceId, TargetId)> = jobs.iter().map(Job::target).collect();
    let held: Vec<Held> = Query::new(format!(
        "UPDATE notification_target SET next_send_at = {until}
         WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM notification_target
             WHERE (workspace_id, id) IN (SELECT r.workspace_id, r.id FROM {{r}})
               AND (next_send_at IS NULL OR next_send_at <= {now}) {skip_locked})
         RETURNING workspace_id, id"
    ))
    .rows(
        "r",
        Rows::new()
            .ids(
                "workspace_id",
                wanted.iter().map(|(workspace, _)| *workspace),
            )
            .ids("id", wanted.iter().map(|(_, target)| *target)),
    )
    .all(ctx.db.writer())
    .await?;
    let mut free: BTreeSet<_> = held
        .into_iter()
        .map(|held| (held.workspace_id, held.id))
        .collect();
    let mut queues: HashMap<(WorkspaceId, TargetId), i64> = HashMap::new();
    let (mut granted, mut postponed) = (Vec::new(), Vec::new());
    for job in jobs {
        let target = job.target();
        if free.remove(&target) {
            granted.push(job);
            continue;
        }
        let place = queues.entry(target).or_insert(0);
        *place += 1;
        let wait = TimeDelta::seconds(PACE_S * *place);
        turn.expect(job.item.workspace_id, wait);
        postponed.push((job.item, wait));
    }
    turn.postponed += postponed.len();
    due::postpone(ctx, &postponed).await?;
    Ok(granted)
}

impl Job {
    fn target(&self) -> (WorkspaceId, TargetId) {
        (self.delivery.workspace_id, self.delivery.target_id)
    }

    fn message(&self) -> MessageId {
        let Payload::RuleFired { message_id, .. } = &self.payload;
        *message_id
    }
}

/// What is told of the message a delivery is about.
#[derive(Clone, FromQueryResult)]
pub(super) struct About {
    pub(super) workspace_id: WorkspaceId,
    pub(super) message_id: MessageId,
    pub(super) subject: String,
    pub(super) excerpt: String,
    pub(super) contact_name: String,
    pub(super) contact_email: Option<String>,
    pub(super) inbox_name: String,
}

async fn load_about(ctx: &Ctx, jobs: &mut [Job]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    // One character more than is shown tells whether something was left out.
    let abouts: Vec<About> = Query::new(
        "SELECT m.workspace_id, m.id AS message_id, m.subject, SUBSTR(m.body, 1, $1) AS excerpt,
                c.name AS contact_name, c.email AS contact_email, i.name AS inbox_name
         FROM {r} JOIN message m ON m.workspace_id = r.workspace_id AND m.id = r.id
         JOIN contact c ON c.workspace_id = m.workspace_id AND c.id = m.contact_id
         JOIN inbox i ON i.workspace_id = m.workspace_id AND i.id = m.inbox_id",
    )
    .bind(EXCERPT_CHARS as i32 + 1)
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", jobs.iter().map(|job| job.item.workspace_id))
            .ids("id", jobs.iter().map(Job::message)),
    )
    .all(ctx.db.writer())
    .await?;
    let abouts: HashMap<_, _> = abouts
        .into_iter()
        .map(|about| ((about.workspace_id, about.message_id), about))
        .collect();
    for job in jobs {
        let key = (job.item.workspace_id, job.message());
        job.about = abouts.get(&key).cloned();
    }
    Ok(())
}
