//! What PostgreSQL knows of how much its tables hold.
//!
//! The server looks by itself about once a minute. Until then it takes a table that was empty a moment ago for a
//! nearly empty one, and a plan made on that belief compares everything given with everything there: the first
//! file somebody brings in would wait for most of its first minute. [`refresh`] is called by the workers'
//! sweeps and has the server look as soon as a table has become twice what it is believed to be. It does
//! nothing on SQLite, whose plans do not ask.

use sea_orm::{ConnectionTrait as _, DatabaseBackend, DbErr};

use super::{Db, Query};

/// Rows below which a wrong belief costs nothing.
const MANY: i64 = 1_000;

/// Has the server look at the tables that have outgrown what it believes of them, and says how many
/// they were. Plans made on the old belief, also those kept by connections, are made anew after that.
pub async fn refresh(db: &Db) -> Result<usize, DbErr> {
    if db.backend() != DatabaseBackend::Postgres {
        return Ok(0);
    }
    let outgrown: Vec<String> = Query::new(
        "SELECT CAST(CAST(s.relid AS regclass) AS text)
         FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
         WHERE s.n_live_tup >= $1 AND s.n_live_tup > 2 * c.reltuples",
    )
    .bind(MANY)
    .column(db.writer())
    .await?;
    for table in &outgrown {
        // The name is the server's own, quoted where it has to be. Whoever is at it already does it for us.
        let statement = format!("ANALYZE (SKIP_LOCKED) {table}");
        db.owner().execute_unprepared(&statement).await?;
    }
    Ok(outgrown.len())
}
