//! Which ticks are to be run: of each workspace and schedule the one that was begun, or else the
//! latest, unless it is over. Reads only; what it found to be over it remembers in the process.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use sea_orm::{DbErr, FromQueryResult};

use super::{Schedule, Tick, latest_tick};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

#[derive(FromQueryResult)]
struct Clocked {
    id: WorkspaceId,
    time_zone: String,
    created_at: DateTime<Utc>,
}

/// The newest tick of each workspace and schedule that this process knows to be over, so that most
/// calls ask the database for the workspaces alone.
#[derive(Default)]
pub(super) struct Finished(Mutex<HashMap<(WorkspaceId, &'static str), DateTime<Utc>>>);

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
pub(super) async fn open_ticks<'s>(
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
pub(super) async fn not_over<'s>(
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
