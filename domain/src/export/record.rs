//! Facts that other systems told, and the audit log, as rows.

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use serde_json::{Value, json};

use super::{
    contact::{request, split},
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
    ticket::{self, TicketFilter},
};

fn at(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, moment)
}

pub(super) async fn orders(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = OrderFilter::default();
    let (orders, next) = split(order::list(ctx, workspace, &filter, &request(after)).await?);
    let columns: Columns<entity::sales_order::Model> = &[
        ("id", "Order", |one| json!(one.id)),
        ("externalId", "External ID", |one| json!(one.external_id)),
        ("contactId", "Contact", |one| json!(one.contact_id)),
        ("accountId", "Account", |one| json!(one.account_id)),
        ("number", "Number", |one| json!(one.number)),
        ("status", "Status", |one| json!(one.status)),
        ("amountMinor", "Amount (minor units)", |one| {
            json!(one.amount)
        }),
        ("currency", "Currency", |one| json!(one.currency)),
        ("placedAt", "Placed at", |one| moment(one.placed_at)),
        ("updatedAt", "Updated at", |one| moment(one.updated_at)),
    ];
    Ok(Rows::of(&orders, columns, next))
}

pub(super) async fn invoices(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = InvoiceFilter::default();
    let (invoices, next) = split(invoice::list(ctx, workspace, &filter, &request(after)).await?);
    let columns: Columns<entity::invoice::Model> = &[
        ("id", "Invoice", |one| json!(one.id)),
        ("externalId", "External ID", |one| json!(one.external_id)),
        ("contactId", "Contact", |one| json!(one.contact_id)),
        ("accountId", "Account", |one| json!(one.account_id)),
        ("number", "Number", |one| json!(one.number)),
        ("status", "Status", |one| json!(one.status)),
        ("amountMinor", "Amount (minor units)", |one| {
            json!(one.amount)
        }),
        ("currency", "Currency", |one| json!(one.currency)),
        ("issuedAt", "Issued at", |one| moment(one.issued_at)),
        ("dueAt", "Due at", |one| at(one.due_at)),
        ("paidAt", "Paid at", |one| at(one.paid_at)),
        ("updatedAt", "Updated at", |one| moment(one.updated_at)),
    ];
    Ok(Rows::of(&invoices, columns, next))
}

pub(super) async fn tickets(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = TicketFilter::default();
    let (tickets, next) = split(ticket::list(ctx, workspace, &filter, &request(after)).await?);
    let columns: Columns<entity::ticket::Model> = &[
        ("id", "Ticket", |one| json!(one.id)),
        ("externalId", "External ID", |one| json!(one.external_id)),
        ("contactId", "Contact", |one| json!(one.contact_id)),
        ("accountId", "Account", |one| json!(one.account_id)),
        ("subject", "Subject", |one| json!(one.subject)),
        ("status", "Status", |one| json!(one.status)),
        ("priority", "Priority", |one| json!(one.priority)),
        ("csat", "Satisfaction", |one| json!(one.csat)),
        ("openedAt", "Opened at", |one| moment(one.opened_at)),
        ("solvedAt", "Solved at", |one| at(one.solved_at)),
        ("updatedAt", "Updated at", |one| moment(one.updated_at)),
    ];
    Ok(Rows::of(&tickets, columns, next))
}

pub(super) async fn opportunities(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = Filter::default();
    let page = opportunity::list(ctx, workspace, &filter, &request(after)).await?;
    let (opportunities, next) = split(page);
    let columns: Columns<entity::opportunity::Model> = &[
        ("id", "Opportunity", |one| json!(one.id)),
        ("externalId", "External ID", |one| json!(one.external_id)),
        ("contactId", "Contact", |one| json!(one.contact_id)),
        ("accountId", "Account", |one| json!(one.account_id)),
        ("name", "Name", |one| json!(one.name)),
        ("status", "Status", |one| json!(one.status)),
        ("stage", "Stage", |one| json!(one.stage)),
        ("amountMinor", "Amount (minor units)", |one| {
            json!(one.amount)
        }),
        ("currency", "Currency", |one| json!(one.currency)),
        ("probability", "Probability", |one| json!(one.probability)),
        ("expectedClose", "Expected close", |one| {
            json!(one.expected_close)
        }),
        ("openedAt", "Opened at", |one| moment(one.opened_at)),
        ("closedAt", "Closed at", |one| at(one.closed_at)),
        ("updatedAt", "Updated at", |one| moment(one.updated_at)),
    ];
    Ok(Rows::of(&opportunities, columns, next))
}

pub(super) async fn audit(ctx: &Ctx, actor: &Actor, after: Option<String>) -> Result<Rows> {
    let filter = AuditFilter::default();
    let (entries, next) = split(audit::list(ctx, actor, &filter, &request(after)).await?);
    let columns: Columns<entity::audit_entry::Model> = &[
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
    Ok(Rows::of(&entries, columns, next))
}
