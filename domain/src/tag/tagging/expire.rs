//! Taggings that end by themselves.
//!
//! Called by every worker about once a second. A bounded batch at a time, by turns in each workspace,
//! ends what has come to its time, each batch one transaction: the interval's end, the rank index, the
//! counters and the log. The update finds only what still holds, so several workers and a crash between
//! two batches change nothing. An interval ends at the moment that was set, not when a worker came to
//! it. What also stays while its thing is in a segment goes on without a moment (`segment`).

use entity::id::{TagId, TaggingId, WorkspaceId};
use sea_orm::ConnectionTrait as _;

use super::{Reason, Touched, hold::hold_tags, segment::IS_BOUND, write::settle_ended};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Tx, dialect},
    work::rounds::Rounds,
};

/// Taggings ended in one transaction.
const BATCH: i64 = 1_000;

/// Ends every tagging whose time has come, in all workspaces, while `goes_on`; says how many.
pub async fn expire(ctx: &Ctx, goes_on: &(dyn Fn() -> bool + Sync)) -> Result<usize> {
    let mut count = 0;
    let mut rounds = Rounds::default();
    while goes_on() {
        let workspace: Option<WorkspaceId> = Query::new(
            "SELECT workspace_id FROM tagging
             WHERE removed_at IS NULL AND expires_at IS NOT NULL AND expires_at <= $1 AND NOT {had}
             ORDER BY expires_at LIMIT 1",
        )
        .bind(ctx.clock.now())
        .among("had", "workspace_id", rounds.had())
        .scalar(ctx.reader())
        .await?;
        let Some(workspace) = workspace else {
            if rounds.begin_next() {
                continue;
            }
            return Ok(count);
        };
        let Batch { ended, kept } = batch(ctx, workspace).await?;
        rounds.note(workspace, ended + kept);
        count += ended;
    }
    Ok(count)
}

/// How many taggings a batch ended, and how many go on.
struct Batch {
    ended: usize,
    kept: usize,
}

async fn batch(ctx: &Ctx, workspace: WorkspaceId) -> Result<Batch> {
    let ctx = &ctx.walled_to(workspace);
    let mut tx = ctx.begin(workspace).await?;
    // Whoever changes the tree takes the tags first, too.
    let tags: Vec<TagId> = Query::new(format!(
        "SELECT DISTINCT d.tag_id FROM (
             SELECT tag_id FROM tagging
             WHERE workspace_id = $1 AND removed_at IS NULL AND expires_at IS NOT NULL
               AND expires_at <= $2
             ORDER BY expires_at LIMIT {BATCH}) d"
    ))
    .bind(workspace)
    .bind(tx.now)
    .column(tx.connection())
    .await?;
    hold_tags(&tx, tags.iter().copied()).await?;
    let due = pick(&tx, tags).await?;
    let kept = keep_bound(&tx, &due).await?;
    let ended: Vec<Touched> = Query::new(
        "UPDATE tagging SET removed_at = expires_at, removed_by = $3, removed_reason = '',
             ended = 'EXPIRED'
         WHERE workspace_id = $1 AND {due} AND removed_at IS NULL AND expires_at <= $2
         RETURNING id, tag_id, target, target_id",
    )
    .bind(workspace)
    .bind(tx.now)
    .bind(Origin::System.json())
    .among("due", "id", due.iter().map(|id| id.0))
    .all(tx.connection())
    .await?;
    let reason = Reason {
        origin: Origin::System,
        text: String::new(),
        cause: None,
    };
    settle_ended(ctx, &mut tx, &reason, &ended).await?;
    tx.commit().await?;
    Ok(Batch {
        ended: ended.len(),
        kept,
    })
}

/// The taggings with these tags whose time has come, held. What they stay for is read by statements of their own
/// afterwards: whoever was about to let one stay for a segment is done by then, or waits.
async fn pick(tx: &Tx<'_>, tags: Vec<TagId>) -> Result<Vec<TaggingId>> {
    let skip_locked = dialect::skip_locked(tx.connection().get_database_backend());
    Ok(Query::new(format!(
        "SELECT g.id FROM tagging g
         WHERE g.workspace_id = $1 AND g.removed_at IS NULL AND g.expires_at IS NOT NULL
           AND g.expires_at <= $2 AND {{tags}}
         ORDER BY g.expires_at LIMIT {BATCH} {skip_locked}"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .among("tags", "g.tag_id", tags.into_iter().map(|tag| tag.0))
    .column(tx.connection())
    .await?)
}

/// Lets those of `due` that stay while their thing is in a segment go on without their moment; says how many.
async fn keep_bound(tx: &Tx<'_>, due: &[TaggingId]) -> Result<usize> {
    let kept = Query::new(format!(
        "UPDATE tagging AS g SET expires_at = NULL
         WHERE g.workspace_id = $1 AND {{due}} AND g.removed_at IS NULL AND {IS_BOUND}"
    ))
    .bind(tx.workspace)
    .among("due", "g.id", due.iter().map(|id| id.0))
    .execute(tx.connection())
    .await?;
    Ok(usize::try_from(kept).unwrap_or_default())
}
