//! Folding: the one form in which keywords and messages are compared.
//!
//! Two texts that a reader would call the same word fold to the same bytes:
//!
//! - NFKC, so that full-width `ＡＢＣ`, half-width `ﾊﾟ` and `㈱` equal their plain forms;
//! - lower case, with `ß` as `ss` and the final `ς` as `σ` (lower-casing rather than the full case
//!   folding of Unicode: the difference is a handful of historic letters);
//! - katakana as hiragana;
//! - any run of white space as one space, so that a wrapped line still matches;
//! - invisible characters (soft hyphen, zero-width space and joiners, variation selectors) gone.
//!
//! Folding remembers where each folded byte came from, so that the matched part can be shown as it
//! was written. Text of plain ASCII or of common Japanese and Chinese characters is copied in runs;
//! only what really needs normalising takes the slow way, and nothing allocates per character once
//! the buffers have grown.

use std::ops::Range;

use unicode_normalization::{
    IsNormalized, UnicodeNormalization,
    char::{canonical_combining_class, decompose_compatible, is_combining_mark},
    is_nfc_quick,
};

/// A folded text and the way back to the original. Reusable: see [`Folded::refill`].
#[derive(Debug, Default, Clone)]
pub struct Folded {
    text: String,
    segments: Vec<Segment>,
    original_len: usize,
}

/// From here to the next segment, folded bytes come from the original bytes starting at
/// `original`: one to one when `linear`, otherwise all of them from all of them.
#[derive(Debug, Clone, Copy)]
struct Segment {
    folded: usize,
    original: usize,
    linear: bool,
}

/// Folds `text`; see the module for what that means.
pub fn fold(text: &str) -> Folded {
    let mut folded = Folded::default();
    folded.refill(text);
    folded
}

/// Folds a keyword: as [`fold`], without white space at its ends. Empty if nothing is left that
/// could be found in a message.
pub fn fold_word(word: &str) -> String {
    fold(word).text.trim().to_owned()
}

impl Folded {
    /// The folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Folds another text into the same buffers.
    pub fn refill(&mut self, text: &str) {
        self.text.clear();
        self.segments.clear();
        self.original_len = text.len();
        self.text.reserve(text.len());
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let run = ascii_run(bytes, at);
            if run > at {
                let run = release_last(text, at, run);
                if run > at {
                    self.linear(at);
                    let from = self.text.len();
                    self.text.push_str(&text[at..run]);
                    self.text[from..].make_ascii_lowercase();
                    at = run;
                    continue;
                }
            }
            at = self.step(text, at);
        }
    }

    /// Folds what starts at `at`: white space, one plain character, or a chunk that needs
    /// normalising. Returns where it ends.
    fn step(&mut self, text: &str, at: usize) -> usize {
        let Some(first) = text[at..].chars().next() else {
            return text.len();
        };
        if first.is_whitespace() {
            let end = at + text[at..].len() - text[at..].trim_start().len();
            self.exact(at);
            self.push_space();
            return end;
        }
        let run = self.plain_run(text, at);
        if run > at {
            return run;
        }
        let after = at + first.len_utf8();
        let end = text[after..]
            .char_indices()
            .find(|&(_, next)| starts_chunk(next))
            .map_or(text.len(), |(offset, _)| after + offset);
        self.exact(at);
        let written = text[at..end].chars().filter(|&c| !is_invisible(c));
        for c in written.nfkc().flat_map(lower).nfkc().flat_map(hiragana) {
            if c.is_whitespace() {
                self.push_space();
            } else {
                self.text.push(c);
            }
        }
        end
    }

    /// Folds the plain characters from `at` up to the first that is not, or that something after
    /// it belongs to. Returns where they end.
    fn plain_run(&mut self, text: &str, at: usize) -> usize {
        let mut characters = text[at..].chars();
        // From `kept` to `end` they stay as they are, and are copied together.
        let (mut kept, mut end) = (at, at);
        let mut next = characters.next();
        let mut folded = next.and_then(plain);
        while let (Some(written), Some(c)) = (next, folded) {
            let after = end + written.len_utf8();
            next = characters.next();
            folded = next.and_then(plain);
            if folded.is_none() && next.is_some_and(|next| !starts_chunk(next)) {
                break;
            }
            if c != written {
                self.keep(text, kept..end);
                kept = after;
                if c.len_utf8() == written.len_utf8() {
                    self.linear(end);
                } else {
                    self.exact(end);
                }
                self.text.push(c);
            }
            end = after;
        }
        self.keep(text, kept..end);
        end
    }

    /// Takes a part of the text as it is.
    fn keep(&mut self, text: &str, part: Range<usize>) {
        if !part.is_empty() {
            self.linear(part.start);
            self.text.push_str(&text[part]);
        }
    }

    fn push_space(&mut self) {
        if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn linear(&mut self, original: usize) {
        if !self.segments.last().is_some_and(|last| last.linear) {
            self.segment(original, true);
        }
    }

    fn exact(&mut self, original: usize) {
        self.segment(original, false);
    }

    fn segment(&mut self, original: usize, linear: bool) {
        self.segments.push(Segment {
            folded: self.text.len(),
            original,
            linear,
        });
    }

    /// The bytes of the original text that became `folded`, whole characters only.
    pub fn original(&self, folded: Range<usize>) -> Range<usize> {
        if folded.is_empty() {
            return 0..0;
        }
        let (first, _) = self.segment_at(folded.start);
        let start = if first.linear {
            first.original + (folded.start - first.folded)
        } else {
            first.original
        };
        let (last, next) = self.segment_at(folded.end - 1);
        let end = if last.linear {
            last.original + (folded.end - last.folded)
        } else {
            next.map_or(self.original_len, |next| next.original)
        };
        start..end
    }

    /// The segment that holds the folded byte, and the one after it.
    fn segment_at(&self, folded: usize) -> (Segment, Option<Segment>) {
        let after = self
            .segments
            .partition_point(|segment| segment.folded <= folded);
        let found = self.segments[after.saturating_sub(1)];
        (found, self.segments.get(after).copied())
    }

    /// Every place where the folded `word` stands, or only where it stands as a whole word.
    /// For explanations; the matcher reads all words in one pass instead.
    pub(crate) fn find(&self, word: &str, whole: bool) -> Option<Range<usize>> {
        if word.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(offset) = self.text[from..].find(word) {
            let start = from + offset;
            let end = start + word.len();
            if !whole || (is_boundary(&self.text, start) && is_boundary(&self.text, end)) {
                return Some(start..end);
            }
            from = start + self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        None
    }
}

/// The end of the ASCII bytes from `at` that need nothing but lower-casing. A space counts when a
/// visible ASCII character follows; other white space does not.
fn ascii_run(bytes: &[u8], at: usize) -> usize {
    let visible = |byte: u8| byte > b' ' && byte < 0x80;
    let mut end = at;
    loop {
        while end < bytes.len() && visible(bytes[end]) {
            end += 1;
        }
        let single_space = end > at
            && bytes.get(end) == Some(&b' ')
            && bytes.get(end + 1).is_some_and(|&next| visible(next));
        if !single_space {
            return end;
        }
        end += 1;
    }
}

/// An ASCII run gives up its last character when what follows belongs to it (an accent).
fn release_last(text: &str, at: usize, run: usize) -> usize {
    match text[run..].chars().next() {
        Some(next) if !starts_chunk(next) => (run - 1).max(at),
        _ => run,
    }
}

/// Whether nothing before `c` can change what it normalises to.
fn starts_chunk(c: char) -> bool {
    if c.is_ascii() || plain(c).is_some() {
        return true;
    }
    if is_invisible(c) {
        return false;
    }
    let mut first = None;
    decompose_compatible(c, |part| {
        first.get_or_insert(part);
    });
    let first = first.unwrap_or(c);
    canonical_combining_class(first) == 0
        && is_nfc_quick(std::iter::once(first)) != IsNormalized::Maybe
}

/// The folded form of a character that can be folded by itself without looking anything up.
fn plain(c: char) -> Option<char> {
    // Han and hiragana are most of a text that gets here, and told by two comparisons.
    if matches!(c, '\u{4E00}'..='\u{9FFF}' | '\u{3041}'..='\u{3096}') {
        return Some(c);
    }
    match c {
        // Hangul syllables, the long-vowel mark, rare Han and common punctuation.
        '\u{30FB}'..='\u{30FC}'
        | '\u{3001}'..='\u{3029}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{AC00}'..='\u{D7A3}' => Some(c),
        '\u{30A1}'..='\u{30F6}' => char::from_u32(c as u32 - 0x60),
        // Full-width ASCII.
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(c as u32 - 0xFEE0).map(|narrow| narrow.to_ascii_lowercase())
        }
        _ => None,
    }
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2060}'
            | '\u{FEFF}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{E0100}'..='\u{E01EF}'
    )
}

/// Up to three characters without an allocation.
type Few = std::iter::Flatten<std::array::IntoIter<Option<char>, 3>>;

fn few(first: char, second: Option<char>, third: Option<char>) -> Few {
    [Some(first), second, third].into_iter().flatten()
}

fn lower(c: char) -> Few {
    match c {
        'ß' | 'ẞ' => few('s', Some('s'), None),
        'ς' => few('σ', None, None),
        _ => {
            let mut lowered = c.to_lowercase();
            let first = lowered.next().unwrap_or(c);
            few(first, lowered.next(), lowered.next())
        }
    }
}

fn hiragana(c: char) -> Few {
    let moved = |by: u32| char::from_u32(c as u32 - by).unwrap_or(c);
    match c {
        '\u{30A1}'..='\u{30F6}' | '\u{30FD}' | '\u{30FE}' => few(moved(0x60), None, None),
        // Voiced ワ ヰ ヱ ヲ have no single hiragana.
        '\u{30F7}'..='\u{30FA}' => few(moved(0x68), Some('\u{3099}'), None),
        _ => few(c, None, None),
    }
}

/// How a character takes part in words.
#[derive(PartialEq, Eq, Clone, Copy)]
enum WordClass {
    /// A letter, digit or mark of a script that puts spaces between words.
    Spaced,
    /// A letter of a script that does not: each one is a word boundary on both sides.
    Unspaced,
    /// Anything else.
    Outside,
}

fn word_class(c: char) -> WordClass {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() || c == '_' {
            WordClass::Spaced
        } else {
            WordClass::Outside
        };
    }
    match c {
        // Thai to Myanmar, Khmer, kana and their marks, Han with its extensions.
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => WordClass::Unspaced,
        _ if c.is_alphanumeric() || is_combining_mark(c) => WordClass::Spaced,
        _ => WordClass::Outside,
    }
}

/// Whether a word may begin or end at this byte of a folded text: everywhere but between two
/// characters of a script that writes spaces. In Japanese and Chinese every position qualifies,
/// so there a whole word is the same as a substring, and `IT` stands alone in `IT企業`.
pub(crate) fn is_boundary(text: &str, at: usize) -> bool {
    let spaced = |c: Option<char>| c.is_some_and(|c| word_class(c) == WordClass::Spaced);
    !(spaced(text[..at].chars().next_back()) && spaced(text[at..].chars().next()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(original: &str, expected: &str) {
        assert_eq!(fold(original).text(), expected, "folding {original:?}");
    }

    #[test]
    fn width_case_and_kana_do_not_matter() {
        check("Hello World", "hello world");
        check("ＡＢＣ１２３！", "abc123!");
        check("ﾊﾟｰﾄﾅｰｼｯﾌﾟ", "ぱーとなーしっぷ");
        check("パートナーシップ", "ぱーとなーしっぷ");
        check("ハ\u{309A}ートナー", "ぱーとなー");
        check("㈱縁", "(株)縁");
        check("Straße ΣΟΦΟΣ", "strasse σοφοσ");
        check("ÉCOLE e\u{301}cole", "école école");
        check("ヴァヷヽ", "ゔぁわ\u{3099}ゝ");
        check("한국어", "한국어");
    }

    #[test]
    fn white_space_and_invisible_characters_do_not_matter() {
        check("business\r\n  partner", "business partner");
        check("全角\u{3000}空白", "全角 空白");
        check("part\u{AD}ner\u{200B}ship", "partnership");
        check("葛\u{E0100}城", "葛城");
        check("\u{200B}", "");
        check(" \t ", " ");
        assert_eq!(fold_word("  \u{3000}VIP \u{200B}"), "vip");
    }

    #[test]
    fn a_found_part_is_shown_as_it_was_written() {
        let show = |original: &str, word: &str| {
            let folded = fold(original);
            let found = folded.find(&fold_word(word), false).unwrap();
            original[folded.original(found)].to_owned()
        };
        assert_eq!(show("弊社とﾊﾟｰﾄﾅｰｼｯﾌﾟを", "パートナーシップ"), "ﾊﾟｰﾄﾅｰｼｯﾌﾟ");
        assert_eq!(show("the ＡＢＣ firm", "abc firm"), "ＡＢＣ firm");
        assert_eq!(
            show("Our PARTNER\r\nprogram.", "partner program"),
            "PARTNER\r\nprogram"
        );
        assert_eq!(show("拝啓㈱縁", "株"), "㈱");
        assert_eq!(show("e\u{301}cole", "é"), "e\u{301}");
        assert_eq!(show("part\u{AD}ner", "partner"), "part\u{AD}ner");
    }

    #[test]
    fn whole_words_follow_the_script() {
        let whole =
            |original: &str, word: &str| fold(original).find(&fold_word(word), true).is_some();
        assert!(whole("a cat sat", "cat"));
        assert!(!whole("concatenate", "cat"));
        assert!(whole("concat cat", "cat"), "a later occurrence counts");
        assert!(whole("IT企業です", "it"));
        assert!(
            whole("大企業です", "企業"),
            "no spaces, so a substring is a word"
        );
        assert!(whole("cat's", "cat"));
        assert!(!whole("snake_case", "snake"));
        assert!(!whole("naïve", "na"));
    }

    /// What folding means, said plainly and slowly.
    fn definition(text: &str) -> String {
        let mut expected = String::new();
        let written: String = text.chars().filter(|&c| !is_invisible(c)).collect();
        let lowered: String = written.nfkc().flat_map(lower).collect();
        for c in lowered.nfkc().flat_map(hiragana) {
            if !c.is_whitespace() {
                expected.push(c);
            } else if !expected.ends_with(' ') {
                expected.push(' ');
            }
        }
        expected
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            proptest::collection::vec(
                proptest::sample::select(vec![
                    'a', 'Z', ' ', '\n', 'か', 'カ', 'ｶ', 'ﾞ', '゛', '\u{3099}', '\u{301}', 'é',
                    '縁', 'Ａ', '\u{200B}', '㈱', '각', '\u{11A8}', 'ß', 'İ', '´', '\u{3000}',
                    'ー',
                ]),
                0..24
            )
            .prop_map(|chars| chars.into_iter().collect()),
        ]
    }

    proptest! {
        #[test]
        fn fast_paths_agree_with_the_definition(text in texts()) {
            let folded = fold(&text);
            prop_assert_eq!(folded.text(), definition(&text));
        }

        #[test]
        fn every_folded_part_maps_to_whole_characters(text in texts(), a in 0usize..40, b in 0usize..40) {
            let folded = fold(&text);
            let (start, end) = (a.min(b), a.max(b).min(folded.text().len()));
            if folded.text().get(start..end).is_some() {
                let original = folded.original(start..end);
                prop_assert!(text.get(original.clone()).is_some());
                prop_assert!(fold(&text[original]).text().trim().contains(folded.text()[start..end].trim()));
            }
        }
    }
}
