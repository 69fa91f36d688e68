//! SQLite's file with everything in it. What was written last otherwise stands in the log beside the file,
//! the WAL, and what was overwritten since stands there as well.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, Sqlite, sqlite::SqliteConnectOptions};

/// How long whoever reads is waited for. Writers wait as long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Brings everything into the file and empties the log. That somebody reads, or that it fails, is said and
/// no error: nothing is lost, and the next time does it.
pub(super) async fn make_whole(options: &SqliteConnectOptions) {
    // It is seldom called, and holds the opening of a connection.
    match Box::pin(empty_log(options)).await {
        Ok(true) => {}
        Ok(false) => tracing::info!(
            "the database is being read: its log beside the file is emptied another time"
        ),
        Err(error) => tracing::warn!(%error, "cannot empty the log beside the database file"),
    }
}

/// False when somebody still reads what the log has.
async fn empty_log(options: &SqliteConnectOptions) -> Result<bool, sqlx::Error> {
    // On a connection of its own, so that no other is left with the short patience.
    let options = options.clone();
    let options = options.create_if_missing(false).busy_timeout(PATIENCE);
    let mut connection = options.connect().await?;
    let busy = sqlx::query_scalar::<Sqlite, i64>("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut connection)
        .await;
    connection.close().await?;
    Ok(busy? == 0)
}
