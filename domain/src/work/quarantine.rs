//! Where work goes that keeps failing or crashing: out of the way of everything else, visible, and
//! replayable.

use chrono::{DateTime, Utc};
use entity::id::{QuarantineId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbErr};

use crate::store::Query;

/// Something set aside.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its new id.
    pub id: QuarantineId,
    /// The projection or the kind of due item that could not do it.
    pub work: &'static str,
    /// What was to be done.
    pub item: serde_json::Value,
    /// Why it could not be.
    pub error: String,
}

/// Sets `item` aside, in the transaction that steps over it.
pub(crate) async fn add(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    item: Item,
) -> Result<(), DbErr> {
    tracing::error!(workspace.id = %workspace, work = item.work, error = item.error,
        "set aside after repeated failure");
    Query::new(
        "INSERT INTO quarantine (workspace_id, id, work, item, error, at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(workspace)
    .bind(item.id)
    .bind(item.work)
    .bind(item.item)
    .bind(item.error)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
