//! Text from a stranger made fit to store: no NUL (PostgreSQL refuses it), no control characters,
//! a bounded length that never cuts a character.

/// One line: control characters and runs of blanks become one space, the ends are trimmed, and at
/// most `max_chars` characters stay.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut taken = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if taken > 0 {
            line.push(' ');
            taken += 1;
        }
        for character in word.chars() {
            if taken >= max_chars {
                return line.trim_end().to_owned();
            }
            line.push(character);
            taken += 1;
        }
    }
    line
}

/// Many lines: line ends become `\n`, other control characters go, blank lines at both ends go, and
/// at most `max_bytes` bytes stay.
pub(crate) fn many_lines(text: &str, max_bytes: usize) -> String {
    let mut lines = String::with_capacity(text.len().min(max_bytes));
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let kept = match character {
            '\r' if characters.peek() == Some(&'\n') => continue,
            '\r' | '\n' => '\n',
            '\t' => '\t',
            '\u{feff}' => continue,
            other if other.is_control() => continue,
            other => other,
        };
        if lines.len() + kept.len_utf8() > max_bytes {
            break;
        }
        lines.push(kept);
    }
    let end = lines.trim_end().len();
    lines.truncate(end);
    let first_line = lines.len() - lines.trim_start().len();
    // Indentation of the first line with text is kept: only whole blank lines go.
    let start = lines[..first_line]
        .rfind('\n')
        .map_or(0, |position| position + 1);
    lines.drain(..start);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_folds_blanks_and_drops_controls() {
        assert_eq!(one_line("  a\r\n b\0c\t d  ", 100), "a b c d");
        assert_eq!(one_line("見積　ご確認", 100), "見積 ご確認");
        assert_eq!(one_line("\0 \r\n", 100), "");
    }

    #[test]
    fn one_line_counts_characters_not_bytes() {
        assert_eq!(one_line("日本語", 2), "日本");
        assert_eq!(one_line("ab cd", 3), "ab");
    }

    #[test]
    fn many_lines_keeps_lines_and_never_cuts_a_character() {
        assert_eq!(
            many_lines("\r\n\n  a\0\r\nb\rc\u{1b}\n\n", 100),
            "  a\nb\nc"
        );
        assert_eq!(many_lines("日本", 5), "日");
        assert_eq!(many_lines("\n \n", 100), "");
    }
}
