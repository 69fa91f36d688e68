//! What one search looks up in segments, and what of a segment may answer. Pure.
//!
//! A segment that is opened with everything costs a block for each gram, and most blocks hold a gram
//! that nearly every document has. So a search learns from the first segments it opens which of its
//! grams are rare, and looks up no others afterwards. As long as most segments had nothing that answers,
//! it reads of the next ones the two rarest grams alone: where these have no document in common,
//! the rest is never read. Inside a segment the shortest lists go first for the same reason.
//!
//! Documents that were indexed before there were triples and runs (they lack [`Gram::mark`]) are looked
//! up by characters and pairs.

use std::collections::HashMap;

use super::{
    gram::Gram,
    needle::Needle,
    posting::{Bits, List, block_of, find, intersection},
    segment::{Block, Head},
    source::Kind,
};

/// The grams that are read of a segment which is unlikely to have anything: two, since one alone is
/// seldom so rare that it decides.
const RAREST: usize = 2;
/// The grams that are looked up once it is known which are rare: more leave hardly fewer candidates.
const KEPT: usize = 8;

/// A gram that everything which answers has.
#[derive(Debug, Clone, Copy)]
struct Sought {
    gram: Gram,
    /// The bytes of its lists in the segments opened so far.
    bytes: usize,
}

/// The grams of one search in one kind of thing.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The rarest first, as far as it is known.
    sought: Vec<Sought>,
    /// What is looked up instead among documents without triples; none if `sought` has neither triples
    /// nor runs, so that it holds for all.
    short: Vec<Gram>,
    /// What tells the levels of answers apart.
    markers: Vec<Gram>,
    /// Segments opened, and those among them that had nothing.
    opened: usize,
    barren: usize,
}

impl Lookup {
    pub(super) fn new(needle: &Needle, kind: Kind) -> Self {
        let (short, long) = (needle.grams(), needle.long_grams());
        let (grams, short) = if long.is_empty() {
            (short, long)
        } else {
            (long, short)
        };
        let markers = if kind.is_ranked() {
            needle.markers().to_vec()
        } else {
            Vec::new()
        };
        let sought = |gram| Sought { gram, bytes: 0 };
        Self {
            sought: grams.into_iter().map(sought).collect(),
            short,
            markers,
            opened: 0,
            barren: 0,
        }
    }

    /// All that is read of a segment that may have something, but what [`Self::short_for`] says.
    pub(super) fn grams(&self) -> Vec<Gram> {
        let markers = self.markers.iter().copied();
        self.of_sought(self.sought.len()).chain(markers).collect()
    }

    /// What is read at first of segments that are unlikely to have anything; nothing when they are not
    /// known to be.
    pub(super) fn rarest(&self) -> Option<Vec<Gram>> {
        let unlikely = self.barren * 2 > self.opened && self.sought.len() > RAREST;
        unlikely.then(|| self.of_sought(RAREST).collect())
    }

    /// The first of the grams sought, and what tells of which documents they hold.
    fn of_sought(&self, count: usize) -> impl Iterator<Item = Gram> {
        let sought = self.sought.iter().take(count).map(|sought| sought.gram);
        let mark = (!self.short.is_empty()).then(Gram::mark);
        sought.chain(mark)
    }

    /// Whether anything of a segment may answer, by its rarest grams.
    pub(super) fn may_answer(&self, head: &Head, blocks: &Blocks) -> bool {
        let rarest = self.sought.iter().take(RAREST);
        let lists = rarest.map(|sought| blocks.list(head, sought.gram));
        !intersection(lists.collect(), documents(head)).is_empty()
            || !self.short_for(head, blocks).is_empty()
    }

    /// What has to be read besides, for the documents of a segment that were indexed without triples.
    pub(super) fn short_for(&self, head: &Head, blocks: &Blocks) -> &[Gram] {
        if !self.short.is_empty() && blocks.has_unmarked(head) {
            &self.short
        } else {
            &[]
        }
    }

    /// Goes on with the rarest of the grams, by the segments opened so far. To be called when no segment
    /// is half read.
    pub(super) fn learn(&mut self) {
        if self.opened > 0 {
            self.sought.sort_by_key(|sought| sought.bytes);
            self.sought.truncate(KEPT);
        }
    }

    /// Which documents of a segment may answer, told apart by the best of the markers they have. Each is
    /// in one level at most.
    pub(super) fn open(&mut self, head: &Head, blocks: &Blocks) -> [Bits; 4] {
        let mut rest = self.candidates(head, blocks);
        self.opened += 1;
        if rest.is_empty() {
            self.barren += 1;
            return <[Bits; 4]>::default();
        }
        let mut levels = <[Bits; 4]>::default();
        for (level, marker) in levels.iter_mut().zip(&self.markers) {
            let mut marked = blocks.list(head, *marker).bits(documents(head));
            marked.keep(&rest);
            rest.remove(&marked);
            *level = marked;
        }
        levels[3] = rest;
        levels
    }

    fn candidates(&mut self, head: &Head, blocks: &Blocks) -> Bits {
        let mut lists = Vec::with_capacity(self.sought.len());
        for sought in &mut self.sought {
            let list = blocks.list(head, sought.gram);
            sought.bytes += list.size();
            lists.push(list);
        }
        let mut found = intersection(lists, documents(head));
        let short = self.short_for(head, blocks).iter();
        let lists: Vec<List<'_>> = short.map(|gram| blocks.list(head, *gram)).collect();
        if !lists.is_empty() {
            let mut unmarked = intersection(lists, documents(head));
            unmarked.remove(&blocks.marked(head));
            found.add(&unmarked);
        }
        found
    }
}

fn documents(head: &Head) -> u32 {
    head.documents as u32
}

/// The block of a segment that a gram is in.
pub(super) fn block_with(head: &Head, gram: Gram) -> (i64, i64) {
    (head.id, block_of(gram, head.bits as u32))
}

/// Blocks that were read, by segment and number.
#[derive(Debug, Default)]
pub(super) struct Blocks(HashMap<(i64, i64), Vec<u8>>);

impl Blocks {
    pub(super) fn add(&mut self, blocks: Vec<Block>) {
        let blocks = blocks.into_iter();
        self.0
            .extend(blocks.map(|block| ((block.segment_id, block.number), block.data)));
    }

    pub(super) fn get(&self, block: (i64, i64)) -> Option<&[u8]> {
        self.0.get(&block).map(Vec::as_slice)
    }

    fn list(&self, head: &Head, gram: Gram) -> List<'_> {
        let block = self.get(block_with(head, gram));
        find(block.unwrap_or_default(), gram)
    }

    /// The documents of a segment whose triples and runs are indexed.
    fn marked(&self, head: &Head) -> Bits {
        self.list(head, Gram::mark()).bits(documents(head))
    }

    /// Whether there are others.
    pub(super) fn has_unmarked(&self, head: &Head) -> bool {
        self.marked(head).count() < documents(head) as usize
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::search::{
        gram::{Grams, each_long},
        posting::{bits_for, encode, posting},
    };

    /// A segment of contacts with such names, all of its blocks read; those that are not `marked` were
    /// indexed by an earlier build.
    fn segment(names: &[String], marked: impl Fn(usize) -> bool) -> (Head, Blocks) {
        let mut postings = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let mut grams = Grams::default();
            grams.add_ranked(name);
            let mut grams: Vec<Gram> = grams.drain().chain([Gram::mark()]).collect();
            if !marked(index) {
                let mut long = vec![Gram::mark()];
                each_long(name, |gram, _| long.push(gram));
                grams.retain(|gram| !long.contains(gram));
            }
            postings.extend(grams.into_iter().map(|gram| posting(gram, index as u32)));
        }
        let bits = bits_for(postings.len() as u64);
        let head = Head {
            id: 1,
            documents: names.len() as i64,
            bits: i64::from(bits),
            bytes: 0,
            newest: DateTime::UNIX_EPOCH,
        };
        let encoded = encode(postings, bits, names.len() as u32).into_iter();
        let blocks = encoded.map(|(number, data)| ((1, number), data));
        (head, Blocks(blocks.collect()))
    }

    fn lookup(query: &str) -> Lookup {
        let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
        Lookup::new(&needle, Kind::Contact)
    }

    fn candidates(query: &str, segment: &(Head, Blocks)) -> usize {
        let levels = lookup(query).open(&segment.0, &segment.1);
        levels.iter().map(Bits::count).sum()
    }

    fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers
            .map(|n| format!("person{n}@customer.example"))
            .collect()
    }

    #[test]
    fn names_of_frequent_pairs_that_nobody_has_have_few_candidates() {
        let segment = segment(&numbered(70_000..80_000), |_| true);
        for (query, at_most) in [
            ("person777777", 0),
            ("person7777", 11),
            ("person777", 100),
            ("person71727", 20),
            ("percussion", 0),
            ("person77123@customer", 1),
        ] {
            let found = candidates(query, &segment);
            assert!(found <= at_most, "{query}: {found}");
        }
    }

    #[test]
    fn the_rarest_grams_of_a_long_query_are_found_out_and_kept() {
        let segment = segment(&numbered(70_000..71_000), |_| true);
        let mut lookup = lookup("person70123@customer.example");
        assert_eq!(lookup.sought.len(), 26);
        lookup.open(&segment.0, &segment.1);
        lookup.learn();
        assert_eq!(lookup.sought.len(), KEPT);
        let levels = lookup.open(&segment.0, &segment.1);
        assert_eq!(levels.iter().map(Bits::count).sum::<usize>(), 1);
    }

    #[test]
    fn everything_that_answers_is_a_candidate_whenever_it_was_indexed() {
        let names = numbered(500..1_500);
        for marked in [
            (|_| true) as fn(usize) -> bool,
            |_| false,
            |index: usize| index.is_multiple_of(3),
        ] {
            let segment = segment(&names, marked);
            for query in [
                "person7", "777", "n1111", "0 1", "p", "on512@cu", "nobody", "99",
            ] {
                let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
                let levels = lookup(query).open(&segment.0, &segment.1);
                for (name, number) in names.iter().zip(0..) {
                    let Some(level) = needle.judge(&[name]) else {
                        continue;
                    };
                    let found = levels[level as usize].next(number);
                    assert_eq!(found, Some(number), "{query} in {name}");
                }
            }
        }
    }

    #[test]
    fn of_further_segments_the_rarest_grams_are_read_alone_while_most_have_nothing() {
        let barren = segment(&numbered(100..200), |_| true);
        let mut lookup = lookup("person777@");
        assert_eq!(lookup.rarest(), None, "nothing is known yet");
        lookup.open(&barren.0, &barren.1);
        lookup.learn();
        let rarest = lookup.rarest().unwrap();
        let all = lookup.grams();
        assert_eq!(rarest.len(), RAREST + 1);
        assert!(rarest.iter().all(|gram| all.contains(gram)));
        assert!(!lookup.may_answer(&barren.0, &barren.1));
        let with_one = segment(&numbered(700..800), |_| true);
        assert!(lookup.may_answer(&with_one.0, &with_one.1));
        let levels = lookup.open(&with_one.0, &with_one.1);
        assert_eq!(levels.iter().map(Bits::count).sum::<usize>(), 1);
        assert_eq!(lookup.rarest(), None, "half of them have something");
        // What was indexed without triples cannot be ruled out by them.
        lookup.open(&barren.0, &barren.1);
        let old = segment(&numbered(100..200), |_| false);
        assert!(lookup.rarest().is_some());
        assert!(lookup.may_answer(&old.0, &old.1));
        assert!(!lookup.short_for(&old.0, &old.1).is_empty());
    }
}
