//! Deliveries: one notification each, from being asked for to being delivered or given up.
//!
//! A delivery is written in the transaction of what caused it, together with the due item that gets
//! it tried. It keeps its id through all attempts and replays, so a receiver can recognise one it
//! has seen.

use chrono::TimeDelta;
use entity::{
    delivery, delivery_attempt,
    id::{ContactId, DeliveryId, FiringId, Id as _, MessageId, RuleId, TargetId, WorkspaceId},
    kind::{DeliveryState, DueKind},
};
use sea_orm::{EntityTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Fact},
        due,
    },
};

/// What a delivery tells. Ids rather than texts: whatever a customer wrote stays in one place.
/// Stored as JSON: variants and fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Payload {
    /// A rule fired on a message.
    RuleFired {
        /// The heading, if not the rule's name.
        #[serde(default)]
        title: Option<String>,
        /// The rule's name when it fired.
        rule_name: String,
        /// The message.
        message_id: MessageId,
    },
}

/// A delivery about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    pub(crate) id: DeliveryId,
    pub(crate) target: TargetId,
    pub(crate) rule: Option<RuleId>,
    pub(crate) firing: Option<FiringId>,
    pub(crate) contact: Option<ContactId>,
    pub(crate) payload: Payload,
}

/// Writes deliveries to be tried at once. The targets must exist.
pub(crate) async fn enqueue(ctx: &Ctx, tx: &mut Tx<'_>, new: &[NewDelivery]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let payloads: Vec<_> = new
        .iter()
        .map(|delivery| serde_json::to_value(&delivery.payload))
        .collect::<Result<_, _>>()?;
    let rows = Rows::new()
        .ids("id", new.iter().map(|delivery| delivery.id))
        .ids("target_id", new.iter().map(|delivery| delivery.target))
        .opt_ids("rule_id", new.iter().map(|delivery| delivery.rule))
        .opt_ids("firing_id", new.iter().map(|delivery| delivery.firing))
        .opt_ids("contact_id", new.iter().map(|delivery| delivery.contact))
        .json("payload", payloads);
    Query::new(
        "INSERT INTO delivery (workspace_id, id, target_id, rule_id, firing_id, contact_id, payload,
                               state, attempts, created_at, next_attempt_at)
         SELECT $1, r.id, r.target_id, r.rule_id, r.firing_id, r.contact_id, r.payload,
                'PENDING', 0, $2, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let items: Vec<_> = new.iter().map(|delivery| now(delivery.id)).collect();
    due::add(ctx, tx, &items).await?;
    Ok(())
}

fn now(id: DeliveryId) -> due::NewItem {
    due::NewItem {
        kind: DueKind::Delivery,
        subject: id.uuid(),
        wait: TimeDelta::zero(),
    }
}

/// Tries a delivery again that was delivered or given up: under the same id, from the start of the
/// retry schedule.
pub async fn replay(ctx: &Ctx, actor: &Actor, id: DeliveryId) -> Result<delivery::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let replayed: Option<delivery::Model> = Query::new(
        "UPDATE delivery SET state = 'PENDING', next_attempt_at = $3, finished_at = NULL
         WHERE workspace_id = $1 AND id = $2 AND state <> 'PENDING'
         RETURNING *",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    let Some(replayed) = replayed else {
        let exists = delivery::Entity::find_by_id((tx.workspace, id))
            .one(tx.connection())
            .await?
            .is_some();
        return Err(if exists {
            let message = "This delivery is still on its way.";
            Error::refused(&["id"], UserErrorCode::InUse, message)
        } else {
            Error::not_found(&["id"], "delivery")
        });
    };
    due::add(ctx, &mut tx, &[now(id)]).await?;
    tx.commit().await?;
    Ok(replayed)
}

#[derive(FromQueryResult)]
struct GivenUp {
    contact_id: Option<ContactId>,
}

/// Marks a delivery as failed that will not be tried again.
pub(crate) async fn give_up(tx: &mut Tx<'_>, id: DeliveryId, error: &str) -> Result<()> {
    let failed: Option<GivenUp> = Query::new(
        "UPDATE delivery SET state = 'FAILED', next_attempt_at = NULL, finished_at = $3,
             last_error = $4
         WHERE workspace_id = $1 AND id = $2 AND state = 'PENDING' RETURNING contact_id",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(error)
    .one(tx.connection())
    .await?;
    if let Some(failed) = failed {
        record_finished(tx, id, failed.contact_id, false);
    }
    Ok(())
}

/// Puts deliveries that were given up back on their way.
pub(crate) async fn revive(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<()> {
    Query::new(
        "UPDATE delivery SET state = 'PENDING', next_attempt_at = $2, finished_at = NULL
         FROM {r} WHERE delivery.workspace_id = $1 AND delivery.id = r.id
           AND delivery.state = 'FAILED'",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(super) fn record_finished(
    tx: &mut Tx<'_>,
    delivery_id: DeliveryId,
    contact: Option<ContactId>,
    delivered: bool,
) {
    let fact = Fact::DeliveryFinished {
        delivery_id,
        delivered,
    };
    tx.record(Change::new(Origin::System, contact, fact));
}

/// Which deliveries a list has.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// To one target.
    pub target: Option<TargetId>,
    /// Standing so.
    pub state: Option<DeliveryState>,
}

const NEWEST: Keyset = Keyset {
    order: "delivery",
    key: None,
    id: "d.id",
    descending: true,
};

/// A page of the workspace's deliveries, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<(String, delivery::Model)>> {
    let mut query =
        Query::new("SELECT d.* FROM delivery d WHERE d.workspace_id = $1").bind(workspace);
    if let Some(target) = filter.target {
        let target = query.arg(target);
        query.push(&format!(" AND d.target_id = {target}"));
    }
    if let Some(state) = filter.state {
        let state = query.arg(state.word());
        query.push(&format!(" AND d.state = {state}"));
    }
    NEWEST.apply(&mut query, page)?;
    let rows: Vec<delivery::Model> = query.all(ctx.reader()).await?;
    Ok(NEWEST
        .page(rows, page)
        .map(|row| (NEWEST.cursor(Key::Id(()), row.id.uuid()), row)))
}

/// The delivery, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: DeliveryId,
) -> Result<Option<delivery::Model>> {
    Ok(delivery::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The deliveries among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[DeliveryId],
) -> Result<Vec<delivery::Model>> {
    Ok(
        Query::new("SELECT d.* FROM {r} JOIN delivery d ON d.workspace_id = $1 AND d.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
}

/// A page of one delivery's attempts, oldest first, each with its cursor.
pub async fn attempts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: DeliveryId,
    page: &PageRequest,
) -> Result<Page<(String, delivery_attempt::Model)>> {
    let keyset = Keyset {
        order: "attempt",
        key: Some("CAST(a.attempt AS double precision)"),
        id: "a.id",
        descending: false,
    };
    let mut query = Query::new(
        "SELECT a.* FROM delivery_attempt a WHERE a.workspace_id = $1 AND a.delivery_id = $2",
    )
    .bind(workspace)
    .bind(id);
    keyset.apply(&mut query, page)?;
    let rows: Vec<delivery_attempt::Model> = query.all(ctx.reader()).await?;
    Ok(keyset.page(rows, page).map(|row| {
        (
            keyset.cursor(Key::Real(row.attempt as f64), row.id.uuid()),
            row,
        )
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_payloads_of_every_kind_keep_decoding() {
        let stored = json!({
            "kind": "ruleFired",
            "title": null,
            "ruleName": "VIP",
            "messageId": "message_00000000000000000000000000000001",
        });
        let payload: Payload = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(payload).unwrap(), stored);
    }
}
