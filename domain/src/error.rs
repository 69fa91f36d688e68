//! What can go wrong in a use case, sorted by who can do something about it.

use entity::kind::Role;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use crate::{access::Scope, store::is_conflict, vault::VaultError};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did nothing. Whatever the kind, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input can be mended by the person who gave it; shown as data in the mutation's payload.
    #[error("the input was refused: {0:?}")]
    Refused(Vec<UserError>),
    /// The credential was not made for it, though its member's role would allow it. The text is shown
    /// as it is.
    #[error("The access token lacks the scope {}.", .0.word())]
    Forbidden(Scope),
    /// The member's role does not allow it, whatever the credential was made for. The text is shown as
    /// it is.
    #[error("The role {} does not allow this: it needs the scope {}.", .role.word(), .scope.word())]
    RoleForbids {
        /// The role.
        role: Role,
        /// What it does not have.
        scope: Scope,
    },
    /// It is about an owner, and only owners decide about owners.
    #[error("only owners decide about owners")]
    OwnersOnly,
    /// The same idempotency key was used before with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyMismatch,
    /// Another request with the same idempotency key is still running.
    #[error("a request with the same idempotency key is still running")]
    IdempotencyBusy,
    /// The place a subscription asks to go on from is not in the log any more.
    #[error("the cursor points to what the log does not have any more")]
    CursorExpired,
    /// Somebody else changed the same at the same moment, so that what was decided does not hold: the whole
    /// is to be tried again.
    #[error("{0}")]
    Overtaken(&'static str),
    /// It needs something to be sealed, and this process has a secret key that was replaced: another
    /// process, or this one once it is started again, can do it.
    #[error("the secret key of this process was replaced")]
    KeyReplaced,
    /// The database could not do it.
    #[error("the database refused")]
    Store(#[from] DbErr),
    /// A stored value cannot be read: a bug, or a row written by a newer release.
    #[error("a stored value cannot be read")]
    Decode(#[from] serde_json::Error),
    /// Anything else that is our fault.
    #[error("{0}")]
    Internal(String),
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Replaced => Self::KeyReplaced,
            error => Self::Internal(error.to_string()),
        }
    }
}

impl Error {
    /// A refusal with one entry.
    pub fn refused(path: &[&str], code: UserErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(vec![UserError::new(path, code, message)])
    }

    /// Whether somebody else was faster, so that what was judged does not hold and is to be judged anew.
    pub(crate) fn is_overtaken(&self) -> bool {
        match self {
            Self::Overtaken(_) => true,
            Self::Store(error) => is_conflict(error),
            _ => false,
        }
    }

    /// The same error of an input that is a part of a larger one, at `path` in it.
    #[must_use]
    pub fn below(self, path: &[&str]) -> Self {
        match self {
            Self::Refused(mut errors) => {
                for error in &mut errors {
                    let path = path.iter().map(|&part| part.to_owned());
                    error.path.splice(0..0, path);
                }
                Self::Refused(errors)
            }
            other => other,
        }
    }

    /// "There is no such thing", said of what is not there and of what belongs to somebody else.
    pub fn not_found(path: &[&str], what: &str) -> Self {
        Self::refused(
            path,
            UserErrorCode::NotFound,
            format!("There is no such {what}."),
        )
    }
}

/// The value, or nothing, and the mistake noted in `errors`: an input tells all of its mistakes at once.
pub(crate) fn keep<T>(result: Result<T, UserError>, errors: &mut Vec<UserError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// A stable reason, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserErrorCode {
    /// A value is needed and was empty.
    Required,
    /// A value has more characters or entries than allowed.
    TooLong,
    /// A value is not of the form it must have.
    Invalid,
    /// The thing named does not exist in this workspace.
    NotFound,
    /// Another thing already has this name or address.
    Taken,
    /// The thing would become its own ancestor.
    Cycle,
    /// The thing is of another kind than what is needed here.
    KindMismatch,
    /// The parts contradict each other, so that nothing could ever match.
    Contradictory,
    /// A limit of this installation would be passed.
    LimitReached,
    /// The thing is still in use.
    InUse,
    /// The address belongs to a person who was erased.
    Erased,
}

/// One mistake in an input, told so that the person can mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, async_graphql::SimpleObject)]
pub struct UserError {
    /// Where in the input it is: names of fields and positions in lists, from the outside in.
    pub path: Vec<String>,
    /// The reason, for programs.
    pub code: UserErrorCode,
    /// The reason and what to do, for people.
    pub message: String,
}

impl UserError {
    /// Builds one entry.
    pub fn new(path: &[&str], code: UserErrorCode, message: impl Into<String>) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self {
            path,
            code,
            message: message.into(),
        }
    }
}
