//! Keeping the index: what waits becomes segments, small segments become large ones, existing rows
//! are indexed after an upgrade, and segments with traces of what is gone are made anew.
//!
//! Everything goes in [`step`]s, each a bounded piece of work in one transaction that also notes how
//! far it got. Steps of one workspace take turns under a row that each of them writes first. The
//! projection in this file steps while things change; the schedule finishes what is left, and has
//! segments made anew that an earlier build wrote without all that is indexed today.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    gram::Gram,
    lookup::{Blocks, block_with},
    posting::{self, posting},
    segment::{self, HEAD, Head, PIECE, Place, piece_block},
    source::{self, Kind},
};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx, ids_after},
    work::{change::Entry, projection::Projection, schedule::Schedule},
};

/// Things that wait before they become a segment. Until then a search reads them one by one.
pub const SEAL_AT: i64 = 256;
/// Things one step makes a segment of.
const STEP: i64 = 1_024;
/// Documents a segment may have.
const MAX_DOCUMENTS: i64 = 65_536;
/// Segments of one size that become one.
const FAN_IN: usize = 8;
/// Bytes of postings one step of a merge reads.
const MERGE_BYTES: i64 = 1_000_000;
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
        for _ in 0..STEPS {
            if !step(tx, SEAL_AT).await? {
                break;
            }
        }
        Ok(())
    }
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

#[derive(FromQueryResult)]
struct Unfinished {
    id: i64,
    state: String,
    documents: i64,
    bits: i64,
    progress: i64,
}

/// Goes on with a merge, or begins one when there are enough segments of one size.
async fn merge(tx: &Tx<'_>, kind: Kind, segment: i64) -> Result<bool> {
    let unfinished: Option<Unfinished> = Query::new(
        "SELECT id, state, documents, bits, progress FROM search_segment
         WHERE workspace_id = $1 AND kind = $2 AND state IN ('BUILDING', 'DROPPED')
         ORDER BY id LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .one(tx.connection())
    .await?;
    match unfinished {
        Some(dropped) if dropped.state == "DROPPED" => {
            Query::new(
                "UPDATE search_segment SET into_id = NULL
                 WHERE workspace_id = $1 AND kind = $2 AND into_id = $3",
            )
            .bind(tx.workspace)
            .bind(kind.word())
            .bind(dropped.id)
            .execute(tx.connection())
            .await?;
            segment::remove(tx, kind, &[dropped.id]).await?;
            Ok(true)
        }
        Some(building) => {
            let inputs = heads(tx, kind, &format!("into_id = {}", building.id)).await?;
            go_on(tx, kind, &building, &inputs).await?;
            Ok(true)
        }
        None => {
            let free = heads(tx, kind, "state = 'LIVE' AND into_id IS NULL").await?;
            let inputs = choose(&free);
            if !inputs.is_empty() {
                begin(tx, kind, segment, &inputs).await?;
            }
            Ok(!inputs.is_empty())
        }
    }
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

/// The segments to merge next: [`FAN_IN`] of about one size, or fewer that fill a segment. Pure.
fn choose(free: &[Head]) -> Vec<Head> {
    let mut levels: HashMap<u32, Vec<&Head>> = HashMap::new();
    for head in free {
        if head.documents * 2 <= MAX_DOCUMENTS {
            // Three bits: a level is eight times as large as the one below it.
            let level = (head.documents.max(1) as u64).ilog2() / 3;
            levels.entry(level).or_default().push(head);
        }
    }
    let mut levels: Vec<_> = levels.into_iter().collect();
    levels.sort_unstable_by_key(|(level, _)| *level);
    for (_, heads) in levels {
        let mut sum = 0;
        let inputs: Vec<Head> = heads
            .into_iter()
            .take_while(|head| {
                sum += head.documents;
                sum <= MAX_DOCUMENTS
            })
            .cloned()
            .collect();
        let documents: i64 = inputs.iter().map(|head| head.documents).sum();
        if inputs.len() >= FAN_IN || documents * 2 > MAX_DOCUMENTS {
            return inputs;
        }
    }
    Vec::new()
}

/// Enters the new segment with the places of the documents of `inputs`, each once and only if it
/// still exists.
async fn begin(tx: &Tx<'_>, kind: Kind, segment: i64, inputs: &[Head]) -> Result<()> {
    let mut ids = HashSet::new();
    let mut places = Vec::new();
    for (_, place) in read_places(tx, kind, inputs).await? {
        if ids.insert(place.id) {
            places.push(place);
        }
    }
    let (table, _) = kind.table();
    let exist: HashSet<Uuid> = Query::new(format!(
        "SELECT c.id FROM {{r}} JOIN {table} c ON c.workspace_id = $1 AND c.id = r.id"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .column(tx.connection())
    .await?
    .into_iter()
    .collect();
    places.retain(|place| exist.contains(&place.id));
    places.sort_unstable_by(|one, other| other.cmp(one));
    let bytes = inputs.iter().map(|head| head.bytes).sum();
    let how = segment::Insert {
        state: "BUILDING",
        bits: i64::from(posting::bits_for(bytes as u64)),
        bytes,
    };
    segment::insert(tx, kind, segment, &places, how).await?;
    Query::new(
        "UPDATE search_segment SET into_id = $3 WHERE workspace_id = $1 AND kind = $2
           AND id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(segment)
    .rows(
        "r",
        Rows::new().ints("id", inputs.iter().map(|head| head.id)),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The places of all documents of some segments, with their segment and number.
async fn read_places(tx: &Tx<'_>, kind: Kind, heads: &[Head]) -> Result<Vec<((i64, u32), Place)>> {
    let pieces: Vec<(i64, i64)> = heads
        .iter()
        .flat_map(|head| {
            let pieces = (head.documents as u32).div_ceil(PIECE);
            (0..pieces).map(|piece| (head.id, piece_block(piece)))
        })
        .collect();
    let blocks = segment::read(tx.connection(), tx.workspace, kind, &pieces).await?;
    Ok(blocks
        .iter()
        .flat_map(|block| {
            let first = (-2 - block.number) as u32 * PIECE;
            segment::places(&block.data)
                .zip(first..)
                .map(|(place, number)| ((block.segment_id, number), place))
        })
        .collect())
}

/// Moves the next part of the postings over; after the last one the new segment takes the place of
/// the others.
async fn go_on(tx: &Tx<'_>, kind: Kind, building: &Unfinished, inputs: &[Head]) -> Result<()> {
    let total: i64 = inputs.iter().map(|head| head.bytes).sum();
    // A power of two, at most as many as the new segment has blocks.
    let parts_bits = (total / MERGE_BYTES + 1).ilog2().min(building.bits as u32);
    let parts = 1_i64 << parts_bits;
    let numbers = numbers(tx, kind, building, inputs).await?;
    let (low, high) = (
        (building.progress as u64) << (32 - parts_bits),
        (building.progress as u64 + 1) << (32 - parts_bits),
    );
    let ranges: Vec<(i64, i64, i64)> = inputs
        .iter()
        .map(|head| {
            let first = (low << head.bits >> 32) as i64;
            let last = ((high - 1) << head.bits >> 32) as i64;
            (head.id, first, last + 1)
        })
        .collect();
    let blocks = segment::read_range(tx.connection(), tx.workspace, kind, &ranges).await?;
    let mut postings = Vec::new();
    for block in &blocks {
        posting::decode(&block.data, |gram: Gram, number| {
            if (low..high).contains(&u64::from(gram.0))
                && let Some(&number) = numbers.get(&(block.segment_id, number))
            {
                postings.push(posting(gram, number));
            }
        });
    }
    let encoded = posting::encode(postings, building.bits as u32, building.documents as u32);
    segment::write_blocks(tx, kind, building.id, encoded.into_iter()).await?;
    if building.progress + 1 < parts {
        return note(tx, kind, building.id, "BUILDING", building.progress + 1).await;
    }
    note(tx, kind, building.id, "LIVE", 0).await?;
    let ids: Vec<i64> = inputs.iter().map(|head| head.id).collect();
    segment::remove(tx, kind, &ids).await
}

/// Which number each document gets in the new segment: of several versions of one, the one indexed
/// last.
async fn numbers(
    tx: &Tx<'_>,
    kind: Kind,
    building: &Unfinished,
    inputs: &[Head],
) -> Result<HashMap<(i64, u32), u32>> {
    let head = Head {
        id: building.id,
        documents: building.documents,
        bits: building.bits,
        bytes: 0,
        newest: DateTime::<Utc>::UNIX_EPOCH,
    };
    let new: HashMap<Uuid, u32> = read_places(tx, kind, &[head])
        .await?
        .into_iter()
        .map(|((_, number), place)| (place.id, number))
        .collect();
    let mut newest: HashMap<Uuid, (i64, u32)> = HashMap::new();
    for (old, place) in read_places(tx, kind, inputs).await? {
        let kept = newest.entry(place.id).or_insert(old);
        *kept = old.max(*kept);
    }
    Ok(newest
        .into_iter()
        .filter_map(|(id, old)| Some((old, *new.get(&id)?)))
        .collect())
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

    fn chosen(sizes: &[i64]) -> Vec<i64> {
        let heads: Vec<Head> = sizes
            .iter()
            .zip(1..)
            .map(|(&documents, id)| Head {
                id,
                documents,
                bits: 0,
                bytes: 0,
                newest: DateTime::UNIX_EPOCH,
            })
            .collect();
        choose(&heads).iter().map(|head| head.id).collect()
    }

    #[test]
    fn segments_of_one_size_are_merged_when_there_are_eight_or_a_whole_one() {
        assert_eq!(chosen(&[]), Vec::<i64>::new());
        assert_eq!(chosen(&[1_024; 7]), Vec::<i64>::new());
        assert_eq!(chosen(&[1_024; 9]), (1..=9).collect::<Vec<_>>());
        assert_eq!(chosen(&[30_000, 30_000, 30_000]), [1, 2]);
        assert_eq!(chosen(&[40_000, 50_000]), Vec::<i64>::new());
        assert_eq!(
            chosen(&[300, 300, 300, 40_000, 300, 300, 300, 300, 300]),
            [1, 2, 3, 5, 6, 7, 8, 9]
        );
    }
}
