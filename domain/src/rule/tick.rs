//! Rules that wait for the clock.
//!
//! Four times an hour it is asked, in each workspace, which rules came round since they last did;
//! their contacts are then gone through in bounded steps. What nobody ran at the time is caught up,
//! once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{ContactId, Id as _, RuleId};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    cache,
    evaluate::evaluate_tick,
    occasion::{Lore, Occasion, What},
    settle::settle,
    trigger::Happened,
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
    work::schedule::Schedule,
    workspace,
};

/// Contacts one step looks at.
const STEP: i64 = 500;

/// Lets rules look when the clock comes round.
#[derive(Debug, Clone, Copy)]
pub struct RuleTick;

/// How far a tick got.
#[derive(Serialize, Deserialize)]
struct Progress {
    /// The rules still to be run, each with its moment.
    due: Vec<(RuleId, DateTime<Utc>)>,
    /// The contact the first of them got to.
    after: Uuid,
    /// Those that failed, each with the contact it got to: they have their turn when all others had
    /// theirs, so that one that cannot be run keeps none from running.
    #[serde(default)]
    failed: Vec<(RuleId, DateTime<Utc>, Uuid)>,
}

#[derive(FromQueryResult)]
struct Ran {
    id: RuleId,
    since: DateTime<Utc>,
}

#[async_trait]
impl Schedule for RuleTick {
    fn name(&self) -> &'static str {
        "rules.tick"
    }

    fn cron(&self) -> &'static str {
        "0 0,15,30,45 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(2)
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let rules = cache::current(ctx, tx.connection(), tx.workspace).await?;
        let mut progress = match serde_json::from_value(progress) {
            Ok(progress) => progress,
            Err(_) => Progress {
                due: begin(tx, &rules).await?,
                after: Uuid::nil(),
                failed: Vec::new(),
            },
        };
        if let Some(&(rule, at)) = progress.due.first() {
            match attempt(ctx, tx, &rules, rule, at, progress.after).await? {
                Ok(Some(last)) => progress.after = last,
                outcome => {
                    progress.due.remove(0);
                    if let Err(error) = outcome {
                        tracing::error!(workspace.id = %tx.workspace, rule.id = %rule,
                            error = &error as &dyn std::error::Error,
                            "a rule that waits for the clock failed; the others go first");
                        progress.failed.push((rule, at, progress.after));
                    }
                    progress.after = Uuid::nil();
                }
            }
            return Ok(Some(json!(progress)));
        }
        let mut failure = None;
        for place in 0..progress.failed.len() {
            let (rule, at, after) = progress.failed[place];
            match attempt(ctx, tx, &rules, rule, at, after).await? {
                Ok(Some(last)) => progress.failed[place].2 = last,
                Ok(None) => drop(progress.failed.remove(place)),
                Err(error) => {
                    failure = failure.or(Some(error));
                    continue;
                }
            }
            return Ok(Some(json!(progress)));
        }
        // Only such are left as fail again and again: after some tries the tick is set aside.
        failure.map_or(Ok(None), Err)
    }
}

/// Shows the next contacts to a rule, and undoes what it did if that fails. Answers the last of them
/// if there may be more.
async fn attempt(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    rules: &cache::Compiled,
    rule: RuleId,
    at: DateTime<Utc>,
    after: Uuid,
) -> Result<Result<Option<Uuid>>> {
    let mark = tx.mark().await?;
    let done = show(ctx, tx, rules, rule, at, after).await;
    if done.is_err() {
        tx.undo_to(mark).await?;
    }
    Ok(done)
}

async fn show(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    rules: &cache::Compiled,
    rule: RuleId,
    at: DateTime<Utc>,
    after: Uuid,
) -> Result<Option<Uuid>> {
    let number = rules
        .scheduled()
        .find_map(|(number, id, _)| (id == rule.uuid()).then_some(number));
    let Some(number) = number else {
        // Paused or changed since.
        return Ok(None);
    };
    let contacts = contacts(tx, after).await?;
    if contacts.is_empty() {
        return Ok(None);
    }
    let mut lore = Lore::default();
    if rules.asks_for_accounts {
        let contacts: BTreeSet<ContactId> = contacts.iter().copied().collect();
        lore.load_accounts(tx, &contacts).await?;
    }
    let occasions: Vec<Occasion<'_>> = contacts
        .iter()
        .map(|&contact| Occasion {
            entry: None,
            subject: contact.uuid(),
            case: lore.of_contact(contact),
            what: What::Other(Happened::Tick),
            at,
            from_archive: false,
        })
        .collect();
    let evaluated = evaluate_tick(tx, rules, number, &occasions).await?;
    settle(ctx, tx, evaluated).await?;
    let is_last = (contacts.len() as i64) < STEP;
    Ok(contacts
        .last()
        .filter(|_| !is_last)
        .map(|contact| contact.uuid()))
}

/// The rules that came round since they last ran, were made, let run or given another trigger. They are
/// noted as run.
async fn begin(tx: &Tx<'_>, rules: &cache::Compiled) -> Result<Vec<(RuleId, DateTime<Utc>)>> {
    let scheduled: Vec<_> = rules.scheduled().collect();
    if scheduled.is_empty() {
        return Ok(Vec::new());
    }
    let zone = workspace::zone_of(tx).await?;
    let ids = scheduled.iter().map(|(_, id, _)| *id);
    let ran: Vec<Ran> = Query::new(
        "SELECT u.id, CASE WHEN m.fired_at > COALESCE(u.waits_since, u.updated_at) THEN m.fired_at
                           ELSE COALESCE(u.waits_since, u.updated_at) END AS since
         FROM {r} JOIN rule u ON u.workspace_id = $1 AND u.id = r.id
         LEFT JOIN rule_mark m ON m.workspace_id = $1 AND m.target_id = u.id AND m.rule_id = u.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(tx.connection())
    .await?;
    let mut due = Vec::new();
    for (_, id, schedule) in scheduled {
        let since = ran.iter().find(|ran| ran.id.uuid() == id);
        let latest = schedule.latest(zone, tx.now);
        if let (Some(ran), Some(at)) = (since, latest)
            && at > ran.since
        {
            due.push((RuleId(id), at));
        }
    }
    if due.is_empty() {
        return Ok(due);
    }
    let rows = Rows::new()
        .ids("id", due.iter().map(|(id, _)| *id))
        .times("at", due.iter().map(|(_, at)| *at));
    Query::new(
        "INSERT INTO rule_mark (workspace_id, target_id, rule_id, fired_at)
         SELECT $1, r.id, r.id, r.at FROM {r} WHERE true
         ON CONFLICT (workspace_id, target_id, rule_id)
         DO UPDATE SET fired_at = excluded.fired_at",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(due)
}

/// Has every rule of the workspace wait for its next moment, whatever it has missed: the workspace's
/// clocks were set to another time zone.
pub(crate) async fn wait_from_now(tx: &Tx<'_>) -> Result<()> {
    Query::new("UPDATE rule SET waits_since = $2 WHERE workspace_id = $1")
        .bind(tx.workspace)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The next contacts in the order of their ids, without those who were merged into others.
async fn contacts(tx: &Tx<'_>, after: Uuid) -> Result<Vec<ContactId>> {
    Ok(Query::new(
        "SELECT c.id FROM contact c
         WHERE c.workspace_id = $1 AND c.id > $2 AND c.merged_into_id IS NULL
         ORDER BY c.id LIMIT $3",
    )
    .bind(tx.workspace)
    .bind(after)
    .bind(STEP)
    .column(tx.connection())
    .await?)
}
