//! What is kept for a while without anybody knowing whose it is: files that were sent, what imports
//! said of their lines, and what operations and downloads were asked for. All of it goes, or its time
//! is over at once: an erasure is rare, and what it costs others is to ask again.

use serde_json::json;

use crate::{
    error::Result,
    import,
    store::{Query, Tx},
    upload,
};

pub(super) async fn forget(tx: &Tx<'_>) -> Result<()> {
    upload::forget_all(tx).await?;
    import::forget_cells(tx).await?;
    // Nobody reads what a finished operation was asked for; it may be a filter with a name in it.
    Query::new(
        "UPDATE operation SET request = $2 WHERE workspace_id = $1 AND finished_at IS NOT NULL
           AND CAST(request AS TEXT) <> '{}'",
    )
    .bind(tx.workspace)
    .bind(json!({}))
    .execute(tx.connection())
    .await?;
    // A ticket holds for minutes. A file that is being read goes on.
    Query::new("DELETE FROM export WHERE workspace_id = $1")
        .bind(tx.workspace)
        .execute(tx.connection())
        .await?;
    Ok(())
}
