//! Candidates of one rank in order, merged from all segments and what waits, read only as far as
//! they are asked for.

use std::collections::VecDeque;

use sea_orm::ConnectionTrait;

use super::{
    lane::Lane,
    needle::Match,
    segment::{PIECE, Place},
    source::Kind,
};
use crate::error::Result;

/// Segments opened by the first statement; each further one opens twice as many.
pub(super) const FIRST_OPENED: usize = 4;
/// Segments opened by one statement at most.
pub(super) const MAX_OPENED: usize = 64;

/// A thing that may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) kind: Kind,
    pub(super) place: Place,
}

/// The candidates of one segment, or of what waits, that have been read.
struct Run {
    lane: usize,
    /// The segment; nothing for what waits.
    segment: Option<usize>,
    heads: VecDeque<Place>,
    /// No later candidate stands before this.
    bound_us: i64,
    /// The number to go on from; nothing before the first reading.
    next: Option<u32>,
    ended: bool,
}

/// The walk over one level of some lanes.
pub(super) struct Walk {
    level: Match,
    after: Option<Place>,
    runs: Vec<Run>,
    opening: usize,
}

impl Walk {
    /// Begins at the first candidate after `after`, over the lanes at `lanes`.
    pub(super) fn new(all: &[Lane], lanes: &[usize], level: Match, after: Option<Place>) -> Self {
        let mut runs = Vec::new();
        for &lane in lanes {
            for (index, segment) in all[lane].segments.iter().enumerate() {
                runs.push(Run {
                    lane,
                    segment: Some(index),
                    heads: VecDeque::new(),
                    bound_us: segment.newest_us(),
                    next: None,
                    ended: false,
                });
            }
            let waiting = all[lane]
                .tail
                .iter()
                .filter(|(of, place)| *of == level && after.is_none_or(|after| *place < after));
            runs.push(Run {
                lane,
                segment: None,
                heads: waiting.map(|(_, place)| *place).collect(),
                bound_us: i64::MIN,
                next: None,
                ended: true,
            });
        }
        // A segment of later things than the place we are at is read from there on.
        runs.sort_by_key(|run| std::cmp::Reverse(run.bound_us));
        Self {
            level,
            after,
            runs,
            opening: FIRST_OPENED,
        }
    }

    /// The next candidates, at most `count`; none at the end. Each is told once, though an older
    /// version of it may be in another segment.
    pub(super) async fn next(
        &mut self,
        connection: &impl ConnectionTrait,
        lanes: &mut [Lane],
        count: usize,
    ) -> Result<Vec<Candidate>> {
        let mut found: Vec<Candidate> = Vec::new();
        while found.len() < count {
            let first = self
                .runs
                .iter()
                .filter_map(|run| run.heads.front())
                .max()
                .copied();
            let unread: Vec<usize> = (0..self.runs.len())
                .filter(|&index| {
                    let run = &self.runs[index];
                    let before = first.is_none_or(|first| run.bound_us >= first.at_us);
                    !run.ended && run.heads.is_empty() && before
                })
                .take(self.opening)
                .collect();
            if !unread.is_empty() {
                self.opening = (self.opening * 2).min(MAX_OPENED);
                self.read_on(connection, lanes, &unread).await?;
                continue;
            }
            let Some(first) = first else { break };
            let mut kind = None;
            for run in &mut self.runs {
                if run.heads.front() == Some(&first) {
                    run.heads.pop_front();
                    kind = Some(lanes[run.lane].kind);
                }
            }
            found.extend(kind.map(|kind| Candidate { kind, place: first }));
        }
        Ok(found)
    }

    /// Reads the next piece with candidates of each of the runs.
    async fn read_on(
        &mut self,
        connection: &impl ConnectionTrait,
        lanes: &mut [Lane],
        indexes: &[usize],
    ) -> Result<()> {
        for (number, lane) in lanes.iter_mut().enumerate() {
            let mine: Vec<usize> = indexes
                .iter()
                .copied()
                .filter(|&index| self.runs[index].lane == number)
                .collect();
            if mine.is_empty() {
                continue;
            }
            let segments: Vec<usize> = mine
                .iter()
                .filter_map(|&index| self.runs[index].segment)
                .collect();
            lane.open_segments(connection, &segments).await?;
            let mut wanted = Vec::new();
            let mut readers = Vec::new();
            for index in mine {
                if let Some((segment, number)) = self.runs[index].seek(lane, self.level, self.after)
                {
                    wanted.push((segment, number / PIECE));
                    readers.push((index, number));
                }
            }
            let pieces = lane.pieces(connection, &wanted).await?;
            for ((index, number), places) in readers.into_iter().zip(pieces) {
                self.runs[index].take(lane, self.level, self.after, number, &places);
            }
        }
        Ok(())
    }
}

impl Run {
    /// The segment and the number of the next candidate; the run ends when there is none.
    fn seek(&mut self, lane: &Lane, level: Match, after: Option<Place>) -> Option<(usize, u32)> {
        let index = self.segment?;
        let segment = &lane.segments[index];
        let from = self
            .next
            .unwrap_or_else(|| after.map_or(0, |after| segment.number_after(after)));
        let bits = segment
            .levels
            .as_ref()
            .map(|levels| &levels[level as usize]);
        let next = bits.and_then(|bits| bits.next(from));
        self.ended = next.is_none();
        Some((index, next?))
    }

    /// Takes the candidates of the piece that `number` is in.
    fn take(
        &mut self,
        lane: &Lane,
        level: Match,
        after: Option<Place>,
        number: u32,
        places: &[Place],
    ) {
        let end = (number / PIECE + 1) * PIECE;
        let levels = self
            .segment
            .and_then(|index| lane.segments[index].levels.as_ref());
        let mut next = Some(number);
        while let (Some(levels), Some(number)) = (levels, next.filter(|&number| number < end)) {
            if let Some(&place) = places.get((number % PIECE) as usize)
                && after.is_none_or(|after| place < after)
            {
                self.heads.push_back(place);
            }
            next = levels[level as usize].next(number + 1);
        }
        if let Some(last) = places.last() {
            self.bound_us = last.at_us;
        }
        self.next = Some(end);
    }
}
