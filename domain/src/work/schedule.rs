//! Ticks that exactly one worker runs.
//!
//! A tick is a row (workspace, schedule, tick time): whoever inserts it runs it. The run goes in
//! steps, each one transaction that also stores how far it got and checks the fencing token; a
//! worker that dies in the middle is followed by another that goes on from there. A tick that was
//! missed while nothing ran is caught up, the latest one only; one that was begun is brought to its
//! end, however late, before the next of the same schedule begins.
//!
//! To add one: implement [`Schedule`] in the noun's folder and add it to `crate::schedules`.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DbErr, FromQueryResult};
use serde_json::{Value, json};

use super::quarantine;
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Rows, Tx, dialect},
};

/// Crashes or errors of one step before the tick is set aside.
const MAX_TRIES: i64 = 5;
/// How long one tick goes on before others have their turn; well below the time a worker gives to
/// everything it does at once.
const SLICE: Duration = Duration::from_mins(1);
/// How long a claim holds without being renewed, in seconds.
const LEASE_S: i64 = 30;

/// Work that recurs by the clock of each workspace.
#[async_trait]
pub trait Schedule: Send + Sync + std::fmt::Debug {
    /// Its stored name.
    fn name(&self) -> &'static str;

    /// When it ticks, as a cron expression with seconds, in the workspace's time zone.
    fn cron(&self) -> &'static str;

    /// How far back a missed tick is still caught up; more than the time between two ticks.
    fn lookback(&self) -> TimeDelta;

    /// Does one bounded step in `tx`. Takes how far the tick got (`{}` at first) and returns how far
    /// it is now, or nothing when it is done.
    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>>;
}

/// The latest tick of `cron` at or before `now` in `zone`, not before `since`.
pub fn latest_tick(
    cron: &str,
    zone: Tz,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let schedule = cron::Schedule::from_str(cron)
        .map_err(|error| Error::Internal(format!("bad cron expression {cron:?}: {error}")))?;
    Ok(schedule
        .after(&since.with_timezone(&zone))
        .take_while(|tick| *tick <= now)
        .last()
        .map(|tick| tick.with_timezone(&Utc)))
}

#[derive(FromQueryResult)]
struct Clocked {
    id: WorkspaceId,
    time_zone: String,
    created_at: DateTime<Utc>,
}

/// The newest tick of each workspace and schedule that this process knows to be over, so that most
/// calls ask the database for the workspaces alone.
#[derive(Default)]
struct Finished(Mutex<HashMap<(WorkspaceId, &'static str), DateTime<Utc>>>);

/// A tick that may have to be run.
struct Tick<'s> {
    workspace: WorkspaceId,
    schedule: &'s dyn Schedule,
    at: DateTime<Utc>,
}

/// Runs what has come due in every workspace. Called about once a second by every worker; says
/// whether it ran anything. A tick that fails does not keep the others from running; the first
/// error is told in the end.
pub async fn run_due(ctx: &Ctx, schedules: &[&dyn Schedule]) -> Result<bool> {
    run_while(ctx, schedules, &|| true).await
}

/// Like [`run_due`], beginning no step once `goes_on` says no: what is left is for the next call, of
/// whichever worker.
pub async fn run_while(
    ctx: &Ctx,
    schedules: &[&dyn Schedule],
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<bool> {
    let finished = ctx.db.remembered::<Finished>();
    let ticks = open_ticks(ctx, &finished, schedules).await?;
    let (mut ran, mut failure) = (false, None);
    for tick in not_over(ctx, &finished, ticks).await? {
        let slice = Instant::now();
        let in_time = || goes_on() && slice.elapsed() < SLICE;
        match run_slice(ctx, tick.schedule, tick.workspace, tick.at, &in_time).await {
            Ok(one) => ran |= one,
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(ran), Err)
}

#[derive(FromQueryResult)]
struct Begun {
    workspace_id: WorkspaceId,
    schedule: String,
    tick_at: DateTime<Utc>,
}

/// The earliest tick of each workspace and schedule that was begun and is not over. Its successor
/// waits: what it has still to do is noted nowhere but in its row.
async fn begun(ctx: &Ctx) -> Result<HashMap<(WorkspaceId, String), DateTime<Utc>>, DbErr> {
    let rows: Vec<Begun> = Query::new(
        "SELECT workspace_id, schedule, MIN(tick_at) AS tick_at FROM schedule_tick
         WHERE state = 'RUNNING' GROUP BY workspace_id, schedule",
    )
    .all(ctx.reader())
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| ((row.workspace_id, row.schedule), row.tick_at))
        .collect())
}

/// The tick of every workspace and schedule that is to be run: the one that was begun, or else the
/// latest, without those known to be over.
async fn open_ticks<'s>(
    ctx: &Ctx,
    finished: &Finished,
    schedules: &[&'s dyn Schedule],
) -> Result<Vec<Tick<'s>>> {
    let zones: Vec<Clocked> = Query::new("SELECT id, time_zone, created_at FROM workspace")
        .all(ctx.reader())
        .await?;
    let now = ctx.clock.now();
    let mut begun = begun(ctx).await?;
    let mut latest: HashMap<(&str, &str), Option<DateTime<Utc>>> = HashMap::new();
    let mut ticks = Vec::new();
    for &schedule in schedules {
        for zone in &zones {
            if let Some(at) = begun.remove(&(zone.id, schedule.name().to_owned())) {
                ticks.push(Tick {
                    workspace: zone.id,
                    schedule,
                    at,
                });
                continue;
            }
            let key = (schedule.name(), zone.time_zone.as_str());
            let at = if let Some(at) = latest.get(&key) {
                *at
            } else {
                let tz: Tz = zone.time_zone.parse().unwrap_or(Tz::UTC);
                let since = now - schedule.lookback();
                let at = latest_tick(schedule.cron(), tz, since, now)?;
                latest.insert(key, at);
                at
            };
            if let Some(at) = at.filter(|at| *at > zone.created_at)
                && !finished.has(zone.id, schedule, at)
            {
                ticks.push(Tick {
                    workspace: zone.id,
                    schedule,
                    at,
                });
            }
        }
    }
    Ok(ticks)
}

impl Finished {
    fn has(&self, workspace: WorkspaceId, schedule: &dyn Schedule, at: DateTime<Utc>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(workspace, schedule.name())) == Some(&at)
    }

    fn note(&self, tick: &Tick<'_>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((tick.workspace, tick.schedule.name()), tick.at);
    }
}

/// Those of `ticks` that the database does not know to be over, and remembers the others.
async fn not_over<'s>(
    ctx: &Ctx,
    finished: &Finished,
    ticks: Vec<Tick<'s>>,
) -> Result<Vec<Tick<'s>>, DbErr> {
    if ticks.is_empty() {
        return Ok(ticks);
    }
    let rows = Rows::new()
        .ints("n", 0..ticks.len() as i64)
        .ids("workspace_id", ticks.iter().map(|tick| tick.workspace))
        .texts("schedule", ticks.iter().map(|tick| tick.schedule.name()))
        .times("tick_at", ticks.iter().map(|tick| tick.at));
    let over: Vec<i64> = Query::new(
        "SELECT r.n FROM {r} JOIN schedule_tick t ON t.workspace_id = r.workspace_id
             AND t.schedule = r.schedule AND t.tick_at = r.tick_at
         WHERE t.state <> 'RUNNING'",
    )
    .rows("r", rows)
    .column(ctx.reader())
    .await?;
    let over: HashSet<i64> = over.into_iter().collect();
    let mut open = Vec::new();
    for (tick, n) in ticks.into_iter().zip(0..) {
        if over.contains(&n) {
            finished.note(&tick);
        } else {
            open.push(tick);
        }
    }
    Ok(open)
}

/// Runs one tick unless it was run or is being run; says whether this call ran it.
pub async fn run_tick(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
) -> Result<bool> {
    run_slice(ctx, schedule, workspace, tick_at, &|| true).await
}

async fn run_slice(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<bool> {
    if !goes_on() {
        return Ok(false);
    }
    let ctx = &ctx.walled_to(workspace);
    let Some(mut claim) = claim(ctx, schedule, workspace, tick_at).await? else {
        return Ok(false);
    };
    if claim.tries >= MAX_TRIES {
        give_up(ctx, schedule, workspace, tick_at, &claim).await?;
        return Ok(false);
    }
    tracing::info!(workspace.id = %workspace, schedule = schedule.name(), %tick_at, "tick begins");
    loop {
        let mut tx = ctx.begin(workspace).await?;
        // A step is as many rows as fit into a transaction.
        tx.plan_for(usize::MAX).await?;
        let next = match schedule.step(ctx, &mut tx, claim.progress).await {
            Ok(next) => next,
            Err(error) => {
                tx.rollback().await?;
                note_failure(ctx, schedule, workspace, tick_at, claim.fence, &error).await?;
                return Err(error);
            }
        };
        if !advance(&tx, schedule, tick_at, claim.fence, next.as_ref()).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        match next {
            None => return Ok(true),
            Some(_) if !goes_on() => {
                give_back(ctx, schedule, workspace, tick_at, claim.fence).await?;
                return Ok(true);
            }
            Some(progress) => claim.progress = progress,
        }
    }
}

#[derive(FromQueryResult)]
struct Claim {
    fence: i64,
    progress: Value,
    tries: i64,
}

async fn claim(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
) -> Result<Option<Claim>, DbErr> {
    // Most calls find a finished tick: that is decided without writing.
    let finished: Option<i64> = Query::new(
        "SELECT 1 FROM schedule_tick WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3
         AND state <> 'RUNNING'",
    )
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .raw(ctx.reader())
    .await?
    .first()
    .map(|_| 1);
    if finished.is_some() {
        return Ok(None);
    }
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, LEASE_S);
    // A failed try gives its lease back; a lease found expired belonged to a worker that died.
    Query::new(format!(
        "INSERT INTO schedule_tick (workspace_id, schedule, tick_at, state, fence, lease_until,
                                    progress, failures, crashes)
         VALUES ($1, $2, $3, 'RUNNING', 1, {until}, $4, 0, 0)
         ON CONFLICT (workspace_id, schedule, tick_at) DO UPDATE
         SET fence = schedule_tick.fence + 1, lease_until = {until},
             crashes = schedule_tick.crashes
                       + CASE WHEN schedule_tick.lease_until IS NULL THEN 0 ELSE 1 END
         WHERE schedule_tick.state = 'RUNNING'
           AND (schedule_tick.lease_until IS NULL OR schedule_tick.lease_until < {now})
         RETURNING fence, progress, failures + crashes AS tries"
    ))
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .bind(json!({}))
    .one(ctx.db.writer())
    .await
}

async fn advance(
    tx: &Tx<'_>,
    schedule: &dyn Schedule,
    tick_at: DateTime<Utc>,
    fence: i64,
    progress: Option<&Value>,
) -> Result<bool, DbErr> {
    let until = dialect::now_plus(tx.connection().get_database_backend(), LEASE_S);
    // What went wrong before was about a step that has succeeded since.
    let touched = Query::new(format!(
        "UPDATE schedule_tick SET progress = COALESCE($4, progress), lease_until = {until},
             failures = 0, crashes = 0,
             state = CASE WHEN $4 IS NULL THEN 'DONE' ELSE 'RUNNING' END,
             finished_at = CASE WHEN $4 IS NULL THEN $5 ELSE NULL END
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $6"
    ))
    .bind(tx.workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .bind(progress.cloned())
    .bind(tx.now)
    .bind(fence)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

/// Lets whoever comes next go on at once.
async fn give_back(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
    fence: i64,
) -> Result<(), DbErr> {
    Query::new(
        "UPDATE schedule_tick SET lease_until = NULL
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $4",
    )
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .bind(fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

async fn note_failure(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
    fence: i64,
    error: &Error,
) -> Result<(), DbErr> {
    let retry = dialect::now_plus(ctx.db.backend(), 10);
    // The lease becomes a pause: the next try waits ten seconds and counts as a crash less than
    // it counts as the failure noted here.
    Query::new(format!(
        "UPDATE schedule_tick SET failures = failures + 1, crashes = crashes - 1,
             lease_until = {retry}, last_error = $4
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $5"
    ))
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .bind(error.to_string())
    .bind(fence)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

/// Lets a tick that was given up go on from where it was.
pub(super) async fn take_up_again(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Query::new(
        "UPDATE schedule_tick SET state = 'RUNNING', lease_until = NULL, failures = 0, crashes = 0
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND state = 'QUARANTINED'",
    )
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

async fn give_up(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
    claim: &Claim,
) -> Result<()> {
    let tx = ctx.begin(workspace).await?;
    let touched = Query::new(
        "UPDATE schedule_tick SET state = 'QUARANTINED', lease_until = NULL
         WHERE workspace_id = $1 AND schedule = $2 AND tick_at = $3 AND fence = $4",
    )
    .bind(workspace)
    .bind(schedule.name())
    .bind(tick_at)
    .bind(claim.fence)
    .execute(tx.connection())
    .await?;
    if touched == 1 {
        let item = quarantine::Item {
            id: ctx.id(),
            work: schedule.name(),
            item: json!({ "tick_at": tick_at, "progress": claim.progress }),
            error: format!("did not get through in {} tries", claim.tries),
        };
        quarantine::add(tx.connection(), workspace, tx.now, item).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_latest_tick_is_by_the_clock_of_the_workspace() {
        let tick = latest_tick(
            "0 0 2 * * *",
            Tz::Asia__Tokyo,
            at("2026-03-01T00:00:00Z"),
            at("2026-03-02T17:30:00Z"),
        );
        assert_eq!(tick.unwrap(), Some(at("2026-03-02T17:00:00Z")));
    }

    #[test]
    fn nothing_ticks_before_the_workspace_existed() {
        let tick = latest_tick(
            "0 0 2 * * *",
            Tz::UTC,
            at("2026-03-01T03:00:00Z"),
            at("2026-03-01T23:00:00Z"),
        );
        assert_eq!(tick.unwrap(), None);
    }

    #[test]
    fn a_day_without_two_oclock_still_has_at_most_one_tick() {
        let ticks: Vec<_> = (0..48)
            .filter_map(|hour| {
                let now = at("2026-03-28T00:00:00Z") + TimeDelta::hours(hour);
                let since = now - TimeDelta::hours(1);
                latest_tick("0 30 2 * * *", Tz::Europe__Berlin, since, now).unwrap()
            })
            .collect();
        assert!(ticks.len() <= 2, "{ticks:?}");
    }
}
