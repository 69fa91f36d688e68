//! One kind of thing in one search: its segments, opened as far as needed, and what still waits.

use std::collections::HashMap;

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{
    gram::Gram,
    needle::{Match, Needle},
    posting::{Bits, block_of, find},
    segment::{self, Block, Head, PIECE, Place, TIMES, piece_block},
    source::{self, Document, Kind},
};
use crate::{error::Result, store::Query};

/// Waiting things a search reads, the newest first. More wait only while the index cannot keep up.
const MAX_TAIL: i64 = 1_024;

/// A segment, and what of it may answer.
pub(super) struct Segment {
    pub(super) head: Head,
    /// Candidates for each level of [`Match`]; a document is in one of them at most.
    pub(super) levels: Option<[Bits; 4]>,
    times: Vec<i64>,
}

impl Segment {
    /// The latest moment a document of it can have.
    pub(super) fn newest_us(&self) -> i64 {
        self.head.newest.timestamp_micros()
    }

    /// A number at or before that of the first document after `place` in the order.
    pub(super) fn number_after(&self, place: Place) -> u32 {
        let pieces = self.times.partition_point(|&time| time > place.at_us);
        (pieces as u32).saturating_sub(1) * PIECE
    }
}

/// The segments and waiting things of one kind.
pub(super) struct Lane<'n> {
    pub(super) workspace: WorkspaceId,
    pub(super) kind: Kind,
    needle: &'n Needle,
    pub(super) segments: Vec<Segment>,
    /// What waits and answers, in order.
    pub(super) tail: Vec<(Match, Place)>,
}

impl<'n> Lane<'n> {
    /// Reads which segments there are, and checks what waits.
    pub(super) async fn open(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        kind: Kind,
        needle: &'n Needle,
    ) -> Result<Self> {
        let segments = segment::visible(connection, workspace, kind).await?;
        let segments = segments.into_iter().map(|head| Segment {
            head,
            levels: None,
            times: Vec::new(),
        });
        let waiting: Vec<Waiting> = Query::new(
            "SELECT id FROM search_tail WHERE workspace_id = $1 AND kind = $2
             ORDER BY at DESC, id DESC LIMIT $3",
        )
        .bind(workspace)
        .bind(kind.word())
        .bind(MAX_TAIL)
        .all(connection)
        .await?;
        let ids: Vec<Uuid> = waiting.iter().map(|one| one.id).collect();
        let mut tail = Vec::new();
        if !ids.is_empty() {
            let documents = source::load(connection, workspace, kind, &ids).await?;
            tail.extend(documents.values().filter_map(|document| {
                Some((judge(needle, kind, document)?, Place::of(document)))
            }));
            tail.sort_unstable_by_key(|(_, place)| std::cmp::Reverse(*place));
        }
        Ok(Self {
            workspace,
            kind,
            needle,
            segments: segments.collect(),
            tail,
        })
    }

    /// Opens those of the segments at `indexes` that are not open yet, in one statement.
    pub(super) async fn open_segments(
        &mut self,
        connection: &impl ConnectionTrait,
        indexes: &[usize],
    ) -> Result<()> {
        let (plain, markers) = (self.needle.grams(), self.needle.markers());
        let markers: &[Gram] = if self.kind.is_ranked() { &markers } else { &[] };
        let mut wanted = Vec::new();
        let closed: Vec<usize> = indexes
            .iter()
            .copied()
            .filter(|&index| self.segments[index].levels.is_none())
            .collect();
        for &index in &closed {
            let head = &self.segments[index].head;
            wanted.push((head.id, TIMES));
            for gram in plain.iter().chain(markers) {
                wanted.push((head.id, block_of(*gram, head.bits as u32)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let blocks = segment::read(connection, self.workspace, self.kind, &wanted).await?;
        let blocks: HashMap<(i64, i64), Block> = blocks
            .into_iter()
            .map(|block| ((block.segment_id, block.number), block))
            .collect();
        for index in closed {
            let segment = &mut self.segments[index];
            let times = blocks.get(&(segment.head.id, TIMES));
            segment.times = times
                .map(|block| segment::times(&block.data))
                .unwrap_or_default();
            segment.levels = Some(levels(&segment.head, &blocks, &plain, markers));
        }
        Ok(())
    }

    /// Reads, of each (segment index, piece), the places in the order of the pieces given.
    pub(super) async fn pieces(
        &self,
        connection: &impl ConnectionTrait,
        wanted: &[(usize, u32)],
    ) -> Result<Vec<Vec<Place>>> {
        let blocks: Vec<(i64, i64)> = wanted
            .iter()
            .map(|&(index, piece)| (self.segments[index].head.id, piece_block(piece)))
            .collect();
        let read: HashMap<(i64, i64), Vec<Place>> =
            segment::read(connection, self.workspace, self.kind, &blocks)
                .await?
                .into_iter()
                .map(|block| {
                    let places = segment::places(&block.data).collect();
                    ((block.segment_id, block.number), places)
                })
                .collect();
        Ok(blocks
            .iter()
            .map(|block| read.get(block).cloned().unwrap_or_default())
            .collect())
    }
}

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
}

/// How well a document answers. Long texts answer or do not.
pub(super) fn judge(needle: &Needle, kind: Kind, document: &Document) -> Option<Match> {
    if kind.is_ranked() {
        needle.judge(&document.folded())
    } else {
        needle.is_in(&document.folded()).then_some(Match::Part)
    }
}

/// Which documents of a segment have all `plain` grams, told apart by the best of the `markers` they
/// have.
fn levels(
    head: &Head,
    blocks: &HashMap<(i64, i64), Block>,
    plain: &[Gram],
    markers: &[Gram],
) -> [Bits; 4] {
    let documents = head.documents as u32;
    let having = |gram: &Gram| {
        let block = blocks.get(&(head.id, block_of(*gram, head.bits as u32)));
        block.map_or_else(
            || Bits::none(documents),
            |block| find(&block.data, *gram, documents),
        )
    };
    let mut levels = [const { None }; 4].map(|_: Option<()>| Bits::none(documents));
    let mut rest: Option<Bits> = None;
    for gram in plain {
        match &mut rest {
            None => rest = Some(having(gram)),
            Some(rest) => rest.keep(&having(gram)),
        }
        if rest.as_ref().is_some_and(Bits::is_empty) {
            return levels;
        }
    }
    let mut rest = rest.unwrap_or_default();
    for (level, marker) in markers.iter().enumerate() {
        let mut marked = having(marker);
        marked.keep(&rest);
        rest.remove(&marked);
        levels[level] = marked;
    }
    levels[3] = rest;
    levels
}
