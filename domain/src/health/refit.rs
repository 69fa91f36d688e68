//! Recomputing everybody after the model changed.
//!
//! The population does not fit into one transaction, so it is done in the steps of the nightly run.
//! How far the newest model got is kept in its row; as long as there is more to do, each step says
//! in the change log that the model's change still goes on, and reads that next. A model that was
//! replaced meanwhile is not finished.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::id::{ContactId, HealthModelId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{nightly, recompute::Cause};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Tx, dialect},
    work::{
        change::{Change, Entry, Fact},
        projection::Projection,
    },
};

/// Applies the newest model to everybody.
#[derive(Debug)]
pub struct HealthRefit;

#[derive(FromQueryResult)]
struct Newest {
    id: HealthModelId,
    applied_to: Option<ContactId>,
    applied_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl Projection for HealthRefit {
    fn name(&self) -> &'static str {
        "health_refit"
    }

    fn work(&self) -> Work {
        Work::Health
    }

    fn facts(&self) -> &'static [&'static str] {
        &["health_model.changed"]
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let Some(entry) = entries.last() else {
            return Ok(());
        };
        let lock = dialect::row_lock(tx.connection().get_database_backend());
        let newest: Option<Newest> = Query::new(format!(
            "SELECT id, applied_to, applied_at FROM health_model WHERE workspace_id = $1
             ORDER BY version DESC LIMIT 1 {lock}"
        ))
        .bind(tx.workspace)
        .one(tx.connection())
        .await?;
        let Some(model) = newest.filter(|model| model.applied_at.is_none()) else {
            return Ok(());
        };
        let cause = Cause {
            name: entry.fact.name(),
            depth: entry.depth,
            root: Some(entry.root),
        };
        let after = model.applied_to.unwrap_or(ContactId(Uuid::nil()));
        let as_of = tx.now;
        let last = nightly::step(tx, after, cause, as_of).await?;
        note(tx, model.id, last).await?;
        if last.is_some() {
            // The same change, still going on: no further from its origin than before.
            tx.record(Change {
                fact: Fact::HealthModelChanged { model_id: model.id },
                contact: None,
                origin: Origin::System,
                depth: entry.depth,
                root: Some(entry.root),
            });
        }
        Ok(())
    }
}

async fn note(tx: &Tx<'_>, model: HealthModelId, last: Option<ContactId>) -> Result<()> {
    Query::new(
        "UPDATE health_model SET applied_to = COALESCE($3, applied_to), applied_at = $4
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(model)
    .bind(last)
    .bind(last.is_none().then_some(tx.now))
    .execute(tx.connection())
    .await?;
    Ok(())
}
