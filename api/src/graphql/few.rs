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

/// A list of a filter under its name, or under the one it had before, as [`few`]. Given under both, it is refused:
/// one of the two would be left out.
pub(crate) fn few_renamed<T>(
    (name, list): (&str, Option<Vec<T>>),
    (earlier, same): (&str, Option<Vec<T>>),
) -> Result<Vec<T>> {
    match (list, same) {
        (Some(_), Some(_)) => {
            let message = format!("Give `{name}` alone: it is what `{earlier}` was.");
            let path = ["filter", earlier];
            Err(Error::refused(&path, UserErrorCode::Contradictory, message))
        }
        (None, Some(same)) => few(Some(same), &["filter", earlier]),
        (list, None) => few(list, &["filter", name]),
    }
}

/// A list of ids that may be left out, as [`few`].
pub(crate) fn few_ids<I: Id>(list: Option<Vec<ID>>, path: &[&str]) -> Result<Vec<I>> {
    id::parse_all(&few(list, path)?, path)
}

/// Lists of ids that may be left out, each as [`few_ids`], and all together no longer than one.
pub(crate) fn few_ids_of_each<I: Id>(
    lists: Option<Vec<Vec<ID>>>,
    path: &[&str],
) -> Result<Vec<Vec<I>>> {
    let lists = few(lists, path)?;
    if lists.iter().map(Vec::len).sum::<usize>() > MAX {
        let message = format!("Name at most {MAX} in all.");
        return Err(Error::refused(path, UserErrorCode::LimitReached, message));
    }
    let lists = lists.into_iter().enumerate();
    let read = lists.map(|(place, list)| {
        let place = place.to_string();
        let at = [path, &[place.as_str()]].concat();
        few_ids(Some(list), &at)
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use entity::id::TagId;
    use uuid::Uuid;

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

    #[test]
    fn a_renamed_list_is_read_under_either_name_and_not_under_both() {
        let read = |list, same| few_renamed::<i32>(("a", list), ("b", same));
        assert!(read(None, None).unwrap().is_empty());
        assert_eq!(read(Some(vec![1]), None).unwrap(), [1]);
        assert_eq!(read(None, Some(vec![2])).unwrap(), [2]);
        for (list, same, code, at) in [
            (Some(vec![]), None, UserErrorCode::Required, "filter.a"),
            (None, Some(vec![]), UserErrorCode::Required, "filter.b"),
            (
                Some(vec![1]),
                Some(vec![1]),
                UserErrorCode::Contradictory,
                "filter.b",
            ),
        ] {
            let Err(Error::Refused(errors)) = read(list, same) else {
                panic!("it is taken");
            };
            assert_eq!(
                (errors[0].code, errors[0].path.join(".").as_str()),
                (code, at)
            );
        }
    }

    #[test]
    fn lists_of_lists_are_never_empty_and_bounded_together() {
        let asked = |lists: Vec<Vec<&str>>| {
            let lists = lists.into_iter();
            let lists: Vec<Vec<ID>> = lists
                .map(|list| list.into_iter().map(ID::from).collect::<Vec<ID>>())
                .collect();
            few_ids_of_each::<TagId>(Some(lists), &["filter", "a"])
        };
        let text = TagId(Uuid::from_u128(1)).to_string();
        let tag = text.as_str();
        let read = asked(vec![vec![tag], vec![tag, tag]]).unwrap();
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        for (lists, code, at) in [
            (vec![], UserErrorCode::Required, "filter.a"),
            (
                vec![vec![tag], vec![]],
                UserErrorCode::Required,
                "filter.a.1",
            ),
            (
                vec![vec![tag; MAX], vec![tag]],
                UserErrorCode::LimitReached,
                "filter.a",
            ),
            (
                vec![vec![tag], vec![tag, "?"]],
                UserErrorCode::NotFound,
                "filter.a.1",
            ),
        ] {
            let Err(Error::Refused(errors)) = asked(lists) else {
                panic!("it is taken");
            };
            assert_eq!(
                (errors[0].code, errors[0].path.join(".")),
                (code, at.to_owned())
            );
        }
    }

    fn path() -> [String; 2] {
        ["filter", "a"].map(str::to_owned)
    }
}
