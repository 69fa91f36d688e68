//! Deliveries: one notification each, from being asked for to being delivered or given up.
//!
//! A delivery is written in the transaction of what caused it, together with the due item that gets
//! it tried. It keeps its id through all attempts and replays, so a receiver can recognise one it
//! has seen.
//!
//! - here: asking for them, giving them up and reviving them; [`deliver`](super::deliver) sends them;
//! - `payload`: what one tells; `list`: reading them.

mod list;
mod payload;

pub(super) use list::ATTEMPTS;
pub use list::{DeliveryFilter, attempts, find, list, load};
pub use payload::{Head, Payload, head};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, DeliveryId, FiringId, Id as _, RuleId, TargetId},
    kind::DueKind,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    rule::hours,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Fact},
        due,
    },
};

/// A delivery about to be written.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its id; [`Tx::id`] makes one.
    pub id: DeliveryId,
    /// Where it goes.
    pub target: TargetId,
    /// The rule that asks for it.
    pub rule: Option<RuleId>,
    /// The firing that asks for it.
    pub firing: Option<FiringId>,
    /// Whom it is about.
    pub contact: Option<ContactId>,
    /// What is said.
    pub payload: Payload,
    /// It sets off no earlier, as when quiet hours are to end first.
    pub not_before: Option<DateTime<Utc>>,
}

/// Writes deliveries, to be tried at once or when their target's digest is due. The targets must
/// exist.
pub async fn enqueue(ctx: &Ctx, tx: &mut Tx<'_>, new: &[NewDelivery]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let waits = waits(tx, new).await?;
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
        .times("due_at", waits.iter().map(|wait| tx.now + *wait))
        .opt_times("not_before", new.iter().map(|delivery| delivery.not_before))
        .opt_ids("playbook_id", new.iter().map(|one| one.payload.playbook()))
        .opt_ids("account_id", new.iter().map(|one| one.payload.account()))
        .json("payload", payloads);
    Query::new(
        "INSERT INTO delivery (workspace_id, id, target_id, rule_id, firing_id, contact_id, payload,
                               state, attempts, created_at, next_attempt_at, over_budget,
                               not_before, playbook_id, account_id)
         SELECT $1, r.id, r.target_id, r.rule_id, r.firing_id, r.contact_id, r.payload,
                'PENDING', 0, $2, r.due_at, $3, r.not_before, r.playbook_id, r.account_id FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(false)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let items: Vec<_> = new
        .iter()
        .zip(waits)
        .map(|(delivery, wait)| due_item(delivery.id, wait))
        .collect();
    due::add(ctx, tx, &items).await?;
    Ok(())
}

/// How long each of `new` waits before it sets off: until its target's digest is due, and never into hours
/// that hold it.
async fn waits(tx: &Tx<'_>, new: &[NewDelivery]) -> Result<Vec<TimeDelta>> {
    let digests = digests(tx, new).await?;
    let collects = |delivery: &NewDelivery| {
        let minutes = digests.get(&delivery.target).copied();
        minutes.filter(|_| delivery.payload.can_wait())
    };
    let collected: Vec<_> = new
        .iter()
        .filter(|delivery| collects(delivery).is_some())
        .filter_map(|delivery| {
            let by = delivery.payload.by(delivery.rule)?;
            Some((delivery.id, tx.workspace, by))
        })
        .collect();
    let hours = hours::load(tx.connection(), &collected).await?;
    let each = new.iter().map(|delivery| {
        let rests = delivery.not_before.map(|at| at - tx.now);
        let wait = collects(delivery)
            .unwrap_or_default()
            .max(rests.unwrap_or_default());
        match hours.get(&delivery.id) {
            Some(hours) => hours.earliest(tx.now + wait) - tx.now,
            None => wait,
        }
    });
    Ok(each.collect())
}

#[derive(FromQueryResult)]
struct Collecting {
    id: TargetId,
    digest_minutes: i64,
}

/// How long the targets of `new` collect, as far as they do.
async fn digests(tx: &Tx<'_>, new: &[NewDelivery]) -> Result<BTreeMap<TargetId, TimeDelta>> {
    let targets: BTreeSet<TargetId> = new.iter().map(|delivery| delivery.target).collect();
    let collecting: Vec<Collecting> = Query::new(
        "SELECT n.id, n.digest_minutes
         FROM {r} JOIN notification_target n ON n.workspace_id = $1 AND n.id = r.id
         WHERE n.digest_minutes IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", targets))
    .all(tx.connection())
    .await?;
    let each = collecting.into_iter();
    Ok(each
        .map(|one| (one.id, TimeDelta::minutes(one.digest_minutes)))
        .collect())
}

pub(super) fn due_item(id: DeliveryId, wait: TimeDelta) -> due::NewItem {
    due::NewItem {
        kind: DueKind::Delivery,
        subject: id.uuid(),
        wait,
    }
}

#[derive(FromQueryResult)]
struct GivenUp {
    id: DeliveryId,
    contact_id: Option<ContactId>,
}

/// Marks deliveries as failed that will not be tried again.
pub(crate) async fn give_up(tx: &mut Tx<'_>, ids: &[DeliveryId], error: &str) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut failed: Vec<GivenUp> = Query::new(
        "UPDATE delivery SET state = 'FAILED', next_attempt_at = NULL, finished_at = $2,
             last_error = $3
         FROM {r} WHERE delivery.workspace_id = $1 AND delivery.id = r.id
           AND delivery.state = 'PENDING'
         RETURNING delivery.id, delivery.contact_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(error)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    // As they were asked for.
    failed.sort_unstable_by_key(|one| one.id);
    for one in failed {
        record_finished(tx, one.id, one.contact_id, false);
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
