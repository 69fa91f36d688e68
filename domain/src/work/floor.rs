//! Where the change log begins: what of it was forgotten, and which cursors can still be gone on from.
//!
//! `change_floor` has the last entry that was forgotten in each workspace. [`super::retention`] raises
//! it; whoever comes with a cursor asks [`check_cursor`] first, so that a gap is told and never
//! stepped over.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DbErr};

use super::{
    change::{self, Position},
    epoch,
    projection::Projection,
};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx, dialect},
};

/// Refuses a client's cursor from which the log cannot be read on without a gap: older than what is
/// kept, or seen in a database that was put back to an earlier state since.
pub async fn check_cursor(ctx: &Ctx, workspace: WorkspaceId, cursor: Position) -> Result<()> {
    let backend = ctx.db.backend();
    let (epoch_end, place) = (
        epoch::end_of(cursor, backend),
        dialect::place(backend, "$2", "$3"),
    );
    let rows = Query::new(format!(
        "SELECT EXISTS (SELECT 1 FROM change_floor WHERE workspace_id = $1
                        AND (tx, seq) > {place}),
                EXISTS (SELECT 1 FROM change WHERE workspace_id = $1 AND (tx, seq) >= {place}
                        AND tx < $4)
             OR EXISTS (SELECT 1 FROM change_floor WHERE workspace_id = $1 AND tx = $2 AND seq = $3)"
    ))
    .bind(workspace)
    .bind(cursor.tx)
    .bind(cursor.seq)
    .bind(epoch_end)
    .raw(ctx.reader())
    .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (is_forgotten, is_there): (bool, bool) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    if is_forgotten || !(is_there || cursor == Position::default()) {
        return Err(Error::CursorExpired);
    }
    Ok(())
}

/// Forgets up to `limit` entries from before `before` that all `projections` have read; says how
/// many. The newest entry stays, so that the log always has an end.
pub(crate) async fn trim(
    tx: &Tx<'_>,
    projections: &[&dyn Projection],
    before: DateTime<Utc>,
    limit: i64,
) -> Result<i64, DbErr> {
    let Some(read) = read_by_all(tx, projections).await? else {
        return Ok(0);
    };
    let newest = change::end(tx.connection(), tx.workspace).await?;
    let backend = tx.connection().get_database_backend();
    let (upto, end) = (
        dialect::place(backend, "$2", "$3"),
        dialect::place(backend, "$4", "$5"),
    );
    let rows = Query::new(format!(
        "SELECT tx, seq, at FROM change WHERE workspace_id = $1 AND (tx, seq) <= {upto}
           AND (tx, seq) < {end}
         ORDER BY tx, seq LIMIT $6"
    ))
    .bind(tx.workspace)
    .bind(read.tx)
    .bind(read.seq)
    .bind(newest.tx)
    .bind(newest.seq)
    .bind(limit)
    .raw(tx.connection())
    .await?;
    let mut floor = None;
    let mut forgotten = 0;
    for row in &rows {
        let at: DateTime<Utc> = row.try_get_by_index(2)?;
        if at >= before {
            break;
        }
        floor = Some((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        forgotten += 1;
    }
    let Some((floor_tx, floor_seq)) = floor else {
        return Ok(0);
    };
    let (floor_tx, floor_seq): (i64, i64) = (floor_tx, floor_seq);
    let forget = format!("DELETE FROM change WHERE workspace_id = $1 AND (tx, seq) <= {upto}");
    for statement in [
        forget.as_str(),
        "INSERT INTO change_floor (workspace_id, tx, seq) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id) DO UPDATE SET tx = excluded.tx, seq = excluded.seq",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .bind(floor_tx)
            .bind(floor_seq)
            .execute(tx.connection())
            .await?;
    }
    Ok(forgotten)
}

/// How far the slowest of `projections` has read; nothing when one has not begun.
async fn read_by_all(
    tx: &Tx<'_>,
    projections: &[&dyn Projection],
) -> Result<Option<Position>, DbErr> {
    let rows =
        Query::new("SELECT projection, tx, seq FROM projection_cursor WHERE workspace_id = $1")
            .bind(tx.workspace)
            .raw(tx.connection())
            .await?;
    let mut cursors = HashMap::with_capacity(rows.len());
    for row in &rows {
        let name: String = row.try_get_by_index(0)?;
        let (tx, seq) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        cursors.insert(name, Position { tx, seq });
    }
    let places = projections
        .iter()
        .map(|projection| cursors.get(projection.name()).copied());
    Ok(places
        .collect::<Option<Vec<_>>>()
        .and_then(|places| places.into_iter().min()))
}
