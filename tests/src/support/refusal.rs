//! What a use case refused, in a form that tests can compare. Fails the test when nothing was refused.

use std::fmt::Debug;

use domain::error::{Error, Result, UserError, UserErrorCode};

/// Path and code of each mistake, in order.
pub(crate) fn mistakes<T: Debug>(result: Result<T>) -> Vec<(String, UserErrorCode)> {
    match result {
        Err(Error::Refused(errors)) => errors
            .into_iter()
            .map(|error| (error.path.join("."), error.code))
            .collect(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The same, a text for each mistake: `name Taken`.
pub(crate) fn refusals<T: Debug>(result: Result<T>) -> Vec<String> {
    match result {
        Err(Error::Refused(errors)) => errors.iter().map(in_short).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Path and code of one mistake: `name Taken`.
pub(crate) fn in_short(error: &UserError) -> String {
    format!("{} {:?}", error.path.join("."), error.code)
}
