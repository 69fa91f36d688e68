//! Sending again what was sent before or given up, and trying a target out.

use chrono::TimeDelta;
use entity::{
    delivery,
    id::{DeliveryId, TargetId},
    notification_target as target,
};
use sea_orm::EntityTrait as _;

use super::{
    delivery::{NewDelivery, Payload, due_item, enqueue},
    manage,
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
    work::due,
};

/// Deliveries one call sends again at most.
const REPLAY_LIMIT: i64 = 10_000;

/// Tries a delivery again that was delivered or given up: under the same id, from the start of the
/// retry schedule, to the addresses that have not got it if it was given up.
pub async fn replay(ctx: &Ctx, actor: &Actor, id: DeliveryId) -> Result<delivery::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = delivery::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "delivery"))?;
    let target = manage::hold(&tx, found.target_id, "id").await?;
    refuse_off(&target, "id")?;
    let replayed: Option<delivery::Model> = Query::new(
        "UPDATE delivery SET state = 'PENDING', next_attempt_at = $3, finished_at = NULL,
             told = CASE WHEN state = 'FAILED' THEN told END, folded_into = NULL
         WHERE workspace_id = $1 AND id = $2 AND state <> 'PENDING'
         RETURNING *",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    let Some(replayed) = replayed else {
        let message = "This delivery is still on its way.";
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    };
    due::add(ctx, &mut tx, &[due_item(id, TimeDelta::zero())]).await?;
    tx.commit().await?;
    Ok(replayed)
}

/// What sending everything again that had failed came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The target.
    pub target: target::Model,
    /// How many deliveries are on their way again.
    pub count: i64,
    /// Whether there are more than one call takes.
    pub has_more: bool,
}

/// Tries everything again that was given up for a target, the oldest first, at most
/// 10,000 at once.
pub async fn replay_failed(ctx: &Ctx, actor: &Actor, id: TargetId) -> Result<Replayed> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = manage::hold(&tx, id, "targetId").await?;
    refuse_off(&target, "targetId")?;
    let ids: Vec<DeliveryId> = Query::new(
        "UPDATE delivery SET state = 'PENDING', next_attempt_at = $3, finished_at = NULL
         WHERE workspace_id = $1 AND id IN (
             SELECT d.id FROM delivery d
             WHERE d.workspace_id = $1 AND d.target_id = $2 AND d.state = 'FAILED'
             ORDER BY d.id LIMIT $4)
         RETURNING id",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(REPLAY_LIMIT)
    .column(tx.connection())
    .await?;
    let items: Vec<_> = ids
        .iter()
        .map(|&id| due_item(id, TimeDelta::zero()))
        .collect();
    due::add(ctx, &mut tx, &items).await?;
    let has_more = ids.len() as i64 == REPLAY_LIMIT && is_any_failed(&tx, id).await?;
    tx.commit().await?;
    Ok(Replayed {
        target,
        count: ids.len() as i64,
        has_more,
    })
}

async fn is_any_failed(tx: &Tx<'_>, target: TargetId) -> Result<bool> {
    let found: Option<DeliveryId> = Query::new(
        "SELECT d.id FROM delivery d
         WHERE d.workspace_id = $1 AND d.target_id = $2 AND d.state = 'FAILED' LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(target)
    .scalar(tx.connection())
    .await?;
    Ok(found.is_some())
}

/// Sends a notification that only shows that a target works, at once and outside of its digest and
/// its budget.
pub async fn send_test(ctx: &Ctx, actor: &Actor, id: TargetId) -> Result<delivery::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = manage::hold(&tx, id, "id").await?;
    refuse_off(&target, "id")?;
    let new = NewDelivery {
        id: tx.id(),
        target: id,
        rule: None,
        firing: None,
        contact: None,
        payload: Payload::Test {},
        not_before: None,
    };
    let delivery = new.id;
    enqueue(ctx, &mut tx, &[new]).await?;
    let made = delivery::Entity::find_by_id((tx.workspace, delivery))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("a delivery just written is not there".to_owned()))?;
    tx.commit().await?;
    Ok(made)
}

fn refuse_off(target: &target::Model, field: &str) -> Result<()> {
    if target.disabled_at.is_none() {
        return Ok(());
    }
    let message = "Its target is switched off. Switch it on first.";
    Err(Error::refused(&[field], UserErrorCode::Invalid, message))
}
