//! Phone numbers as people type them. Pure.
//!
//! They are kept, and found, as `+819012345678`; people type `090-1234-5678`, in one word or several.
//! So a query that seems to hold a number is also looked for with that number as it is kept, without
//! its country code: what is left of it then stands at the end of what is kept.

/// The fewest digits that are taken for a number, or the end of one.
const LEAST: usize = 4;

/// The folded `words` of a query with the numbers among them as they are kept; nothing where that is what
/// they say already.
pub(super) fn as_kept(words: &[String]) -> Option<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    for run in words.chunk_by(|one, next| is_numeric(one) && is_numeric(next)) {
        let digits = digits(&run.concat());
        let is_number = run.iter().all(|word| is_numeric(word)) && digits.len() >= LEAST;
        if is_number {
            kept.push(digits);
        } else {
            kept.extend_from_slice(run);
        }
    }
    (kept != words).then_some(kept)
}

/// Whether a word has digits and signs that stand between them, and nothing else.
fn is_numeric(word: &str) -> bool {
    word.chars().any(|character| character.is_ascii_digit())
        && word
            .chars()
            .all(|character| character.is_ascii_digit() || is_sign(character))
}

/// The signs people write in numbers, the mark of a long vowel among them, which lies beside the digits.
fn is_sign(character: char) -> bool {
    matches!(
        character,
        '+' | '-' | '(' | ')' | '.' | '/' | '‐' | '‑' | '‒' | '–' | '—' | '−' | 'ー'
    )
}

/// The digits without those that are dialled inside the country only.
fn digits(written: &str) -> String {
    let dialled = written.replace("(0)", "");
    let digits: String = dialled.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_looked_for_as_they_are_kept() {
        for (query, expected) in [
            ("090-1234-5678", Some("9012345678")),
            ("09012345678", Some("9012345678")),
            ("090 1234 5678", Some("9012345678")),
            ("03(1234)5678", Some("312345678")),
            ("090ー1234ー5678", Some("9012345678")),
            ("+81 (0)90-1234-5678", Some("819012345678")),
            ("0081 90 1234 5678", Some("819012345678")),
            ("+819012345678", Some("819012345678")),
            ("田中 090-1234", Some("田中 901234")),
            ("1234-5678 田中", Some("12345678 田中")),
            ("9012345678", None),
            ("090", None),
            ("2026", None),
            ("3-4", None),
            ("a-1234", None),
            ("--", None),
        ] {
            let words: Vec<String> = query.split(' ').map(str::to_owned).collect();
            let kept = as_kept(&words).map(|words| words.join(" "));
            assert_eq!(kept.as_deref(), expected, "{query}");
        }
    }
}
