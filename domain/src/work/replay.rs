//! Trying again what was set aside.
//!
//! A due item is simply due again. The others are for a worker that looks for replays in its sweep. A tick
//! goes on from where it was, in the turns of the schedules. An entry of the change log is done there and
//! then: it may take its process down once more, so it is marked under a lease first, has one try, and is
//! back in quarantine if that fails.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, DueItemId, Id as _, QuarantineId},
    kind::{DueKind, QuarantineState},
    quarantine,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    change::{Entry, Fact, Unreadable},
    due,
    projection::Projection,
    schedule::{self, Schedule},
};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
};

/// Items one call replays at most.
pub const MAX_ITEMS: usize = 100;
/// How long one replay may take, in seconds.
const LEASE_S: i64 = 60;
/// Replays a worker does in one sweep.
const TURN: usize = 100;

/// An entry of the log as quarantine keeps it, in case the log has forgotten it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptEntry {
    position: String,
    fact: serde_json::Value,
    #[serde(default)]
    contact: Option<ContactId>,
    #[serde(default)]
    origin: Option<serde_json::Value>,
    #[serde(default)]
    depth: i64,
    #[serde(default)]
    root: Option<String>,
    #[serde(default)]
    at: Option<DateTime<Utc>>,
}

impl KeptEntry {
    /// What is kept of `entry`.
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            position: entry.position.to_string(),
            fact: serde_json::json!(entry.fact),
            contact: entry.contact,
            origin: Some(entry.origin.json()),
            depth: entry.depth,
            root: Some(entry.root.to_string()),
            at: Some(entry.at),
        }
    }

    /// What is kept of an entry that a later release may be able to read.
    pub(super) fn unread(entry: &Unreadable) -> Self {
        let besides = &entry.besides;
        Self {
            position: entry.position.to_string(),
            fact: entry.data.clone(),
            contact: besides.contact,
            origin: Some(besides.origin.clone()),
            depth: besides.depth,
            root: Some(besides.root.to_string()),
            at: Some(besides.at),
        }
    }

    fn entry(self, set_aside_at: DateTime<Utc>) -> Result<Entry> {
        let position = self.position.parse();
        let position = position.map_err(|error| Error::Internal(format!("no place: {error}")))?;
        let fact: Fact = serde_json::from_value(self.fact)?;
        let origin = self.origin.map(serde_json::from_value).transpose()?;
        let root = self.root.and_then(|root| root.parse().ok());
        Ok(Entry {
            position,
            fact,
            contact: self.contact,
            origin: origin.unwrap_or(Origin::System),
            depth: self.depth,
            root: root.unwrap_or(position),
            at: self.at.unwrap_or(set_aside_at),
        })
    }
}

/// A due item as quarantine keeps it.
#[derive(Debug, Deserialize)]
struct KeptItem {
    due_item: DueItemId,
    subject: Uuid,
}

/// Has the items tried again; gives them back as they are now.
pub async fn request(
    ctx: &Ctx,
    actor: &Actor,
    ids: &[QuarantineId],
) -> Result<Vec<quarantine::Model>> {
    actor.require(Scope::Configure)?;
    if ids.is_empty() || ids.len() > MAX_ITEMS {
        let message = format!("Name 1 to {MAX_ITEMS} items.");
        return Err(Error::refused(&["ids"], UserErrorCode::Invalid, message));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = held(&tx, ids).await?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(item) = found.get(id) else {
            return Err(Error::not_found(&["ids"], "quarantined item"));
        };
        if item.state == QuarantineState::Replayed {
            let message = "This was replayed already.";
            return Err(Error::refused(&["ids"], UserErrorCode::InUse, message));
        }
        items.push(item.clone());
    }
    let waiting = |item: &&quarantine::Model| item.state == QuarantineState::SetAside;
    let (due, others): (Vec<_>, Vec<_>) = items
        .iter()
        .filter(waiting)
        .partition(|item| DueKind::from_word(&item.work).is_some());
    revive(&mut tx, &due).await?;
    mark(&tx, &due, QuarantineState::Replayed).await?;
    mark(&tx, &others, QuarantineState::Replaying).await?;
    let now = held(&tx, ids).await?;
    tx.commit().await?;
    Ok(ids.iter().filter_map(|id| now.get(id).cloned()).collect())
}

/// The items, held against others until the transaction ends.
async fn held(
    tx: &Tx<'_>,
    ids: &[QuarantineId],
) -> Result<HashMap<QuarantineId, quarantine::Model>> {
    let lock = dialect::row_lock(tx.ctx().db.backend());
    let rows: Vec<quarantine::Model> = Query::new(format!(
        "SELECT * FROM quarantine WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {{r}}) {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

async fn mark(tx: &Tx<'_>, items: &[&quarantine::Model], state: QuarantineState) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    Query::new(
        "UPDATE quarantine SET state = $2, lease_until = NULL,
             replayed_at = CASE WHEN $2 = 'REPLAYED' THEN $3 ELSE NULL END
         FROM {r} WHERE quarantine.workspace_id = $1 AND quarantine.id = r.id",
    )
    .bind(tx.workspace)
    .bind(state.word())
    .bind(tx.now)
    .rows("r", Rows::new().ids("id", items.iter().map(|item| item.id)))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes due items due again, with all their tries before them.
async fn revive(tx: &mut Tx<'_>, items: &[&quarantine::Model]) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::with_capacity(items.len());
    let mut subjects: HashMap<DueKind, Vec<Uuid>> = HashMap::new();
    for item in items {
        let one: KeptItem = serde_json::from_value(item.item.clone())?;
        if let Some(kind) = DueKind::from_word(&item.work) {
            subjects.entry(kind).or_default().push(one.subject);
        }
        kept.push(one.due_item);
    }
    let now = dialect::now(tx.ctx().db.backend());
    Query::new(format!(
        "UPDATE due_item SET state = 'WAITING', due_at = {now}, lease_until = NULL, failures = 0,
             crashes = 0
         FROM {{r}} WHERE due_item.workspace_id = $1 AND due_item.id = r.id
           AND due_item.state = 'QUARANTINED'"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", kept))
    .execute(tx.connection())
    .await?;
    for (kind, subjects) in subjects {
        crate::revive_due(tx, kind, &subjects).await?;
        tx.wake(due::work_of(kind));
    }
    Ok(())
}

/// Does the replays that were asked for, of all workspaces; says how many were tried. Called by
/// every worker's sweep.
pub async fn run_waiting(ctx: &Ctx, schedules: &[&dyn Schedule]) -> Result<usize> {
    let now = dialect::now(ctx.db.backend());
    Query::new(format!(
        "UPDATE quarantine SET state = 'SET_ASIDE', lease_until = NULL,
             error = 'took its worker down when it was replayed'
         WHERE state = 'REPLAYING' AND lease_until < {now}"
    ))
    .execute(ctx.db.writer())
    .await?;
    for done in 0..TURN {
        let Some(item) = claim(ctx).await? else {
            return Ok(done);
        };
        let ctx = &ctx.walled_to(item.workspace_id);
        if let Err(error) = replay(ctx, schedules, &item).await {
            tracing::warn!(workspace.id = %item.workspace_id, work = item.work,
                error = &error as &dyn std::error::Error, "a replay failed");
            Query::new(
                "UPDATE quarantine SET state = 'SET_ASIDE', lease_until = NULL, error = $3
                 WHERE workspace_id = $1 AND id = $2 AND state = 'REPLAYING'",
            )
            .bind(item.workspace_id)
            .bind(item.id)
            .bind(error.to_string())
            .execute(ctx.db.writer())
            .await?;
        }
    }
    Ok(TURN)
}

async fn claim(ctx: &Ctx) -> Result<Option<quarantine::Model>> {
    let backend = ctx.db.backend();
    let until = dialect::now_plus(backend, LEASE_S);
    let skip_locked = dialect::skip_locked(backend);
    // Mostly there is nothing to replay: that is found out without writing.
    let waits = Query::new(
        "SELECT 1 FROM quarantine WHERE state = 'REPLAYING' AND lease_until IS NULL LIMIT 1",
    );
    if waits.raw(ctx.reader()).await?.is_empty() {
        return Ok(None);
    }
    Ok(Query::new(format!(
        "WITH picked AS MATERIALIZED (
             SELECT workspace_id, id FROM quarantine
             WHERE state = 'REPLAYING' AND lease_until IS NULL
             ORDER BY workspace_id, id LIMIT 1 {skip_locked})
         UPDATE quarantine SET lease_until = {until}
         WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM picked)
         RETURNING *"
    ))
    .one(ctx.db.writer())
    .await?)
}

async fn replay(ctx: &Ctx, schedules: &[&dyn Schedule], item: &quarantine::Model) -> Result<()> {
    let mut projections = crate::projections().iter();
    if let Some(projection) = projections.find(|one| one.name() == item.work) {
        return replay_entry(ctx, *projection, item).await;
    }
    if let Some(schedule) = schedules.iter().find(|one| one.name() == item.work) {
        return replay_tick(ctx, *schedule, item).await;
    }
    Err(Error::Internal(format!(
        "this release knows no work called {}",
        item.work
    )))
}

/// Writes what follows from the one entry, under the lease of its replay.
pub async fn replay_entry(
    ctx: &Ctx,
    projection: &dyn Projection,
    item: &quarantine::Model,
) -> Result<()> {
    let kept: KeptEntry = serde_json::from_value(item.item.clone())?;
    let entry = kept.entry(item.at)?;
    let mut tx = ctx.begin(item.workspace_id).await?;
    projection.apply(ctx, &mut tx, &[entry]).await?;
    if finish(&tx, item).await? {
        tx.commit().await
    } else {
        Ok(tx.rollback().await?)
    }
}

/// Lets whoever runs the schedules next go on with the tick, for as long as that takes: a night may take
/// longer than the lease of a replay. It has all its tries before it, and is set aside anew after them.
async fn replay_tick(ctx: &Ctx, schedule: &dyn Schedule, item: &quarantine::Model) -> Result<()> {
    let tick_at = serde_json::from_value(item.item["tick_at"].clone())?;
    let tx = ctx.begin(item.workspace_id).await?;
    schedule::take_up_again(&tx, schedule, tick_at).await?;
    if finish(&tx, item).await? {
        tx.commit().await
    } else {
        Ok(tx.rollback().await?)
    }
}

/// False when the replay took longer than its lease: roll back.
async fn finish(tx: &Tx<'_>, item: &quarantine::Model) -> Result<bool> {
    let now = dialect::now(tx.ctx().db.backend());
    let touched = Query::new(format!(
        "UPDATE quarantine SET state = 'REPLAYED', replayed_at = $3, lease_until = NULL
         WHERE workspace_id = $1 AND id = $2 AND state = 'REPLAYING' AND lease_until >= {now}"
    ))
    .bind(item.workspace_id)
    .bind(item.id.uuid())
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(touched == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_quarantine_keeps_keeps_decoding() {
        let fact = serde_json::json!(null);
        let before = serde_json::json!({ "position": "12.34", "fact": fact });
        let entry: KeptEntry = serde_json::from_value(before).unwrap();
        assert_eq!((entry.depth, entry.contact, entry.at), (0, None, None));
        let stored = serde_json::json!({
            "position": "12.34", "fact": fact, "contact": "contact_01900000000070008000000000000001",
            "origin": { "kind": "SYSTEM" }, "depth": 1, "root": "12.30", "at": "2026-11-01T00:00:00Z",
        });
        let entry: KeptEntry = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::json!(entry), stored);
        let item = serde_json::json!({
            "due_item": "due_01900000000070008000000000000001", "subject": Uuid::from_u128(1),
        });
        let item: KeptItem = serde_json::from_value(item).unwrap();
        assert_eq!(item.subject, Uuid::from_u128(1));
    }
}
