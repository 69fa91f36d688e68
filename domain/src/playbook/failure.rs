//! Why an enrolment does not go on, in words that may be shown: what the database or a bug said stays in the log
//! of the workers, where the enrolment's id finds it.

use chrono::{DateTime, Utc};
use entity::{enrolment, kind::EnrolmentState};

/// How the stored error begins of an enrolment that ended with its workers again and again.
pub(super) const WORKER_LOST: &str = "took its worker down";

/// What kept an enrolment from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "EnrolmentFailureCode")]
pub enum FailureCode {
    /// The workers that took it on ended with it, again and again.
    WorkerLost,
    /// Something went wrong inside Enishi, or with its database.
    Fault,
}

/// Why an enrolment does not go on at the moment, or has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What kept it from going on.
    pub code: FailureCode,
    /// How often in a row it was tried in vain.
    pub failures: i64,
    /// When it is tried next; nothing if it has stopped.
    pub next_try_at: Option<DateTime<Utc>>,
}

impl FailureCode {
    /// What happened and what to do, in words.
    pub fn message(self) -> &'static str {
        match self {
            Self::WorkerLost => {
                "The workers that took it on ended with it, again and again. Their logs say why; try it again \
                 when that is mended."
            }
            Self::Fault => {
                "Something went wrong inside Enishi. The log of the workers says what, under the enrolment's id."
            }
        }
    }
}

/// Why an enrolment does not go on, if an error keeps it from that.
pub fn failure(row: &enrolment::Model) -> Option<Failure> {
    let error = row.error.as_ref()?;
    let is_over = row.state == EnrolmentState::Failed;
    Some(Failure {
        code: if error.starts_with(WORKER_LOST) {
            FailureCode::WorkerLost
        } else {
            FailureCode::Fault
        },
        failures: row.failures,
        next_try_at: row.due_at.filter(|_| !is_over),
    })
}
