//! Facts that other systems told, and the audit log, as rows.

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use serde_json::{Value, json};

use super::{
    contact::{request, split},
    table::{Rows, columns, moment},
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
    let rows = orders.iter().map(|one| {
        vec![
            json!(one.id),
            json!(one.external_id),
            json!(one.contact_id),
            json!(one.account_id),
            json!(one.number),
            json!(one.status),
            json!(one.amount),
            json!(one.currency),
            moment(one.placed_at),
            moment(one.updated_at),
        ]
    });
    Ok(Rows {
        columns: columns(&[
            ("id", "Order"),
            ("externalId", "External ID"),
            ("contactId", "Contact"),
            ("accountId", "Account"),
            ("number", "Number"),
            ("status", "Status"),
            ("amountMinor", "Amount (minor units)"),
            ("currency", "Currency"),
            ("placedAt", "Placed at"),
            ("updatedAt", "Updated at"),
        ]),
        rows: rows.collect(),
        next,
    })
}

pub(super) async fn invoices(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = InvoiceFilter::default();
    let (invoices, next) = split(invoice::list(ctx, workspace, &filter, &request(after)).await?);
    let rows = invoices.iter().map(|one| {
        vec![
            json!(one.id),
            json!(one.external_id),
            json!(one.contact_id),
            json!(one.account_id),
            json!(one.number),
            json!(one.status),
            json!(one.amount),
            json!(one.currency),
            moment(one.issued_at),
            at(one.due_at),
            at(one.paid_at),
            moment(one.updated_at),
        ]
    });
    Ok(Rows {
        columns: columns(&[
            ("id", "Invoice"),
            ("externalId", "External ID"),
            ("contactId", "Contact"),
            ("accountId", "Account"),
            ("number", "Number"),
            ("status", "Status"),
            ("amountMinor", "Amount (minor units)"),
            ("currency", "Currency"),
            ("issuedAt", "Issued at"),
            ("dueAt", "Due at"),
            ("paidAt", "Paid at"),
            ("updatedAt", "Updated at"),
        ]),
        rows: rows.collect(),
        next,
    })
}

pub(super) async fn tickets(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = TicketFilter::default();
    let (tickets, next) = split(ticket::list(ctx, workspace, &filter, &request(after)).await?);
    let rows = tickets.iter().map(|one| {
        vec![
            json!(one.id),
            json!(one.external_id),
            json!(one.contact_id),
            json!(one.account_id),
            json!(one.subject),
            json!(one.status),
            json!(one.priority),
            json!(one.csat),
            moment(one.opened_at),
            at(one.solved_at),
            moment(one.updated_at),
        ]
    });
    Ok(Rows {
        columns: columns(&[
            ("id", "Ticket"),
            ("externalId", "External ID"),
            ("contactId", "Contact"),
            ("accountId", "Account"),
            ("subject", "Subject"),
            ("status", "Status"),
            ("priority", "Priority"),
            ("csat", "Satisfaction"),
            ("openedAt", "Opened at"),
            ("solvedAt", "Solved at"),
            ("updatedAt", "Updated at"),
        ]),
        rows: rows.collect(),
        next,
    })
}

pub(super) async fn opportunities(
    ctx: &Ctx,
    workspace: WorkspaceId,
    after: Option<String>,
) -> Result<Rows> {
    let filter = Filter::default();
    let page = opportunity::list(ctx, workspace, &filter, &request(after)).await?;
    let (opportunities, next) = split(page);
    let rows = opportunities.iter().map(|one| {
        vec![
            json!(one.id),
            json!(one.external_id),
            json!(one.contact_id),
            json!(one.account_id),
            json!(one.name),
            json!(one.status),
            json!(one.stage),
            json!(one.amount),
            json!(one.currency),
            json!(one.probability),
            json!(one.expected_close),
            moment(one.opened_at),
            at(one.closed_at),
            moment(one.updated_at),
        ]
    });
    Ok(Rows {
        columns: columns(&[
            ("id", "Opportunity"),
            ("externalId", "External ID"),
            ("contactId", "Contact"),
            ("accountId", "Account"),
            ("name", "Name"),
            ("status", "Status"),
            ("stage", "Stage"),
            ("amountMinor", "Amount (minor units)"),
            ("currency", "Currency"),
            ("probability", "Probability"),
            ("expectedClose", "Expected close"),
            ("openedAt", "Opened at"),
            ("closedAt", "Closed at"),
            ("updatedAt", "Updated at"),
        ]),
        rows: rows.collect(),
        next,
    })
}

pub(super) async fn audit(ctx: &Ctx, actor: &Actor, after: Option<String>) -> Result<Rows> {
    let filter = AuditFilter::default();
    let (entries, next) = split(audit::list(ctx, actor, &filter, &request(after)).await?);
    let rows = entries.iter().map(|one| {
        vec![
            json!(one.number),
            json!(one.id),
            moment(one.at),
            json!(one.actor),
            json!(one.token_id),
            json!(one.action),
            json!(one.subject),
            json!(one.contact_id),
            json!(one.before),
            json!(one.after),
            json!(one.hash.as_ref().map(hex::encode)),
        ]
    });
    Ok(Rows {
        columns: columns(&[
            ("number", "Number"),
            ("id", "Entry"),
            ("at", "At"),
            ("actor", "Actor"),
            ("tokenId", "Token"),
            ("action", "Action"),
            ("subject", "Subject"),
            ("contactId", "Contact"),
            ("before", "Before"),
            ("after", "After"),
            ("hash", "Hash"),
        ]),
        rows: rows.collect(),
        next,
    })
}
