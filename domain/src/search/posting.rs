//! Which documents of a segment have which grams, as bytes. Pure.
//!
//! A segment numbers its documents 0, 1, 2, ... in the order they are shown. Its postings are cut
//! into blocks by the highest bits of the gram; in a block the grams stand in order, each with its
//! documents, as differences in base-128 varints or, where that is shorter, as a bitmap.

use std::collections::BTreeMap;

use super::gram::Gram;

/// Bytes a block is meant to have.
const BLOCK_BYTES: u64 = 6_000;
/// The most bits blocks are told apart by.
const MAX_BITS: u32 = 14;

/// One document's having one gram: the gram in the upper half, the document in the lower.
pub(super) fn posting(gram: Gram, document: u32) -> u64 {
    u64::from(gram.0) << 32 | u64::from(document)
}

/// By how many bits blocks are told apart when all postings take about `bytes`.
pub(super) fn bits_for(bytes: u64) -> u32 {
    (bytes / BLOCK_BYTES + 1).ilog2().min(MAX_BITS)
}

/// The block a gram is in.
pub(super) fn block_of(gram: Gram, bits: u32) -> i64 {
    (u64::from(gram.0) << bits >> 32) as i64
}

/// Writes postings of a segment with `documents` documents as blocks, each with its number.
pub(super) fn encode(mut postings: Vec<u64>, bits: u32, documents: u32) -> BTreeMap<i64, Vec<u8>> {
    postings.sort_unstable();
    postings.dedup();
    let mut blocks: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
    let mut list = Vec::new();
    for of_gram in postings.chunk_by(|one, other| one >> 32 == other >> 32) {
        let Some(&first) = of_gram.first() else {
            continue;
        };
        let gram = Gram((first >> 32) as u32);
        list.clear();
        let mut before = 0;
        for &posting in of_gram {
            let document = posting as u32;
            put_varint(&mut list, document - before);
            before = document;
        }
        let dense = list.len() > bitmap_bytes(documents);
        if dense {
            list.clear();
            list.resize(bitmap_bytes(documents), 0);
            for &posting in of_gram {
                list[posting as u32 as usize / 8] |= 1 << (posting % 8);
            }
        }
        let block = blocks.entry(block_of(gram, bits)).or_default();
        block.extend(gram.0.to_le_bytes());
        put_varint(block, (list.len() as u32) << 1 | u32::from(dense));
        block.extend(&list);
    }
    blocks
}

/// Calls `put` with every posting of a block. Stops at the end of what can be read.
pub(super) fn decode(block: &[u8], mut put: impl FnMut(Gram, u32)) {
    let mut rest = block;
    while let Some((gram, list, dense)) = take_list(&mut rest) {
        read_list(list, dense, |document| put(gram, document));
    }
}

/// The list of the documents of a block that have `gram`; an empty one when none has.
pub(super) fn find(block: &[u8], gram: Gram) -> List<'_> {
    let mut rest = block;
    while let Some((found, bytes, dense)) = take_list(&mut rest) {
        if found == gram {
            return List { bytes, dense };
        }
        if found > gram {
            break;
        }
    }
    List::default()
}

/// The documents that have one gram, as bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct List<'b> {
    bytes: &'b [u8],
    dense: bool,
}

impl List<'_> {
    /// Its bytes: the more of them, the more documents.
    pub(super) fn size(self) -> usize {
        self.bytes.len()
    }

    /// The documents, of a segment that has so many.
    pub(super) fn bits(self, documents: u32) -> Bits {
        let mut bits = Bits::none(documents);
        if self.dense {
            bits.fill(self.bytes);
        } else {
            read_list(self.bytes, false, |document| bits.set(document));
        }
        bits
    }
}

/// The documents that are in each of `lists`. The shortest is read first, and no more of them once
/// there is nothing left.
pub(super) fn intersection(mut lists: Vec<List<'_>>, documents: u32) -> Bits {
    lists.sort_unstable_by_key(|list| list.size());
    let mut lists = lists.into_iter();
    let Some(shortest) = lists.next() else {
        return Bits::none(documents);
    };
    let mut common = shortest.bits(documents);
    for list in lists {
        if common.is_empty() {
            break;
        }
        common.keep(&list.bits(documents));
    }
    common
}

fn take_list<'b>(rest: &mut &'b [u8]) -> Option<(Gram, &'b [u8], bool)> {
    let (gram, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    let head = take_varint(rest)?;
    let (list, after) = rest.split_at_checked((head >> 1) as usize)?;
    *rest = after;
    Some((Gram(u32::from_le_bytes(*gram)), list, head & 1 == 1))
}

fn read_list(mut list: &[u8], dense: bool, mut put: impl FnMut(u32)) {
    if dense {
        for (byte, number) in list.iter().zip(0_u32..) {
            let mut byte = *byte;
            while byte != 0 {
                put(number * 8 + byte.trailing_zeros());
                byte &= byte - 1;
            }
        }
        return;
    }
    let mut document = 0_u32;
    while let Some(more) = take_varint(&mut list) {
        let Some(next) = document.checked_add(more) else {
            return;
        };
        document = next;
        put(document);
    }
}

fn bitmap_bytes(documents: u32) -> usize {
    documents.div_ceil(8) as usize
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u32::from(byte & 0x7f)
            .checked_shl(shift)
            .unwrap_or_default();
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A set of documents of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn none(documents: u32) -> Self {
        Self(vec![0; documents.div_ceil(64) as usize])
    }

    fn set(&mut self, document: u32) {
        if let Some(word) = self.0.get_mut(document as usize / 64) {
            *word |= 1 << (document % 64);
        }
    }

    /// Takes over a whole bitmap, a word at a time.
    fn fill(&mut self, bitmap: &[u8]) {
        for (word, bytes) in self.0.iter_mut().zip(bitmap.chunks(8)) {
            let mut eight = [0; 8];
            eight[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(eight);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Keeps what `other` has as well.
    pub(super) fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Adds what `other` has.
    pub(super) fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Takes out what `other` has.
    pub(super) fn remove(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    /// The first document at or after `from`.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        let mut index = from as usize / 64;
        let mut word = self.0.get(index)? & (u64::MAX << (from % 64));
        loop {
            if word != 0 {
                return Some(index as u32 * 64 + word.trailing_zeros());
            }
            index += 1;
            word = *self.0.get(index)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_survive_their_bytes(
            postings in proptest::collection::btree_set((0_u32..40, 0_u32..700), 0..600),
            frequent in proptest::collection::btree_set(0_u32..700, 0..700),
            bits in 0_u32..6,
        ) {
            let mut all: BTreeSet<(u32, u32)> = postings;
            // Spread over the blocks, with one gram that nearly everything has.
            all.extend(frequent.iter().map(|&document| (40, document)));
            let spread = |gram: u32| Gram(gram.wrapping_mul(0x9e37_79b9));
            let given = all.iter().map(|&(gram, document)| posting(spread(gram), document));
            let blocks = encode(given.collect(), bits, 700);
            let mut decoded = BTreeSet::new();
            for block in blocks.values() {
                decode(block, |gram, document| { decoded.insert((gram, document)); });
            }
            let expected: BTreeSet<_> = all.iter().map(|&(g, d)| (spread(g), d)).collect();
            prop_assert_eq!(&decoded, &expected);
            for gram in (0..=41).map(spread) {
                let empty = Vec::new();
                let block = blocks.get(&block_of(gram, bits)).unwrap_or(&empty);
                let found = find(block, gram).bits(700);
                let mut next = found.next(0);
                let mut documents = Vec::new();
                while let Some(document) = next {
                    documents.push(document);
                    next = found.next(document + 1);
                }
                let of_gram: Vec<u32> =
                    expected.iter().filter(|(g, _)| *g == gram).map(|&(_, d)| d).collect();
                prop_assert_eq!(found.count(), of_gram.len());
                prop_assert_eq!(documents, of_gram);
            }
        }

        #[test]
        fn an_intersection_is_what_all_lists_have(
            sets in proptest::collection::vec(proptest::collection::btree_set(0_u32..200, 0..200), 1..5),
        ) {
            let grams = || (0_u32..).map(Gram);
            let given = sets.iter().zip(grams());
            let given = given.flat_map(|(set, gram)| set.iter().map(move |&one| posting(gram, one)));
            let blocks = encode(given.collect(), 0, 200);
            let empty = Vec::new();
            let block = blocks.get(&0).unwrap_or(&empty);
            let lists = sets.iter().zip(grams()).map(|(_, gram)| find(block, gram));
            let common = intersection(lists.collect(), 200);
            for document in 0..200 {
                let expected = sets.iter().all(|set| set.contains(&document));
                prop_assert_eq!(common.next(document) == Some(document), expected);
            }
        }

        #[test]
        fn damaged_blocks_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            decode(&bytes, |_, _| ());
            find(&bytes, Gram(7)).bits(10);
        }
    }
}
