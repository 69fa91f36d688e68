//! Reading the JSON of a body. Libraries drop a whole batch that is refused, so what one of its calls has
//! that cannot be read keeps no other out. Called by `body`. Pure.

use std::collections::HashMap;

use serde_json::{Map, Value, value::RawValue};

/// Bytes of an escaped character: `\u` and four digits.
const ESCAPE: usize = 6;
/// What stands for a character that is none. As long as what it replaces.
const REPLACEMENT: &[u8; ESCAPE] = b"\\ufffd";

/// Reads a body. Halves of characters become U+FFFD; a call of a batch that cannot be read, such as one
/// that is nested too deeply, becomes `null`.
pub(super) fn body(mut json: Vec<u8>) -> serde_json::Result<Value> {
    replace_halves(&mut json);
    match serde_json::from_slice(&json) {
        Err(error) => each_for_itself(&json).ok_or(error),
        read => read,
    }
}

/// Replaces halves of characters without the other half, as pages send that cut a text by its length.
fn replace_halves(json: &mut [u8]) {
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

/// A batch whose calls are read one by one; nothing if it is none, or if more is wrong with it.
fn each_for_itself(json: &[u8]) -> Option<Value> {
    let fields: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    let mut read = Map::new();
    for (field, value) in fields {
        let value: Value = if field == "batch" {
            let calls: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
            let calls = calls.into_iter();
            calls
                .map(|call| serde_json::from_str(call.get()).unwrap_or(Value::Null))
                .collect()
        } else {
            serde_json::from_str(value.get()).ok()?
        };
        read.insert(field, value);
    }
    Some(Value::Object(read))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_nothing_else() {
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
            assert_eq!(body(json.into()).unwrap(), expected, "{json}");
        }
        for broken in [r#""\ud8""#, r#""\ud83d"#, "\"\\", ""] {
            assert!(body(broken.into()).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_call_of_a_batch_is_its_own() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let batch = format!(
            r#"{{"batch": [{{"x": 1}}, {{"x": 1e400}}, {{"x": {deep}}}], "sentAt": "now"}}"#
        );
        let expected = json!({ "batch": [{ "x": 1 }, null, null], "sentAt": "now" });
        assert_eq!(body(batch.into()).unwrap(), expected);
        for broken in [
            r#"{"batch": [{"x": 1}, {"x": }]}"#,
            r#"{"batch": [{"x": 1}"#,
            r#"{"batch": [], "context": 1e400}"#,
            r#"{"event": 1e400}"#,
            "[1e400]",
        ] {
            assert!(body(broken.into()).is_err(), "{broken}");
        }
    }
}
