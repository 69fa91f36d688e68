//! Keeping the index: what waits becomes segments, small segments become large ones, existing rows
//! are indexed after an upgrade, and segments with traces of what is gone are made anew.
//!
//! Everything goes in [`step`]s, each a bounded piece of work in one transaction that also notes how
//! far it got. Steps of one workspace take turns under a row that each of them writes first. The
//! projection in this file steps while things change; the schedule finishes what is left, and has
//! segments made anew that an earlier build wrote without all that is indexed today. `merge` makes large
//! segments of small ones.

mod merge;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    gram::Gram,
    lookup::{Blocks, block_with},
    segment::{self, HEAD, Head, PIECE, piece_block},
    source::{self, Kind},
};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Tx, ids_after},
    work::{
        change::Entry,
        projection::{AIM, Projection},
        schedule::Schedule,
    },
};

use merge::merge;

/// Things that wait before they become a segment. Until then a search reads them one by one.
pub const SEAL_AT: i64 = 256;
/// Things one step makes a segment of.
const STEP: i64 = 1_024;
/// Steps a batch of the projection takes at most.
const STEPS: usize = 4;

/// Keeps the index while things change.
#[derive(Debug)]
pub struct SearchProjection;

#[async_trait]
impl Projection for SearchProjection {
    fn name(&self) -> &'static str {
        "search"
    }

    fn work(&self) -> Work {
        Work::Search
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "account.changed",
            "account.created",
            "account.merged",
            "account.unmerged",
            "contact.changed",
            "contact.created",
            "contact.erased",
            "contact.merged",
            "contact.unmerged",
            "identity.attached",
            "identity.detached",
            "message.received",
            "message.sent",
        ]
    }

    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    /// The entries only say that there may be something to do: what it is stands in the tail.
    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, _entries: &[Entry]) -> Result<()> {
        let (begun, mut steps) = (Instant::now(), 0);
        while has_room(steps, begun.elapsed()) && step(tx, SEAL_AT).await? {
            steps += 1;
        }
        Ok(())
    }
}

/// Whether a batch that has taken so many steps, in so long, takes another.
///
/// Every reader of the log waits for the oldest transaction, and a step that merges large segments may take
/// most of a second. But while a backlog lasts a batch has about as many entries as a step makes a segment of,
/// and that goes before merges: were each batch cut to one step, nothing would be merged before its end. One
/// that is cut has taken longer than it should, so that fewer entries, with as many steps, are in the next.
fn has_room(steps: usize, took: Duration) -> bool {
    steps < STEPS && took <= AIM
}

/// Finishes what is left when nothing changes: after an upgrade, an import, an erasure.
#[derive(Debug)]
pub struct SearchUpkeep;

#[async_trait]
impl Schedule for SearchUpkeep {
    fn name(&self) -> &'static str {
        "search_upkeep"
    }

    fn cron(&self) -> &'static str {
        "0 7 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(2)
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        progress: serde_json::Value,
    ) -> Result<Option<serde_json::Value>> {
        let more = step(tx, SEAL_AT).await? || mark_old(tx).await?;
        Ok(more.then_some(progress))
    }
}

/// Does one bounded piece of work, if there is any; says whether it did. Fewer than `seal_at` waiting
/// things are left waiting.
pub async fn step(tx: &Tx<'_>, seal_at: i64) -> Result<bool> {
    let id = take_turn(tx).await?;
    for kind in Kind::ALL {
        if seal(tx, kind, id, seal_at).await? {
            return Ok(true);
        }
    }
    for kind in Kind::ALL {
        if backfill(tx, kind, id).await?
            || merge(tx, kind, id).await?
            || renew(tx, kind, id).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Marks a segment as stale of which some documents were indexed without triples and runs, by an earlier
/// build; says whether there was one. Only the index itself tells, so a block of each segment is
/// read. To be called after a [`step`] found nothing to do, in its transaction.
pub async fn mark_old(tx: &Tx<'_>) -> Result<bool> {
    for kind in Kind::ALL {
        let live = heads(tx, kind, "state = 'LIVE' AND into_id IS NULL").await?;
        let wanted: Vec<(i64, i64)> = live
            .iter()
            .map(|head| block_with(head, Gram::mark()))
            .collect();
        let mut blocks = Blocks::default();
        blocks.add(segment::read(tx.connection(), tx.workspace, kind, &wanted).await?);
        if let Some(old) = live.iter().find(|head| blocks.has_unmarked(head)) {
            note(tx, kind, old.id, "STALE", 0).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until nobody else works on the workspace's segments, keeps others from it until the commit,
/// and returns the number of the next segment.
pub(super) async fn take_turn(tx: &Tx<'_>) -> Result<i64> {
    let id: Option<i64> = Query::new(
        "INSERT INTO search_state (workspace_id, last_segment) VALUES ($1, 1)
         ON CONFLICT (workspace_id) DO UPDATE SET last_segment = search_state.last_segment + 1
         RETURNING last_segment",
    )
    .bind(tx.workspace)
    .scalar(tx.connection())
    .await?;
    Ok(id.unwrap_or_default())
}

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
    version: i64,
}

/// Makes a segment of what waits. A thing that is touched again meanwhile keeps waiting: its row has
/// another version then.
async fn seal(tx: &Tx<'_>, kind: Kind, segment: i64, seal_at: i64) -> Result<bool> {
    let waiting: Vec<Waiting> = Query::new(
        "SELECT id, version FROM search_tail WHERE workspace_id = $1 AND kind = $2
         ORDER BY at, id LIMIT $3",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(STEP)
    .all(tx.connection())
    .await?;
    if waiting.is_empty() || (waiting.len() as i64) < seal_at {
        return Ok(false);
    }
    tx.plan_for(waiting.len());
    let ids: Vec<Uuid> = waiting.iter().map(|one| one.id).collect();
    index(tx, kind, segment, &ids).await?;
    let mut by_version: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
    for one in waiting {
        by_version.entry(one.version).or_default().push(one.id);
    }
    for (version, ids) in by_version {
        Query::new(
            "DELETE FROM search_tail
             WHERE workspace_id = $1 AND kind = $2 AND version = $3 AND {sealed}",
        )
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(version)
        .among("sealed", "id", ids)
        .execute(tx.connection())
        .await?;
    }
    Ok(true)
}

/// Makes a segment of those of `ids` that exist, by their texts as they are now.
async fn index(tx: &Tx<'_>, kind: Kind, segment: i64, ids: &[Uuid]) -> Result<()> {
    let documents = source::load(tx.connection(), tx.workspace, kind, ids).await?;
    segment::write(tx, kind, segment, documents.into_values().collect()).await
}

/// Indexes the next rows that were there before there was an index.
async fn backfill(tx: &Tx<'_>, kind: Kind, segment: i64) -> Result<bool> {
    let row =
        Query::new("SELECT last_id FROM search_backfill WHERE workspace_id = $1 AND kind = $2")
            .bind(tx.workspace)
            .bind(kind.word())
            .raw(tx.connection())
            .await?;
    let Some(row) = row.first() else {
        return Ok(false);
    };
    let last: Option<Uuid> = row.try_get_by_index(0)?;
    let (table, _) = kind.table();
    let ids: Vec<Uuid> = ids_after(tx, table, last.unwrap_or_default(), STEP).await?;
    index(tx, kind, segment, &ids).await?;
    let note = match ids.last() {
        Some(&last) if ids.len() as i64 == STEP => Query::new(
            "UPDATE search_backfill SET last_id = $3 WHERE workspace_id = $1 AND kind = $2",
        )
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(last),
        _ => Query::new("DELETE FROM search_backfill WHERE workspace_id = $1 AND kind = $2")
            .bind(tx.workspace)
            .bind(kind.word()),
    };
    note.execute(tx.connection()).await?;
    Ok(true)
}

/// A segment that a step has to go on with.
#[derive(FromQueryResult)]
struct Unfinished {
    id: i64,
    state: String,
    documents: i64,
    bits: i64,
    progress: i64,
}

async fn heads(tx: &Tx<'_>, kind: Kind, which: &str) -> Result<Vec<Head>> {
    Ok(Query::new(format!(
        "SELECT {HEAD} FROM search_segment WHERE workspace_id = $1 AND kind = $2 AND {which}
         ORDER BY id"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .all(tx.connection())
    .await?)
}

async fn note(tx: &Tx<'_>, kind: Kind, id: i64, state: &str, progress: i64) -> Result<()> {
    Query::new(
        "UPDATE search_segment SET state = $4, progress = $5
         WHERE workspace_id = $1 AND kind = $2 AND id = $3",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(id)
    .bind(state)
    .bind(progress)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes the next documents of a segment with traces of what is gone anew, from the texts as they
/// are; after the last ones the segment goes.
async fn renew(tx: &Tx<'_>, kind: Kind, segment: i64) -> Result<bool> {
    let stale: Option<Unfinished> = Query::new(
        "SELECT id, state, documents, bits, progress FROM search_segment
         WHERE workspace_id = $1 AND kind = $2 AND state = 'STALE' ORDER BY id LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .one(tx.connection())
    .await?;
    let Some(stale) = stale else {
        return Ok(false);
    };
    let from = stale.progress;
    let pieces = STEP / i64::from(PIECE);
    let wanted: Vec<(i64, i64)> = (from..from + pieces)
        .map(|piece| (stale.id, piece_block(piece as u32)))
        .collect();
    let blocks = segment::read(tx.connection(), tx.workspace, kind, &wanted).await?;
    let places = blocks.iter().flat_map(|block| segment::places(&block.data));
    let ids: Vec<Uuid> = places.map(|place| place.id).collect();
    index(tx, kind, segment, &ids).await?;
    if (from + pieces) * i64::from(PIECE) < stale.documents {
        note(tx, kind, stale.id, "STALE", from + pieces).await?;
    } else {
        segment::remove(tx, kind, &[stale.id]).await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_takes_no_longer_than_it_should_has_room_for_merges() {
        assert!(has_room(0, Duration::ZERO) && has_room(1, AIM));
        assert!(!has_room(STEPS, Duration::ZERO));
        assert!(!has_room(1, AIM + Duration::from_millis(1)));
    }
}
