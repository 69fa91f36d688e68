//! Who goes first when everything comes at once: [`FOREMOST`], before the projections that pause.
//!
//! Those collect bursts anyway, as their answers are wanted within seconds. While what tags and notifies is
//! behind they leave it the processors and the database; what they then read has more changes of the
//! same contacts in it, which they handle once.

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, DbErr};

use super::Projection;
use crate::store::{Query, dialect};

/// The stored name of the projection that the others let go first: rules tag and notify, and people wait
/// for that.
pub const FOREMOST: &str = "rules";

/// How far [`FOREMOST`] may be behind, in seconds, before the others wait.
const BEHIND_S: &str = "-0.2";
/// How far behind, in seconds, a projection is at most because it waits.
const PATIENCE_S: &str = "-10";

/// Whether `projection` should come back after its pause instead of reading on now: [`FOREMOST`] is
/// being worked on and behind, and `projection` is less than [`PATIENCE_S`] behind itself. Where
/// nobody is at the foremost, because it fails or all workers are elsewhere, waiting would help nobody.
/// Entries have the time of the process that wrote them: one that is ahead of the database's waits for nobody,
/// or it would wait until its time has come and then for as long as the others.
pub(super) async fn gives_way(
    connection: &impl ConnectionTrait,
    projection: &dyn Projection,
    workspace: WorkspaceId,
) -> Result<bool, DbErr> {
    if projection.pause().is_zero() {
        return Ok(false);
    }
    let backend = connection.get_database_backend();
    let now = dialect::now(backend);
    let behind = dialect::now_plus_expression(backend, BEHIND_S);
    let patience = dialect::now_plus_expression(backend, PATIENCE_S);
    let oldest_after = |tx: &str, seq: &str| {
        let place = dialect::place(backend, tx, seq);
        format!(
            "(SELECT h.at FROM change h WHERE h.workspace_id = $1 AND (h.tx, h.seq) > {place}
              ORDER BY h.tx, h.seq LIMIT 1)"
        )
    };
    let (foremost, own) = (oldest_after("f.tx", "f.seq"), oldest_after("o.tx", "o.seq"));
    let row = Query::new(format!(
        "SELECT 1 FROM projection_cursor f JOIN projection_cursor o
           ON o.workspace_id = f.workspace_id AND o.projection = $2
         WHERE f.workspace_id = $1 AND f.projection = $3 AND f.lease_until > {now}
           AND {foremost} < {behind} AND {own} BETWEEN {patience} AND {now}"
    ))
    .bind(workspace)
    .bind(projection.name())
    .bind(FOREMOST)
    .raw(connection)
    .await?;
    Ok(!row.is_empty())
}
