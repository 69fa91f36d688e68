//! Facts that other systems told.

use std::{collections::HashMap, sync::Arc};

use entity::{
    id::{OrderId, WorkspaceId},
    order_line::Model as Line,
    sales_order::Model as Order,
};
use serde_json::{Value, json};

use super::super::{
    page::split,
    table::{Columns, Rows, fields},
};
use crate::{
    ctx::Ctx,
    error::Result,
    order::{self, OrderFilter},
    page::PageRequest,
};

/// The columns of a kind of fact: its own, between those that every kind has.
macro_rules! fact {
    ($its_id:literal, $($own:tt)+) => {
        fields!(
            id: $its_id,
            external_id: "External ID",
            contact_id: "Contact",
            account_id: "Account",
            $($own)+
            updated_at: "Updated at",
        )
    };
}

const ORDER: Columns<'static, Order> = fact!(
    "Order",
    number: "Number",
    status: "Status",
    amount as "amountMinor": "Amount (minor units)",
    currency: "Currency",
    placed_at: "Placed at",
);

/// A line of an order, with what its order says of it.
struct OrderLine {
    order: Arc<Order>,
    line: Line,
}

const ORDER_LINE: Columns<'static, OrderLine> = fields!(
    order as "orderId": "Order" => |one| json!(one.order.id),
    order as "orderExternalId": "Order external ID" => |one| json!(one.order.external_id),
    line as "position": "Position" => |one| json!(one.line.position),
    line as "productId": "Product" => |one| json!(one.line.product_id),
    line as "productName": "Product name" => |one| json!(one.line.product_name),
    line as "quantity": "Quantity" => |one| json!(one.line.quantity),
    line as "unitPriceMinor": "Unit price (minor units)" => |one| json!(one.line.unit_price),
    order as "currency": "Currency" => |one| json!(one.order.currency),
    order as "placedAt": "Placed at" => |one| json!(one.order.placed_at),
    order as "updatedAt": "Updated at" => |one| json!(one.order.updated_at),
);

pub(super) const INVOICE: Columns<'static, entity::invoice::Model> = fact!(
    "Invoice",
    number: "Number",
    status: "Status",
    amount as "amountMinor": "Amount (minor units)",
    currency: "Currency",
    issued_at: "Issued at",
    due_at: "Due at",
    paid_at: "Paid at",
);

pub(super) const TICKET: Columns<'static, entity::ticket::Model> = fact!(
    "Ticket",
    subject: "Subject",
    status: "Status",
    priority: "Priority",
    csat: "Satisfaction",
    opened_at: "Opened at",
    solved_at: "Solved at",
);

pub(super) const OPPORTUNITY: Columns<'static, entity::opportunity::Model> = fact!(
    "Opportunity",
    name: "Name",
    status: "Status",
    stage: "Stage",
    amount as "amountMinor": "Amount (minor units)",
    currency: "Currency",
    probability: "Probability",
    expected_close: "Expected close",
    opened_at: "Opened at",
    closed_at: "Closed at",
);

pub(super) const SURVEY_ANSWER: Columns<'static, entity::survey_answer::Model> = fact!(
    "Answer",
    survey_key: "Survey",
    kind: "Kind",
    score: "Score",
    comment: "Comment",
    answered_at: "Answered at",
);

/// The lines of `orders`, by order and in their order.
async fn lines(
    ctx: &Ctx,
    workspace: WorkspaceId,
    orders: &[Order],
) -> Result<HashMap<OrderId, Vec<Line>>> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut lines: HashMap<OrderId, Vec<Line>> = HashMap::new();
    for line in order::load_lines(ctx, workspace, &ids).await? {
        lines.entry(line.order_id).or_default().push(line);
    }
    Ok(lines)
}

/// Orders, each with its lines as a list.
pub(super) async fn orders(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Rows> {
    let (orders, next) = split(order::list(ctx, workspace, filter, page).await?);
    let mut lines = lines(ctx, workspace, &orders).await?;
    let each = orders.iter().map(|order| {
        let lines = lines.remove(&order.id).unwrap_or_default().into_iter();
        lines.map(|line| nested(&line)).collect::<Value>()
    });
    let each: Vec<Value> = each.collect();
    Ok(Rows::of(&orders, ORDER, next).with("lines", "Lines", each))
}

fn nested(line: &Line) -> Value {
    json!({
        "productId": line.product_id,
        "productName": line.product_name,
        "quantity": line.quantity,
        "unitPriceMinor": line.unit_price,
    })
}

/// The lines of orders, a row each.
pub(super) async fn order_lines(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Rows> {
    let (orders, next) = split(order::list(ctx, workspace, filter, page).await?);
    let mut lines = lines(ctx, workspace, &orders).await?;
    let mut rows = Vec::new();
    for order in orders {
        let order = Arc::new(order);
        for line in lines.remove(&order.id).unwrap_or_default() {
            let order = Arc::clone(&order);
            rows.push(OrderLine { order, line });
        }
    }
    Ok(Rows::of(&rows, ORDER_LINE, next))
}
