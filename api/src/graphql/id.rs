//! Ids as they come from clients.

use async_graphql::{ID, MaybeUndefined};
use domain::error::{Error, Result, UserError, UserErrorCode};
use entity::id::Id;

/// Reads an id. A text that is no id of this kind names nothing that exists, so it is refused with
/// the same words as an id of somebody else's.
pub(crate) fn parse<I: Id>(text: &ID, path: &[&str]) -> Result<I> {
    text.parse()
        .map_err(|_| Error::Refused(vec![missing::<I>(path)]))
}

/// Reads an id that may be left out.
pub(crate) fn parse_opt<I: Id>(text: Option<&ID>, path: &[&str]) -> Result<Option<I>> {
    text.map(|text| parse(text, path)).transpose()
}

/// Refuses an id where the place in the question says already what it would.
pub(crate) fn absent(text: Option<&ID>, path: &[&str]) -> Result<()> {
    let message = "Leave this out: only what belongs to the thing it is asked of is listed here.";
    match text {
        None => Ok(()),
        Some(_) => Err(Error::Refused(vec![UserError::new(
            path,
            UserErrorCode::Invalid,
            message,
        )])),
    }
}

/// Reads an id that may be left out, so that things stay as they are, or be `null`, so that there is
/// none any more.
#[expect(
    clippy::option_option,
    reason = "the business tells unchanged, none and a new one apart in the same way"
)]
pub(crate) fn parse_change<I: Id>(
    text: MaybeUndefined<ID>,
    path: &[&str],
) -> Result<Option<Option<I>>> {
    match text {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => parse(&text, path).map(|id| Some(Some(id))),
    }
}

/// Reads a list of ids; the path of a refusal is the list's.
pub(crate) fn parse_all<I: Id>(texts: &[ID], path: &[&str]) -> Result<Vec<I>> {
    texts.iter().map(|text| parse(text, path)).collect()
}

/// Reads a list of ids; the path of a refusal is the place in the list.
pub(crate) fn parse_each<I: Id>(texts: &[ID], list: &str) -> Result<Vec<I>> {
    let each = texts.iter().enumerate();
    each.map(|(index, text)| parse(text, &[list, &index.to_string()]))
        .collect()
}

fn missing<I: Id>(path: &[&str]) -> UserError {
    let what = match I::PREFIX {
        "token" => "access token",
        "target" => "notification target",
        "firing" => "rule firing",
        "group" => "tag group",
        "qualityrun" => "run",
        "emailsource" => "email source",
        "trackedlink" => "tracked link",
        "healthmodel" => "health model",
        "suspect" | "accountsuspect" => "open suspicion",
        "segmentmove" => "entry",
        "quarantine" => "quarantined item",
        "surveyanswer" => "answer to a survey",
        "surveyinvitation" => "invitation",
        other => other,
    };
    UserError::new(
        path,
        UserErrorCode::NotFound,
        format!("There is no such {what}."),
    )
}
