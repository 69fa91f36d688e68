//! Places in a rule, for saying what is wrong with it and what happened in it.

use crate::error::{UserError, UserErrorCode};

/// A place in a rule, from the outside in: `condition`, `all`, `0`, `keywords`, `words`, `2`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn root(step: &str) -> Self {
        Self(vec![step.to_owned()])
    }

    /// A named step further in.
    pub(crate) fn at(&self, step: &str) -> Self {
        let mut longer = self.clone();
        longer.0.push(step.to_owned());
        longer
    }

    /// Into the entry of a list.
    pub(crate) fn nth(&self, index: usize) -> Self {
        self.at(&index.to_string())
    }

    pub(crate) fn steps(&self) -> &[String] {
        &self.0
    }

    /// What is wrong here, and what to do about it.
    pub(crate) fn refuse(&self, code: UserErrorCode, message: impl Into<String>) -> UserError {
        UserError {
            path: self.0.clone(),
            code,
            message: message.into(),
        }
    }
}
