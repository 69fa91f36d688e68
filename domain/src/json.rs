//! JSON as other programs write it. Called by the doors for the tracking API and for email providers, whose
//! senders nobody can mend: a text that was cut in the middle of a character must not lose what stands
//! around it. Pure.

/// Bytes of an escaped character: `\u` and four digits.
const ESCAPE: usize = 6;
/// What stands for a character that is none. As long as what it replaces.
const REPLACEMENT: &[u8; ESCAPE] = b"\\ufffd";

/// Replaces halves of characters without the other half, which are no JSON that can be read, by U+FFFD.
pub fn replace_halves(json: &mut [u8]) {
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        let second = escaped(json, at + ESCAPE);
        at += match escaped(json, at) {
            // Of any other escape the next byte belongs to it, as in `\\`.
            None => 2,
            Some(0xd800..=0xdbff) if matches!(second, Some(0xdc00..=0xdfff)) => 2 * ESCAPE,
            Some(0xd800..=0xdfff) => {
                json[at..at + ESCAPE].copy_from_slice(REPLACEMENT);
                ESCAPE
            }
            Some(_) => ESCAPE,
        };
    }
}

/// The unit of UTF-16 that is escaped here, if one is.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_nothing_else() {
        let read = |json: &str| {
            let mut json = json.as_bytes().to_vec();
            replace_halves(&mut json);
            serde_json::from_slice::<String>(&json)
        };
        for (json, expected) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00 cut""#, "\u{fffd} cut"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83D\uDE00""#, "\u{1f600}"),
            (r#""\ud83d\n\u00e9""#, "\u{fffd}\n\u{e9}"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""😀""#, "😀"),
        ] {
            assert_eq!(read(json).unwrap(), expected, "{json}");
        }
        for broken in [r#""\ud8""#, r#""\ud83d"#, "\"\\", ""] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
