//! What a change says of a field: nothing, so that it stays; `null`, so that it goes; or a new value.

use async_graphql::MaybeUndefined;
use domain::error::{Error, Result, UserErrorCode};

/// What is said of a value that can be taken away: nothing, that it goes, or the new one.
#[expect(
    clippy::option_option,
    reason = "the business tells unchanged, none and a new one apart in the same way"
)]
pub(crate) fn optional<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// The same of a value that is empty when it is taken away, such as a description.
pub(crate) fn emptied<T: Default>(value: MaybeUndefined<T>) -> Option<T> {
    optional(value).map(Option::unwrap_or_default)
}

/// The same of a value that there always is: `null` is refused at `field`.
pub(crate) fn kept<T>(value: MaybeUndefined<T>, field: &str) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => {
            let message = "This cannot be taken away. Give a value, or leave it out.";
            Err(Error::refused(&[field], UserErrorCode::Required, message))
        }
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}
