//! Making a rule, a segment or a playbook like another: what it is called, and where what is wrong with it
//! stands. Each noun has its own `duplicate`, which asks here; this never looks at the database.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::{
    error::{Error, Result},
    locale::Locale,
    text::{excerpt, name_key},
};

/// A name for what is made like the thing called `like`, with at most `limit` characters and none of the
/// `taken` ones, which are folded by [`name_key`].
fn name(like: &str, locale: Locale, limit: usize, taken: &HashSet<String>) -> String {
    let mut names = (1_u32..).map(|number| numbered(like, locale, limit, number));
    let free = names.find(|name| !taken.contains(&name_key(name)));
    free.unwrap_or_default()
}

/// The name asked for, or one like [`name`] makes; only then is it read which are `taken`.
pub(crate) async fn chosen(
    asked: Option<String>,
    like: &str,
    locale: Locale,
    limit: usize,
    taken: impl Future<Output = Result<HashSet<String>>>,
) -> Result<String> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    Ok(name(like, locale, limit, &taken.await?))
}

fn numbered(like: &str, locale: Locale, limit: usize, number: u32) -> String {
    let suffix = match (locale, number) {
        (Locale::Ja, 1) => "（コピー）".to_owned(),
        (Locale::Ja, number) => format!("（コピー{number}）"),
        (Locale::En, 1) => " (copy)".to_owned(),
        (Locale::En, number) => format!(" (copy {number})"),
        (Locale::Zh, 1) => "（副本）".to_owned(),
        (Locale::Zh, number) => format!("（副本{number}）"),
    };
    let room = limit.saturating_sub(suffix.graphemes(true).count());
    if like.graphemes(true).count() > room {
        excerpt(like, room) + &suffix
    } else {
        like.to_owned() + &suffix
    }
}

/// What is wrong with a copy is wrong with what it was made like, whose id was given: an id it names is gone,
/// say. Its name is its own.
pub(crate) fn refused(error: Error) -> Error {
    let Error::Refused(mut errors) = error else {
        return error;
    };
    for error in &mut errors {
        if error.path.first().is_some_and(|first| first != "name") {
            error.path.insert(0, "id".to_owned());
        }
    }
    Error::Refused(errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{UserError, UserErrorCode};

    #[test]
    fn a_copy_is_called_after_what_it_was_made_like_and_like_nothing_else() {
        for (locale, taken, expected) in [
            (Locale::En, "", "Leads (copy)"),
            (Locale::En, "LEADS (COPY)", "Leads (copy 2)"),
            (Locale::En, "Leads (copy),Leads (copy 2)", "Leads (copy 3)"),
            (Locale::Ja, "", "Leads（コピー）"),
            (Locale::Ja, "Leads（コピー）", "Leads（コピー2）"),
            (Locale::Zh, "", "Leads（副本）"),
            (Locale::Zh, "Leads（副本）", "Leads（副本2）"),
        ] {
            let taken: HashSet<String> = taken.split(',').map(name_key).collect();
            assert_eq!(name("Leads", locale, 100, &taken), expected);
        }
    }

    #[test]
    fn a_long_name_is_shortened_for_its_copy() {
        let long = "長".repeat(100);
        for locale in Locale::ALL {
            let copy = name(&long, locale, 100, &HashSet::new());
            assert_eq!(copy.graphemes(true).count(), 100, "{copy}");
            assert!(copy.contains('…'), "{copy}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_copy_stands_at_the_id_unless_it_is_the_name() {
        let at = |path: &[&str]| UserError::new(path, UserErrorCode::Invalid, "wrong");
        let errors = vec![at(&["actions", "0"]), at(&["name"]), at(&[])];
        let Error::Refused(errors) = refused(Error::Refused(errors)) else {
            panic!("it is refused no more");
        };
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        assert_eq!(paths, ["id.actions.0", "name", ""]);
    }
}
