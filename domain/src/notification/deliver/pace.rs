//! How much a target is told at once: digests and budgets.
//!
//! **Digest.** A target that collects has each delivery due after its minutes. The first that comes
//! due folds all that wait into one new delivery, which tells them together. What hours hold waits on.
//!
//! **Hours.** Whatever made it late, nothing sets off within the quiet hours of its rule or playbook, or
//! outside of the business hours if that keeps to them. A message that tells of several keeps to the hours of all.
//!
//! **Budget.** A target with an hourly limit is sent no more than that in any hour, counted from when
//! each message was first handed over. What comes on top waits; when there is room again, all that
//! waits is folded into one message.
//!
//! What is folded stays in the log as a delivery of its own that says in which message it was told.
//! Every delivery has its due item until it is folded, so none is forgotten whoever dies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use entity::id::{DeliveryId, Id as _, PlaybookId, TargetId, WorkspaceId};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use super::{
    Turn,
    job::{Job, postpone},
};
use crate::{
    ctx::Ctx,
    error::Result,
    notification::{
        delivery::{NewDelivery, Payload, enqueue},
        manage,
    },
    rule::hours,
    store::{Query, Rows, Tx, dialect},
    work::due,
};

/// The span a budget is for, in seconds.
const BUDGET_S: i64 = 3_600;
/// How much later than now something can have been handed over, in seconds. What was later was so by a clock that
/// has been set back: counted, it would fill the budget for as long as that was ahead.
const MARGIN_S: i64 = 60;

/// Where the digits of a playbook's id begin in its text.
const PLAYBOOK: usize = PlaybookId::PREFIX.len() + 2;

/// A target in its workspace.
pub(super) type Target = (WorkspaceId, TargetId);

#[derive(FromQueryResult)]
struct Told {
    workspace_id: WorkspaceId,
    digest: DeliveryId,
    said_by: Uuid,
}

/// The rule or the playbook that has the delivery `row` said, in SQL; as [`Payload::by`] does.
fn said_by(backend: DatabaseBackend, row: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => format!(
            "COALESCE({row}.rule_id, CAST(substr({row}.payload ->> 'playbookId', {PLAYBOOK}) AS uuid))"
        ),
        _ => format!(
            "COALESCE({row}.rule_id,
                 unhex(substr(json_extract({row}.payload, '$.playbookId'), {PLAYBOOK})))"
        ),
    }
}

/// Puts back what hours hold at this moment, until they let it go; the others learn the hours they keep to.
pub(super) async fn keep_hours(ctx: &Ctx, mut jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    let mut notices: Vec<(DeliveryId, WorkspaceId, Uuid)> = jobs
        .iter()
        .filter_map(|job| {
            let delivery = &job.delivery;
            let by = job.payload.by(delivery.rule_id)?;
            Some((delivery.id, delivery.workspace_id, by))
        })
        .collect();
    for one in told(ctx, &jobs).await? {
        notices.push((one.digest, one.workspace_id, one.said_by));
    }
    let mut hours = hours::load(ctx.db.writer(), &notices).await?;
    if hours.is_empty() {
        return Ok(jobs);
    }
    for job in &mut jobs {
        job.hours = hours.remove(&job.delivery.id);
    }
    let now = ctx.clock.now();
    let (mut rest, mut held) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        let wait = job.within_hours(now, TimeDelta::zero());
        if wait > TimeDelta::zero() {
            held.push((job, wait));
        } else {
            rest.push(job);
        }
    }
    put_off(ctx, held, false, turn).await?;
    Ok(rest)
}

/// The rules and playbooks whose notices the digests among `jobs` tell.
async fn told(ctx: &Ctx, jobs: &[Job]) -> Result<Vec<Told>> {
    let digests: Vec<&Job> = jobs
        .iter()
        .filter(|job| matches!(job.payload, Payload::Digest { .. }))
        .collect();
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let by = said_by(ctx.db.backend(), "d");
    Ok(Query::new(format!(
        "SELECT DISTINCT d.workspace_id, d.folded_into AS digest, {by} AS said_by
         FROM {{r}} JOIN delivery d ON d.workspace_id = r.workspace_id AND d.folded_into = r.id
         WHERE {by} IS NOT NULL"
    ))
    .rows(
        "r",
        Rows::new()
            .ids(
                "workspace_id",
                digests.iter().map(|job| job.item.workspace_id),
            )
            .ids("id", digests.iter().map(|job| job.delivery.id)),
    )
    .all(ctx.db.writer())
    .await?)
}

/// Folds what is to be told together. Gives back the jobs that go on by themselves.
pub(super) async fn fold(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    let mut groups: BTreeMap<(Target, bool), Vec<Job>> = BTreeMap::new();
    let mut rest = Vec::with_capacity(jobs.len());
    for job in jobs {
        let collects = job.delivery.digest_minutes.is_some();
        if job.can_wait() && (collects || job.delivery.over_budget) {
            groups
                .entry((job.target(), !collects))
                .or_default()
                .push(job);
        } else {
            rest.push(job);
        }
    }
    if groups.is_empty() {
        return Ok(rest);
    }
    let over: BTreeSet<Target> = full(ctx, groups.values().flatten())
        .await?
        .into_keys()
        .collect();
    for ((target, over_budget), jobs) in groups {
        if over.contains(&target) {
            // No room for the digest itself: they wait on, see `keep_budgets`.
            rest.extend(jobs);
        } else {
            rest.extend(fold_one(ctx, target, over_budget, jobs, turn).await?);
        }
    }
    Ok(rest)
}

/// Folds what waits for one target. A single one goes on by itself.
async fn fold_one(
    ctx: &Ctx,
    (workspace, target): Target,
    over_budget: bool,
    jobs: Vec<Job>,
    turn: &mut Turn,
) -> Result<Vec<Job>> {
    let mut tx = ctx.begin(workspace).await?;
    // Two workers that fold for one target would wait for each other's rows.
    manage::hold(&tx, target, "target").await?;
    let digest: DeliveryId = tx.id();
    let folded = take_in(&tx, target, digest, over_budget).await?;
    if folded.len() < 2 {
        tx.rollback().await?;
        // Another worker may have folded the others, or this one.
        let (kept, gone): (Vec<Job>, Vec<Job>) = jobs
            .into_iter()
            .partition(|job| folded.contains(&job.delivery.id));
        postpone(ctx, gone, turn).await?;
        return Ok(kept);
    }
    let (told, others): (Vec<Job>, Vec<Job>) = jobs
        .into_iter()
        .partition(|job| folded.contains(&job.delivery.id));
    let items: Vec<_> = told.into_iter().map(|job| job.item).collect();
    due::finish_all(tx.connection(), &items).await?;
    let new = NewDelivery {
        id: digest,
        target,
        rule: None,
        firing: None,
        contact: None,
        payload: Payload::Digest { over_budget },
        not_before: None,
    };
    enqueue(ctx, &mut tx, &[new]).await?;
    tx.commit().await?;
    turn.folded += folded.len();
    turn.expect(workspace, TimeDelta::zero());
    postpone(ctx, others, turn).await?;
    Ok(Vec::new())
}

/// Those whose notices wait for `target`, rules and playbooks, that hold them now.
async fn holding(tx: &Tx<'_>, target: TargetId) -> Result<Vec<Uuid>> {
    let by = said_by(tx.connection().get_database_backend(), "d");
    let waiting: Vec<Uuid> = Query::new(format!(
        "SELECT DISTINCT {by} AS said_by FROM delivery d
         WHERE d.workspace_id = $1 AND d.target_id = $2 AND d.state = 'PENDING'
           AND {by} IS NOT NULL"
    ))
    .bind(tx.workspace)
    .bind(target)
    .column(tx.connection())
    .await?;
    let waiting: Vec<_> = waiting
        .into_iter()
        .map(|by| (by, tx.workspace, by))
        .collect();
    let hours = hours::load(tx.connection(), &waiting).await?;
    let holding = hours
        .into_iter()
        .filter(|(_, hours)| hours.earliest(tx.now) > tx.now);
    Ok(holding.map(|(by, _)| by).collect())
}

/// Marks everything that waits for `target` as told in `digest`, but for what hours still hold.
async fn take_in(
    tx: &Tx<'_>,
    target: TargetId,
    digest: DeliveryId,
    over_budget: bool,
) -> Result<BTreeSet<DeliveryId>> {
    let which = if over_budget { " AND over_budget" } else { "" };
    let holding = holding(tx, target).await?;
    let backend = tx.connection().get_database_backend();
    let by = said_by(backend, "delivery");
    let kinds = match backend {
        DatabaseBackend::Postgres => "payload ->> 'kind'",
        _ => "json_extract(payload, '$.kind')",
    };
    let folded: Vec<DeliveryId> = Query::new(format!(
        "UPDATE delivery SET state = 'FOLDED', folded_into = $3, finished_at = $4,
             next_attempt_at = NULL
         WHERE workspace_id = $1 AND target_id = $2 AND state = 'PENDING' AND attempts = 0
           AND sent_at IS NULL AND (not_before IS NULL OR not_before <= $4)
           AND {kinds} NOT IN ('digest', 'test'){which}
           AND ({by} IS NULL OR {by} NOT IN (SELECT r.id FROM {{r}}))
         RETURNING id"
    ))
    .bind(tx.workspace)
    .bind(target)
    .bind(digest)
    .bind(tx.now)
    .rows("r", Rows::new().uuids("id", holding))
    .column(tx.connection())
    .await?;
    Ok(folded.into_iter().collect())
}

#[derive(FromQueryResult)]
struct Full {
    workspace_id: WorkspaceId,
    target_id: TargetId,
    wait_s: f64,
}

/// The targets of `jobs` that have been sent as much as their budget allows, with the seconds until
/// there is room again.
async fn full<'j>(
    ctx: &Ctx,
    jobs: impl Iterator<Item = &'j Job>,
) -> Result<HashMap<Target, TimeDelta>> {
    let limited: BTreeMap<Target, i64> = jobs
        .filter_map(|job| Some((job.target(), job.delivery.hourly_limit?)))
        .collect();
    if limited.is_empty() {
        return Ok(HashMap::new());
    }
    let backend = ctx.db.backend();
    let ago = dialect::now_plus(backend, -BUDGET_S);
    let latest = dialect::now_plus(backend, MARGIN_S);
    let wait = match backend {
        DatabaseBackend::Postgres => {
            format!("CAST(EXTRACT(EPOCH FROM (MIN(d.sent_at) - {ago})) AS double precision)")
        }
        _ => format!("(julianday(MIN(d.sent_at)) - julianday({ago})) * 86400.0"),
    };
    let found: Vec<Full> = Query::new(format!(
        "SELECT d.workspace_id, d.target_id, {wait} AS wait_s
         FROM {{r}} JOIN delivery d ON d.workspace_id = r.workspace_id AND d.target_id = r.id
           AND d.sent_at > {ago} AND d.sent_at <= {latest}
         GROUP BY d.workspace_id, d.target_id, r.most HAVING COUNT(*) >= r.most"
    ))
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", limited.keys().map(|target| target.0))
            .ids("id", limited.keys().map(|target| target.1))
            .ints("most", limited.values().copied()),
    )
    .all(ctx.db.writer())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| {
            let wait = TimeDelta::milliseconds((row.wait_s.max(0.0) * 1_000.0) as i64 + 100);
            ((row.workspace_id, row.target_id), wait)
        })
        .collect())
}

/// Puts back what would go over its target's budget, until there is room.
pub(super) async fn keep_budgets(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    let full = full(ctx, jobs.iter()).await?;
    if full.is_empty() {
        return Ok(jobs);
    }
    let now = ctx.clock.now();
    let (mut rest, mut waiting) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        match full.get(&job.target()) {
            // What was handed over once has its place in the budget, and a test has none.
            Some(&wait) if job.delivery.sent_at.is_none() && !job.is_test() => {
                let wait = job.within_hours(now, wait);
                waiting.push((job, wait));
            }
            _ => rest.push(job),
        }
    }
    put_off(ctx, waiting, true, turn).await?;
    Ok(rest)
}

/// Puts jobs back, each for its time, and says so in their deliveries; `over_budget` if it is their target's
/// budget that they wait for.
async fn put_off(
    ctx: &Ctx,
    waiting: Vec<(Job, TimeDelta)>,
    over_budget: bool,
    turn: &mut Turn,
) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids(
            "workspace_id",
            waiting.iter().map(|(job, _)| job.item.workspace_id),
        )
        .ids("id", waiting.iter().map(|(job, _)| job.delivery.id))
        .times(
            "at",
            waiting.iter().map(|(_, wait)| ctx.clock.now() + *wait),
        );
    let noted = if over_budget {
        let backend = ctx.db.backend();
        let truth = match backend {
            DatabaseBackend::Postgres => "TRUE",
            _ => "1",
        };
        format!("over_budget = {truth}, ")
    } else {
        String::new()
    };
    Query::new(format!(
        "UPDATE delivery SET {noted}next_attempt_at = r.at
         FROM {{r}} WHERE delivery.workspace_id = r.workspace_id AND delivery.id = r.id
           AND delivery.state = 'PENDING'"
    ))
    .rows("r", rows)
    .execute(ctx.db.writer())
    .await?;
    turn.postponed += waiting.len();
    for (job, wait) in &waiting {
        turn.expect(job.item.workspace_id, *wait);
    }
    let items: Vec<_> = waiting
        .into_iter()
        .map(|(job, wait)| (job.put_back(), wait))
        .collect();
    due::postpone(ctx, &items).await?;
    Ok(())
}
