//! The closed list of codes that `extensions.code` of a top-level error can carry.

use actix_web::http::StatusCode;
use async_graphql::{ServerError, Value};

/// Why a request failed, for programs. The list is public: codes are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The HTTP request is not a GraphQL request: bad JSON, wrong types, no `query`, a batch.
    BadRequest,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document named by its hash is not known (here); send its text.
    PersistedQueryNotFound,
    /// The document does not fit the schema, or breaks a structural limit (depth, aliases, ...).
    GraphqlValidationFailed,
    /// A variable or an argument has a value that its type does not allow.
    BadUserInput,
    /// The estimated cost is over the budget of one operation.
    CostLimit,
    /// The caller's bucket is empty; try again after `Retry-After` seconds.
    RateLimited,
    /// No credential, or one that is not (or no longer) good.
    Unauthenticated,
    /// The credential is good but does not allow this.
    Forbidden,
    /// Too many operations are live on this socket, or of this token or workspace.
    TooManyOperations,
    /// The body or message is too long.
    PayloadTooLarge,
    /// The request's body is not `application/json` in UTF-8.
    UnsupportedMediaType,
    /// The server cannot answer in any of the accepted media types.
    NotAcceptable,
    /// The HTTP method is not allowed here, for instance a mutation over GET.
    MethodNotAllowed,
    /// The operation, or the upload of its body, took too long.
    Timeout,
    /// There is no such thing, or it is not the caller's. Of paths beside `/graphql` only: there what is
    /// not found is `null`, or a user error.
    NotFound,
    /// The thing is not as the request takes it to be, or in use. Of paths beside `/graphql` only.
    Conflict,
    /// The idempotency key was used before, for another request.
    IdempotencyMismatch,
    /// The request with this idempotency key was carried out, but its answer is lost.
    AnswerLost,
    /// The log does not reach back to the cursor a subscription wants to go on from.
    CursorExpired,
    /// The server is going away or a part it needs is down; try again.
    Unavailable,
    /// Our fault; the request id finds the cause in the log.
    Internal,
}

impl Code {
    /// Every code, for the documentation and its test.
    pub const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::GraphqlParseFailed,
        Self::PersistedQueryNotFound,
        Self::GraphqlValidationFailed,
        Self::BadUserInput,
        Self::CostLimit,
        Self::RateLimited,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TooManyOperations,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::NotAcceptable,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::NotFound,
        Self::Conflict,
        Self::IdempotencyMismatch,
        Self::AnswerLost,
        Self::CursorExpired,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The text of the code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::CostLimit => "COST_LIMIT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Timeout => "TIMEOUT",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::AnswerLost => "ANSWER_LOST",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code that a resolver or an earlier step has given an error.
    pub(crate) fn of(error: &ServerError) -> Option<Self> {
        let Some(Value::String(text)) = error.extensions.as_ref()?.get("code") else {
            return None;
        };
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// The HTTP status of an answer that carries only this failure.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::GraphqlParseFailed
            | Self::PersistedQueryNotFound
            | Self::GraphqlValidationFailed
            | Self::BadUserInput
            | Self::CostLimit => StatusCode::BAD_REQUEST,
            Self::RateLimited | Self::TooManyOperations => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict | Self::AnswerLost => StatusCode::CONFLICT,
            Self::CursorExpired => StatusCode::GONE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the HTTP request was a proper GraphQL request, so that the older media type
    /// `application/json` answers 200 and leaves the failure to the body.
    pub(crate) const fn is_graphql(self) -> bool {
        matches!(
            self,
            Self::GraphqlParseFailed
                | Self::PersistedQueryNotFound
                | Self::GraphqlValidationFailed
                | Self::BadUserInput
                | Self::CostLimit
                | Self::IdempotencyMismatch
                | Self::AnswerLost
                | Self::CursorExpired
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Code;

    #[test]
    fn every_code_has_its_own_text() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn every_code_is_explained_in_the_manual_and_no_other() {
        let (_, table) = include_str!("../../../docs/api.md")
            .split_once("| code | meaning |\n|---|---|\n")
            .expect("the table of codes");
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let explained: HashSet<_> = rows
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|codes| codes.split('`').skip(1).step_by(2))
            .collect();
        let known: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(explained, known);
    }
}
