//! Records: what happened, what was written down, and what the product did, as rows.
//!
//! A kind of record has one table of columns (`arrival`: what came in from people; `fact`: what other systems
//! told; `work`: what members do and write; `mark`: tags and segments; `automation`: what rules, notifications,
//! health and the audit log keep) and one line in [`page`], which reads it by the list that the API shows,
//! with that list's filter. Ids are given as they are everywhere, so that files can be joined.

mod arrival;
mod automation;
mod fact;
mod mark;
mod work;

use chrono::{DateTime, Utc};
use entity::{id::WorkspaceId, kind::OpportunityStatus};
use serde::{Deserialize, Serialize};

use super::{
    page::{request, request_of, split},
    table::{Columns, Rows},
};
use crate::{
    access::{Actor, Scope},
    audit::{self, AuditFilter},
    conversation::{self, MessageFilter},
    ctx::Ctx,
    email::{self, EmailEventFilter},
    error::{Error, Result},
    event::{self, EventFilter},
    fact::Filter,
    health::{self, HealthFilter},
    invoice::{self, InvoiceFilter},
    note::{self, NoteFilter},
    notification::delivery::{self, DeliveryFilter},
    opportunity,
    order::OrderFilter,
    page::Page,
    rule::firing::{self, FiringFilter},
    segment::{self, MemberFilter},
    survey::{self, SurveyAnswerFilter},
    tag::tagging::TaggingFilter,
    task::{self, TaskFilter, TaskOrder},
    ticket::{self, TicketFilter},
};

/// Rows read at once of what may be long, such as a message, or an order with its lines.
const LONG_PAGE: i64 = 100;

/// A kind of record, and which of them are wanted. Stored as JSON for some minutes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Records {
    /// Messages.
    Messages(MessageFilter),
    /// What contacts did.
    Events(EventFilter),
    /// What became of emails.
    EmailEvents(EmailEventFilter),
    /// Orders, each with its lines.
    Orders(OrderFilter),
    /// The lines of orders, a row each.
    OrderLines(OrderFilter),
    /// Invoices.
    Invoices(InvoiceFilter),
    /// Tickets.
    Tickets(TicketFilter),
    /// Opportunities.
    Opportunities(Filter<OpportunityStatus>),
    /// Answers to surveys.
    SurveyAnswers(SurveyAnswerFilter),
    /// Tasks.
    Tasks(TaskFilter),
    /// Notes.
    Notes(NoteFilter),
    /// Taggings, also those that do not hold any more.
    Taggings(TaggingFilter),
    /// Who is in which segment.
    SegmentMembers(MemberFilter),
    /// Which rule fired on what.
    RuleFirings(FiringFilter),
    /// Notifications on their way and sent.
    Deliveries(DeliveryFilter),
    /// What the health of contacts has been.
    HealthHistory(HealthFilter),
    /// The audit log; for administrators.
    AuditLog(AuditFilter),
}

impl Records {
    /// The file's name without its ending.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Messages(_) => "messages",
            Self::Events(_) => "events",
            Self::EmailEvents(_) => "email-events",
            Self::Orders(_) => "orders",
            Self::OrderLines(_) => "order-lines",
            Self::Invoices(_) => "invoices",
            Self::Tickets(_) => "tickets",
            Self::Opportunities(_) => "opportunities",
            Self::SurveyAnswers(_) => "survey-answers",
            Self::Tasks(_) => "tasks",
            Self::Notes(_) => "notes",
            Self::Taggings(_) => "taggings",
            Self::SegmentMembers(_) => "segment-members",
            Self::RuleFirings(_) => "rule-firings",
            Self::Deliveries(_) => "deliveries",
            Self::HealthHistory(_) => "health-history",
            Self::AuditLog(_) => "audit-log",
        }
    }

    /// What reading them needs.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::AuditLog(_) => Scope::Administer,
            _ => Scope::Read,
        }
    }

    /// The same records, but only those that were written or changed here at `at` or later.
    #[must_use]
    pub fn since(mut self, at: DateTime<Utc>) -> Self {
        let at = Some(at);
        match &mut self {
            Self::Messages(filter) => filter.taken_in_from = at,
            Self::Events(filter) => filter.taken_in_from = at,
            Self::EmailEvents(filter) => filter.taken_in_from = at,
            Self::Orders(filter) | Self::OrderLines(filter) => filter.common.recorded_from = at,
            Self::Invoices(filter) => filter.common.recorded_from = at,
            Self::Tickets(filter) => filter.common.recorded_from = at,
            Self::Opportunities(filter) => filter.recorded_from = at,
            Self::SurveyAnswers(filter) => filter.common.recorded_from = at,
            Self::Tasks(filter) => filter.changed_from = at,
            Self::Notes(filter) => filter.changed_from = at,
            Self::Taggings(filter) => filter.changed_from = at,
            Self::Deliveries(filter) => filter.changed_from = at,
            Self::HealthHistory(filter) => filter.written_from = at,
            // These never change: written since then is from then on.
            Self::SegmentMembers(filter) => filter.from = filter.from.max(at),
            Self::RuleFirings(filter) => filter.from = filter.from.max(at),
            Self::AuditLog(filter) => filter.since = filter.since.max(at),
        }
        self
    }

    /// Refuses records of what is not there, where that is all that was asked for.
    pub(super) async fn refuse_unknown(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<()> {
        let Self::SegmentMembers(filter) = self else {
            return Ok(());
        };
        let Some(id) = filter.segment else {
            return Ok(());
        };
        if segment::find(ctx, workspace, id).await?.is_some() {
            return Ok(());
        }
        let path = ["records", "segmentMembers", "segmentId"];
        Err(Error::not_found(&path, "segment"))
    }
}

/// The rows of a page of one kind.
fn rows<T>(page: Page<(String, T)>, columns: Columns<'_, T>) -> Rows {
    let (things, next) = split(page);
    Rows::of(&things, columns, next)
}

pub(super) async fn page(
    ctx: &Ctx,
    actor: &Actor,
    records: &Records,
    after: Option<String>,
) -> Result<Rows> {
    let workspace = actor.workspace;
    let page = &match records {
        Records::Messages(_) | Records::Notes(_) | Records::Orders(_) | Records::OrderLines(_) => {
            request_of(LONG_PAGE, after)
        }
        _ => request(after),
    };
    Ok(match records {
        Records::Messages(filter) => rows(
            conversation::list_messages(ctx, workspace, filter, page).await?,
            arrival::MESSAGE,
        ),
        Records::Events(filter) => rows(
            event::list(ctx, workspace, filter, page).await?,
            arrival::EVENT,
        ),
        Records::EmailEvents(filter) => rows(
            email::list(ctx, workspace, filter, page).await?,
            arrival::EMAIL_EVENT,
        ),
        Records::Orders(filter) => fact::orders(ctx, workspace, filter, page).await?,
        Records::OrderLines(filter) => fact::order_lines(ctx, workspace, filter, page).await?,
        Records::Invoices(filter) => rows(
            invoice::list(ctx, workspace, filter, page).await?,
            fact::INVOICE,
        ),
        Records::Tickets(filter) => rows(
            ticket::list(ctx, workspace, filter, page).await?,
            fact::TICKET,
        ),
        Records::Opportunities(filter) => rows(
            opportunity::list(ctx, workspace, filter, page).await?,
            fact::OPPORTUNITY,
        ),
        Records::SurveyAnswers(filter) => rows(
            survey::list(ctx, workspace, filter, page).await?,
            fact::SURVEY_ANSWER,
        ),
        Records::Tasks(filter) => rows(
            task::list(ctx, workspace, filter, TaskOrder::Newest, page).await?,
            work::TASK,
        ),
        Records::Notes(filter) => rows(
            note::list_all(ctx, workspace, filter, page).await?,
            work::NOTE,
        ),
        Records::Taggings(filter) => mark::taggings(ctx, workspace, filter, page).await?,
        Records::SegmentMembers(filter) => rows(
            segment::members_of_all(ctx, workspace, filter, page).await?,
            mark::SEGMENT_MEMBER,
        ),
        Records::RuleFirings(filter) => rows(
            firing::list_all(ctx, workspace, filter, page).await?,
            automation::FIRING,
        ),
        Records::Deliveries(filter) => rows(
            delivery::list(ctx, workspace, *filter, page).await?,
            automation::DELIVERY,
        ),
        Records::HealthHistory(filter) => rows(
            health::list_all(ctx, workspace, filter, page).await?,
            automation::HEALTH,
        ),
        Records::AuditLog(filter) => rows(
            audit::list(ctx, actor, filter, page).await?,
            automation::AUDIT,
        ),
    })
}
