//! Ticks that exactly one worker runs.
//!
//! A tick is a row (workspace, schedule, tick time): whoever inserts it runs it. The run goes in
//! steps, each one transaction that also stores how far it got and checks the fencing token; a
//! worker that dies in the middle is followed by another that goes on from there. A tick that was
//! missed while nothing ran is caught up, the latest one only; one that was begun is brought to its
//! end, however late, before the next of the same schedule begins.
//!
//! - `open`: which ticks are to be run.
//! - `lease`: the row of a tick: claimed, moved on, given back, given up.
//!
//! To add one: implement [`Schedule`] in the noun's folder and add it to `crate::schedules`.

mod lease;
mod open;

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use serde_json::Value;

use self::{
    lease::{advance, claim, give_back, give_up, note_failure},
    open::{Finished, not_over, open_ticks},
};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::Tx,
};

pub(super) use self::lease::take_up_again;

/// Crashes or errors of one step before the tick is set aside.
const MAX_TRIES: i64 = 5;

/// How long one tick goes on at most before others have their turn: a night of a large workspace takes
/// minutes, and the rules of others go by the minute.
const SLICE: Duration = Duration::from_secs(1);
/// How long ticks are given further turns in one call; well below the time a worker gives to everything
/// it does at once.
const CALL: Duration = Duration::from_mins(1);

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
/// whichever worker. Ticks take turns; what has come due meanwhile is in the next round.
pub async fn run_while(
    ctx: &Ctx,
    schedules: &[&dyn Schedule],
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<bool> {
    let call = Instant::now();
    let (mut ran, mut failure) = (false, None);
    loop {
        let round = run_round(ctx, schedules, goes_on, &mut failure).await?;
        ran |= round != Ran::Nothing;
        if round != Ran::Part || !goes_on() || call.elapsed() >= CALL {
            return failure.map_or(Ok(ran), Err);
        }
    }
}

/// Gives every tick that is to be run one turn; says the most that was done of any. The first error
/// becomes the `failure`.
async fn run_round(
    ctx: &Ctx,
    schedules: &[&dyn Schedule],
    goes_on: &(dyn Fn() -> bool + Sync),
    failure: &mut Option<Error>,
) -> Result<Ran> {
    let finished = ctx.db.remembered::<Finished>();
    let ticks = open_ticks(ctx, &finished, schedules).await?;
    let ticks = not_over(ctx, &finished, ticks).await?;
    let slice = slice_of(ticks.len());
    let mut ran = Ran::Nothing;
    for tick in ticks {
        let begun = Instant::now();
        let in_time = || goes_on() && begun.elapsed() < slice;
        match run_slice(ctx, &tick, &in_time).await {
            Ok(one) => ran = ran.max(one),
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    Ok(ran)
}

/// How long each of so many ticks goes on in one round. A thousand workspaces have their nights at once: with
/// a second for each, a worker would end the call in the middle, and what goes by the minute would wait.
fn slice_of(ticks: usize) -> Duration {
    let ticks = u32::try_from(ticks.max(1)).unwrap_or(u32::MAX);
    SLICE.min(CALL / ticks)
}

/// What a turn did of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ran {
    /// It was run before, or is being run elsewhere.
    Nothing,
    /// What was left of it.
    Rest,
    /// There is more of it to do.
    Part,
}

/// Runs one tick unless it was run or is being run; says whether this call ran it.
pub async fn run_tick(
    ctx: &Ctx,
    schedule: &dyn Schedule,
    workspace: WorkspaceId,
    tick_at: DateTime<Utc>,
) -> Result<bool> {
    let tick = Tick {
        workspace,
        schedule,
        at: tick_at,
    };
    Ok(run_slice(ctx, &tick, &|| true).await? != Ran::Nothing)
}

async fn run_slice(ctx: &Ctx, tick: &Tick<'_>, goes_on: &(dyn Fn() -> bool + Sync)) -> Result<Ran> {
    if !goes_on() {
        return Ok(Ran::Nothing);
    }
    let ctx = &ctx.walled_to(tick.workspace);
    let Some(mut claim) = claim(ctx, tick).await? else {
        return Ok(Ran::Nothing);
    };
    if claim.tries >= MAX_TRIES {
        give_up(ctx, tick, &claim).await?;
        return Ok(Ran::Nothing);
    }
    if claim.fence == 1 {
        tracing::info!(
            workspace.id = %tick.workspace,
            schedule = tick.schedule.name(),
            tick_at = %tick.at,
            "tick begins"
        );
    }
    loop {
        let mut tx = ctx.begin(tick.workspace).await?;
        // A step is as many rows as fit into a transaction.
        tx.plan_for(usize::MAX);
        let next = match tick.schedule.step(ctx, &mut tx, claim.progress).await {
            Ok(next) => next,
            Err(error) => {
                tx.rollback().await?;
                note_failure(ctx, tick, claim.fence, &error).await?;
                return Err(error);
            }
        };
        if !advance(&tx, tick, claim.fence, next.as_ref()).await? {
            tx.rollback().await?;
            return Ok(Ran::Nothing);
        }
        tx.commit().await?;
        match next {
            None => return Ok(Ran::Rest),
            Some(_) if !goes_on() => {
                give_back(ctx, tick, claim.fence).await?;
                return Ok(Ran::Part);
            }
            Some(progress) => claim.progress = progress,
        }
    }
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
    fn a_round_is_no_longer_than_a_call_however_many_ticks_it_has() {
        for (ticks, slice) in [(0, SLICE), (1, SLICE), (60, SLICE), (6_000, SLICE / 100)] {
            assert_eq!(slice_of(ticks), slice, "{ticks}");
        }
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
