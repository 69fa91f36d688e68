//! Asking for records as files.

use async_graphql::{Context, InputObject, Object, OneofObject, Result};
use chrono::{DateTime, Utc};
use domain::{
    access::Actor,
    error::Error,
    export::{Records, What},
};
use entity::kind::{ExportEncoding, ExportFormat};

use super::{
    ExportPayload, ask,
    filter::{
        DeliveryFilterInput, HealthHistoryFilterInput, NoteFilterInput, RuleFiringFilterInput,
        SegmentMemberFilterInput, TaggingFilterInput,
    },
};
use crate::boxed;
use crate::graphql::{
    audit::AuditLogFilterInput,
    context::writer,
    conversation::MessageFilterInput,
    email::EmailEventFilterInput,
    event::EventFilterInput,
    fact::{
        InvoiceFilterInput, OpportunityFilterInput, OrderFilterInput, SurveyAnswerFilterInput,
        TicketFilterInput,
    },
    task::TaskFilterInput,
};

/// A kind of record, and which of them are wanted: exactly one of these, `{}` for all, such as
/// `{ orders: {} }`.
#[derive(OneofObject)]
pub(crate) enum ExportedRecordsInput {
    /// Messages, newest first.
    Messages(MessageFilterInput),
    /// What contacts did, newest first.
    Events(EventFilterInput),
    /// What was told about emails, newest first, with who caused it as it was told.
    EmailEvents(EmailEventFilterInput),
    /// Orders, newest first. Their lines are a list in JSON Lines, and the same as JSON in one cell of
    /// CSV.
    Orders(OrderFilterInput),
    /// The lines of the orders, a row each with the order's ids.
    OrderLines(OrderFilterInput),
    /// Invoices, newest first.
    Invoices(InvoiceFilterInput),
    /// Tickets, newest first.
    Tickets(TicketFilterInput),
    /// Opportunities, newest first.
    Opportunities(OpportunityFilterInput),
    /// Answers to surveys, newest first.
    SurveyAnswers(SurveyAnswerFilterInput),
    /// Tasks, newest first.
    Tasks(TaskFilterInput),
    /// Notes, newest first; with `since`, also those that were deleted, without their text.
    Notes(NoteFilterInput),
    /// Taggings, newest first: from when to when each held, and who or what put it on and took it off.
    Taggings(TaggingFilterInput),
    /// Who is in which segment now, segment after segment.
    SegmentMembers(SegmentMemberFilterInput),
    /// Which rule fired on what, newest first.
    RuleFirings(RuleFiringFilterInput),
    /// Notifications on their way, sent and failed, newest first.
    Deliveries(DeliveryFilterInput),
    /// What the health of contacts has been, contact after contact.
    HealthHistory(HealthHistoryFilterInput),
    /// The audit log, the newest entry first; needs the scope ADMINISTER.
    AuditLog(AuditLogFilterInput),
}

impl ExportedRecordsInput {
    fn read(self, actor: &Actor) -> domain::error::Result<Records> {
        let (field, records) = match self {
            Self::Messages(filter) => ("messages", filter.read().map(Records::Messages)),
            Self::Events(filter) => ("events", filter.read().map(Records::Events)),
            Self::EmailEvents(filter) => ("emailEvents", filter.read().map(Records::EmailEvents)),
            Self::Orders(filter) => ("orders", filter.read().map(Records::Orders)),
            Self::OrderLines(filter) => ("orderLines", filter.read().map(Records::OrderLines)),
            Self::Invoices(filter) => ("invoices", filter.read().map(Records::Invoices)),
            Self::Tickets(filter) => ("tickets", filter.read().map(Records::Tickets)),
            Self::Opportunities(filter) => {
                ("opportunities", filter.read().map(Records::Opportunities))
            }
            Self::SurveyAnswers(filter) => {
                ("surveyAnswers", filter.read().map(Records::SurveyAnswers))
            }
            Self::Tasks(filter) => ("tasks", filter.read(actor).map(Records::Tasks)),
            Self::Notes(filter) => ("notes", filter.read().map(Records::Notes)),
            Self::Taggings(filter) => ("taggings", filter.read().map(Records::Taggings)),
            Self::SegmentMembers(filter) => {
                ("segmentMembers", filter.read().map(Records::SegmentMembers))
            }
            Self::RuleFirings(filter) => ("ruleFirings", filter.read().map(Records::RuleFirings)),
            Self::Deliveries(filter) => ("deliveries", filter.read().map(Records::Deliveries)),
            Self::HealthHistory(filter) => {
                ("healthHistory", filter.read().map(Records::HealthHistory))
            }
            Self::AuditLog(filter) => ("auditLog", filter.read().map(Records::AuditLog)),
        };
        records.map_err(|error| in_records(error, field))
    }
}

/// The refusal of a filter, which stands in its field of `records` here.
fn in_records(error: Error, field: &str) -> Error {
    match error {
        Error::Refused(mut errors) => {
            for error in &mut errors {
                error.path.retain(|part| part != "filter");
            }
            Error::Refused(errors).below(&["records", field])
        }
        other => other,
    }
}

/// Records wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportRecordsInput {
    /// Which.
    records: ExportedRecordsInput,
    /// Only what was taken in, written or changed here at this moment or later, whatever moments it tells of
    /// itself: for fetching every night what came since the night before. What comes in late is in it,
    /// too.
    since: Option<DateTime<Utc>>,
    /// The kind of file.
    #[graphql(default_with = "ExportFormat::Csv")]
    format: ExportFormat,
    /// Its encoding; JSON Lines are always UTF-8.
    #[graphql(default_with = "ExportEncoding::Utf8")]
    encoding: ExportEncoding,
}

#[derive(Default)]
pub(crate) struct RecordExportMutation;

#[Object]
impl RecordExportMutation {
    /// Asks for records as a file: what came in, what other systems told, what members and rules did; see
    /// `exportContacts`. Scope: READ, for the audit log ADMINISTER.
    #[boxed]
    async fn export_records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportRecordsInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let records = input.records.read(actor).map(|records| match input.since {
            Some(at) => records.since(at),
            None => records,
        });
        let what = records.map(What::Records);
        ask(ctx, actor, what, input.format, input.encoding).await
    }
}

#[cfg(test)]
mod tests {
    use domain::error::UserErrorCode;

    use super::*;

    #[test]
    fn a_refusal_names_the_place_in_the_records() {
        for path in [&["filter", "names"][..], &["names"]] {
            let error = Error::refused(path, UserErrorCode::Required, "Name one.");
            let Error::Refused(errors) = in_records(error, "events") else {
                panic!("it is something else");
            };
            assert_eq!(errors[0].path, ["records", "events", "names"]);
        }
    }
}
