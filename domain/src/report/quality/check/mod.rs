//! The checks, each a question to the tags that gives findings.
//!
//! A check sees the catalogue and the sample and writes nothing. Each runs in a step of its own.

mod everyone;
mod group;
mod outcome;
mod overlap;
mod similar;
mod unreferenced;
mod unused;

use async_trait::async_trait;

use super::{Finding, Scope};
use crate::error::Result;

/// One question.
#[async_trait]
pub(super) trait Check: Send + Sync {
    /// What it finds.
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>>;
}

/// All of them, in the order in which they are asked.
pub(super) const CHECKS: &[&dyn Check] = &[
    &unused::Unused,
    &everyone::Everyone,
    &similar::SimilarNames,
    &overlap::Overlap,
    &group::Violations,
    &group::OverDetailed,
    &unreferenced::Unreferenced,
    &outcome::NoOutcome,
];
