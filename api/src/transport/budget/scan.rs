//! The first look at a document: its bytes, tokens and brackets, before the parser sees it.
//!
//! The parser builds a tree and recurses, so what bounds its work must be counted by something
//! that does neither. As it sees every token, `unique` looks on.

use super::{
    super::{code::Code, failure::Failure, limits::DocumentLimits},
    unique::{Names, Repeated},
};

/// Refuses a document that is too long to be parsed. Gives the first name that is given twice, which is
/// to be told if the document turns out to be one.
pub(super) fn scan<'a>(
    document: &'a str,
    limits: &DocumentLimits,
) -> Result<Option<Repeated<'a>>, Failure> {
    if document.len() > limits.bytes {
        return Err(refusal(format!(
            "The document is longer than {} bytes.",
            limits.bytes
        )));
    }
    let bytes = document.as_bytes();
    let (mut at, mut tokens, mut open) = (0, 0_usize, 0_usize);
    let mut names = Names::default();
    while let Some(&byte) = bytes.get(at) {
        let next = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of_line(bytes, at);
                continue;
            }
            b'"' => end_of_string(bytes, at),
            b'{' | b'[' | b'(' => {
                open += 1;
                at + 1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                at + 1
            }
            _ if is_word(byte) => end_of_word(bytes, at),
            _ => at + 1,
        };
        tokens += 1;
        names.token(&bytes[at..next], at);
        at = next;
        if tokens > limits.tokens {
            return Err(refusal(format!(
                "The document has more than {} tokens.",
                limits.tokens
            )));
        }
        if open > limits.brackets {
            return Err(refusal(format!(
                "The document is nested deeper than {} brackets.",
                limits.brackets
            )));
        }
    }
    Ok(names.repeated())
}

fn refusal(message: String) -> Failure {
    Failure::new(Code::GraphqlParseFailed, message)
}

/// Names and numbers; a sign or a fraction costs a token more, which does no harm.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_word(bytes: &[u8], start: usize) -> usize {
    skip_while(bytes, start, is_word)
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    skip_while(bytes, start, |byte| byte != b'\n' && byte != b'\r')
}

fn skip_while(bytes: &[u8], start: usize, keep: impl Fn(u8) -> bool) -> usize {
    bytes[start..]
        .iter()
        .position(|&byte| !keep(byte))
        .map_or(bytes.len(), |length| start + length)
}

/// The index after the string that opens at `start`; an unclosed one runs to its line's end, and
/// the parser says what is wrong with it.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let is_block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if is_block { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if is_block && bytes[at..].starts_with(b"\\\"\"\"") => at += 4,
            b'\\' if !is_block => at += 2,
            b'"' if is_block && bytes[at..].starts_with(b"\"\"\"") => return at + 3,
            b'"' if !is_block => return at + 1,
            b'\n' | b'\r' if !is_block => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(document: &str, tokens: usize) -> bool {
        let limits = DocumentLimits {
            tokens,
            brackets: 3,
            bytes: 100,
            ..DocumentLimits::default()
        };
        scan(document, &limits).is_ok()
    }

    #[test]
    fn tokens_are_counted_as_the_grammar_sees_them() {
        for (document, tokens) in [
            ("{ a }", 3),
            ("{a(b:\"x y { z\")}", 8),
            ("{ a # } } } } }\n }", 3),
            ("{ a(b: \"\"\"{ \\\"\"\" { \"\"\") }", 8),
            ("", 0),
            ("\u{feff}{a}", 6),
        ] {
            assert!(passes(document, tokens), "{document}");
            assert!(tokens == 0 || !passes(document, tokens - 1), "{document}");
        }
    }

    #[test]
    fn brackets_and_bytes_are_limited() {
        assert!(passes("[[[]]]", 100));
        assert!(!passes("[[[[]]]]", 100));
        assert!(!passes(&" ".repeat(101), 100));
    }
}
