//! Reading the JSON of a body. Libraries drop a whole batch that is refused, so what one of its calls has
//! that cannot be read keeps no other out. Called by `body`. Pure.

use std::collections::HashMap;

use domain::json::replace_halves;
use serde_json::{Map, Value, value::RawValue};

/// Reads a body. Halves of characters become U+FFFD; a call of a batch that cannot be read, such as one
/// that is nested too deeply, becomes `null`.
pub(super) fn body(mut json: Vec<u8>) -> serde_json::Result<Value> {
    replace_halves(&mut json);
    match serde_json::from_slice(&json) {
        Err(error) => each_for_itself(&json).ok_or(error),
        read => read,
    }
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
    fn a_text_that_was_cut_within_a_character_is_read() {
        let read = body(br#"{"title": "cut \ud83d"}"#.to_vec()).unwrap();
        assert_eq!(read, json!({ "title": "cut \u{fffd}" }));
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
