//! One call at a time to each target: who may call it now, and that what is handed over is still to be told.

use std::collections::BTreeSet;

use entity::{
    id::{DeliveryId, TargetId, WorkspaceId},
    kind::TargetKind,
};
use sea_orm::FromQueryResult;

use super::{
    Turn,
    job::{Job, postpone},
    pace::Target,
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, dialect},
};

/// How long a caller may hold a target, in seconds: longer than the longest attempt.
const HOLD_S: i64 = 20;

#[derive(FromQueryResult)]
struct Held {
    workspace_id: WorkspaceId,
    id: TargetId,
}

/// Keeps one job for each target that is free, and holds the target for it; puts the others back.
/// Lists of members without a budget need no holding: nothing is called.
pub(super) async fn hold_targets(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    let (mut granted, jobs): (Vec<Job>, Vec<Job>) = jobs
        .into_iter()
        .partition(|job| job.delivery.kind == TargetKind::InApp && job.is_free());
    let mut free = hold(ctx, &jobs).await?;
    let mut waiting = Vec::new();
    for job in jobs {
        if free.remove(&job.target()) {
            granted.push(job);
        } else {
            waiting.push(job);
        }
    }
    postpone(ctx, waiting, turn).await?;
    let marked = mark_sent(ctx, &granted).await?;
    let (granted, told): (Vec<Job>, Vec<Job>) = granted
        .into_iter()
        .partition(|job| !is_first(job) || marked.contains(&job.key()));
    if !told.is_empty() {
        let_go(ctx, &told).await?;
        postpone(ctx, told, turn).await?;
    }
    Ok(granted)
}

/// Whether it has not been handed over before, and counts.
fn is_first(job: &Job) -> bool {
    job.delivery.sent_at.is_none() && !job.is_test()
}

async fn hold(ctx: &Ctx, jobs: &[Job]) -> Result<BTreeSet<Target>> {
    let wanted: BTreeSet<Target> = jobs.iter().map(Job::target).collect();
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, HOLD_S);
    let skip_locked = dialect::skip_locked(backend);
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
            .ids("workspace_id", wanted.iter().map(|target| target.0))
            .ids("id", wanted.iter().map(|target| target.1)),
    )
    .all(ctx.db.writer())
    .await?;
    Ok(held
        .into_iter()
        .map(|held| (held.workspace_id, held.id))
        .collect())
}

#[derive(FromQueryResult)]
struct Marked {
    workspace_id: WorkspaceId,
    id: DeliveryId,
}

/// Notes that these are handed over now: from here on they are never folded, and count. Says of which that
/// is so: another worker may have folded one since it was read, and tells it in another message.
async fn mark_sent(ctx: &Ctx, jobs: &[Job]) -> Result<BTreeSet<(WorkspaceId, DeliveryId)>> {
    let first: Vec<&Job> = jobs.iter().filter(|job| is_first(job)).collect();
    if first.is_empty() {
        return Ok(BTreeSet::new());
    }
    let now = dialect::now(ctx.db.backend());
    let marked: Vec<Marked> = Query::new(format!(
        "UPDATE delivery SET sent_at = {now}
         FROM {{r}} WHERE delivery.workspace_id = r.workspace_id AND delivery.id = r.id
           AND delivery.state = 'PENDING' AND delivery.sent_at IS NULL
         RETURNING delivery.workspace_id, delivery.id"
    ))
    .rows(
        "r",
        Rows::new()
            .ids(
                "workspace_id",
                first.iter().map(|job| job.item.workspace_id),
            )
            .ids("id", first.iter().map(|job| job.delivery.id)),
    )
    .all(ctx.db.writer())
    .await?;
    Ok(marked
        .into_iter()
        .map(|one| (one.workspace_id, one.id))
        .collect())
}

/// Lets others call the targets of `jobs`, which are not called after all.
async fn let_go(ctx: &Ctx, jobs: &[Job]) -> Result<()> {
    let targets: BTreeSet<Target> = jobs.iter().map(Job::target).collect();
    let now = dialect::now(ctx.db.backend());
    Query::new(format!(
        "UPDATE notification_target SET next_send_at = {now}
         FROM {{r}} WHERE notification_target.workspace_id = r.workspace_id
           AND notification_target.id = r.id"
    ))
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", targets.iter().map(|target| target.0))
            .ids("id", targets.iter().map(|target| target.1)),
    )
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}
