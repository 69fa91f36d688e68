//! Merging: small segments become a large one, a part of the postings in each step. Until the last of them
//! searches read the small ones.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Unfinished, heads, note};
use crate::{
    error::Result,
    search::{
        gram::Gram,
        posting::{self, posting},
        segment::{self, Head, PIECE, Place, piece_block},
        source::Kind,
    },
    store::{Query, Rows, Tx},
};

/// Documents a segment may have.
const MAX_DOCUMENTS: i64 = 65_536;
/// Segments of one size that become one.
const FAN_IN: usize = 8;
/// Bytes of postings one step of a merge reads.
const MERGE_BYTES: i64 = 1_000_000;

/// Goes on with a merge, or begins one when there are enough segments of one size.
pub(super) async fn merge(tx: &Tx<'_>, kind: Kind, segment: i64) -> Result<bool> {
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
