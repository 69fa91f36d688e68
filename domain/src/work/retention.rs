//! What is forgotten once nobody needs it: old entries of the change log, finished work, the
//! answers of receivers, and what merges of tags noted to be undone.
//!
//! A schedule like others, in each workspace's night; every step deletes a bounded number of rows in
//! a transaction of its own. An entry of the log goes when it is old and every projection has read
//! it; the newest one always stays. A subscription that asks for what is gone is told so
//! ([`floor::check_cursor`]). Work that was set aside stays until somebody replays it. Idempotency
//! keys have a time of their own ([`crate::idempotency::prune`]).

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use serde_json::{Value, json};

use super::{floor, schedule::Schedule};
use crate::{
    ctx::Ctx,
    error::Result,
    port::first_id_at,
    store::{Query, Tx},
    tag::catalogue::forget_merges,
};

/// Rows one step forgets at most.
const STEP: i64 = 2_000;

/// How long it is kept what rules looked at without firing: a sample, to see why.
const KEEP_MISSES: TimeDelta = TimeDelta::days(14);

/// How old waits for an answer must be for it to be forgotten, once they are over, that rules were told of them.
const KEEP_WAITS: TimeDelta = TimeDelta::days(14);

/// How long what is kept for; without a time, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Entries of the change log.
    pub changes: Option<TimeDelta>,
    /// Finished due items, finished ticks, and what receivers answered. Longer than any schedule
    /// looks back, or a tick would run again.
    pub work: Option<TimeDelta>,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            changes: Some(TimeDelta::days(90)),
            work: Some(TimeDelta::days(30)),
        }
    }
}

/// Forgets, once a night.
#[derive(Debug, Default)]
pub struct Retention {
    /// How long what is kept for.
    pub keep: Keep,
}

#[async_trait]
impl Schedule for Retention {
    fn name(&self) -> &'static str {
        "work.retention"
    }

    fn cron(&self) -> &'static str {
        "0 40 3 * * *"
    }

    /// Three days, because the night the clocks go forward may have no such time.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let part = progress["part"].as_i64().unwrap_or_default();
        let before = |keep: Option<TimeDelta>| keep.map(|keep| tx.now - keep);
        let (changes, work) = (before(self.keep.changes), before(self.keep.work));
        let forgotten = match (part, changes, work) {
            (0, Some(before), _) => floor::trim(tx, crate::projections(), before, STEP).await?,
            (1, _, Some(before)) => forget_items(tx, before).await?,
            (2, _, Some(before)) => forget_ticks(tx, before).await?,
            (3, _, Some(before)) => forget_answers(tx, before).await?,
            (4, _, Some(before)) => forget_requests(tx, before).await?,
            (5, _, _) => forget_misses(tx, tx.now - KEEP_MISSES).await?,
            (6, _, _) => forget_waits(tx, tx.now - KEEP_WAITS).await?,
            (7, _, _) => forget_merges(tx, STEP).await?,
            (0..=4, _, _) => 0,
            _ => return Ok(None),
        };
        // A full step may have left something of the same kind behind.
        let next = if forgotten < STEP { part + 1 } else { part };
        Ok(Some(json!({ "part": next })))
    }
}

// The whole key is compared: then PostgreSQL looks each row up instead of reading the workspace's.

async fn forget_items(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let query = Query::new(
        "DELETE FROM due_item WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM due_item
             WHERE workspace_id = $1 AND state = 'DONE' AND finished_at < $2
             ORDER BY finished_at LIMIT $3)",
    );
    bounded(tx, query, before).await
}

async fn forget_ticks(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let query = Query::new(
        "DELETE FROM schedule_tick
         WHERE (workspace_id, schedule, tick_at) IN (
             SELECT workspace_id, schedule, tick_at FROM schedule_tick
             WHERE workspace_id = $1 AND state = 'DONE' AND tick_at < $2 LIMIT $3)",
    );
    bounded(tx, query, before).await
}

/// Attempts to deliver, and to send the mails of surveys.
const ATTEMPTS: [&str; 2] = ["delivery_attempt", "survey_attempt"];

/// The attempt stays with its status and time; what the receiver said goes.
async fn forget_answers(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    forget_of_attempts(tx, before, "response = ''", "response <> ''").await
}

/// The same of what was sent.
async fn forget_requests(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let set = "request_headers = NULL, request_body = NULL";
    forget_of_attempts(tx, before, set, "request_body IS NOT NULL").await
}

async fn forget_of_attempts(
    tx: &Tx<'_>,
    before: DateTime<Utc>,
    set: &str,
    has: &str,
) -> Result<i64, DbErr> {
    let mut forgotten = 0;
    for table in ATTEMPTS {
        // What is left of the step, so that a full one is full whichever table filled it.
        let touched = Query::new(format!(
            "UPDATE {table} SET {set} WHERE (workspace_id, id) IN (
                 SELECT workspace_id, id FROM {table}
                 WHERE workspace_id = $1 AND {has} AND id < $2 ORDER BY id LIMIT $3)"
        ))
        .bind(tx.workspace)
        .bind(first_id_at(before))
        .bind(STEP - forgotten)
        .execute(tx.connection())
        .await?;
        forgotten += touched as i64;
    }
    Ok(forgotten)
}

async fn forget_misses(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let touched = Query::new(
        "DELETE FROM rule_miss WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM rule_miss
             WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3)",
    )
    .bind(tx.workspace)
    .bind(first_id_at(before))
    .bind(STEP)
    .execute(tx.connection())
    .await?;
    Ok(touched as i64)
}

async fn forget_waits(tx: &Tx<'_>, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let query = Query::new(
        "DELETE FROM wait_told WHERE (workspace_id, conversation_id, minutes, business_hours) IN (
             SELECT t.workspace_id, t.conversation_id, t.minutes, t.business_hours FROM wait_told t
             WHERE t.workspace_id = $1 AND t.waiting_since < $2 AND NOT EXISTS (
                 SELECT 1 FROM conversation c WHERE c.workspace_id = $1
                   AND c.id = t.conversation_id AND c.waiting_since = t.waiting_since)
             LIMIT $3)",
    );
    bounded(tx, query, before).await
}

async fn bounded(tx: &Tx<'_>, query: Query, before: DateTime<Utc>) -> Result<i64, DbErr> {
    let touched = query
        .bind(tx.workspace)
        .bind(before)
        .bind(STEP)
        .execute(tx.connection())
        .await?;
    Ok(touched as i64)
}
