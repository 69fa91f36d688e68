//! Facts that other systems told, and the audit log, as rows.

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use serde_json::{Value, json};

use super::{
    page::{request, split},
    table::{Columns, Rows, moment},
};
use crate::{
    access::Actor,
    audit::{self, AuditFilter},
    ctx::Ctx,
    error::Result,
    fact::Filter,
    invoice::{self, InvoiceFilter},
    opportunity,
    order::{self, OrderFilter},
    page::Page,
    ticket::{self, TicketFilter},
};

/// The columns of a kind of fact: its own, between those that every kind has.
macro_rules! fact_columns {
    ($its_id:literal, $($own:expr),+ $(,)?) => {
        &[
            ("id", $its_id, |one| json!(one.id)),
            ("externalId", "External ID", |one| json!(one.external_id)),
            ("contactId", "Contact", |one| json!(one.contact_id)),
            ("accountId", "Account", |one| json!(one.account_id)),
            $($own,)+
            ("updatedAt", "Updated at", |one| moment(one.updated_at)),
        ]
    };
}

const ORDER: Columns<'static, entity::sales_order::Model> = fact_columns!(
    "Order",
    ("number", "Number", |one| json!(one.number)),
    ("status", "Status", |one| json!(one.status)),
    ("amountMinor", "Amount (minor units)", |one| json!(
        one.amount
    )),
    ("currency", "Currency", |one| json!(one.currency)),
    ("placedAt", "Placed at", |one| moment(one.placed_at)),
);

const INVOICE: Columns<'static, entity::invoice::Model> = fact_columns!(
    "Invoice",
    ("number", "Number", |one| json!(one.number)),
    ("status", "Status", |one| json!(one.status)),
    ("amountMinor", "Amount (minor units)", |one| json!(
        one.amount
    )),
    ("currency", "Currency", |one| json!(one.currency)),
    ("issuedAt", "Issued at", |one| moment(one.issued_at)),
    ("dueAt", "Due at", |one| at(one.due_at)),
    ("paidAt", "Paid at", |one| at(one.paid_at)),
);

const TICKET: Columns<'static, entity::ticket::Model> = fact_columns!(
    "Ticket",
    ("subject", "Subject", |one| json!(one.subject)),
    ("status", "Status", |one| json!(one.status)),
    ("priority", "Priority", |one| json!(one.priority)),
    ("csat", "Satisfaction", |one| json!(one.csat)),
    ("openedAt", "Opened at", |one| moment(one.opened_at)),
    ("solvedAt", "Solved at", |one| at(one.solved_at)),
);

const OPPORTUNITY: Columns<'static, entity::opportunity::Model> = fact_columns!(
    "Opportunity",
    ("name", "Name", |one| json!(one.name)),
    ("status", "Status", |one| json!(one.status)),
    ("stage", "Stage", |one| json!(one.stage)),
    ("amountMinor", "Amount (minor units)", |one| json!(
        one.amount
    )),
    ("currency", "Currency", |one| json!(one.currency)),
    ("probability", "Probability", |one| json!(one.probability)),
    ("expectedClose", "Expected close", |one| json!(
        one.expected_close
    )),
    ("openedAt", "Opened at", |one| moment(one.opened_at)),
    ("closedAt", "Closed at", |one| at(one.closed_at)),
);

const AUDIT: Columns<'static, entity::audit_entry::Model> = &[
    ("number", "Number", |one| json!(one.number)),
    ("id", "Entry", |one| json!(one.id)),
    ("at", "At", |one| moment(one.at)),
    ("actor", "Actor", |one| json!(one.actor)),
    ("tokenId", "Token", |one| json!(one.token_id)),
    ("action", "Action", |one| json!(one.action)),
    ("subject", "Subject", |one| json!(one.subject)),
    ("contactId", "Contact", |one| json!(one.contact_id)),
    ("before", "Before", |one| json!(one.before)),
    ("after", "After", |one| json!(one.after)),
    ("hash", "Hash", |one| {
        json!(one.hash.as_ref().map(hex::encode))
    }),
];

fn at(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, moment)
}

fn rows<T>(page: Page<(String, T)>, columns: Columns<'_, T>) -> Rows {
    let (things, next) = split(page);
    Rows::of(&things, columns, next)
}

pub(super) async fn orders(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = OrderFilter::default();
    let page = order::list(ctx, workspace, &filter, &request(after)).await?;
    Ok(rows(page, ORDER))
}

pub(super) async fn invoices(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = InvoiceFilter::default();
    let page = invoice::list(ctx, workspace, &filter, &request(after)).await?;
    Ok(rows(page, INVOICE))
}

pub(super) async fn tickets(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = TicketFilter::default();
    let page = ticket::list(ctx, workspace, &filter, &request(after)).await?;
    Ok(rows(page, TICKET))
}

pub(super) async fn opportunities(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = Filter::default();
    let page = opportunity::list(ctx, workspace, &filter, &request(after)).await?;
    Ok(rows(page, OPPORTUNITY))
}

pub(super) async fn audit(ctx: &Ctx, actor: &Actor, after: Option<String>) -> Result<Rows> {
    let page = audit::list(ctx, actor, &AuditFilter::default(), &request(after)).await?;
    Ok(rows(page, AUDIT))
}
