//! Rows with a time: deliveries, mails of surveys, operations, and conversations to be woken. What calls out and what is
//! long has a turn of its own, what needs only the database is done by [`run_here`].
//!
//! A worker claims items that are due under a lease with a fencing token; due times and leases are
//! all set and judged by the database's clock. Finishing is a conditional update on that token, in
//! the transaction of the effects. Errors follow the kind's own retry schedule; crashes in a row are
//! counted apart and set the item aside after [`MAX_CRASHES`].
//!
//! Where more is due than can be claimed at once, workspaces get equal shares: in the order of their
//! times alone, an item would wait for the hundred thousand of another workspace that came due before it.

use chrono::TimeDelta;
use entity::{
    id::{DueItemId, WorkspaceId},
    kind::{DueKind, DueState},
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde_json::json;
use uuid::Uuid;

use super::quarantine;
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx, dialect},
};

/// Crashes in a row before an item is set aside.
pub const MAX_CRASHES: i64 = 3;
/// How long a claim holds, in seconds: longer than the longest attempt.
const LEASE_S: i64 = 30;

/// An item about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewItem {
    /// What is to be done.
    pub kind: DueKind,
    /// With what, for example a delivery.
    pub subject: Uuid,
    /// How long from now on.
    pub wait: TimeDelta,
}

/// An item this worker holds until its lease ends.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Claimed {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The item.
    pub id: DueItemId,
    /// What is to be done.
    pub kind: DueKind,
    /// With what.
    pub subject_id: Uuid,
    /// The claim's fencing token.
    pub fence: i64,
    /// Attempts that ended with an error.
    pub failures: i64,
    /// Attempts in a row that ended with their process.
    pub crashes: i64,
}

/// Makes items in `tx` and wakes the workers after its commit.
pub async fn add(ctx: &Ctx, tx: &mut Tx<'_>, items: &[NewItem]) -> Result<(), DbErr> {
    if items.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", items.iter().map(|_| ctx.id::<DueItemId>()))
        .texts("kind", items.iter().map(|item| item.kind.word()))
        .uuids("subject_id", items.iter().map(|item| item.subject))
        .reals("wait_s", items.iter().map(|item| seconds(item.wait)));
    let due_at = dialect::now_plus_expression(ctx.db.backend(), "r.wait_s");
    Query::new(format!(
        "INSERT INTO due_item (workspace_id, id, kind, subject_id, due_at, state, fence, failures,
                               crashes, created_at)
         SELECT $1, r.id, r.kind, r.subject_id, {due_at}, 'WAITING', 0, 0, 0, $2 FROM {{r}}"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    for item in items {
        tx.wake(work_of(item.kind));
    }
    Ok(())
}

/// The hint that wakes whoever does items of this kind.
pub(super) fn work_of(kind: DueKind) -> Work {
    match kind {
        DueKind::ConversationWake | DueKind::Delivery => Work::Due,
        DueKind::Operation => Work::Operation,
        DueKind::SurveyInvitation => Work::Survey,
    }
}

/// Claims up to `limit` items of one kind whose time has come, of one workspace or of all.
pub async fn claim(
    ctx: &Ctx,
    kind: DueKind,
    workspace: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<Claimed>, DbErr> {
    if workspace.is_none() && is_crowded(ctx, kind, limit).await? {
        return claim_shares(ctx, kind, limit).await;
    }
    claim_oldest(ctx, kind, workspace, limit).await
}

/// Whether more than `limit` items of one kind are due in all workspaces.
async fn is_crowded(ctx: &Ctx, kind: DueKind, limit: i64) -> Result<bool, DbErr> {
    let now = dialect::now(ctx.db.backend());
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM (
             SELECT 1 FROM due_item WHERE state = 'WAITING' AND due_at <= {now} AND kind = $1
             ORDER BY due_at LIMIT $2) AS d"
    ))
    .bind(kind.word())
    .bind(limit + 1)
    .scalar(ctx.reader())
    .await?;
    Ok(count.is_some_and(|count| count > limit))
}

/// Claims up to `limit` items, as many in each workspace; what some have no use for, others get.
/// An error ends it, and is told only where nothing was claimed before.
async fn claim_shares(ctx: &Ctx, kind: DueKind, limit: i64) -> Result<Vec<Claimed>, DbErr> {
    let mut claimed = Vec::new();
    let mut waiting = due_in(ctx, kind).await?;
    while !waiting.is_empty() {
        let share = (limit - claimed.len() as i64) / waiting.len() as i64;
        let mut have_more = Vec::new();
        for workspace in waiting {
            let room = limit - claimed.len() as i64;
            if room <= 0 {
                return Ok(claimed);
            }
            let share = share.clamp(1, room);
            let items = match claim_oldest(ctx, kind, Some(workspace), share).await {
                Ok(items) => items,
                Err(error) if claimed.is_empty() => return Err(error),
                Err(error) => {
                    // What is claimed would be left to its lease, and count as work that takes its
                    // worker down.
                    tracing::warn!(workspace.id = %workspace, kind = kind.word(),
                        error = &error as &dyn std::error::Error, "could not claim due items");
                    return Ok(claimed);
                }
            };
            if items.len() as i64 == share {
                have_more.push(workspace);
            }
            claimed.extend(items);
        }
        waiting = have_more;
    }
    Ok(claimed)
}

/// The workspaces that have items of this kind whose time has come, the one whose item has waited
/// longest first. A look at the index of each workspace's items, which have any kind: the kind is
/// compared as an expression, or the index by kind could be gone through for each workspace. Mostly there
/// are none, which one look at the index by kind tells before.
pub(crate) async fn due_in(ctx: &Ctx, kind: DueKind) -> Result<Vec<WorkspaceId>, DbErr> {
    let now = dialect::now(ctx.db.backend());
    Query::new(format!(
        "SELECT b.id FROM (
             SELECT w.id AS id, (
                 SELECT d.due_at FROM due_item d
                 WHERE d.workspace_id = w.id AND d.state = 'WAITING' AND d.due_at <= {now}
                   AND d.kind || '' = $1
                 ORDER BY d.due_at LIMIT 1) AS since
             FROM workspace w
             WHERE EXISTS (SELECT 1 FROM due_item
                           WHERE state = 'WAITING' AND due_at <= {now} AND kind = $1)) AS b
         WHERE b.since IS NOT NULL ORDER BY b.since, b.id"
    ))
    .bind(kind.word())
    .column(ctx.reader())
    .await
}

async fn claim_oldest(
    ctx: &Ctx,
    kind: DueKind,
    workspace: Option<WorkspaceId>,
    limit: i64,
) -> Result<Vec<Claimed>, DbErr> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, LEASE_S);
    let skip_locked = dialect::skip_locked(backend);
    let whose = if workspace.is_some() {
        "workspace_id = $3 AND"
    } else {
        ""
    };
    let query = Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT workspace_id, id FROM due_item
             WHERE {whose} state = 'WAITING' AND due_at <= {now} AND kind = $2
             ORDER BY due_at LIMIT $1 {skip_locked})
         UPDATE due_item SET state = 'RUNNING', fence = fence + 1, lease_until = {until}
         WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM picked)
         RETURNING workspace_id, id, kind, subject_id, fence, failures, crashes"
    ))
    .bind(limit)
    .bind(kind.word());
    let query = if let Some(workspace) = workspace {
        query.bind(workspace)
    } else {
        query
    };
    query.all(ctx.db.writer()).await
}

/// The kinds that need nothing but the database.
const HERE: [DueKind; 1] = [DueKind::ConversationWake];
/// How many items are claimed at once to be done here.
const BATCH: i64 = 64;
/// Errors in a row before an item that is done here is set aside.
const MAX_FAILURES: i64 = 8;

/// What a turn of [`run_here`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Items that were claimed.
    pub done: usize,
    /// Whether it stopped because `goes_on` said no.
    pub is_cut: bool,
}

/// Does the items that are due and need nothing but the database, of one workspace or of all, until
/// none is left or `goes_on` says no.
pub async fn run_here(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<Turn> {
    let mut turn = Turn::default();
    for kind in HERE {
        loop {
            if !goes_on() {
                turn.is_cut = true;
                return Ok(turn);
            }
            let claimed = claim(ctx, kind, workspace, BATCH).await?;
            if claimed.is_empty() {
                break;
            }
            turn.done += claimed.len();
            for item in claimed {
                let ctx = &ctx.walled_to(item.workspace_id);
                if let Err(error) = crate::do_due(ctx, &item).await {
                    tracing::warn!(workspace.id = %item.workspace_id, due_item.id = %item.id,
                        kind = kind.word(), error = &error as &dyn std::error::Error,
                        "a due item failed and will be tried again");
                    note_failure(ctx, &item, &error.to_string()).await?;
                }
            }
        }
    }
    Ok(turn)
}

/// Puts an item that failed back for a while, twice as long each time, or out of the way.
async fn note_failure(ctx: &Ctx, item: &Claimed, error: &str) -> Result<()> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    let held = if item.failures + 1 >= MAX_FAILURES {
        set_aside(&mut tx, item, error).await?
    } else {
        let wait = TimeDelta::seconds(1 << item.failures.clamp(0, MAX_FAILURES));
        retry(&tx, item, wait, error).await?
    };
    if held {
        tx.commit().await
    } else {
        Ok(tx.rollback().await?)
    }
}

/// Finds items whose worker died and makes them claimable again, or sets them aside when they have
/// taken too many workers down. Says how many it found.
pub async fn recover(ctx: &Ctx) -> Result<usize> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let skip_locked = dialect::skip_locked(backend);
    let again = Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT workspace_id, id FROM due_item
             WHERE state = 'RUNNING' AND lease_until < {now} AND crashes + 1 < {MAX_CRASHES}
             LIMIT 1000 {skip_locked})
         UPDATE due_item SET crashes = crashes + 1, lease_until = NULL, fence = fence + 1,
             state = 'WAITING'
         WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM picked)"
    ))
    .execute(ctx.db.writer())
    .await?;
    let poison: Vec<Claimed> = Query::new(format!(
        "SELECT workspace_id, id, kind, subject_id, fence, failures, crashes FROM due_item
         WHERE state = 'RUNNING' AND lease_until < {now} AND crashes + 1 >= {MAX_CRASHES}
         LIMIT 100"
    ))
    .all(ctx.reader())
    .await?;
    for item in &poison {
        let mut tx = ctx.begin(item.workspace_id).await?;
        let error = format!("took its worker down {} times", item.crashes + 1);
        if set_aside(&mut tx, item, &error).await? {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
    }
    Ok(usize::try_from(again).unwrap_or_default() + poison.len())
}

/// Puts an item out of the way, to be seen and replayed. False when the claim was lost: roll back.
pub async fn set_aside(tx: &mut Tx<'_>, item: &Claimed, error: &str) -> Result<bool> {
    if !settle(tx, item, DueState::Quarantined, None, Some(error)).await? {
        return Ok(false);
    }
    let entry = quarantine::Item {
        id: tx.id(),
        work: item.kind.word(),
        item: json!({ "due_item": item.id, "subject": item.subject_id }),
        error: error.to_owned(),
    };
    quarantine::add(tx.connection(), tx.workspace, tx.now, entry).await?;
    crate::give_up_due(tx, item, error).await?;
    Ok(true)
}

/// Renews the claim on an item in the transaction of one step of its work. Until that ends nobody
/// else can claim the item; whoever commits a step has survived it, so crashes and failures count
/// from there. False when the claim was lost: roll back.
pub async fn hold(tx: &Tx<'_>, item: &Claimed) -> Result<bool, DbErr> {
    let until = dialect::now_plus(tx.connection().get_database_backend(), LEASE_S);
    let touched = Query::new(format!(
        "UPDATE due_item SET lease_until = {until}, crashes = 0, failures = 0
         WHERE workspace_id = $1 AND id = $2 AND state = 'RUNNING' AND fence = $3"
    ))
    .bind(item.workspace_id)
    .bind(item.id)
    .bind(item.fence)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

/// Ends an item in the transaction of its effects. False when the claim was lost: roll back.
pub async fn finish(tx: &Tx<'_>, item: &Claimed) -> Result<bool, DbErr> {
    settle(tx, item, DueState::Done, None, None).await
}

/// Ends items that lead to nothing any more; those whose claim was lost are left alone. Says what the ended
/// ones are about.
pub async fn finish_all(
    connection: &impl ConnectionTrait,
    items: &[Claimed],
) -> Result<Vec<Uuid>, DbErr> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let now = dialect::now(connection.get_database_backend());
    let rows = Rows::new()
        .ids("workspace_id", items.iter().map(|item| item.workspace_id))
        .ids("id", items.iter().map(|item| item.id))
        .ints("fence", items.iter().map(|item| item.fence));
    Query::new(format!(
        "UPDATE due_item SET state = 'DONE', lease_until = NULL, crashes = 0, finished_at = {now}
         FROM {{r}} WHERE due_item.workspace_id = r.workspace_id AND due_item.id = r.id
           AND due_item.fence = r.fence AND due_item.state = 'RUNNING'
         RETURNING due_item.subject_id"
    ))
    .rows("r", rows)
    .column(connection)
    .await
}

/// Puts an item back for as long as `wait` after an error. False when the claim was lost: roll back.
pub async fn retry(
    tx: &Tx<'_>,
    item: &Claimed,
    wait: TimeDelta,
    error: &str,
) -> Result<bool, DbErr> {
    settle(tx, item, DueState::Waiting, Some(wait), Some(error)).await
}

/// Puts items back that could not be tried now, each for its time; this counts as no failure. An item
/// whose crashes the caller has taken back forgets them. Those whose claim was lost are left alone.
pub async fn postpone(ctx: &Ctx, items: &[(Claimed, TimeDelta)]) -> Result<(), DbErr> {
    if items.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids(
            "workspace_id",
            items.iter().map(|(item, _)| item.workspace_id),
        )
        .ids("id", items.iter().map(|(item, _)| item.id))
        .ints("fence", items.iter().map(|(item, _)| item.fence))
        .ints("crashes", items.iter().map(|(item, _)| item.crashes))
        .reals("wait_s", items.iter().map(|(_, wait)| seconds(*wait)));
    let due_at = dialect::now_plus_expression(ctx.db.backend(), "r.wait_s");
    Query::new(format!(
        "UPDATE due_item SET state = 'WAITING', lease_until = NULL, due_at = {due_at},
             crashes = CASE WHEN r.crashes < due_item.crashes THEN r.crashes
                            ELSE due_item.crashes END
         FROM {{r}} WHERE due_item.workspace_id = r.workspace_id AND due_item.id = r.id
           AND due_item.fence = r.fence AND due_item.state = 'RUNNING'"
    ))
    .rows("r", rows)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

fn seconds(wait: TimeDelta) -> f64 {
    wait.as_seconds_f64()
}

async fn settle(
    tx: &Tx<'_>,
    item: &Claimed,
    state: DueState,
    wait: Option<TimeDelta>,
    error: Option<&str>,
) -> Result<bool, DbErr> {
    let backend = tx.connection().get_database_backend();
    let now = dialect::now(backend);
    let due_at = wait.map_or_else(
        || "due_at".to_owned(),
        |wait| dialect::now_plus_expression(backend, &format!("{:.3}", seconds(wait))),
    );
    // Whoever settles an item has survived it.
    let crashes = if state == DueState::Quarantined {
        "crashes"
    } else {
        "0"
    };
    let touched = Query::new(format!(
        "UPDATE due_item SET state = $3, lease_until = NULL, due_at = {due_at},
             crashes = {crashes},
             failures = failures + CASE WHEN $4 IS NULL THEN 0 ELSE 1 END,
             last_error = COALESCE($4, last_error),
             finished_at = CASE WHEN $3 = 'DONE' THEN {now} ELSE NULL END
         WHERE workspace_id = $1 AND id = $2 AND state = 'RUNNING' AND fence = $5"
    ))
    .bind(item.workspace_id)
    .bind(item.id)
    .bind(state.word())
    .bind(error)
    .bind(item.fence)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

/// Items that are due or running, of all workspaces: what a test waits to become zero.
pub async fn pending(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let count: Option<i64> =
        Query::new("SELECT COUNT(*) FROM due_item WHERE state IN ('WAITING', 'RUNNING')")
            .scalar(connection)
            .await?;
    Ok(count.unwrap_or_default())
}
