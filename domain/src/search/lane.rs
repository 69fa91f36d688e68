//! One kind of thing in one search: its segments, opened as far as needed, and what still waits.

use std::collections::HashMap;

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{
    gram::Gram,
    lookup::{Blocks, Lookup, block_with},
    needle::{Match, Needle},
    posting::Bits,
    segment::{self, Head, PIECE, Place, TIMES, piece_block},
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
pub(super) struct Lane {
    pub(super) workspace: WorkspaceId,
    pub(super) kind: Kind,
    lookup: Lookup,
    pub(super) segments: Vec<Segment>,
    /// What waits and answers, in order.
    pub(super) tail: Vec<(Match, Place)>,
}

impl Lane {
    /// Reads which segments there are, and checks what waits.
    pub(super) async fn open(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        kind: Kind,
        needle: &Needle,
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
            lookup: Lookup::new(needle, kind),
            segments: segments.collect(),
            tail,
        })
    }

    /// Opens those of the segments at `indexes` that are not open yet, together: by one statement, or by
    /// another before it that leaves out those without the rarest grams, and one after it for what was
    /// indexed without triples.
    pub(super) async fn open_segments(
        &mut self,
        connection: &impl ConnectionTrait,
        indexes: &[usize],
    ) -> Result<()> {
        let closed = indexes
            .iter()
            .copied()
            .filter(|&index| self.segments[index].levels.is_none());
        let mut closed: Vec<usize> = closed.collect();
        let mut blocks = Blocks::default();
        if let Some(rarest) = self.lookup.rarest() {
            let wanted = self.blocks_with(&closed, &rarest);
            self.read(connection, wanted, &mut blocks).await?;
            closed = self.shut_out(closed, &blocks);
        }
        let mut wanted = self.blocks_with(&closed, &self.lookup.grams());
        wanted.extend(closed.iter().map(|&index| (self.id(index), TIMES)));
        self.read(connection, wanted, &mut blocks).await?;
        let mut wanted = Vec::new();
        for &index in &closed {
            let short = self.lookup.short_for(&self.segments[index].head, &blocks);
            wanted.extend(self.blocks_with(&[index], short));
        }
        self.read(connection, wanted, &mut blocks).await?;
        for index in closed {
            let segment = &mut self.segments[index];
            let times = blocks.get((segment.head.id, TIMES));
            segment.times = times.map(segment::times).unwrap_or_default();
            segment.levels = Some(self.lookup.open(&segment.head, &blocks));
        }
        self.lookup.learn();
        Ok(())
    }

    /// How many documents of the segments at `indexes`, which are open, may answer.
    pub(super) fn candidates(&self, indexes: &[usize]) -> usize {
        let segments = indexes.iter().map(|&index| &self.segments[index]);
        let levels = segments.filter_map(|segment| segment.levels.as_ref());
        levels.flatten().map(Bits::count).sum()
    }

    /// Notes that nothing answers in those of the segments at `indexes` of which the rarest grams say so,
    /// and leaves the others.
    fn shut_out(&mut self, indexes: Vec<usize>, blocks: &Blocks) -> Vec<usize> {
        let (left, out): (Vec<usize>, Vec<usize>) = indexes.into_iter().partition(|&index| {
            let head = &self.segments[index].head;
            self.lookup.may_answer(head, blocks)
        });
        for index in out {
            self.segments[index].levels = Some(<[Bits; 4]>::default());
        }
        left
    }

    fn id(&self, index: usize) -> i64 {
        self.segments[index].head.id
    }

    /// The blocks of the segments at `indexes` that `grams` are in.
    fn blocks_with(&self, indexes: &[usize], grams: &[Gram]) -> Vec<(i64, i64)> {
        let heads = indexes.iter().map(|&index| &self.segments[index].head);
        heads
            .flat_map(|head| grams.iter().map(move |gram| block_with(head, *gram)))
            .collect()
    }

    /// Reads those of the `wanted` blocks that have not been read.
    async fn read(
        &self,
        connection: &impl ConnectionTrait,
        mut wanted: Vec<(i64, i64)>,
        blocks: &mut Blocks,
    ) -> Result<()> {
        wanted.retain(|&block| blocks.get(block).is_none());
        wanted.sort_unstable();
        wanted.dedup();
        let read = segment::read(connection, self.workspace, self.kind, &wanted).await?;
        blocks.add(read);
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
