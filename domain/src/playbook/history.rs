//! The histories of enrolments: a row for each step one leaves behind.
//!
//! Written by whoever moves enrolments: the turns of workers (`run`), and what members do to single ones
//! and to many (`hand`, `enrol`). Read by `read`.

use chrono::{DateTime, Utc};
use entity::{enrolment, id::EnrolmentId, kind::StepOutcome};
use serde_json::Value;

use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// A step that an enrolment leaves behind.
pub(super) struct Left<'a> {
    pub(super) enrolment: EnrolmentId,
    /// Counts the steps it left before.
    pub(super) number: i64,
    pub(super) step: &'a str,
    pub(super) outcome: StepOutcome,
    pub(super) next: Option<&'a str>,
    pub(super) detail: Value,
    pub(super) entered_at: DateTime<Utc>,
}

impl<'a> Left<'a> {
    /// The step an enrolment is at.
    pub(super) fn at(
        row: &'a enrolment::Model,
        outcome: StepOutcome,
        next: Option<&'a str>,
        detail: Value,
    ) -> Self {
        Self {
            enrolment: row.id,
            number: row.passed,
            step: &row.step,
            outcome,
            next,
            detail,
            entered_at: row.step_at,
        }
    }
}

/// Writes into the histories of enrolments what they leave behind. One statement.
pub(super) async fn leave(tx: &Tx<'_>, mut left: Vec<Left<'_>>) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let details: Vec<Value> = left.iter_mut().map(|one| one.detail.take()).collect();
    let each = || left.iter();
    Query::new(
        "INSERT INTO enrolment_step (workspace_id, enrolment_id, number, step, outcome, next,
             detail, entered_at, left_at)
         SELECT $1, r.enrolment_id, r.number, r.step, r.outcome, r.next, r.detail, r.entered_at, $2
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows(
        "r",
        Rows::new()
            .ids("enrolment_id", each().map(|one| one.enrolment))
            .ints("number", each().map(|one| one.number))
            .texts("step", each().map(|one| one.step))
            .texts("outcome", each().map(|one| one.outcome.word()))
            .opt_texts("next", each().map(|one| one.next.map(str::to_owned)))
            .json("detail", details)
            .times("entered_at", each().map(|one| one.entered_at)),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
