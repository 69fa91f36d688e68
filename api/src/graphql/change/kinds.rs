//! What kinds of changes there are, for those who ask for some of them.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::{
    error::{Error, UserErrorCode},
    work::change::FactKind,
};

use crate::graphql::context::reader;

/// A kind of thing that can happen in a workspace.
#[derive(SimpleObject)]
pub(crate) struct ChangeKind {
    /// Its name: `kind` of a change, and what `kinds` of `changes` takes.
    name: &'static str,
    /// What has happened, in a sentence.
    description: &'static str,
}

#[derive(Default)]
pub(crate) struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// Every kind of change that `changes` tells. More come with new releases.
    #[expect(clippy::unused_self, reason = "the derive calls it as a method")]
    fn change_kinds(&self, context: &Context<'_>) -> Result<Vec<ChangeKind>> {
        reader(context)?;
        let kinds = FactKind::ALL.iter().map(|kind| ChangeKind {
            name: kind.name(),
            description: kind.tells(),
        });
        Ok(kinds.collect())
    }
}

/// The kinds of these names. One that does not exist is refused, and so is an empty list: whoever
/// asks for either would wait for ever.
pub(super) fn read(names: &[String]) -> domain::error::Result<Vec<FactKind>> {
    if names.is_empty() {
        let message = "Name at least one kind, or leave `kinds` out.";
        return Err(Error::refused(&["kinds"], UserErrorCode::Invalid, message));
    }
    let each = names.iter().enumerate();
    each.map(|(index, name)| {
        FactKind::named(name).ok_or_else(|| {
            let index = index.to_string();
            let message = "There is no such kind of change; `changeKinds` lists them.";
            Error::refused(&["kinds", &index], UserErrorCode::Invalid, message)
        })
    })
    .collect()
}
