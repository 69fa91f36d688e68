//! A request that is refused before anything is executed.

use async_graphql::{Pos, ServerError};

use super::{budget::Cost, code::Code, rate::Bucket, session::Refusal};

/// The refusal of a whole request, with what the answer should tell besides the errors.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) errors: Vec<ServerError>,
    /// The methods to name in `Allow`.
    pub(crate) allow: Option<&'static str>,
    /// Seconds to name in `Retry-After`.
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) cost: Option<Cost>,
    pub(crate) bucket: Option<Bucket>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::with_errors(code, vec![ServerError::new(message, None)])
    }

    pub(crate) fn at(code: Code, message: impl Into<String>, pos: Pos) -> Self {
        Self::with_errors(code, vec![ServerError::new(message, Some(pos))])
    }

    pub(crate) fn with_errors(code: Code, errors: Vec<ServerError>) -> Self {
        Self {
            code,
            errors,
            allow: None,
            retry_after_s: None,
            cost: None,
            bucket: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>, pos: Pos) -> Self {
        Self::at(Code::GraphqlValidationFailed, message, pos)
    }

    pub(crate) fn timeout() -> Self {
        Self::new(
            Code::Timeout,
            "The operation took too long and was stopped.",
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(Code::Internal, super::answer::INTERNAL_MESSAGE)
    }

    pub(crate) fn going_away() -> Self {
        let mut failure = Self::new(
            Code::Unavailable,
            "The server is shutting down; connect again.",
        );
        failure.retry_after_s = Some(1);
        failure
    }

    pub(crate) fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let mut failure = Self::new(refusal.code(), refusal.to_string());
        if refusal == Refusal::Unavailable {
            failure.retry_after_s = Some(1);
        }
        failure
    }
}
