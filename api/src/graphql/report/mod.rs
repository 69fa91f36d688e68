//! Reports over GraphQL: how a group was spread over time, how pure the incoming leads were, and the
//! quality audit of the tags.

mod distribution;
mod purity;
mod quality;

use async_graphql::{MergedObject, SimpleObject};
use chrono::{DateTime, Utc};
use domain::report::period::Span;

use super::scalar::Date;

pub use quality::{TagFinding, TagQualityRun};

/// What reports can be asked for.
#[derive(MergedObject, Default)]
pub(crate) struct ReportQuery(
    distribution::DistributionQuery,
    purity::PurityQuery,
    quality::QualityQuery,
);

/// What reports are made of can be changed, and their proposals carried out.
#[derive(MergedObject, Default)]
pub(crate) struct ReportMutation(purity::PurityMutation, quality::QualityMutation);

/// One period of a report, in the workspace's time zone.
#[derive(SimpleObject)]
pub(crate) struct ReportSpan {
    /// Its first day.
    first_day: Date,
    /// Its first moment.
    start: DateTime<Utc>,
    /// The first moment after it.
    end: DateTime<Utc>,
}

impl From<Span> for ReportSpan {
    fn from(span: Span) -> Self {
        Self {
            first_day: Date(span.first_day),
            start: span.start,
            end: span.end,
        }
    }
}
