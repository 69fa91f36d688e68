//! Makes foreign text safe to show in Slack, and short enough.

use unicode_segmentation::UnicodeSegmentation;

use crate::notification::notice::{is_dropped, one_line, trimmed_lines};

/// How a text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// On one line: every run of white space becomes one space.
    Line,
    /// As a quotation: line breaks stay, and each line carries the mark of a quotation.
    Quote,
    /// As it is: line breaks stay.
    Text,
}

/// The words that reach a whole channel behind an at sign, where a workspace or a compatible
/// receiver still reads them in plain text.
const BROADCASTS: [&str; 5] = ["channel", "here", "everyone", "group", "all"];

/// Stands between the at sign and the word: invisible, takes no width, joins no two words.
const SEPARATOR: char = '\u{2060}';

const ELLIPSIS: char = '…';

/// `text` with everything taken out that Slack would act upon, at most `limit` characters long and
/// with an ellipsis when it was cut. A character that a person sees as one is never cut in two,
/// and neither is an escape.
pub(super) fn escape(text: &str, limit: usize, shape: Shape) -> String {
    let text = match shape {
        Shape::Line => one_line(text),
        Shape::Quote | Shape::Text => trimmed_lines(text),
    };
    let text = separate_broadcasts(&text);
    let mut escaped = String::new();
    if shape == Shape::Quote {
        escaped.push_str("> ");
    }
    let mut used = length(&escaped);
    // Up to here the text and an ellipsis fit.
    let mut cut = escaped.len();
    for grapheme in text.graphemes(true) {
        let start = escaped.len();
        for char in grapheme.chars() {
            match char {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '\n' if shape == Shape::Quote => escaped.push_str("\n> "),
                char => escaped.push(char),
            }
        }
        used += length(&escaped[start..]);
        if used > limit {
            escaped.truncate(cut);
            escaped.push(ELLIPSIS);
            return escaped;
        }
        if used < limit {
            cut = escaped.len();
        }
    }
    escaped
}

/// The length as Slack may count it. It does not say which characters it counts; UTF-16 units are
/// what its own clients count, and never fewer than code points.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether nothing would be seen. Slack refuses a block without text, and a refused message
/// switches the webhook off.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|char| char.is_whitespace() || is_dropped(char) || is_invisible(char))
}

fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn separate_broadcasts(text: &str) -> String {
    let mut separated = String::with_capacity(text.len());
    for (start, char) in text.char_indices() {
        separated.push(char);
        let rest = &text[start + char.len_utf8()..];
        let broadcast = BROADCASTS.iter().any(|word| {
            rest.get(..word.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        if matches!(char, '@' | '＠') && broadcast {
            separated.push(SEPARATOR);
        }
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, limit: usize, expected: &str) {
        assert_eq!(escape(text, limit, Shape::Line), expected, "{text:?}");
    }

    #[test]
    fn a_text_is_cut_between_whole_characters_and_whole_escapes() {
        check("abc", 3, "abc");
        check("abcd", 3, "ab…");
        check("a&b", 7, "a&amp;b");
        check("a&b", 6, "a…");
        check("ab&", 6, "ab…");
        check("縁縁縁縁", 3, "縁縁…");
        check("a😀b", 4, "a😀b");
        check("a😀bc", 4, "a😀…");
        check("a😀b", 3, "a…");
        check("👩‍👩‍👧x", 8, "…");
        check("👩‍👩‍👧x", 9, "👩‍👩‍👧x");
        check("e\u{301}e\u{301}x", 3, "e\u{301}…");
        check("", 3, "");
    }

    #[test]
    fn mentions_of_everybody_lose_their_meaning() {
        for (text, expected) in [
            ("@channel", "@\u{2060}channel"),
            ("@Here!", "@\u{2060}Here!"),
            ("hi@EVERYONE", "hi@\u{2060}EVERYONE"),
            ("＠channel", "＠\u{2060}channel"),
            ("@\u{202e}channel", "@\u{2060}channel"),
            ("@@channel", "@@\u{2060}channel"),
            ("a@example.com", "a@example.com"),
            ("@", "@"),
            ("@縁", "@縁"),
            ("<!channel>", "&lt;!channel&gt;"),
            ("<!subteam^S1|x>", "&lt;!subteam^S1|x&gt;"),
            ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ] {
            check(text, 100, expected);
        }
    }

    #[test]
    fn a_line_stays_one_line_and_a_quotation_marks_each_of_its_lines() {
        check(" a\r\n\tb\u{2028}c\0d ", 100, "a b cd");
        assert_eq!(
            escape("\na\r\n> b\u{2028}c\n", 100, Shape::Quote),
            "> a\n> &gt; b\n> c"
        );
        assert_eq!(escape("ab\ncd", 8, Shape::Quote), "> ab\n> …");
    }
}
