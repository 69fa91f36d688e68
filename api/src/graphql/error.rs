//! Errors, sorted by who can do something about them.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensions as _, Result};
use domain::{
    error::{Error as Fault, UserError},
    store::is_of_the_moment,
};

use crate::transport::{Code, ForTheLog};

/// Turns a failed use case into a top-level error: the caller's mistakes with a code and, where it
/// is known, the argument; ours with the cause for the log only.
pub(crate) fn fault(error: Fault) -> Error {
    match error {
        Fault::Refused(errors) => refused(&errors),
        denied @ (Fault::Forbidden(_) | Fault::RoleForbids { .. }) => {
            coded(Code::Forbidden, denied.to_string())
        }
        Fault::OwnersOnly => coded(
            Code::Forbidden,
            "Only an owner may make, change or remove an owner, or make and revoke an owner's \
             tokens.",
        ),
        Fault::IdempotencyMismatch => coded(
            Code::IdempotencyMismatch,
            "This idempotency key was used before with another input. Use a new key.",
        ),
        Fault::IdempotencyBusy => coded(
            Code::Unavailable,
            "A request with this idempotency key is still running. Try again in a moment.",
        ),
        Fault::CursorExpired => coded(
            Code::CursorExpired,
            "The log does not have what follows this cursor any more. Read what you need anew and \
             subscribe without `after`.",
        ),
        Fault::Overtaken(_) => coded(
            Code::Unavailable,
            "Others are changing the same at the moment. Try again.",
        ),
        Fault::KeyReplaced => coded(
            Code::Unavailable,
            "This server stores no credentials until it is started again with the new secret key \
             (ENISHI_SECRET_KEY).",
        ),
        Fault::Store(error) if is_of_the_moment(&error) => {
            let told = coded(
                Code::Unavailable,
                "The database cannot do this at the moment. Try again; with an idempotency key, \
                 what was done after all is not done twice.",
            );
            Error {
                source: Some(Arc::new(ForTheLog(chain(&error)))),
                ..told
            }
        }
        other => Error {
            // The log is told the whole chain; the caller neither.
            message: chain(&other),
            ..Error::new_with_source(other)
        },
    }
}

/// What an error says, and what the errors below it say.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        // Some only repeat what is below them.
        let cause_said = cause.to_string();
        if !said.ends_with(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        below = cause.source();
    }
    said
}

fn refused(errors: &[UserError]) -> Error {
    let Some(first) = errors.first() else {
        return coded(Code::BadUserInput, "Refused.");
    };
    let argument = first.path.join(".");
    coded(Code::BadUserInput, first.message.clone())
        .extend_with(|_, extensions| extensions.set("argument", argument.as_str()))
}

pub(crate) fn coded(code: Code, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// Splits a use case's result into what a payload shows: the result, or the mistakes to mend.
pub(crate) fn settle<T>(result: Result<T, Fault>) -> Result<(Option<T>, Vec<UserError>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(Fault::Refused(errors)) => Ok((None, errors)),
        Err(other) => Err(fault(other)),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnAcquireErr, DbErr};

    use super::*;

    #[test]
    fn the_cause_of_a_passing_fault_is_for_the_log_alone() {
        let error = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let cause = chain(&error);
        let told = fault(Fault::Store(error));
        assert!(!told.message.contains(&cause), "{}", told.message);
        let kept = told.source.as_ref();
        let kept = kept.and_then(|source| source.downcast_ref::<ForTheLog>());
        assert_eq!(kept.map(|ForTheLog(cause)| cause), Some(&cause));
    }
}
