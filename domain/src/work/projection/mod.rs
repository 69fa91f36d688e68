//! Readers of the change log whose effects are written exactly once.
//!
//! A projection has one cursor per workspace. A worker claims the cursor under a lease, reads a
//! batch after it, and writes effects and the new cursor in one transaction, on the condition that
//! the claim is still the newest: a worker that was paused past its lease writes nothing. A batch that takes
//! long, as one that waits for a lock, keeps its claim.
//!
//! After a batch that failed, half of it is tried, and half of the half that has the fault, until the one
//! at fault fails alone: a fault that has passed costs a few batches more, and none of them is done one
//! by one. After a batch that took its worker down, the entries that it may have had are done one by one:
//! each half with a deadly entry would take down one more worker. After [`MAX_FAILURES`] errors or
//! [`MAX_CRASHES`] crashes of its own an entry is set aside and the rest goes on. Only if there is a rest that goes on: where the
//! entries behind it fail as well, or there are none, the fault may be one of all, such as a full disk
//! or a right that was lost, and the projection waits until it is mended.
//!
//! `cursor` has the claim and what is written to the cursor, `lag` finds what has entries to read, and
//! `precedence` says who waits for whom, and `size` how much is done at once.
//!
//! To add one: implement [`Projection`] in the noun's folder and add it to `crate::projections`.

mod cursor;
mod lag;
mod precedence;
mod size;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::id::WorkspaceId;
use sea_orm::DbErr;
use serde_json::json;

use self::{
    cursor::{Backlog, Claim, Pace, advance, backlog, claim, held, note_failure, renew},
    precedence::gives_way,
};
use super::{
    change::{self, Entry, Fact, Position, Unreadable},
    quarantine,
    replay::KeptEntry,
};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    port::Work,
    store::Tx,
};

pub(crate) use self::size::AIM;
pub use self::{
    lag::{Behind, behind, lags},
    precedence::FOREMOST,
};

/// Errors of one entry alone before it is set aside.
pub const MAX_FAILURES: i64 = 8;
/// Crashes with one entry alone before it is set aside; with the one among others before, it takes
/// at most three workers down.
pub const MAX_CRASHES: i64 = 2;
/// How many of the entries behind one that fails are tried before it is taken to be the one at fault.
const PROBES: usize = 4;
/// Characters of an error that are kept.
const MAX_ERROR: usize = 2_000;

/// A consequence of the change log.
#[async_trait]
pub trait Projection: Send + Sync + std::fmt::Debug {
    /// Its stored name.
    fn name(&self) -> &'static str;

    /// The hint that wakes it.
    fn work(&self) -> Work;

    /// The stored names of the facts it reads; the others are stepped over in the database.
    fn facts(&self) -> &'static [&'static str];

    /// How many entries it takes at once, if they do not take too long.
    fn batch(&self) -> i64 {
        1_000
    }

    /// The least time that a process lets pass between two batches that did not fill up, unless it
    /// sweeps. Waiting lets a burst of changes to one contact be handled once. One that pauses also lets
    /// [`FOREMOST`] go first.
    fn pause(&self) -> TimeDelta {
        TimeDelta::zero()
    }

    /// Writes what follows from `entries`, which are in order. Nothing it does may leave `tx`.
    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()>;
}

/// What a run found and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything there was has been read.
    Idle,
    /// There are entries that cannot be read yet, because an older transaction is still running.
    Unsettled,
    /// Another worker has the claim, or a failed batch waits for its next try.
    Busy,
    /// A burst is being collected, or [`FOREMOST`] goes first; come back after this time.
    Paused(TimeDelta),
    /// Its turn was over before everything was read.
    Cut,
}

/// A batch that was written, for whoever measures.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// How many entries it had.
    pub entries: usize,
    /// How long it took, with the wait for the turn to write, reading and commit.
    pub took: Duration,
}

/// Reads on with `projection` in `workspace` until there is nothing left to read or somebody else
/// is at it.
pub async fn run(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
) -> Result<Outcome> {
    run_while(ctx, projection, workspace, &|| true, &|_| {}).await
}

/// Like [`run`], beginning no second batch once `goes_on` says no, and telling `watch` of every batch.
/// What is left is for the next turn, of whichever worker: the claim is given back.
pub async fn run_while(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    goes_on: &(dyn Fn() -> bool + Sync),
    watch: &(dyn Fn(Done) + Sync),
) -> Result<Outcome> {
    let ctx = &ctx.walled_to(workspace);
    loop {
        match backlog(ctx, projection, workspace).await? {
            Backlog::Empty => return Ok(Outcome::Idle),
            Backlog::Unsettled => return Ok(Outcome::Unsettled),
            Backlog::Some => {}
        }
        if gives_way(ctx.reader(), projection, workspace).await? {
            return Ok(Outcome::Paused(projection.pause()));
        }
        let Some(claim) = claim(ctx, projection, workspace).await? else {
            return Ok(Outcome::Busy);
        };
        match work(ctx, projection, workspace, claim, goes_on, watch).await? {
            Batch::Last if !projection.pause().is_zero() => {
                return Ok(Outcome::Paused(projection.pause()));
            }
            // Whatever was committed while the claim was held found it taken: look once more.
            Batch::Last if goes_on() => {}
            Batch::Last | Batch::Cut => return Ok(Outcome::Cut),
            Batch::Lost | Batch::Failed => return Ok(Outcome::Busy),
        }
    }
}

enum Batch {
    Last,
    Cut,
    Lost,
    Failed,
}

async fn work(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    mut claim: Claim,
    goes_on: &(dyn Fn() -> bool + Sync),
    watch: &(dyn Fn(Done) + Sync),
) -> Result<Batch> {
    loop {
        let done = try_next(ctx, projection, workspace, &claim, goes_on, watch);
        let done = held(ctx, projection, workspace, &claim, done).await;
        match done {
            Ok(Step::More(position, pace)) => claim.go_on(position, &pace),
            Ok(Step::Last) => return Ok(Batch::Last),
            Ok(Step::Cut) => return Ok(Batch::Cut),
            Ok(Step::Lost) => {
                tracing::warn!(workspace.id = %workspace, projection = projection.name(),
                    "gave up a batch whose lease had ended");
                return Ok(Batch::Lost);
            }
            Err(error) => {
                tracing::warn!(workspace.id = %workspace, projection = projection.name(),
                    failures = claim.failures + 1, error = &error as &dyn std::error::Error,
                    "a batch failed and will be tried again");
                note_failure(ctx, projection, workspace, &claim, &error).await?;
                return Ok(Batch::Failed);
            }
        }
    }
}

/// Does the next entries, or sets the one at hand aside, for its crashes or after its last try.
async fn try_next(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
    in_time: &(dyn Fn() -> bool + Sync),
    watch: &(dyn Fn(Done) + Sync),
) -> Result<Step> {
    let crash = claim.crash();
    let fault = crash.as_deref();
    let done = step(ctx, projection, workspace, claim, fault, in_time, watch).await;
    let Err(error) = &done else {
        return done;
    };
    // Where even that cannot be found out, it is not the entry's fault.
    if !claim.is_last_try()
        || !goes_on_behind(ctx, projection, workspace, claim)
            .await
            .unwrap_or(false)
    {
        return done;
    }
    let fault = format!("failed {} times: {}", claim.failures + 1, told(error));
    let fault = Some(fault.as_str());
    step(ctx, projection, workspace, claim, fault, in_time, watch).await
}

enum Step {
    More(Position, Pace),
    /// There was no more, or somebody else goes first.
    Last,
    /// There is more, for another turn.
    Cut,
    Lost,
}

/// Does the next entries; where there is a `fault`, the one entry that has it is set aside instead.
async fn step(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
    fault: Option<&str>,
    in_time: &(dyn Fn() -> bool + Sync),
    watch: &(dyn Fn(Done) + Sync),
) -> Result<Step> {
    let start = Instant::now();
    let mut tx = ctx.begin(workspace).await?;
    // Whoever waits for the turn to write keeps nobody waiting: that is not the batch's.
    let begun = Instant::now();
    let after = claim.position();
    let slice = read_slice(&tx, projection, workspace, after, claim.limit()).await?;
    tx.plan_for(slice.entries.len());
    let mut entries = Vec::with_capacity(slice.entries.len());
    for entry in slice.entries {
        match entry {
            Ok(entry) => match fault {
                Some(fault) => {
                    let item = json!(KeptEntry::of(&entry));
                    set_aside(ctx, &tx, projection, item, fault.to_owned()).await?;
                }
                None => entries.push(entry),
            },
            Err(unreadable) => {
                let item = json!(KeptEntry::unread(&unreadable));
                set_aside(ctx, &tx, projection, item, unreadable.error).await?;
            }
        }
    }
    if !entries.is_empty() {
        projection.apply(ctx, &mut tx, &entries).await?;
    }
    // Where something is being looked for among the entries, the search must not start again.
    let is_cut = slice.full && !claim.is_searching() && !in_time();
    let goes_on = slice.full
        && !is_cut
        && (claim.is_searching() || !gives_way(tx.connection(), projection, workspace).await?);
    let kept = advance(&tx, projection, claim.fence, slice.upto, goes_on).await?;
    let Some(pace) = kept else {
        tx.rollback().await?;
        return Ok(Step::Lost);
    };
    tx.commit().await?;
    if !claim.is_searching() {
        size::learn(projection, entries.len(), begun.elapsed());
    }
    watch(Done {
        entries: entries.len(),
        took: start.elapsed(),
    });
    Ok(if goes_on {
        Step::More(slice.upto, pace)
    } else if is_cut {
        Step::Cut
    } else {
        Step::Last
    })
}

/// Whether the projection gets on behind the entry at hand: tries some of those that come next, each
/// alone, and undoes it. They are spread, as those of one contact may share a fault.
async fn goes_on_behind(
    ctx: &Ctx,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    claim: &Claim,
) -> Result<bool> {
    let tx = ctx.begin(workspace).await?;
    let limit = projection.batch().max(2);
    let slice = read_slice(&tx, projection, workspace, claim.position(), limit).await?;
    tx.rollback().await?;
    let behind: Vec<Entry> = slice.entries.into_iter().skip(1).flatten().collect();
    for entry in spread(&behind) {
        if !renew(ctx, projection, workspace, claim).await? {
            return Ok(false);
        }
        let mut tx = ctx.begin(workspace).await?;
        let done = projection
            .apply(ctx, &mut tx, std::slice::from_ref(entry))
            .await;
        tx.rollback().await?;
        if done.is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first of `entries`, the last, and some between them.
fn spread<T>(entries: &[T]) -> impl Iterator<Item = &T> {
    let count = PROBES.min(entries.len());
    (0..count).map(move |number| &entries[number * (entries.len() - 1) / (count - 1).max(1)])
}

/// An error with everything that caused it, as far as it fits.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors tell their cause themselves.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.chars().take(MAX_ERROR).collect()
}

struct Slice {
    entries: Vec<Result<Entry, Unreadable>>,
    /// How far the cursor moves when they are done.
    upto: Position,
    /// Whether there may be more right behind.
    full: bool,
}

async fn read_slice(
    tx: &Tx<'_>,
    projection: &dyn Projection,
    workspace: WorkspaceId,
    after: Position,
    limit: i64,
) -> Result<Slice, DbErr> {
    let end = change::end(tx.connection(), workspace).await?.max(after);
    let entries = change::read_facts(
        tx.connection(),
        workspace,
        after,
        end,
        projection.facts(),
        limit,
    )
    .await?;
    let full = entries.len() as i64 >= limit;
    let last = entries.last().map(|entry| match entry {
        Ok(entry) => entry.position,
        Err(unreadable) => unreadable.position,
    });
    Ok(Slice {
        upto: if full { last.unwrap_or(end) } else { end },
        entries,
        full,
    })
}

async fn set_aside(
    ctx: &Ctx,
    tx: &Tx<'_>,
    projection: &dyn Projection,
    item: serde_json::Value,
    error: String,
) -> Result<(), DbErr> {
    let item = quarantine::Item {
        id: ctx.id(),
        work: projection.name(),
        item,
        error,
    };
    quarantine::add(tx.connection(), tx.workspace, tx.now, item).await
}

/// Whether `facts` contains something `projection` reads.
pub(crate) fn is_read_by(projection: &dyn Projection, fact: &Fact) -> bool {
    projection.facts().contains(&fact.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_spread_over_what_comes_next() {
        let probed = |count: usize| -> Vec<usize> {
            let entries: Vec<usize> = (0..count).collect();
            spread(&entries).copied().collect()
        };
        assert_eq!(probed(0), [0_usize; 0]);
        assert_eq!(probed(1), [0]);
        assert_eq!(probed(3), [0, 1, 2]);
        assert_eq!(probed(1_000), [0, 333, 666, 999]);
    }

    #[test]
    fn an_error_is_told_with_what_caused_it_each_once() {
        let error = Error::from(DbErr::Custom("no room".to_owned()));
        assert_eq!(told(&error), "the database refused: Custom Error: no room");
        let long = Error::Internal("x".repeat(3 * MAX_ERROR));
        assert_eq!(told(&long).len(), MAX_ERROR);
    }
}
