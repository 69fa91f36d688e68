//! Telling the index that something is new, has changed or is gone: for every use case that writes a
//! searched text, in the transaction that writes it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{source::Kind, upkeep};
use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// The things of `kind` among `ids` are new or have changed. What is touched is found from the commit
/// on, by its text as it then is. Call it after the rows are written.
pub async fn touch(tx: &Tx<'_>, kind: Kind, ids: &[Uuid]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (table, at) = kind.table();
    Query::new(format!(
        "INSERT INTO search_tail (workspace_id, kind, id, at, version)
         SELECT $1, $2, c.id, c.{at}, 0 FROM {{r}}
         JOIN {table} c ON c.workspace_id = $1 AND c.id = r.id WHERE true
         ON CONFLICT (workspace_id, kind, id) DO UPDATE SET version = search_tail.version + 1"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ordered(ids)))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Like [`touch`] for things that were just made, whose place in the order the caller knows.
pub(crate) async fn touch_new(
    tx: &Tx<'_>,
    kind: Kind,
    things: impl Iterator<Item = (Uuid, DateTime<Utc>)> + Clone,
) -> Result<()> {
    Query::new(
        "INSERT INTO search_tail (workspace_id, kind, id, at, version)
         SELECT $1, $2, r.id, r.at, 0 FROM {r} WHERE true
         ON CONFLICT (workspace_id, kind, id) DO UPDATE SET version = search_tail.version + 1",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .rows(
        "r",
        Rows::new()
            .uuids("id", things.clone().map(|(id, _)| id))
            .times("at", things.map(|(_, at)| at)),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The things of `kind` among `ids` are about to be deleted, or must leave no trace of their former
/// text: to be called while their rows are still there. They are not found any more as soon as their
/// rows are gone; the segments that hold traces of them are made anew in the background. It waits for
/// a step of the index's upkeep that is under way, which could be reading them, and lets none begin
/// before the commit.
pub async fn forget(tx: &Tx<'_>, kind: Kind, ids: &[Uuid]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    upkeep::take_turn(tx).await?;
    let (table, at) = kind.table();
    Query::new(format!(
        "UPDATE search_segment SET into_id = NULL, progress = 0,
             state = CASE state WHEN 'BUILDING' THEN 'DROPPED' ELSE 'STALE' END
         WHERE workspace_id = $1 AND kind = $2 AND state IN ('LIVE', 'BUILDING', 'STALE') AND EXISTS (
             SELECT 1 FROM {{r}} JOIN {table} c ON c.workspace_id = $1 AND c.id = r.id
             WHERE c.{at} BETWEEN search_segment.oldest AND search_segment.newest)"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ordered(ids)))
    .execute(tx.connection())
    .await?;
    Query::new("DELETE FROM search_tail WHERE workspace_id = $1 AND kind = $2 AND {gone}")
        .bind(tx.workspace)
        .bind(kind.word())
        .among("gone", "id", ids.iter().copied())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// In one order everywhere, so that two transactions never wait for each other, and each once, since
/// a statement may not touch a row twice.
fn ordered(ids: &[Uuid]) -> Vec<Uuid> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
