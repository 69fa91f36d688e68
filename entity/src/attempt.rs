//! One try to hand something over: a row of `delivery_attempt` or of `survey_attempt`, which differ only in
//! what was tried.

use sea_orm::{
    FromQueryResult,
    prelude::{DateTimeUtc, Json},
};

use crate::id::Id;

/// One try to hand something over.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Attempt<I: Id> {
    /// The row's id.
    pub id: I,
    /// Counts from 1.
    pub attempt: i64,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status of the answer, of HTTP or of SMTP.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub response: String,
    /// What was sent, until it is forgotten: headers, or addresses and subject, as a list of pairs.
    pub request_headers: Option<Json>,
    /// What was sent, until it is forgotten: the body, or the text of a mail.
    pub request_body: Option<String>,
}
