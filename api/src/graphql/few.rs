//! Lists in filters: few enough for one statement, and never empty.

use async_graphql::ID;
use domain::error::{Error, Result, UserErrorCode};
use entity::id::Id;

use super::id;

/// How many each list of a filter takes.
const MAX: usize = 100;

/// A list that may be left out, and asks for nothing then; refused when it is too long for a statement
/// that names each. An empty one is refused too: "one of none" is nobody, while what is left out means
/// everybody, and whoever sends what somebody has chosen would change the one for the other.
pub(crate) fn few<T>(list: Option<Vec<T>>, path: &[&str]) -> Result<Vec<T>> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    if list.is_empty() {
        let message = "Name at least one, or leave the list out.";
        return Err(Error::refused(path, UserErrorCode::Required, message));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_asks_for_nothing_and_an_empty_list_is_refused() {
        assert!(few::<i32>(None, &["filter", "a"]).unwrap().is_empty());
        assert_eq!(few(Some(vec![1]), &["filter", "a"]).unwrap(), [1]);
        for (list, code) in [
            (Vec::new(), UserErrorCode::Required),
            (vec![1; MAX + 1], UserErrorCode::LimitReached),
        ] {
            let Err(Error::Refused(errors)) = few(Some(list), &["filter", "a"]) else {
                panic!("it is taken");
            };
            assert_eq!((errors[0].code, &errors[0].path[..]), (code, &path()[..]));
        }
    }

    fn path() -> [String; 2] {
        ["filter", "a"].map(str::to_owned)
    }
}
