//! Who holds which enrolment.

use chrono::TimeDelta;
use entity::{
    enrolment,
    id::{ContactId, EnrolmentId, PlaybookId, WorkspaceId},
    kind::{EnrolmentState, StepOutcome},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde_json::json;

use super::{BATCH, MAX_CRASHES};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    playbook::{
        count::{Counts, What},
        failure::WORKER_LOST,
        history::{Left, leave},
    },
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact},
};

/// How long a claim holds, in seconds.
const LEASE_S: i64 = 30;

/// An enrolment this worker holds until its lease ends.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Claimed {
    /// Which.
    pub(crate) id: EnrolmentId,
    /// Whose it was when it was claimed.
    pub(crate) contact_id: ContactId,
    /// The claim's fencing token.
    pub(crate) fence: i64,
    /// Errors in a row before this attempt.
    pub(crate) failures: i64,
}

/// Claims what is due in a playbook, if that is still at work: between the look that found it and its turn
/// others had theirs. What has taken a worker down before comes alone, after all others.
pub(super) async fn claim(
    ctx: &Ctx,
    workspace: WorkspaceId,
    book: PlaybookId,
) -> Result<Vec<Claimed>> {
    let usual = claim_some(ctx, workspace, book, "crashes = 0", BATCH).await?;
    if !usual.is_empty() {
        return Ok(usual);
    }
    claim_some(ctx, workspace, book, "crashes > 0", 1).await
}

async fn claim_some(
    ctx: &Ctx,
    workspace: WorkspaceId,
    book: PlaybookId,
    which: &str,
    limit: i64,
) -> Result<Vec<Claimed>> {
    let backend = ctx.db.backend();
    let until = dialect::now_plus(backend, LEASE_S);
    let skip_locked = dialect::skip_locked(backend);
    Ok(Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT id FROM enrolment
             WHERE workspace_id = $1 AND playbook_id = $2 AND state = 'WAITING'
               AND due_at IS NOT NULL AND due_at <= $3 AND {which}
               AND EXISTS (SELECT 1 FROM playbook p
                           WHERE p.workspace_id = $1 AND p.id = $2 AND p.state = 'ACTIVE')
             ORDER BY due_at LIMIT $4 {skip_locked})
         UPDATE enrolment SET state = 'RUNNING', fence = fence + 1, lease_until = {until}
         WHERE workspace_id = $1 AND id IN (SELECT id FROM picked)
         RETURNING id, contact_id, fence, failures"
    ))
    .bind(workspace)
    .bind(book)
    .bind(ctx.clock.now())
    .bind(limit)
    .all(ctx.db.writer())
    .await?)
}

/// The claimed rows that are still this worker's, held until the transaction ends.
pub(super) async fn hold(tx: &Tx<'_>, claimed: &[Claimed]) -> Result<Vec<enrolment::Model>> {
    let backend = tx.connection().get_database_backend();
    // People before their enrolments, like whoever merges or erases somebody.
    let keep = dialect::reference_lock(backend);
    if !keep.is_empty() {
        Query::new(format!(
            "SELECT t.id FROM contact t
             WHERE t.workspace_id = $1 AND t.id IN (SELECT r.id FROM {{r}}) ORDER BY t.id {keep}"
        ))
        .bind(tx.workspace)
        .rows(
            "r",
            Rows::new().ids("id", claimed.iter().map(|one| one.contact_id)),
        )
        .raw(tx.connection())
        .await?;
    }
    let lock = dialect::row_lock(backend);
    let mut rows: Vec<enrolment::Model> = Query::new(format!(
        "SELECT e.* FROM enrolment e
         WHERE e.workspace_id = $1 AND e.id IN (SELECT r.id FROM {{r}}) AND e.state = 'RUNNING'
         ORDER BY e.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", claimed.iter().map(|one| one.id)))
    .all(tx.connection())
    .await?;
    rows.retain(|row| {
        claimed
            .iter()
            .any(|one| one.id == row.id && one.fence == row.fence)
    });
    Ok(rows)
}

/// Finds enrolments whose worker died and makes them claimable again, or lets them fail when they
/// have taken too many workers down.
pub(super) async fn recover(ctx: &Ctx) -> Result<()> {
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let skip_locked = dialect::skip_locked(backend);
    Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT workspace_id, id FROM enrolment
             WHERE state = 'RUNNING' AND lease_until < {now} AND crashes + 1 < {MAX_CRASHES}
             LIMIT 1000 {skip_locked})
         UPDATE enrolment SET state = 'WAITING', crashes = crashes + 1, lease_until = NULL,
             fence = fence + 1
         WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM picked)"
    ))
    .execute(ctx.db.writer())
    .await?;
    let poison: Vec<enrolment::Model> = Query::new(format!(
        "SELECT * FROM enrolment
         WHERE state = 'RUNNING' AND lease_until < {now} AND crashes + 1 >= {MAX_CRASHES}
         LIMIT 100"
    ))
    .all(ctx.reader())
    .await?;
    for row in poison {
        let one = Claimed {
            id: row.id,
            contact_id: row.contact_id,
            fence: row.fence,
            failures: row.failures,
        };
        let error = format!("{WORKER_LOST} {} times", row.crashes + 1);
        fail(ctx, row.workspace_id, &one, &error).await?;
    }
    Ok(())
}

/// Puts an enrolment back for as long as `wait` after an error, unless the claim was lost.
pub(super) async fn put_back(
    ctx: &Ctx,
    workspace: WorkspaceId,
    one: &Claimed,
    wait: TimeDelta,
    error: &str,
) -> Result<()> {
    Query::new(
        "UPDATE enrolment SET state = 'WAITING', lease_until = NULL, due_at = $4,
             failures = failures + 1, crashes = 0, error = $5
         WHERE workspace_id = $1 AND id = $2 AND state = 'RUNNING' AND fence = $3",
    )
    .bind(workspace)
    .bind(one.id)
    .bind(one.fence)
    .bind(ctx.clock.now() + wait)
    .bind(error)
    .execute(ctx.db.writer())
    .await?;
    Ok(())
}

/// Lets an enrolment fail for good, unless the claim was lost.
pub(super) async fn fail(
    ctx: &Ctx,
    workspace: WorkspaceId,
    one: &Claimed,
    error: &str,
) -> Result<()> {
    let mut tx = ctx.begin(workspace).await?;
    let held = hold(&tx, std::slice::from_ref(one)).await?;
    let Some(row) = held.first() else {
        return Ok(tx.rollback().await?);
    };
    Query::new(
        "UPDATE enrolment SET state = 'FAILED', lease_until = NULL, due_at = NULL,
             wait_until = NULL, failures = failures + 1, passed = passed + 1, error = $3,
             ended_at = $4
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(workspace)
    .bind(row.id)
    .bind(error)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let left = Left::at(row, StepOutcome::Failed, None, json!({}));
    leave(&tx, vec![left]).await?;
    let key = (row.playbook_id, row.version);
    let mut counts = Counts::default();
    counts.at(key, &row.step, What::Here, -1);
    counts.at(key, &row.step, What::Failed, 1);
    counts.whole(key, What::Here, -1);
    counts.whole(key, What::Failed, 1);
    counts.write(&tx).await?;
    let fact = Fact::EnrolmentEnded {
        enrolment_id: row.id,
        playbook_id: row.playbook_id,
        state: EnrolmentState::Failed,
    };
    tx.record(Change::new(Origin::System, Some(row.contact_id), fact));
    tx.commit().await
}
