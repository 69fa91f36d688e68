//! Words without which a regular expression cannot match, so that the pass over all keywords also finds
//! the texts in which the expression is worth trying.
//!
//! Where there is any doubt there are none, and the expression is tried on every message its rule
//! looks at: slower, never wrong.

use regex_syntax::hir::{Hir, HirKind};

use crate::condition::text::fold_word;

/// The most words that are looked for in place of one expression.
const MANY: usize = 16;

/// Words, folded, of which at least one is in the folded form of every text the expression matches.
/// None if none are plain to see.
pub(super) fn required(pattern: &str) -> Vec<String> {
    let Ok(parsed) = regex_syntax::parse(pattern) else {
        return Vec::new();
    };
    needed(&parsed).unwrap_or_default()
}

/// Words of which one is in whatever `hir` matches.
fn needed(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Alternation(branches) => {
            let mut together = Vec::new();
            for branch in branches {
                together.extend(needed(branch)?);
            }
            together.sort_unstable();
            together.dedup();
            (together.len() <= MANY).then_some(together)
        }
        HirKind::Repetition(repeated) if repeated.min > 0 => needed(&repeated.sub),
        HirKind::Concat(_) | HirKind::Literal(_) | HirKind::Capture(_) => {
            let mut row = Row::default();
            row.read(hir);
            row.finish();
            row.best
        }
        // What need not be there, a class of letters, a place between letters.
        _ => None,
    }
}

/// What stands in a row: letters, and what is between them.
#[derive(Default)]
struct Row {
    letters: Vec<char>,
    best: Option<Vec<String>>,
}

impl Row {
    fn read(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.read(part)),
            HirKind::Capture(capture) => self.read(&capture.sub),
            HirKind::Literal(literal) => {
                for letter in std::str::from_utf8(&literal.0).unwrap_or("\0").chars() {
                    if is_plain(letter) {
                        self.letters.push(letter);
                    } else {
                        // Signs, white space, and letters that could join what stands beside them.
                        self.finish();
                    }
                }
            }
            _ => {
                self.finish();
                self.offer(needed(hir));
            }
        }
    }

    /// Ends a run of letters. What follows its last one in the text, such as a mark of voicing, may
    /// change it when both are folded, unless it is one no mark joins; what stands before it is
    /// followed by a letter and stays.
    fn finish(&mut self) {
        if self
            .letters
            .last()
            .is_some_and(|&last| !joins_nothing(last))
        {
            self.letters.pop();
        }
        let word = fold_word(&self.letters.drain(..).collect::<String>());
        if !word.is_empty() {
            self.offer(Some(vec![word]));
        }
    }

    /// Takes the words if they are the longer ones: they are in fewer messages.
    fn offer(&mut self, words: Option<Vec<String>>) {
        let shortest = |words: &Vec<String>| words.iter().map(String::len).min();
        if words.as_ref().and_then(shortest) > self.best.as_ref().and_then(shortest) {
            self.best = words;
        }
    }
}

/// Whether a letter folds to the same whatever letters stand beside it.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, 'ぁ'..='ゖ' | 'ァ'..='ヶ' | '\u{4E00}'..='\u{9FFF}')
}

/// Whether no mark that follows a letter makes another letter of the two.
fn joins_nothing(letter: char) -> bool {
    letter.is_ascii_digit() || matches!(letter, '\u{4E00}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &[&str]) {
        assert_eq!(required(pattern), expected, "{pattern}");
    }

    #[test]
    fn the_longest_run_that_every_match_contains_is_found() {
        check("INV-[0-9]", &["in"]);
        check("INV-2025", &["2025"]);
        check(r"invoice\d+", &["invoic"]);
        check(r"^order #\d{3,}", &["orde"]);
        check("パートナー", &["と"]);
        check("見積書を送", &["見積書を送"]);
        check(r"見積\s*[0-9]{4,8}", &["見積"]);
        check("colou?r", &["col"]);
        check("a{2}bc", &["b"]);
        check("(abc)", &["ab"]);
        check("(order)(?:ed)?", &["orde"]);
        check("(?:返品){2}", &["返品"]);
        check(r"\x61bc", &["ab"]);
        check("(?x) a b c", &["ab"]);
    }

    #[test]
    fn one_word_of_each_branch_is_needed() {
        check("abc|def", &["ab", "de"]);
        check("(返品|交換)を希望", &["を希望"]);
        check("x(返品|交換)", &["交換", "返品"]);
        check("返品|.", &[]);
        check("返品|(交換)?", &[]);
    }

    #[test]
    fn where_there_is_doubt_there_is_no_word() {
        for pattern in [
            "(?i)abc",
            "[ab]+",
            "(",
            "",
            ".",
            "a",
            "ab*c",
            "(返品)?",
            "é",
        ] {
            check(pattern, &[]);
        }
    }
}
