//! Holding accounts until a transaction ends, in the one order everybody keeps: people, by id, before their
//! accounts, by id. SQLite has one writer at a time and nothing to hold.

use entity::{account, id::AccountId};
use sea_orm::ConnectionTrait as _;

use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// Reads the rows of `accounts`, of whatever state, and keeps everybody else from changing them, their
/// people's places there, or giving them anything, until the end.
pub(super) async fn with_people(
    tx: &Tx<'_>,
    accounts: &[AccountId],
) -> Result<Vec<account::Model>> {
    let backend = tx.connection().get_database_backend();
    let lock = dialect::row_lock(backend);
    if !lock.is_empty() {
        Query::new(format!(
            "SELECT c.id FROM contact c WHERE c.workspace_id = $1
               AND c.account_id IN (SELECT r.id FROM {{r}}) ORDER BY c.id {lock}"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", accounts.iter().copied()))
        .raw(tx.connection())
        .await?;
    }
    let lock = dialect::exclusive_lock(backend);
    Ok(Query::new(format!(
        "SELECT a.* FROM account a WHERE a.workspace_id = $1
           AND {{those}} ORDER BY a.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "a.id", accounts.iter().map(|id| id.0))
    .all(tx.connection())
    .await?)
}
