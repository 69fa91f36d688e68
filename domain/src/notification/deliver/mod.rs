//! The delivery worker's turn: claims what is due, calls the receivers, writes down what came of it.
//!
//! Nothing is called inside a transaction. What came of an attempt is written in one transaction, on
//! the condition that the claim is still the newest; a worker that dies in between has its item
//! claimed again, and the receiver may hear of the delivery twice, under the same id.
//!
//! A target is called once at a time and at most once a second ([`PACE_S`]): whoever calls it holds
//! it through `next_send_at`. Items that find their target held are put back, each a second later
//! than the one before, so that a queue for one target keeps no place from others.
//!
//! - `job`: from claims to jobs that may be called;
//! - `pace`: hours, digests and budgets;
//! - `hold`: one call at a time to each target;
//! - `content`: what each job says;
//! - `attempt`: the call itself;
//! - `outcome`: writing down what came of it; `wrong`: what went wrong, in the workspace's language.

mod attempt;
mod content;
mod hold;
mod job;
mod outcome;
mod pace;
mod wrong;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use entity::{id::WorkspaceId, kind::DueKind};
use futures::{StreamExt as _, stream::FuturesUnordered};

use self::{
    attempt::attempt,
    job::{Job, prepare},
};
use crate::{ctx::Ctx, error::Result, port::Egress, work::due};

/// Calls under way at once. Each target has one at most, so it takes as many receivers that do not
/// answer to keep the others waiting.
const CONCURRENCY: usize = 256;
/// The least time between two calls to one target, in seconds: Slack's own limit.
pub const PACE_S: i64 = 1;
/// How often more is claimed while calls are under way.
const POLL: Duration = Duration::from_millis(200);
/// Tries to give back what could not be prepared, before it is left to its lease.
const PUT_BACK_TRIES: u32 = 8;

/// How much a turn takes on.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Items claimed at most.
    pub items: usize,
    /// For how long new ones are claimed at most; calls under way are always waited for.
    pub time: Duration,
    /// Whether to go on claiming; false during a shutdown.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits")
            .field("items", &self.items)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl Limits<'static> {
    /// At most `items`, however long it takes.
    pub fn items(items: usize) -> Self {
        Self {
            items,
            time: Duration::MAX,
            goes_on: &|| true,
        }
    }
}

/// What a turn did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Items claimed.
    pub claimed: usize,
    /// Calls whose deliveries the receiver confirmed.
    pub delivered: usize,
    /// Calls that failed, for now or for good.
    pub failed: usize,
    /// Items put back because their target was held, or had been sent enough, or because hours hold them.
    pub postponed: usize,
    /// Deliveries folded into the message of another.
    pub folded: usize,
    /// Whether it stopped because of its limits.
    pub is_cut: bool,
    /// When there will be more to do in a workspace, as far as this turn knows.
    pub again: BTreeMap<WorkspaceId, TimeDelta>,
}

impl Turn {
    fn expect(&mut self, workspace: WorkspaceId, wait: TimeDelta) {
        let known = self.again.entry(workspace).or_insert(wait);
        *known = wait.min(*known);
    }
}

/// Claims items that are due, of one workspace or of all, and attempts their deliveries, until
/// nothing is due or the limits are reached.
pub async fn run_due(
    ctx: &Ctx,
    egress: &dyn Egress,
    workspace: Option<WorkspaceId>,
    limits: Limits<'_>,
) -> Result<Turn> {
    let start = Instant::now();
    let mut turn = Turn::default();
    let mut broken = None;
    let mut calls = FuturesUnordered::new();
    loop {
        let is_over = start.elapsed() >= limits.time || !(limits.goes_on)();
        let room = CONCURRENCY
            .saturating_sub(calls.len())
            .min(limits.items - turn.claimed);
        turn.is_cut = is_over || turn.claimed >= limits.items;
        if room > 0 && !is_over && broken.is_none() {
            let mut ended = Vec::new();
            let taken = beside(
                &mut calls,
                &mut ended,
                take(ctx, workspace, room, &mut turn),
            )
            .await;
            for one in &ended {
                note(&mut turn, one);
            }
            match taken {
                Ok((jobs, is_full)) => {
                    calls.extend(jobs.into_iter().map(|job| attempt(ctx, egress, job)));
                    if is_full && calls.len() < CONCURRENCY {
                        continue;
                    }
                }
                // Calls under way are still waited for and written down.
                Err(error) => broken = Some(error),
            }
        }
        if calls.is_empty() {
            return broken.map_or(Ok(turn), Err);
        }
        // More may come due while a slow receiver keeps the turn open.
        if let Ok(Some(ended)) = tokio::time::timeout(POLL, calls.next()).await {
            note(&mut turn, &ended);
        }
    }
}

/// Waits for `work` while the calls go on. A call that is writing down its outcome holds a connection;
/// if it stood still meanwhile, and `work` waited for that connection, neither would ever end.
async fn beside<C: Future<Output = Ended>, T>(
    calls: &mut FuturesUnordered<C>,
    ended: &mut Vec<Ended>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(one) = calls.next() => ended.push(one),
        }
    }
}

/// Claims up to `room` items. Says whether there may be more.
async fn take(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    room: usize,
    turn: &mut Turn,
) -> Result<(Vec<Job>, bool)> {
    let claimed = due::claim(ctx, DueKind::Delivery, workspace, room as i64).await?;
    let is_full = claimed.len() == room;
    turn.claimed += claimed.len();
    match prepare(ctx, claimed.clone(), turn).await {
        Ok(jobs) => Ok((jobs, is_full)),
        Err(error) => {
            put_back(ctx, claimed).await;
            Err(error)
        }
    }
}

/// Gives back what could not be prepared, as when the database restarts: left to its lease it would
/// count as work that takes its worker down.
async fn put_back(ctx: &Ctx, claimed: Vec<due::Claimed>) {
    let wait = TimeDelta::seconds(PACE_S);
    let items: Vec<_> = claimed.into_iter().map(|item| (item, wait)).collect();
    let mut pause = Duration::from_millis(100);
    for left in (0..PUT_BACK_TRIES).rev() {
        match due::postpone(ctx, &items).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(
                items = items.len(),
                tries_left = left,
                error = &error as &dyn std::error::Error,
                "could not give deliveries back"
            ),
        }
        if left > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

fn note(turn: &mut Turn, ended: &Ended) {
    match ended.came_of_it {
        CameOfIt::Delivered => turn.delivered += 1,
        CameOfIt::Failed { again } => {
            turn.failed += 1;
            if let Some(wait) = again {
                turn.expect(ended.workspace, wait);
            }
        }
        CameOfIt::Lost => {}
    }
}

/// A call that ended.
struct Ended {
    workspace: WorkspaceId,
    came_of_it: CameOfIt,
}

enum CameOfIt {
    Delivered,
    Failed {
        again: Option<TimeDelta>,
    },
    /// It was not for this worker any more to write it down, or it could not.
    Lost,
}
