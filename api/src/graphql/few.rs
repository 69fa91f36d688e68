//! Lists in filters: few enough for one statement.

use async_graphql::ID;
use domain::error::{Error, Result, UserErrorCode};
use entity::id::Id;

use super::id;

/// How many each list of a filter takes.
const MAX: usize = 100;

/// A list that may be left out; refused when it is too long for a statement that names each.
pub(crate) fn few<T>(list: Option<Vec<T>>, path: &[&str]) -> Result<Vec<T>> {
    let list = list.unwrap_or_default();
    if list.len() > MAX {
        let message = format!("Name at most {MAX}.");
        return Err(Error::refused(path, UserErrorCode::LimitReached, message));
    }
    Ok(list)
}

/// A list of ids that may be left out, as [`few`].
pub(crate) fn few_ids<I: Id>(list: Option<Vec<ID>>, path: &[&str]) -> Result<Vec<I>> {
    id::parse_all(&few(list, path)?, path)
}
