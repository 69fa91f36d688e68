//! A segment's condition as it is kept in its row.

use serde::{Deserialize, Serialize};

use crate::{
    condition::Condition,
    error::{Error, Result},
};

/// The version that is written. Raised when the meaning of what is already stored would change.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Stored<'a> {
    version: u32,
    condition: &'a Condition,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Read {
    condition: Condition,
}

/// The JSON to keep: `{"version": 1, "condition": …}`.
pub(super) fn to_stored(condition: &Condition) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(Stored {
        version: VERSION,
        condition,
    })?)
}

/// Reads what was kept, by this program or an older one.
pub(super) fn from_stored(stored: serde_json::Value) -> Result<Condition> {
    let Version { version } = Version::deserialize(&stored)?;
    if version > VERSION {
        let message = format!("read version {version} of a segment, written by a newer program");
        return Err(Error::Internal(message));
    }
    let Read { condition } = serde_json::from_value(stored)?;
    Ok(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_keeps_decoding() {
        let sample: serde_json::Value =
            serde_json::from_str(include_str!("samples/definition.json")).unwrap();
        let condition = from_stored(sample.clone()).unwrap();
        assert_eq!(to_stored(&condition).unwrap(), sample);
    }

    #[test]
    fn what_a_newer_program_wrote_is_not_guessed_at() {
        let newer = serde_json::json!({ "version": 2, "condition": { "all": [] } });
        assert!(from_stored(newer).is_err());
    }
}
