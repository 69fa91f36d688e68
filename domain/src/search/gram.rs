//! What a text is taken apart into: its characters and pairs of neighbours, marked where a field or
//! a word begins, and three in a row of those of which there are few. Pure.
//!
//! Most Japanese and Chinese words have two characters and many names have one, so pairs and single
//! characters are what every substring can be found by. Of Han characters and Hangul a pair says enough.
//! Of *narrow* characters, which are all others (Latin, digits, kana, signs), a text of some length has
//! most of the pairs there are: an English letter nearly all of `co`, `on`, `ns`, `se`, `en`, `nt`, and a
//! contact with a phone number a quarter of all pairs of digits. So narrow characters also make *triples*
//! and, since neither tells how often one character stands in a row, *runs*: `7777` has the one
//! triple `777`, and the run of four.
//!
//! A gram is a 32-bit hash of them: two grams that share one only make a few candidates more, and
//! candidates are checked against the text itself. The hashes are stored, so neither they nor which
//! characters are narrow ever change. Triples and runs came later than the rest: documents that were
//! indexed with them have the gram [`Gram::mark`].

use std::ops::RangeInclusive;

/// A hash of one to three characters, of a run of one, or of a whole field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Gram(pub(super) u32);

const INSIDE: u64 = 0;
const WORD_START: u64 = 1;
const FIELD_START: u64 = 2;
const WHOLE_FIELD: u64 = 3;
const RUN: u64 = 4;
const MARK: u64 = 5;
/// Above all that the others have.
const TRIPLE: u64 = 1 << 63;

/// Lengths of runs that are told apart; a longer one has the grams of all of these.
const RUNS: RangeInclusive<u8> = 4..=8;

impl Gram {
    pub(super) fn single(character: char) -> Self {
        Self::of(INSIDE, character, None)
    }

    pub(super) fn pair(character: char, next: char) -> Self {
        Self::of(INSIDE, character, Some(next))
    }

    pub(super) fn word_start(character: char, next: Option<char>) -> Self {
        Self::of(WORD_START, character, next)
    }

    pub(super) fn field_start(character: char, next: Option<char>) -> Self {
        Self::of(FIELD_START, character, next)
    }

    fn triple(first: char, second: char, third: char) -> Self {
        let (first, second) = (u64::from(first) << 42, u64::from(second) << 21);
        mix(TRIPLE | first | second | u64::from(third))
    }

    /// `length` times the same character in a row, or more.
    fn run(character: char, length: u8) -> Self {
        mix(RUN << 42 | u64::from(character) << 21 | u64::from(length))
    }

    /// What every document has whose triples and runs are indexed.
    pub(super) fn mark() -> Self {
        mix(MARK << 42)
    }

    fn of(place: u64, character: char, next: Option<char>) -> Self {
        let next = next.map_or(0, u64::from);
        mix(place << 42 | u64::from(character) << 21 | next)
    }
}

/// The gram of a whole field.
pub(super) fn exact(field: &str) -> Gram {
    // FNV-1a.
    let hash = field.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash ^ WHOLE_FIELD << 62)
}

/// The finish of `SplitMix64`: every bit of the input moves every bit of the hash.
fn mix(value: u64) -> Gram {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    Gram((value >> 32) as u32)
}

/// White space in folded text.
pub(super) fn is_space(character: char) -> bool {
    character == ' '
}

/// Characters of scripts with few: not white space, and not those of which a pair says enough.
fn is_narrow(character: char) -> bool {
    !is_space(character) && !matches!(Script::of(character), Script::Han | Script::Hangul)
}

/// Calls `put` with each triple and run of a folded text, and with the grams that are in it: whatever has
/// the one has these.
pub(super) fn each_long(text: &str, mut put: impl FnMut(Gram, [Gram; 2])) {
    let (mut before, mut length): ([Option<char>; 2], u8) = ([None; 2], 0);
    for character in text.chars() {
        if !is_narrow(character) {
            (before, length) = ([None; 2], 0);
            continue;
        }
        length = if before[1] == Some(character) {
            length.saturating_add(1)
        } else {
            1
        };
        if let [Some(first), Some(second)] = before {
            let pairs = [Gram::pair(first, second), Gram::pair(second, character)];
            put(Gram::triple(first, second, character), pairs);
        }
        if RUNS.contains(&length) {
            let shorter = Gram::run(character, length - 1);
            let triple = Gram::triple(character, character, character);
            put(Gram::run(character, length), [shorter, triple]);
        }
        before = [before[1], Some(character)];
    }
}

/// The grams of one thing; may hold some of them several times.
#[derive(Debug, Default)]
pub(super) struct Grams(Vec<Gram>);

impl Grams {
    /// Adds a folded field whose beginnings count.
    pub(super) fn add_ranked(&mut self, field: &str) {
        self.0.push(exact(field));
        each_long(field, |gram, _| self.0.push(gram));
        let mut before = Script::None;
        let mut characters = field.chars().peekable();
        let mut first = true;
        while let Some(character) = characters.next() {
            let next = characters.peek().copied().filter(|&next| !is_space(next));
            let script = Script::of(character);
            if !is_space(character) {
                self.add(character, next);
                if first {
                    self.0.push(Gram::field_start(character, None));
                    self.0
                        .extend(next.map(|next| Gram::field_start(character, Some(next))));
                }
                if script != Script::None && script != before {
                    self.0.push(Gram::word_start(character, None));
                    self.0
                        .extend(next.map(|next| Gram::word_start(character, Some(next))));
                }
            }
            before = script;
            first = false;
        }
    }

    /// Adds folded text in which only the words themselves count.
    pub(super) fn add_plain(&mut self, text: &str) {
        each_long(text, |gram, _| self.0.push(gram));
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if !is_space(character) {
                let next = characters.peek().copied().filter(|&next| !is_space(next));
                self.add(character, next);
            }
        }
    }

    fn add(&mut self, character: char, next: Option<char>) {
        self.0.push(Gram::single(character));
        self.0.extend(next.map(|next| Gram::pair(character, next)));
    }

    pub(super) fn has(&self, gram: Gram) -> bool {
        self.0.contains(&gram)
    }

    /// Takes them out, each once, leaving the room for the next thing's.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Gram> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.drain(..)
    }
}

/// Kinds of characters: where the kind changes a word begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// White space and punctuation.
    None,
    Kana,
    Han,
    Hangul,
    Other,
}

impl Script {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' | '0'..='9' => Self::Other,
            'ぁ'..='ゖ' | 'ー' | 'ゝ' | 'ゞ' => Self::Kana,
            '々' | '〇' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => Self::Han,
            '\u{ac00}'..='\u{d7a3}' => Self::Hangul,
            _ if character.is_alphanumeric() => Self::Other,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_hashes_stay_what_they_are() {
        let grams = [
            Gram::single('王'),
            Gram::pair('東', '京'),
            Gram::word_start('t', Some('a')),
            Gram::field_start('t', None),
            exact("田中"),
            Gram::triple('t', 'a', 'n'),
            Gram::run('7', 4),
            Gram::mark(),
        ];
        assert_eq!(grams.map(|gram| gram.0), PINNED);
    }

    const PINNED: [u32; 8] = [
        3_085_171_356,
        1_734_023_809,
        2_411_546_292,
        3_063_185_451,
        4_097_279_149,
        1_564_980_297,
        235_893_629,
        2_311_511_417,
    ];

    #[test]
    fn every_character_and_pair_is_found_and_none_across_a_space() {
        let mut grams = Grams::default();
        grams.add_plain("東京 a");
        for gram in [
            Gram::single('東'),
            Gram::pair('東', '京'),
            Gram::single('a'),
        ] {
            assert!(grams.has(gram));
        }
        assert!(!grams.has(Gram::pair('京', 'a')));
        assert!(!grams.has(Gram::single(' ')));
    }

    #[test]
    fn three_narrow_characters_in_a_row_are_found_and_how_long_a_run_is() {
        let mut grams = Grams::default();
        grams.add_plain("東京abc 7777です@");
        for gram in [
            Gram::triple('a', 'b', 'c'),
            Gram::triple('7', '7', '7'),
            Gram::triple('7', 'で', 'す'),
            Gram::triple('で', 'す', '@'),
            Gram::run('7', 4),
        ] {
            assert!(grams.has(gram), "{gram:?}");
        }
        for gram in [
            Gram::triple('東', '京', 'a'),
            Gram::triple('京', 'a', 'b'),
            Gram::triple('b', 'c', '7'),
            Gram::run('7', 3),
            Gram::run('7', 5),
        ] {
            assert!(!grams.has(gram), "{gram:?}");
        }
    }

    #[test]
    fn a_longer_run_has_the_grams_of_every_shorter_one() {
        let of = |length: usize| {
            let mut grams = Grams::default();
            grams.add_plain(&"0".repeat(length));
            grams.drain().collect::<Vec<Gram>>()
        };
        for length in 1..20 {
            let (one, longer) = (of(length), of(length + 1));
            assert!(one.iter().all(|gram| longer.contains(gram)), "{length}");
            assert_eq!(one == longer, length >= 8, "{length}");
        }
    }

    #[test]
    fn words_begin_after_punctuation_and_where_the_script_changes() {
        let mut grams = Grams::default();
        grams.add_ranked("abc商事.x たなか様");
        for start in ['a', '商', 'x', 'た', '様'] {
            assert!(grams.has(Gram::word_start(start, None)), "{start}");
        }
        for inside in ['b', '事', 'な', '.'] {
            assert!(!grams.has(Gram::word_start(inside, None)), "{inside}");
        }
        assert!(grams.has(Gram::field_start('a', Some('b'))));
        assert!(!grams.has(Gram::field_start('x', None)));
    }
}
