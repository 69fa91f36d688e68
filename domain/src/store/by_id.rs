//! Rows of one table by their ids. Which table it is, the type of the row says.

use entity::id::{Id, WorkspaceId};
use sea_orm::{ConnectionTrait, EntityName, FromQueryResult, ModelTrait, TryGetable};
use uuid::Uuid;

use super::{Query, Tx, dialect};
use crate::error::Result;

/// The rows among `ids` that are of the workspace, in no particular order; for loaders.
pub(crate) async fn rows_by_id<M: ModelTrait + FromQueryResult, I: Id>(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    ids: &[I],
) -> Result<Vec<M>> {
    let table = table_of::<M>();
    Ok(Query::new(format!(
        "SELECT t.* FROM {table} t WHERE t.workspace_id = $1 AND {{wanted}}"
    ))
    .bind(workspace)
    .among("wanted", "t.id", ids.iter().map(|id| id.uuid()))
    .all(connection)
    .await?)
}

/// The row of this id, if it is one of the workspace, held until the end against others who would hold or
/// change it.
pub(crate) async fn hold_by_id<M: ModelTrait + FromQueryResult, I: Id>(
    tx: &Tx<'_>,
    id: I,
) -> Result<Option<M>> {
    let table = table_of::<M>();
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    Ok(Query::new(format!(
        "SELECT t.* FROM {table} t WHERE t.workspace_id = $1 AND t.id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(id.uuid())
    .one(tx.connection())
    .await?)
}

/// The ids of the next rows of `table` behind `after`, in their order: at most `limit`. For what goes through all
/// of them in steps.
pub(crate) async fn ids_after<I: TryGetable>(
    tx: &Tx<'_>,
    table: &str,
    after: Uuid,
    limit: i64,
) -> Result<Vec<I>> {
    Ok(Query::new(format!(
        "SELECT t.id FROM {table} t WHERE t.workspace_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"
    ))
    .bind(tx.workspace)
    .bind(after)
    .bind(limit)
    .column(tx.connection())
    .await?)
}

fn table_of<M: ModelTrait>() -> &'static str {
    EntityName::table_name(&M::Entity::default())
}
