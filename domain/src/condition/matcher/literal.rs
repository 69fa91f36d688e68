//! A word that every match of a regular expression contains, so that the pass over all keywords also
//! finds the texts in which the expression is worth trying.
//!
//! It is read off plain expressions only. Where there is any doubt there is no word, and the
//! expression is tried on every message its rule looks at: slower, never wrong.

use crate::condition::text::fold_word;

/// A word, folded, that is in the folded form of every text the expression matches. Nothing if none
/// is plain to see.
pub(super) fn required(pattern: &str) -> Option<String> {
    let longest = runs(pattern)?
        .into_iter()
        .max_by_key(|run| run.iter().map(|c| c.len_utf8()).sum::<usize>())?;
    // What follows the last letter in the text, such as a mark of voicing, may change it when both
    // are folded; what stands before it is followed by a letter and stays.
    let (_, safe) = longest.split_last()?;
    let word = fold_word(&safe.iter().collect::<String>());
    (!word.is_empty()).then_some(word)
}

/// The runs of letters that every match contains as they are but for case. Nothing for expressions
/// with alternatives, groups, classes or escapes whose meaning takes more than a look.
fn runs(pattern: &str) -> Option<Vec<Vec<char>>> {
    let mut runs = vec![Vec::new()];
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '|' | '(' | ')' | '[' | ']' | '}' => return None,
            '\\' => {
                let escaped = letters.next()?;
                if !matches!(
                    escaped,
                    'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'A' | 'z'
                ) && !escaped.is_ascii_punctuation()
                {
                    return None;
                }
                if letters.peek() == Some(&'{') && matches!(escaped, 'b' | 'B') {
                    return None;
                }
                runs.push(Vec::new());
            }
            '?' | '*' | '{' => {
                // The letter before need not be there, or not once.
                runs.last_mut()?.pop();
                runs.push(Vec::new());
                if letter == '{' {
                    letters.by_ref().find(|&letter| letter == '}')?;
                }
            }
            letter if is_plain(letter) => runs.last_mut()?.push(letter),
            // Signs, white space, and letters that could join what stands beside them.
            _ => runs.push(Vec::new()),
        }
    }
    Some(runs)
}

/// Whether a letter folds to the same whatever letters stand beside it, and stands for itself in an
/// expression.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, 'ぁ'..='ゖ' | 'ァ'..='ヶ' | '\u{4E00}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Option<&str>) {
        assert_eq!(required(pattern).as_deref(), expected, "{pattern}");
    }

    #[test]
    fn the_longest_run_that_every_match_contains_is_found() {
        check("INV-[0-9]", None);
        check(r"invoice\d+", Some("invoic"));
        check(r"^order #\d{3,}", Some("orde"));
        check("パートナー", Some("と"));
        check("見積書を送", Some("見積書を"));
        check("colou?r", Some("col"));
        check("ab*c", None);
        check("a{2}bc", Some("b"));
    }

    #[test]
    fn where_there_is_doubt_there_is_no_word() {
        for pattern in [
            "abc|def", "(abc)", "(?i)abc", "[abc]def", r"\x61bc", r"\pLabc", "", ".", "a",
        ] {
            check(pattern, None);
        }
    }
}
