//! Segments as rows: writing one, and reading blocks and places of several at once.
//!
//! A segment is never changed. Beside the blocks of its postings (numbered from 0) it has the places
//! of its documents, in pieces of [`PIECE`] (block -2, -3, ...), and the time of the first document
//! of each piece (block -1).

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use uuid::Uuid;

use super::{
    gram::{Gram, Grams},
    posting::{bits_for, encode, posting},
    source::{Document, Kind},
};
use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// Documents whose places are kept together.
pub(super) const PIECE: u32 = 256;
/// The block with the times of the pieces.
pub(super) const TIMES: i64 = -1;

/// The block with piece `piece` of the places.
pub(super) fn piece_block(piece: u32) -> i64 {
    -2 - i64::from(piece)
}

/// Where a document stands among those of the same rank: the newest, then the highest id, is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) at_us: i64,
    pub(super) id: Uuid,
}

impl Place {
    pub(super) fn of(document: &Document) -> Self {
        Self {
            at_us: document.at.timestamp_micros(),
            id: document.id,
        }
    }
}

/// What is known of a segment without opening it.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Head {
    pub(super) id: i64,
    pub(super) documents: i64,
    pub(super) bits: i64,
    pub(super) bytes: i64,
    pub(super) newest: DateTime<Utc>,
}

/// The columns of [`Head`].
pub(super) const HEAD: &str = "id, documents, bits, bytes, newest";

/// The segments that are searched, the newest first.
pub(super) async fn visible(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
) -> Result<Vec<Head>, DbErr> {
    Query::new(format!(
        "SELECT {HEAD} FROM search_segment
         WHERE workspace_id = $1 AND kind = $2 AND state IN ('LIVE', 'STALE') ORDER BY newest DESC"
    ))
    .bind(workspace)
    .bind(kind.word())
    .all(connection)
    .await
}

/// A block read back.
#[derive(Debug, FromQueryResult)]
pub(super) struct Block {
    pub(super) segment_id: i64,
    pub(super) number: i64,
    pub(super) data: Vec<u8>,
}

/// Reads blocks told as (segment, block); those that do not exist are left out.
pub(super) async fn read(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    wanted: &[(i64, i64)],
) -> Result<Vec<Block>, DbErr> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    Query::new(
        "SELECT b.segment_id, b.block AS number, b.data FROM {r}
         JOIN search_block b ON b.workspace_id = $1 AND b.kind = $2
           AND b.segment_id = r.segment_id AND b.block = r.block",
    )
    .bind(workspace)
    .bind(kind.word())
    .rows(
        "r",
        Rows::new()
            .ints("segment_id", wanted.iter().map(|(segment, _)| *segment))
            .ints("block", wanted.iter().map(|(_, block)| *block)),
    )
    .all(connection)
    .await
}

/// Reads blocks `from` (included) to `to` (excluded) of some segments.
pub(super) async fn read_range(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    wanted: &[(i64, i64, i64)],
) -> Result<Vec<Block>, DbErr> {
    Query::new(
        "SELECT b.segment_id, b.block AS number, b.data FROM {r}
         JOIN search_block b ON b.workspace_id = $1 AND b.kind = $2
           AND b.segment_id = r.segment_id AND b.block >= r.low AND b.block < r.high
         ORDER BY b.segment_id, b.block",
    )
    .bind(workspace)
    .bind(kind.word())
    .rows(
        "r",
        Rows::new()
            .ints("segment_id", wanted.iter().map(|(segment, _, _)| *segment))
            .ints("low", wanted.iter().map(|(_, low, _)| *low))
            .ints("high", wanted.iter().map(|(_, _, high)| *high)),
    )
    .all(connection)
    .await
}

/// Writes `documents` as segment `id`, to be searched from the commit on.
pub(super) async fn write(
    tx: &Tx<'_>,
    kind: Kind,
    id: i64,
    mut documents: Vec<Document>,
) -> Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    documents.sort_unstable_by_key(|document| std::cmp::Reverse(Place::of(document)));
    let mut postings = Vec::with_capacity(documents.len() * 128);
    let mut grams = Grams::default();
    for (document, number) in documents.iter().zip(0_u32..) {
        for field in document.folded() {
            if kind.is_ranked() {
                grams.add_ranked(&field);
            } else {
                grams.add_plain(&field);
            }
        }
        let grams = grams.drain().chain([Gram::mark()]);
        postings.extend(grams.map(|gram| posting(gram, number)));
    }
    let places: Vec<Place> = documents.iter().map(Place::of).collect();
    // A posting takes a little over a byte, a gram of a small segment about six.
    let bits = bits_for(postings.len() as u64 * 2);
    let blocks = encode(postings, bits, places.len() as u32);
    let bytes = blocks.values().map(Vec::len).sum::<usize>() as i64;
    let state = Insert {
        state: "LIVE",
        bits: i64::from(bits),
        bytes,
    };
    insert(tx, kind, id, &places, state).await?;
    write_blocks(tx, kind, id, blocks.into_iter()).await
}

/// How a segment is entered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insert {
    pub(super) state: &'static str,
    pub(super) bits: i64,
    pub(super) bytes: i64,
}

/// Enters a segment with the places of its documents, which are in order.
pub(super) async fn insert(
    tx: &Tx<'_>,
    kind: Kind,
    id: i64,
    places: &[Place],
    how: Insert,
) -> Result<()> {
    let time = |place: Option<&Place>| {
        place
            .and_then(|place| DateTime::from_timestamp_micros(place.at_us))
            .unwrap_or_default()
    };
    Query::new(
        "INSERT INTO search_segment
             (workspace_id, kind, id, documents, bits, bytes, newest, oldest, state, progress)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(id)
    .bind(places.len() as i64)
    .bind(how.bits)
    .bind(how.bytes)
    // Times are kept to the microsecond here, perhaps finer elsewhere.
    .bind(time(places.first()) + chrono::TimeDelta::microseconds(1))
    .bind(time(places.last()))
    .bind(how.state)
    .execute(tx.connection())
    .await?;
    let mut times = Vec::new();
    let mut blocks = Vec::new();
    for (piece, number) in places.chunks(PIECE as usize).zip(0_u32..) {
        times.extend(piece[0].at_us.to_le_bytes());
        let mut data = Vec::with_capacity(piece.len() * 24);
        for place in piece {
            data.extend(place.id.as_bytes());
            data.extend(place.at_us.to_le_bytes());
        }
        blocks.push((piece_block(number), data));
    }
    blocks.push((TIMES, times));
    write_blocks(tx, kind, id, blocks.into_iter()).await
}

/// Writes blocks of a segment.
pub(super) async fn write_blocks(
    tx: &Tx<'_>,
    kind: Kind,
    id: i64,
    blocks: impl Iterator<Item = (i64, Vec<u8>)>,
) -> Result<()> {
    let blocks: Vec<_> = blocks.collect();
    // So many at once that a statement's parameters stay near a megabyte.
    for part in blocks.chunks(128) {
        Query::new(
            "INSERT INTO search_block (workspace_id, kind, segment_id, block, data)
             SELECT $1, $2, $3, r.block, r.data FROM {r}",
        )
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(id)
        .rows(
            "r",
            Rows::new()
                .ints("block", part.iter().map(|(block, _)| *block))
                .blobs("data", part.iter().map(|(_, data)| data.clone())),
        )
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Removes segments.
pub(super) async fn remove(tx: &Tx<'_>, kind: Kind, ids: &[i64]) -> Result<()> {
    for statement in [
        "DELETE FROM search_block WHERE workspace_id = $1 AND kind = $2
           AND segment_id IN (SELECT r.id FROM {r})",
        "DELETE FROM search_segment WHERE workspace_id = $1 AND kind = $2
           AND id IN (SELECT r.id FROM {r})",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .bind(kind.word())
            .rows("r", Rows::new().ints("id", ids.iter().copied()))
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// The places in a piece.
pub(super) fn places(data: &[u8]) -> impl Iterator<Item = Place> {
    data.as_chunks::<24>().0.iter().map(|bytes| {
        let (id, at) = bytes.split_at(16);
        Place {
            id: Uuid::from_slice(id).unwrap_or_default(),
            at_us: i64::from_le_bytes(at.try_into().unwrap_or_default()),
        }
    })
}

/// The times of the pieces.
pub(super) fn times(data: &[u8]) -> Vec<i64> {
    let times = data.as_chunks::<8>().0.iter();
    times.map(|bytes| i64::from_le_bytes(*bytes)).collect()
}
