//! The form in which texts are searched: the same for everything a person would call the same.
//!
//! NFKC (width, ligatures, half-width kana), lower case as case folding has it, katakana as
//! hiragana, and every white space as a plain one. Folding goes cluster by cluster (a character with
//! its combining marks), so that each folded character knows where it came from; fragments are marked
//! by that. Stored postings are made of folded text: a change here needs the index to be made anew.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The folded form of `text`; white space at its ends is gone, and runs of it are one space.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    clusters(text, |_, character| {
        if character != ' ' || !(folded.is_empty() || folded.ends_with(' ')) {
            folded.push(character);
        }
    });
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

/// Every folded character of `text` with the bytes of `text` it came from.
pub(super) fn fold_mapped(text: &str) -> Vec<(char, Range<usize>)> {
    let mut folded = Vec::with_capacity(text.len());
    clusters(text, |range, character| folded.push((character, range)));
    folded
}

fn clusters(text: &str, mut put: impl FnMut(Range<usize>, char)) {
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let mut end = start + first.len_utf8();
        while let Some(&(at, next)) = rest.peek() {
            if !joins(next) {
                break;
            }
            end = at + next.len_utf8();
            rest.next();
        }
        let single = end - start == first.len_utf8();
        match simple(first) {
            Some(folded) if single => put(start..end, folded),
            _ => normalise(&text[start..end], |folded| put(start..end, folded)),
        }
    }
}

/// Whether a character belongs to the one before it: combining marks, and the half-width voicing
/// marks, which NFKC turns into combining ones.
fn joins(character: char) -> bool {
    // Below U+0300 nothing combines: spares most texts the look-up.
    character >= '\u{300}'
        && (matches!(character, '\u{ff9e}' | '\u{ff9f}') || is_combining_mark(character))
}

/// Characters whose folded form is known without the tables: most of what people write.
fn simple(character: char) -> Option<char> {
    match character {
        '\0'..='\x1f' | '\x7f' => Some(' '),
        ' '..='~' => Some(character.to_ascii_lowercase()),
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => Some(hiragana(character)),
        'ぁ'..='ゖ' | 'ー' | '、' | '。' | '\u{4e00}'..='\u{9fff}' => Some(character),
        _ => None,
    }
}

fn normalise(cluster: &str, mut put: impl FnMut(char)) {
    let lower = cluster.nfkc().flat_map(char::to_lowercase).nfkc();
    for character in lower {
        match character {
            'ß' => {
                put('s');
                put('s');
            }
            'ς' => put('σ'),
            _ if character.is_whitespace() || character.is_control() => put(' '),
            _ => put(hiragana(character)),
        }
    }
}

fn hiragana(character: char) -> char {
    match character {
        // The two blocks have the same order, 0x60 apart.
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => {
            char::from_u32(u32::from(character) - 0x60).unwrap_or(character)
        }
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_calls_the_same_is_the_same() {
        for (one, other) in [
            ("Tanaka", "ＴＡＮＡＫＡ"),
            ("タナカ", "たなか"),
            ("ﾀﾅｶ", "たなか"),
            ("ｶﾞｷﾞ", "がぎ"),
            ("パートナー", "ﾊﾟｰﾄﾅｰ"),
            ("が", "か\u{3099}"),
            ("É", "e\u{301}"),
            ("STRASSE", "Straße"),
            ("ΟΔΟΣ", "οδος"),
            ("㈱", "(株)"),
            ("  a \t\u{3000}b ", "A B"),
            ("ﬁn", "FIN"),
            ("ヴ", "ゔ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
        for (one, other) in [("王", "玉"), ("か", "が"), ("はは", "ぱぱ"), ("e", "é")] {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["㍿ﾀﾅｶ Ｔ", "Straße Σ", "\u{1F600} e\u{301}", "İ", ""] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }

    #[test]
    fn each_folded_character_knows_where_it_came_from() {
        let text = "aｶﾞ㈱";
        let mapped: Vec<(char, &str)> = fold_mapped(text)
            .into_iter()
            .map(|(character, range)| (character, &text[range]))
            .collect();
        assert_eq!(
            mapped,
            [
                ('a', "a"),
                ('が', "ｶﾞ"),
                ('(', "㈱"),
                ('株', "㈱"),
                (')', "㈱")
            ]
        );
    }
}
